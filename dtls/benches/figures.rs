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
use motekey_dtls::{
    CipherSuite, ClientConfig, Connection, ConnectionIds, FirstContact, Instant, Server,
    ServerConfig,
};

fn main() {
    println!(
        "{:24} {:>6} {:>12} {:>12} {:>12}",
        "suite", "bytes", "server/s", "client/s", "echo/s"
    );
    for suite in PSK_SUITES {
        let (bytes, server, client) = handshakes(suite);
        println!(
            "{:24} {bytes:>6} {server:>12.0} {client:>12.0} {:>12.0}",
            format!("{suite:?}"),
            echo(suite)
        );
    }
    println!("unverified ClientHello: {:.2} us", hello());
    println!("idle server session: {} bytes resident", resident(20_000));
    let (export, import) = saved();
    println!("export: {export:.2} us, import: {import:.2} us");
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

/// Bytes of a handshake, and handshakes per second of each end alone.
fn handshakes(suite: CipherSuite) -> (usize, f64, f64) {
    let (server_config, client_config) = configs(suite);
    let mut random = TestRandom::new(1);
    let mut front = Server::new(Arc::new(server_config), Instant::ZERO, &mut random).unwrap();
    let credential = credential(IDENTITY, &KEY);
    let (mut server_time, mut client_time, mut bytes, mut count) =
        (Duration::ZERO, Duration::ZERO, 0, 0_u32);
    let begin = WallClock::now();
    while begin.elapsed() < Duration::from_secs(1) {
        bytes = 0;
        count += 1;
        let mut server: Option<Box<Connection>> = None;
        let mut to_client = Vec::new();
        let start = WallClock::now();
        let mut client =
            Connection::connect(&client_config, &credential, Instant::ZERO, &mut random).unwrap();
        client_time += start.elapsed();
        loop {
            let start = WallClock::now();
            for datagram in to_client.drain(..) {
                let datagram: Vec<u8> = datagram;
                client.handle_datagram(Instant::ZERO, &datagram);
                bytes += datagram.len();
            }
            let to_server: Vec<_> = std::iter::from_fn(|| client.poll_transmit()).collect();
            client_time += start.elapsed();
            if to_server.is_empty() {
                break;
            }
            let start = WallClock::now();
            for datagram in &to_server {
                bytes += datagram.len();
                match &mut server {
                    Some(server) => drop(server.handle_datagram(Instant::ZERO, datagram)),
                    None => match front
                        .first_contact(Instant::ZERO, client_address(), datagram, &mut random)
                        .unwrap()
                    {
                        FirstContact::Reply(reply) => to_client.push(reply),
                        FirstContact::Accept(connection) => server = Some(connection),
                        FirstContact::Ignore | FirstContact::Refuse { .. } => {}
                    },
                }
            }
            to_client.extend(std::iter::from_fn(|| server.as_mut()?.poll_transmit()));
            server_time += start.elapsed();
        }
        assert!(client.is_established());
    }
    let rate = |time: Duration| f64::from(count) / time.as_secs_f64();
    (bytes, rate(server_time), rate(client_time))
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
