//! Two endpoints and the network between them.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};

use super::{Link, Network};
use crate::endpoint::{Endpoint, EndpointConfig, Event, Security, Transmit};
use crate::time::{Duration, Instant};

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// By custom the one that opens sessions.
    Client,
    /// The other.
    Server,
}

/// Client, server, network and clock. Events wait until they are taken.
pub struct Pair {
    /// The endpoint of the client.
    pub client: Endpoint,
    /// The endpoint of the server.
    pub server: Endpoint,
    /// Between them.
    pub network: Network,
    now: Instant,
    client_address: SocketAddr,
    client_events: VecDeque<Event>,
    server_events: VecDeque<Event>,
}

impl Pair {
    /// The client's address in the beginning.
    pub const CLIENT: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 40_000);
    /// The server's address.
    pub const SERVER: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), 5684);

    /// Two endpoints with these configurations and securities; all chance comes from `seed`.
    pub fn new(
        client: (EndpointConfig, Security),
        server: (EndpointConfig, Security),
        link: Link,
        seed: u64,
    ) -> Self {
        let now = Instant::from_micros(1_000_000);
        let seeded = |label: u8| {
            let mut bytes = [label; 32];
            bytes
                .iter_mut()
                .zip(seed.to_be_bytes())
                .for_each(|(to, from)| *to = from);
            bytes
        };
        Self {
            client: Endpoint::new(client.0, client.1, seeded(1)),
            server: Endpoint::new(server.0, server.1, seeded(2)),
            network: Network::new(link, seed),
            now,
            client_address: Self::CLIENT,
            client_events: VecDeque::new(),
            server_events: VecDeque::new(),
        }
    }

    /// Two plain endpoints with the same configuration.
    pub fn plain(config: &EndpointConfig, link: Link, seed: u64) -> Self {
        Self::new(
            (config.clone(), Security::None),
            (config.clone(), Security::None),
            link,
            seed,
        )
    }

    /// The time in the simulation.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// The client has another address from now on, as behind a NAT that rebinds; what is sent to the old one is lost.
    pub const fn move_client(&mut self, address: SocketAddr) {
        self.client_address = address;
    }

    /// The next event of one side.
    pub fn take_event(&mut self, side: Side) -> Option<Event> {
        self.collect();
        match side {
            Side::Client => self.client_events.pop_front(),
            Side::Server => self.server_events.pop_front(),
        }
    }

    /// A datagram that somebody at `source` sends to one side, past the network.
    pub fn inject(&mut self, side: Side, source: SocketAddr, datagram: &[u8]) {
        let endpoint = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        endpoint.handle_datagram(self.now, source, datagram);
    }

    /// Moves to the next thing that happens (an arrival, a timer), at the latest to `until`. False if that is reached.
    pub fn step(&mut self, until: Instant) -> bool {
        self.collect();
        let times = [
            self.network.next_arrival(),
            self.client.poll_timeout(),
            self.server.poll_timeout(),
        ];
        let Some(next) = times
            .into_iter()
            .flatten()
            .min()
            .filter(|next| *next <= until)
        else {
            self.now = self.now.max(until);
            return false;
        };
        self.now = self.now.max(next);
        while let Some((source, Transmit { peer, datagram })) = self.network.receive(self.now) {
            if peer == Self::SERVER {
                self.inject(Side::Server, source, &datagram);
            } else if peer == self.client_address {
                self.inject(Side::Client, source, &datagram);
            }
        }
        for endpoint in [&mut self.client, &mut self.server] {
            if endpoint.poll_timeout().is_some_and(|at| at <= self.now) {
                endpoint.handle_timeout(self.now);
            }
        }
        self.collect();
        true
    }

    /// Lets time pass. Events of the server go to `serve`, which may answer them; those of the client wait.
    pub fn run(
        &mut self,
        duration: Duration,
        mut serve: impl FnMut(&mut Endpoint, Instant, Event),
    ) {
        let until = self.now + duration;
        loop {
            self.collect();
            while let Some(event) = self.server_events.pop_front() {
                serve(&mut self.server, self.now, event);
            }
            if !self.step(until) {
                return;
            }
        }
    }

    /// Moves datagrams to the network and events to their queues.
    fn collect(&mut self) {
        for (endpoint, source, events) in [
            (
                &mut self.client,
                self.client_address,
                &mut self.client_events,
            ),
            (&mut self.server, Self::SERVER, &mut self.server_events),
        ] {
            while let Some(event) = endpoint.poll_event() {
                events.push_back(event);
            }
            while let Some(transmit) = endpoint.poll_transmit() {
                self.network.send(self.now, source, transmit);
            }
        }
    }
}
