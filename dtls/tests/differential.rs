//! Randomized handshakes against another implementation, the crate dimpl, in virtual time: it as client and as server.
//!
//! Cells that dimpl does not have: PSK suites other than TLS_PSK_WITH_AES_128_CCM_8, Connection IDs, resumption,
//! DTLS without extended master secret. An identity of no bytes: its client does not send one.

#![cfg(test)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant as WallClock};

use common::network::{End, Link, Wire};
use common::*;
use dimpl::{Config, Dtls, Output, PskResolver};
use motekey_dtls::crypto::rust::PROVIDER;
use motekey_dtls::*;

const ROUNDS: u64 = 1_000;
/// Longest identity of the client configurations.
const IDENTITIES: [usize; 6] = [1, 15, 32, 128, 255, 400];
const MTUS: [u16; 4] = [160, 256, 576, 1150];

/// Any identity has a key, which follows from it; `wrong` gives another.
struct AnyKey {
    wrong: bool,
}

fn key_of(identity: &[u8]) -> Vec<u8> {
    let sum = identity
        .iter()
        .fold(7_u8, |sum, byte| sum.wrapping_mul(31) ^ byte);
    vec![sum; 1 + identity.len() % 64]
}

impl PskResolver for AnyKey {
    fn resolve(&self, identity: &[u8]) -> Option<Vec<u8>> {
        let mut key = key_of(identity);
        key.first_mut()
            .map(|first| *first ^= u8::from(self.wrong))?;
        Some(key)
    }
}

impl CredentialSource for AnyKey {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        PskAnswer::Key(PreSharedKey::new(key_of(identity)))
    }
}

/// A peer of dimpl.
struct Foreign {
    dtls: Dtls,
    origin: WallClock,
    wake: Option<WallClock>,
    connected: bool,
    failed: Option<String>,
    data: Vec<Vec<u8>>,
}

impl Foreign {
    fn new(config: &Arc<Config>, origin: WallClock, client: bool) -> Self {
        let mut dtls = Dtls::new_12_psk(Arc::clone(config), origin);
        dtls.set_active(client);
        Self {
            dtls,
            origin,
            wake: Some(origin),
            connected: false,
            failed: None,
            data: Vec::new(),
        }
    }

    fn wall(&self, now: Instant) -> WallClock {
        self.origin + Duration::from_micros(now.as_micros())
    }

    fn next(&self) -> Option<Instant> {
        let wait = self.wake?.saturating_duration_since(self.origin);
        let micros = u64::try_from(wait.as_micros()).ok()?;
        // A wake-up far away means none.
        (micros < 3_600_000_000).then(|| Instant::from_micros(micros + 1))
    }

    fn run(&mut self, now: Instant, datagram: Option<&[u8]>) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        if self.failed.is_some() {
            return out;
        }
        let wall = self.wall(now);
        let result = self.dtls.handle_timeout(wall).and_then(|()| {
            self.poll(&mut out);
            datagram.map_or(Ok(()), |datagram| self.dtls.handle_packet(datagram))
        });
        self.poll(&mut out);
        if let Err(error) = result {
            self.failed = Some(error.to_string());
            self.wake = None;
        }
        out
    }

    fn poll(&mut self, out: &mut Vec<Vec<u8>>) {
        let mut buffer = vec![0; 4096];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => out.push(packet.to_vec()),
                Output::BufferTooSmall { needed } => buffer.resize(needed, 0),
                Output::Timeout(wake) => {
                    self.wake = Some(wake);
                    return;
                }
                Output::Connected => self.connected = true,
                Output::ApplicationData(data) => self.data.push(data.to_vec()),
                _ => {}
            }
        }
    }
}

/// One of ours, with the front if it is a server.
enum Ours {
    Client(Connection),
    Server(Server, Option<Box<Connection>>),
}

impl Ours {
    fn connection(&mut self) -> Option<&mut Connection> {
        match self {
            Self::Client(connection) => Some(connection),
            Self::Server(_, connection) => connection.as_deref_mut(),
        }
    }

