//! A client, a server and a network between them, in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use motekey_dtls::{
    ClientConfig, ClientCredential, Connection, Event, FirstContact, Instant, Server, ServerConfig,
};

use super::{TestRandom, client_address};

/// What the network does to datagrams, each way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    /// One-way delay in microseconds.
    pub(crate) delay: u64,
    /// Up to this many microseconds more for each datagram: those overtake each other.
    pub(crate) jitter: u64,
    pub(crate) loss_percent: u64,
    pub(crate) duplicate_percent: u64,
    /// Longer datagrams are lost.
    pub(crate) mtu: usize,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            delay: 50_000,
            jitter: 0,
            loss_percent: 0,
            duplicate_percent: 0,
            mtu: 1280,
        }
    }
}

/// An end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Client,
    Server,
}

/// Datagrams on their way, in virtual time.
pub(crate) struct Wire {
    /// Datagrams that were sent.
    pub(crate) sent: u64,
    link: Link,
    chance: TestRandom,
    on_the_way: BTreeMap<(Instant, u64), (End, Vec<u8>)>,
}

impl Wire {
    pub(crate) fn new(seed: u64, link: Link) -> Self {
        Self {
            sent: 0,
            link,
            chance: TestRandom::new(!seed),
            on_the_way: BTreeMap::new(),
        }
    }

    pub(crate) fn send(&mut self, now: Instant, to: End, datagram: &[u8]) {
        self.sent += 1;
        let lost = self.chance.below(100) < self.link.loss_percent;
        let copies = if lost || datagram.len() > self.link.mtu {
            0
        } else {
            1 + u64::from(self.chance.below(100) < self.link.duplicate_percent)
        };
        for copy in 0..copies {
            let jitter = self.chance.below(self.link.jitter + 1);
            let at = now + Duration::from_micros(self.link.delay + jitter);
            self.on_the_way
                .insert((at, 2 * self.sent + copy), (to, datagram.to_vec()));
        }
    }

    /// When the next one arrives.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.on_the_way.first_key_value().map(|((at, _), _)| *at)
    }

    /// One that has arrived.
    pub(crate) fn arrived(&mut self, now: Instant) -> Option<(End, Vec<u8>)> {
        let entry = self.on_the_way.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}

pub(crate) struct Simulation {
    pub(crate) now: Instant,
    pub(crate) client: Connection,
    pub(crate) server: Option<Connection>,
    pub(crate) wire: Wire,
    front: Server,
    /// Chance of the ends; the network has its own, so that what the ends draw does not change what it does.
    random: TestRandom,
}

impl Simulation {
    pub(crate) fn new(
        seed: u64,
        server: ServerConfig,
        client: &ClientConfig,
        credential: &ClientCredential,
        link: Link,
    ) -> Self {
        let mut random = TestRandom::new(seed);
        let now = Instant::ZERO;
        let front = Server::new(Arc::new(server), now, &mut random).unwrap();
        let client = Connection::connect(client, credential, now, &mut random).unwrap();
        let mut simulation = Self {
            now,
            client,
            server: None,
            wire: Wire::new(seed, link),
            front,
            random,
        };
        simulation.collect();
        simulation
    }

    /// Goes to the next arrival or timer, but not beyond `until`. False if nothing happens until then.
    pub(crate) fn step(&mut self, until: Instant) -> bool {
        self.collect();
        let server = self.server.as_ref().and_then(Connection::poll_timeout);
        let next = [self.wire.next(), server, self.client.poll_timeout()]
            .into_iter()
            .flatten()
            .min();
        let Some(next) = next.filter(|next| *next <= until) else {
            self.now = self.now.max(until);
            return false;
        };
        self.now = self.now.max(next);
        while let Some((to, datagram)) = self.wire.arrived(self.now) {
            self.deliver(to, &datagram);
        }
        self.client.handle_timeout(self.now);
        if let Some(server) = &mut self.server {
            server.handle_timeout(self.now);
        }
        self.collect();
        true
    }

    /// The next event of an end.
    pub(crate) fn event(&mut self, end: End) -> Option<Event> {
        match end {
            End::Client => self.client.poll_event(),
            End::Server => self.server.as_mut()?.poll_event(),
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.client.is_established() && self.server.as_ref().is_some_and(Connection::is_established)
    }

    fn deliver(&mut self, to: End, datagram: &[u8]) {
        match (to, &mut self.server) {
            (End::Client, _) => {
                self.client.handle_datagram(self.now, datagram);
            }
            (End::Server, Some(server)) => {
                server.handle_datagram(self.now, datagram);
            }
            (End::Server, None) => self.first_contact(datagram),
        }
    }

    fn first_contact(&mut self, datagram: &[u8]) {
        let contact =
            self.front
                .first_contact(self.now, client_address(), datagram, &mut self.random);
        match contact.unwrap() {
            FirstContact::Ignore => {}
            FirstContact::Reply(reply) | FirstContact::Refuse { reply, .. } => {
                self.wire.send(self.now, End::Client, &reply);
            }
            FirstContact::Accept(connection) => self.server = Some(*connection),
        }
    }

    /// Gives to the network what the ends want to send.
    pub(crate) fn collect(&mut self) {
        while let Some(datagram) = self.client.poll_transmit() {
            self.wire.send(self.now, End::Server, &datagram);
        }
        while let Some(datagram) = self.server.as_mut().and_then(Connection::poll_transmit) {
            self.wire.send(self.now, End::Client, &datagram);
        }
    }
}
