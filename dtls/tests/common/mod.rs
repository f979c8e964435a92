//! Two ends in virtual time.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod keys;
pub(crate) mod kinds;
pub(crate) mod network;
pub(crate) mod openssl;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use motekey_dtls::crypto::{RandomError, RandomSource, rust::PROVIDER};
use motekey_dtls::{
    ClientConfig, ClientCredential, Connection, CredentialSource, Event, FirstContact, Instant,
    PreSharedKey, PskAnswer, Server, ServerConfig,
};

pub(crate) const IDENTITY: &[u8] = b"device-00000042";
pub(crate) const KEY: [u8; 16] = [0x6b; 16];

/// A generator that repeats: xorshift64*.
pub(crate) struct TestRandom(u64);

impl TestRandom {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

impl RandomSource for TestRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_be_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// Keys by identity; the identity `token:bad` selects no token.
#[derive(Default)]
pub(crate) struct Keys {
    pub(crate) keys: HashMap<Vec<u8>, Vec<u8>>,
    pub(crate) hint: Option<Vec<u8>>,
}

impl Keys {
    pub(crate) fn one() -> Self {
        Self {
            keys: HashMap::from([(IDENTITY.to_vec(), KEY.to_vec())]),
            hint: None,
        }
    }
}

impl CredentialSource for Keys {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        match self.keys.get(identity) {
            Some(key) => PskAnswer::Key(PreSharedKey::new(key.clone())),
            None if identity == b"token:bad" => PskAnswer::IllegalParameter,
            None => PskAnswer::Unknown,
        }
    }

    fn identity_hint(&self) -> Option<Vec<u8>> {
        self.hint.clone()
    }
}

pub(crate) fn server_config() -> ServerConfig {
    ServerConfig::new(&PROVIDER, Arc::new(Keys::one()))
}

pub(crate) fn client_config() -> ClientConfig {
    ClientConfig::new(&PROVIDER)
}

pub(crate) fn credential(identity: &[u8], key: &[u8]) -> ClientCredential {
    ClientCredential::PreSharedKey {
        identity: identity.to_vec(),
        key: PreSharedKey::new(key.to_vec()),
    }
}

pub(crate) fn client_address() -> SocketAddr {
    "192.0.2.7:40000".parse().unwrap()
}

/// A client, a server and what is between them: nothing is lost, nothing takes time.
pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) random: TestRandom,
    pub(crate) front: Server,
    pub(crate) client: Connection,
    pub(crate) server: Option<Connection>,
    pub(crate) client_events: Vec<Event>,
    pub(crate) server_events: Vec<Event>,
    /// Every datagram, in order: from the client?, bytes.
    pub(crate) trace: Vec<(bool, Vec<u8>)>,
}

impl Pair {
    pub(crate) fn new(
        server: ServerConfig,
        client: ClientConfig,
        credential: &ClientCredential,
    ) -> Self {
        Self::seeded(1, server, client, credential)
    }

    pub(crate) fn seeded(
        seed: u64,
        server: ServerConfig,
        client: ClientConfig,
        credential: &ClientCredential,
    ) -> Self {
        let now = Instant::ZERO;
        let mut random = TestRandom::new(seed);
        let front = Server::new(Arc::new(server), now, &mut random).unwrap();
        let client = Connection::connect(&client, credential, now, &mut random).unwrap();
        Self {
            now,
            random,
            front,
            client,
            server: None,
            client_events: Vec::new(),
            server_events: Vec::new(),
            trace: Vec::new(),
        }
    }

    /// A connected pair of the default configuration.
    pub(crate) fn connected() -> Self {
        let mut pair = Self::new(
            server_config(),
            client_config(),
            &credential(IDENTITY, &KEY),
        );
        pair.run();
        assert!(pair.is_connected());
        pair.client_events.clear();
        pair.server_events.clear();
        pair.trace.clear();
        pair
    }

    pub(crate) fn server(&mut self) -> &mut Connection {
        self.server.as_mut().unwrap()
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.client.is_established() && self.server.as_ref().is_some_and(Connection::is_established)
    }

    /// Gives the server a datagram.
    pub(crate) fn feed_server(&mut self, datagram: &[u8]) {
        match &mut self.server {
            Some(server) => {
                server.handle_datagram(self.now, datagram);
            }
            None => match self
                .front
                .first_contact(self.now, client_address(), datagram, &mut self.random)
                .unwrap()
            {
                FirstContact::Ignore => {}
                FirstContact::Reply(reply) | FirstContact::Refuse { reply, .. } => {
                    self.trace.push((false, reply.clone()));
                    self.client.handle_datagram(self.now, &reply);
                }
                FirstContact::Accept(connection) => self.server = Some(*connection),
            },
        }
    }

    /// Runs the exchange of the cookie, and takes what the server answers to the second ClientHello: one datagram.
    pub(crate) fn first_flight(&mut self) -> Vec<u8> {
        for _ in 0..2 {
            let hello = self.client.poll_transmit().unwrap();
            self.feed_server(&hello);
        }
        self.server().poll_transmit().unwrap()
    }

    /// Carries datagrams until both ends are silent.
    pub(crate) fn run(&mut self) {
        loop {
            let mut moved = false;
            while let Some(datagram) = self.client.poll_transmit() {
                self.trace.push((true, datagram.clone()));
                self.feed_server(&datagram);
                moved = true;
            }
            while let Some(datagram) = self.server.as_mut().and_then(Connection::poll_transmit) {
                self.trace.push((false, datagram.clone()));
                self.client.handle_datagram(self.now, &datagram);
                moved = true;
            }
            self.events();
            if !moved {
                return;
            }
        }
    }

    pub(crate) fn events(&mut self) {
        self.client_events
            .extend(std::iter::from_fn(|| self.client.poll_event()));
        if let Some(server) = &mut self.server {
            self.server_events
                .extend(std::iter::from_fn(|| server.poll_event()));
        }
    }

    /// Lets time pass to the next timer of either end and runs.
    pub(crate) fn wait(&mut self) {
        let server = self.server.as_ref().and_then(Connection::poll_timeout);
        let next = self
            .client
            .poll_timeout()
            .into_iter()
            .chain(server)
            .min()
            .expect("a timer");
        self.now = next.max(self.now + Duration::from_micros(1));
        self.client.handle_timeout(self.now);
        if let Some(server) = &mut self.server {
            server.handle_timeout(self.now);
        }
        self.run();
    }

    pub(crate) fn bytes(&self) -> usize {
        self.trace.iter().map(|(_, datagram)| datagram.len()).sum()
    }
}

/// Flips, sets, cuts, inserts, doubles.
pub(crate) fn mutate(datagram: &mut Vec<u8>, random: &mut TestRandom) {
    if datagram.is_empty() {
        return;
    }
    let position = usize::try_from(random.below(datagram.len() as u64)).unwrap();
    match random.below(5) {
        0 => datagram[position] ^= 1 << random.below(8),
        1 => datagram[position] = u8::try_from(random.below(256)).unwrap(),
        2 => datagram.truncate(position),
        3 => datagram.insert(position, 0),
        _ => {
            let tail = datagram[position..].to_vec();
            datagram.extend(tail);
        }
    }
}