    /// Takes a datagram; what goes back.
    fn receive(
        &mut self,
        now: Instant,
        datagram: &[u8],
        random: &mut TestRandom,
    ) -> Option<Vec<u8>> {
        if let Some(connection) = self.connection() {
            connection.handle_datagram(now, datagram);
            return None;
        }
        let Self::Server(front, connection) = self else {
            return None;
        };
        match front
            .first_contact(now, client_address(), datagram, random)
            .unwrap()
        {
            FirstContact::Ignore => None,
            FirstContact::Reply(reply) | FirstContact::Refuse { reply, .. } => Some(reply),
            FirstContact::Accept(accepted) => {
                *connection = Some(accepted);
                None
            }
        }
    }
}

struct Match {
    ours: Ours,
    foreign: Foreign,
    wire: Wire,
    now: Instant,
    random: TestRandom,
    events: Vec<Event>,
}

impl Match {
    /// To our end, and to theirs: `Client` and `Server` of the wire.
    const OURS: End = End::Client;
    const THEIRS: End = End::Server;

    fn flush(&mut self) {
        let now = self.now;
        while let Some(datagram) = self.ours.connection().and_then(Connection::poll_transmit) {
            self.wire.send(now, Self::THEIRS, &datagram);
        }
        if let Some(connection) = self.ours.connection() {
            self.events
                .extend(std::iter::from_fn(|| connection.poll_event()));
        }
    }

    fn step(&mut self) -> bool {
        self.flush();
        let timer = self.ours.connection().and_then(|ours| ours.poll_timeout());
        let next = [self.wire.next(), timer, self.foreign.next()];
        let Some(next) = next
            .into_iter()
            .flatten()
            .min()
            .filter(|next| next.as_micros() < 100_000_000)
        else {
            return false;
        };
        self.now = self.now.max(next);
        let now = self.now;
        while let Some((to, datagram)) = self.wire.arrived(now) {
            if to == Self::OURS {
                if let Some(reply) = self.ours.receive(now, &datagram, &mut self.random) {
                    self.wire.send(now, Self::THEIRS, &reply);
                }
                self.flush();
            } else {
                self.foreign(Some(&datagram));
            }
        }
        if self.foreign.next().is_some_and(|next| next <= now) {
            self.foreign(None);
        }
        if let Some(connection) = self.ours.connection() {
            connection.handle_timeout(now);
        }
        self.flush();
        true
    }

    fn foreign(&mut self, datagram: Option<&[u8]>) {
        for out in self.foreign.run(self.now, datagram) {
            self.wire.send(self.now, Self::OURS, &out);
        }
    }

    fn is_connected(&mut self) -> bool {
        let ours = self
            .ours
            .connection()
            .is_some_and(|ours| ours.is_established());
        ours && self.foreign.connected
    }

    /// Until both are connected and silent; whether they are.
    fn handshake(&mut self) -> bool {
        while !self.is_connected() {
            if !self.step() {
                return false;
            }
        }
        true
    }

    /// Data of both ends; nothing is lost any more.
    fn exchange(&mut self, length: usize) {
        let data: Vec<u8> = (0..length).map(|_| self.random.next() as u8).collect();
        self.ours.connection().unwrap().send(&data).unwrap();
        self.foreign.dtls.send_application_data(&data).unwrap();
        self.foreign(None);
        self.events.clear();
        while (self.foreign.data.is_empty() || self.events.is_empty()) && self.step() {}
        assert_eq!(self.foreign.data, std::slice::from_ref(&data));
        assert_eq!(self.events, [Event::Data(data)]);
    }
}

/// What dimpl is told; built once, since it tests its cryptography each time.
struct Configs {
    clients: Vec<(Vec<u8>, u16, bool, Arc<Config>)>,
    servers: Vec<Arc<Config>>,
}

