//! Prints what the suites cost: bytes on the wire, handshakes and records per second of one core, memory of idle
//! sessions. `cargo bench -p motekey-dtls`.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a program that measures"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant as WallClock};

use common::{
    IDENTITY, KEY, Pair, TestRandom, client_address, client_config, credential, server_config,
};
#[cfg(feature = "aws-lc")]
use motekey_dtls::crypto::aws_lc;
use motekey_dtls::crypto::{CryptoProvider, NamedGroup, SigningKey, rust};
use motekey_dtls::{
    CipherSuite, ClientConfig, ClientCredential, Connection, ConnectionIds, CredentialSource,
    FirstContact, Instant, PskAnswer, Server, ServerConfig,
};

fn main() {
    println!(
        "{:34} {:>6} {:>12} {:>12}",
        "handshake", "bytes", "server/s", "client/s"
    );
    for suite in PSK_SUITES {
        let (server, client) = configs(suite);
        report(
            &format!("{suite:?}"),
            server,
            client,
            &credential(IDENTITY, &KEY),
        );
    }
    signed("rust", &rust::PROVIDER, |scalar| {
        Arc::new(rust::P256Key::new(scalar).unwrap())
    });
    #[cfg(feature = "aws-lc")]
    signed("aws-lc", &aws_lc::PROVIDER, |scalar| {
        Arc::new(aws_lc::P256Key::new(scalar).unwrap())
    });
    println!("{:34} {:>12}", "echo of 64 bytes, both ends", "echo/s");
    for suite in PSK_SUITES {
        println!("{:34} {:>12.0}", format!("{suite:?}"), echo(suite));
    }
    println!("unverified ClientHello: {:.2} us", hello());
    println!("idle server session: {} bytes resident", resident(20_000));
    let (export, import) = saved();
    println!("export: {export:.2} us, import: {import:.2} us");
}

/// Mutual raw public keys on P-256.
fn signed(
    name: &str,
    provider: &'static CryptoProvider,
    key: fn(&[u8; 32]) -> Arc<dyn SigningKey>,
) {
    let (own, other) = (key(&[1; 32]), key(&[2; 32]));
    let server = ServerConfig {
        raw_public_key: Some(own.clone()),
        ..ServerConfig::new(provider, Arc::new(Anybody))
    };
    let client = ClientConfig {
        groups: vec![NamedGroup::Secp256r1],
        ..ClientConfig::new(provider)
    };
    let credential = ClientCredential::RawPublicKey {
        key: other,
        server: own.public_key_info().to_vec(),
    };
    report(
        &format!("EcdheEcdsaAes128Ccm8, RPK, {name}"),
        server,
        client,
        &credential,
    );
}

/// Every raw public key may connect.
struct Anybody;

impl CredentialSource for Anybody {
    fn pre_shared_key(&self, _identity: &[u8]) -> PskAnswer {
        PskAnswer::Unknown
    }

    fn raw_public_key(&self, _public_key_info: &[u8]) -> bool {
        true
    }
}

fn report(name: &str, server: ServerConfig, client: ClientConfig, credential: &ClientCredential) {
    let (bytes, server, client) = handshakes(server, &client, credential);
    println!("{name:34} {bytes:>6} {server:>12.0} {client:>12.0}");
}

const PSK_SUITES: [CipherSuite; 4] = [
    CipherSuite::PskAes128Ccm8,
    CipherSuite::PskAes128Gcm,
    CipherSuite::PskChaCha20Poly1305,
    CipherSuite::EcdhePskAes128Ccm8,
];

fn configs(suite: CipherSuite) -> (ServerConfig, ClientConfig) {
    let connection_ids = Some(ConnectionIds {
        length: 8,
        prefix: Vec::new(),
    });
    let server = ServerConfig {
        connection_ids,
        ..server_config()
    };
    (
        server,
        ClientConfig {
            cipher_suites: vec![suite],
            ..client_config()
        },
    )
}

/// Bytes of a handshake, and handshakes per second of each end alone, by the median handshake.
fn handshakes(
    server: ServerConfig,
    client: &ClientConfig,
    credential: &ClientCredential,
) -> (usize, f64, f64) {
    let mut random = TestRandom::new(1);
    let mut front = Server::new(Arc::new(server), Instant::ZERO, &mut random).unwrap();
    let (mut server_times, mut client_times, mut bytes) = (Vec::new(), Vec::new(), 0);
    let begin = WallClock::now();
    while begin.elapsed() < Duration::from_secs(1) {
        let (server, client, sent) = handshake(&mut front, client, credential, &mut random);
        server_times.push(server);
        client_times.push(client);
        bytes = sent;
    }
    let rate = |mut times: Vec<Duration>| {
        times.sort_unstable();
        1.0 / times[times.len() / 2].as_secs_f64()
    };
    (bytes, rate(server_times), rate(client_times))
}

