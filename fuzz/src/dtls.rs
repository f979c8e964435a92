//! Targets for DTLS: parsers, and each end of a handshake with its true peer and a stranger in between.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use motekey_dtls::codec::Reader;
use motekey_dtls::codec::handshake::Fragment;
use motekey_dtls::codec::hello::{ClientHello, HelloVerifyRequest, ServerHello};
use motekey_dtls::codec::key_exchange::{
    CertificateRequest, certificate_chain, ecdhe_client, ecdhe_psk_client, ecdhe_psk_server,
    ecdhe_server, finished, psk_client, psk_server, raw_public_key,
};
use motekey_dtls::codec::record::{HEADER, Records, put_header};
use motekey_dtls::crypto::rust::PROVIDER;
use motekey_dtls::crypto::{RandomError, RandomSource};
use motekey_dtls::{
    CipherSuite, ClientConfig, ClientCredential, Connection, CredentialSource, Event, FirstContact,
    Instant, PeerIdentity, PreSharedKey, PskAnswer, Role, Server, ServerConfig,
};

const IDENTITY: &[u8] = b"device";
/// What the first byte of an input chooses from.
const SUITES: [CipherSuite; 4] = [
    CipherSuite::PskAes128Ccm8,
    CipherSuite::PskAes128Gcm,
    CipherSuite::PskChaCha20Poly1305,
    CipherSuite::EcdhePskAes128Ccm8,
];
/// Datagrams that one input may cause: a bound far above what an honest end sends.
const MAX_DATAGRAMS: usize = 4096;
/// How often timers run at the end.
const MAX_WAITS: usize = 6;

/// Records of a datagram: what was read is written to the same bytes.
pub fn dtls_record(data: &[u8]) {
    let Some((length, datagram)) = data.split_first() else {
        return;
    };
    let mut most = datagram.len();
    for record in Records::new(datagram, usize::from(length % 21)) {
        let mut written = Vec::new();
        let length = u16::try_from(record.fragment.len());
        assert!(length.is_ok(), "a length of 16 bits");
        let (kind, id) = (record.content_type, record.connection_id);
        put_header(
            &mut written,
            kind,
            record.version,
            record.epoch,
            record.sequence,
            id,
            length.unwrap_or_default(),
        );
        assert_eq!(written.len(), HEADER + id.len());
        written.extend_from_slice(record.fragment);
        let found = datagram
            .windows(written.len())
            .any(|window| window == written);
        assert!(found && written.len() <= most, "not the bytes that came");
        most -= written.len();
    }
}

/// Handshake messages: the fragments of a record, and each whole one read as every message that there is.
pub fn dtls_handshake(data: &[u8]) {
    let mut reader = Reader::new(data);
    while let Ok(fragment) = Fragment::read(&mut reader) {
        let mut written = Vec::new();
        fragment.put(&mut written);
        assert!(
            data.windows(written.len()).any(|window| window == written),
            "not the bytes that came"
        );
        bodies(fragment.data);
    }
    bodies(data);
}

fn bodies(body: &[u8]) {
    if let Ok(hello) = ClientHello::decode(body) {
        assert!(hello.cipher_suites.len().is_multiple_of(2));
    }
    if let Ok(request) = HelloVerifyRequest::decode(body) {
        let mut written = Vec::new();
        let put = HelloVerifyRequest::put(&mut written, request.cookie);
        assert!(put.is_ok() && written.get(2..) == body.get(2..));
    }
    let _ = ServerHello::decode(body);
    let _ = CertificateRequest::decode(body);
    if let Ok(chain) = certificate_chain(body, 8) {
        assert!(chain.len() <= 8);
    }
    let _ = (psk_server(body), psk_client(body), finished(body));
    let _ = (ecdhe_psk_server(body), ecdhe_psk_client(body));
    let _ = (ecdhe_server(body), ecdhe_client(body), raw_public_key(body));
}