impl Configs {
    fn new() -> Self {
        let mut random = TestRandom::new(4);
        let mut clients = Vec::new();
        for (number, length) in IDENTITIES.into_iter().enumerate() {
            let mut identity = vec![0; length];
            crypto::RandomSource::fill(&mut random, &mut identity).unwrap();
            let mtu = MTUS[number % MTUS.len()];
            let wrong = number == 2;
            let config = base(mtu).with_psk_client(identity.clone(), Arc::new(AnyKey { wrong }));
            clients.push((identity, mtu, wrong, Arc::new(config.build().unwrap())));
        }
        let servers = MTUS
            .into_iter()
            .enumerate()
            .map(|(number, mtu)| {
                let hint = (number % 2 == 0).then(|| b"hint".to_vec());
                let key = Arc::new(AnyKey { wrong: false });
                let config = base(mtu).use_server_cookie(number != 3);
                Arc::new(config.with_psk_server(hint, key).build().unwrap())
            })
            .collect();
        Self { clients, servers }
    }
}

fn base(mtu: u16) -> dimpl::ConfigBuilder {
    Config::builder()
        .mtu(usize::from(mtu))
        .flight_retries(7)
        .handshake_timeout(Duration::from_secs(60))
        .with_crypto_provider(dimpl::crypto::rust_crypto::default_provider())
}

/// One handshake; whether the keys fit, and the two.
fn meet(round: u64, configs: &Configs, origin: WallClock) -> (bool, Match) {
    let mut random = TestRandom::new(round + 1);
    let link = Link {
        loss_percent: [0, 0, 0, 10][usize::try_from(random.below(4)).unwrap()],
        duplicate_percent: random.below(2) * 20,
        jitter: random.below(2) * 60_000,
        ..Link::default()
    };
    let mtu = MTUS[usize::try_from(random.below(4)).unwrap()];
    let limits = Limits {
        datagram: mtu,
        ..Limits::default()
    };
    let (fits, ours, foreign) = if round.is_multiple_of(2) {
        let number = random.below(configs.clients.len() as u64);
        let (_, _, wrong, config) = &configs.clients[usize::try_from(number).unwrap()];
        let mut server = ServerConfig::new(&PROVIDER, Arc::new(AnyKey { wrong: false }));
        server.limits = limits;
        let front = Server::new(Arc::new(server), Instant::ZERO, &mut random).unwrap();
        let foreign = Foreign::new(config, origin, true);
        (!wrong, Ours::Server(front, None), foreign)
    } else {
        let number = random.below(configs.servers.len() as u64);
        let config = &configs.servers[usize::try_from(number).unwrap()];
        let length = usize::try_from(1 + random.below(400)).unwrap();
        let mut identity = vec![0; length];
        crypto::RandomSource::fill(&mut random, &mut identity).unwrap();
        let wrong = random.below(20) == 0;
        let mut key = key_of(&identity);
        key[0] ^= u8::from(wrong);
        let client = ClientConfig {
            limits,
            ..client_config()
        };
        let credential = credential(&identity, &key);
        let client = Connection::connect(&client, &credential, Instant::ZERO, &mut random).unwrap();
        (
            !wrong,
            Ours::Client(client),
            Foreign::new(config, origin, false),
        )
    };
    let meeting = Match {
        ours,
        foreign,
        wire: Wire::new(round, link),
        now: Instant::ZERO,
        random,
        events: Vec::new(),
    };
    (fits, meeting)
}

#[test]
fn d23_a_thousand_randomized_handshakes_with_dimpl() {
    let (configs, origin) = (Configs::new(), WallClock::now());
    let mut refused = 0;
    for round in 0..ROUNDS {
        let (fits, mut meeting) = meet(round, &configs, origin);
        let connected = meeting.handshake();
        assert_eq!(
            connected, fits,
            "round {round}: {:?} {:?}",
            meeting.foreign.failed, meeting.events
        );
        if connected {
            meeting.wire = Wire::new(round, Link::default());
            let length = 1 + usize::try_from(meeting.random.below(900)).unwrap();
            meeting.exchange(length);
        } else {
            refused += 1;
        }
    }
    assert!(refused > 50, "{refused} wrong keys");
}