/// Time of each end in one handshake, and its bytes.
fn handshake(
    front: &mut Server,
    config: &ClientConfig,
    credential: &ClientCredential,
    random: &mut TestRandom,
) -> (Duration, Duration, usize) {
    let (mut server_time, mut bytes) = (Duration::ZERO, 0);
    let mut server: Option<Box<Connection>> = None;
    let mut to_client: Vec<Vec<u8>> = Vec::new();
    let start = WallClock::now();
    let mut client = Connection::connect(config, credential, Instant::ZERO, random).unwrap();
    let mut client_time = start.elapsed();
    loop {
        let start = WallClock::now();
        for datagram in to_client.drain(..) {
            client.handle_datagram(Instant::ZERO, &datagram);
            bytes += datagram.len();
        }
        let to_server: Vec<_> = std::iter::from_fn(|| client.poll_transmit()).collect();
        client_time += start.elapsed();
        if to_server.is_empty() {
            assert!(client.is_established());
            return (server_time, client_time, bytes);
        }
        let start = WallClock::now();
        for datagram in &to_server {
            bytes += datagram.len();
            if let Some(server) = &mut server {
                server.handle_datagram(Instant::ZERO, datagram);
                continue;
            }
            match front
                .first_contact(Instant::ZERO, client_address(), datagram, random)
                .unwrap()
            {
                FirstContact::Reply(reply) => to_client.push(reply),
                FirstContact::Accept(connection) => server = Some(connection),
                FirstContact::Ignore | FirstContact::Refuse { .. } => {}
            }
        }
        to_client.extend(std::iter::from_fn(|| server.as_mut()?.poll_transmit()));
        server_time += start.elapsed();
    }
}

/// Echoes of 64 bytes per second, both ends together.
fn echo(suite: CipherSuite) -> f64 {
    let (server, client) = configs(suite);
    let mut pair = Pair::new(server, client, &credential(IDENTITY, &KEY));
    pair.run();
    let count = 200_000_u32;
    let begin = WallClock::now();
    for _ in 0..count {
        pair.client.send(&[7; 64]).unwrap();
        let datagram = pair.client.poll_transmit().unwrap();
        let server = pair.server.as_mut().unwrap();
        server.handle_datagram(Instant::ZERO, &datagram);
        black_box(server.poll_event());
        server.send(&[7; 64]).unwrap();
        let datagram = server.poll_transmit().unwrap();
        pair.client.handle_datagram(Instant::ZERO, &datagram);
        black_box(pair.client.poll_event());
    }
    f64::from(count) / begin.elapsed().as_secs_f64()
}

/// Microseconds for the answer to a ClientHello without cookie.
fn hello() -> f64 {
    let (server, client) = configs(CipherSuite::PskAes128Ccm8);
    let mut pair = Pair::new(server, client, &credential(IDENTITY, &KEY));
    let hello = pair.client.poll_transmit().unwrap();
    let count = 500_000_u32;
    let begin = WallClock::now();
    for _ in 0..count {
        black_box(
            pair.front
                .first_contact(Instant::ZERO, client_address(), &hello, &mut pair.random)
                .unwrap(),
        );
    }
    begin.elapsed().as_secs_f64() * 1e6 / f64::from(count)
}

/// Resident bytes of one idle server session, identity included.
fn resident(count: u64) -> u64 {
    let (server, client) = configs(CipherSuite::PskAes128Ccm8);
    let connected = |seed| {
        let mut pair = Pair::seeded(
            seed,
            server.clone(),
            client.clone(),
            &credential(IDENTITY, &KEY),
        );
        pair.run();
        pair.server.take().unwrap()
    };
    let warm: Vec<_> = (0..1000).map(connected).collect();
    let before = resident_pages();
    let mut sessions = Vec::with_capacity(usize::try_from(count).unwrap());
    sessions.extend((0..count).map(connected));
    let after = resident_pages();
    black_box((warm, sessions));
    after.saturating_sub(before) * 4096 / count
}

fn resident_pages() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0)
}

/// Microseconds to export and to import a session.
fn saved() -> (f64, f64) {
    let (server, client) = configs(CipherSuite::PskAes128Ccm8);
    let provider = client.provider;
    let mut pair = Pair::new(server, client, &credential(IDENTITY, &KEY));
    pair.run();
    let server = pair.server.as_mut().unwrap();
    let count = 20_000_u32;
    let begin = WallClock::now();
    let saved: Vec<_> = (0..count)
        .map(|_| server.export(None, 100).unwrap())
        .collect();
    let export = begin.elapsed();
    let begin = WallClock::now();
    let imported: Vec<_> = saved
        .iter()
        .map(|saved| Connection::import(provider, saved).unwrap())
        .collect();
    let import = begin.elapsed();
    black_box(imported);
    (
        export.as_secs_f64() * 1e6 / f64::from(count),
        import.as_secs_f64() * 1e6 / f64::from(count),
    )
}