/// A server, its front and its session, under attack. See `World::step` for the input.
pub fn dtls_server(data: &[u8]) {
    attack(data, Role::Server);
}

/// A client under attack.
pub fn dtls_client(data: &[u8]) {
    attack(data, Role::Client);
}

fn attack(data: &[u8], victim: Role) {
    let Some((suite, mut rest)) = data.split_first() else {
        return;
    };
    let Some(mut world) = World::new(usize::from(*suite), victim) else {
        return;
    };
    while let [action, length, tail @ ..] = rest {
        let (argument, after) = tail.split_at(usize::from(*length).min(tail.len()));
        world.step(*action, argument);
        rest = after;
    }
    world.settle();
}

/// Numbers that repeat.
struct Counter(u64);

impl RandomSource for Counter {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            *byte = self.0.to_be_bytes()[0];
        }
        Ok(())
    }
}

struct OneKey;

impl CredentialSource for OneKey {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        match identity {
            IDENTITY => PskAnswer::Key(PreSharedKey::new(vec![7; 16])),
            b"bad" => PskAnswer::IllegalParameter,
            _ => PskAnswer::Unknown,
        }
    }
}

/// Two ends and what is between them.
struct World {
    victim: Role,
    now: Instant,
    random: Counter,
    front: Server,
    client: Connection,
    server: Option<Box<Connection>>,
    for_client: VecDeque<Vec<u8>>,
    for_server: VecDeque<Vec<u8>>,
    established: [bool; 2],
}

impl World {
    fn new(suite: usize, victim: Role) -> Option<Self> {
        let mut random = Counter(1);
        let config = ClientConfig {
            cipher_suites: vec![*SUITES.get(suite % SUITES.len())?],
            ..ClientConfig::new(&PROVIDER)
        };
        let credential = ClientCredential::PreSharedKey {
            identity: IDENTITY.to_vec(),
            key: PreSharedKey::new(vec![7; 16]),
        };
        let now = Instant::ZERO;
        let server = ServerConfig::new(&PROVIDER, Arc::new(OneKey));
        let front = Server::new(Arc::new(server), now, &mut random).ok()?;
        let client = Connection::connect(&config, &credential, now, &mut random).ok()?;
        let mut world = Self {
            victim,
            now,
            random,
            front,
            client,
            server: None,
            for_client: VecDeque::new(),
            for_server: VecDeque::new(),
            established: [false; 2],
        };
        world.collect();
        Some(world)
    }

    /// What happens next: the action in the low three bits, and an argument.
    fn step(&mut self, action: u8, argument: &[u8]) {
        match action & 7 {
            0 => self.deliver(self.victim),
            1 => self.deliver(other(self.victim)),
            2 => drop(self.queue(self.victim).pop_front()),
            3 => self.receive(self.victim, argument),
            4 => self.plain(argument),
            5 => self.changed(argument),
            6 => {
                let next = self.queue(self.victim).front().cloned();
                self.receive(self.victim, &next.unwrap_or_default());
            }
            _ => self.wait(),
        }
    }

    /// The next true datagram with some bytes changed: pairs of position and change.
    fn changed(&mut self, argument: &[u8]) {
        let Some(mut datagram) = self.queue(self.victim).pop_front() else {
            return;
        };
        for pair in argument.chunks_exact(2) {
            if let [position, change] = pair
                && let Some(byte) = datagram.get_mut(usize::from(*position))
            {
                *byte ^= change;
            }
        }
        self.receive(self.victim, &datagram);
    }

    /// A record in clear of the type that the first byte names.
    fn plain(&mut self, argument: &[u8]) {
        let Some((kind, content)) = argument.split_first() else {
            return;
        };
        let length = u16::try_from(content.len()).unwrap_or(0);
        let [high, low] = length.to_be_bytes();
        let header = [*kind, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, high, low];
        self.receive(self.victim, &[&header, content].concat());
    }

    fn deliver(&mut self, to: Role) {
        if let Some(datagram) = self.queue(to).pop_front() {
            self.receive(to, &datagram);
        }
    }

    fn receive(&mut self, to: Role, datagram: &[u8]) {
        match (to, &mut self.server) {
            (Role::Client, _) => drop(self.client.handle_datagram(self.now, datagram)),
            (Role::Server, Some(server)) => drop(server.handle_datagram(self.now, datagram)),
            (Role::Server, None) => self.first_contact(datagram),
        }
        self.collect();
    }

    fn first_contact(&mut self, datagram: &[u8]) {
        let from = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
        let contact = self
            .front
            .first_contact(self.now, from, datagram, &mut self.random);
        match contact {
            Ok(FirstContact::Reply(reply)) => {
                // RFC 6347 Section 4.2.1: nothing larger than what came.
                assert!(reply.len() <= datagram.len(), "amplification");
                self.for_client.push_back(reply);
            }
            Ok(FirstContact::Refuse { reply, .. }) => self.for_client.push_back(reply),
            Ok(FirstContact::Accept(connection)) => self.server = Some(connection),
            Ok(FirstContact::Ignore) | Err(_) => {}
        }
    }

    fn queue(&mut self, to: Role) -> &mut VecDeque<Vec<u8>> {
        match to {
            Role::Client => &mut self.for_client,
            Role::Server => &mut self.for_server,
        }
    }

    fn wait(&mut self) {
        let server = self
            .server
            .as_ref()
            .and_then(|server| server.poll_timeout());
        let Some(next) = self.client.poll_timeout().into_iter().chain(server).min() else {
            return;
        };
        self.now = self.now.max(next);
        self.client.handle_timeout(self.now);
        if let Some(server) = &mut self.server {
            server.handle_timeout(self.now);
        }
        self.collect();
    }

    fn collect(&mut self) {
        let events = std::iter::from_fn(|| self.client.poll_event());
        for event in events {
            check(&event, &mut self.established[0], None);
        }
        self.for_server
            .extend(std::iter::from_fn(|| self.client.poll_transmit()));
        if let Some(server) = &mut self.server {
            let identity = PeerIdentity::PreSharedKey(IDENTITY.to_vec());
            for event in std::iter::from_fn(|| server.poll_event()) {
                check(&event, &mut self.established[1], Some(&identity));
            }
            self.for_client
                .extend(std::iter::from_fn(|| server.poll_transmit()));
        }
        assert!(
            self.for_client.len() + self.for_server.len() < MAX_DATAGRAMS,
            "datagrams without end"
        );
    }

    /// Everything true arrives and time passes: if both ends are established, they understand each other.
    fn settle(&mut self) {
        for _ in 0..MAX_WAITS {
            while !self.for_client.is_empty() || !self.for_server.is_empty() {
                self.deliver(Role::Client);
                self.deliver(Role::Server);
            }
            self.wait();
        }
        let Some(server) = &mut self.server else {
            return;
        };
        if self.client.is_established() && server.is_established() {
            let sent = self.client.send(b"still here");
            let datagram = self.client.poll_transmit();
            assert!(sent.is_ok() && datagram.is_some());
            server.handle_datagram(self.now, &datagram.unwrap_or_default());
            let event = server.poll_event();
            assert_eq!(event, Some(Event::Data(b"still here".to_vec())));
        }
    }
}

const fn other(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

/// Whoever connects is who it says, once; and no data comes of what nobody sent.
fn check(event: &Event, established: &mut bool, identity: Option<&PeerIdentity>) {
    match event {
        Event::Connected { peer } => {
            assert!(!*established, "connected twice");
            assert_eq!(peer.as_ref(), identity);
            *established = true;
        }
        Event::Data(_) => unreachable!("data that nobody sent"),
        Event::KeyWanted { .. } => unreachable!("every answer is there at once"),
        Event::Closed(_) => {}
    }
}
