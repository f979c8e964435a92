//! What strangers can make a server keep, counted by the allocator. One test: nothing else may allocate meanwhile.

#![cfg(test)]

mod common;

use std::alloc::System;
use std::net::{Ipv4Addr, SocketAddr};

use common::*;
use motekey_dtls::codec::handshake::{Fragment, HandshakeType};
use motekey_dtls::codec::record::{ContentType, put_header};
use motekey_dtls::*;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that are allocated now.
fn held() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// Waits until the test harness, which has a thread of its own, has allocated what it needs.
fn settle() {
    let mut before = usize::MAX;
    while held() != before {
        before = held();
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

/// A first ClientHello.
fn hello(seed: u64) -> Vec<u8> {
    let mut random = TestRandom::new(seed);
    let credential = credential(IDENTITY, &KEY);
    let mut client =
        Connection::connect(&client_config(), &credential, Instant::ZERO, &mut random).unwrap();
    client.poll_transmit().unwrap()
}

/// ClientHellos of strangers: no session, no byte.
fn flood(pair: &mut Pair) {
    let hellos: Vec<_> = (0..64).map(hello).collect();
    let before = held();
    let mut replies = 0;
    for number in 0..20_000_u32 {
        let from = SocketAddr::from((Ipv4Addr::from(number), 40_000));
        let hello = &hellos[number as usize % hellos.len()];
        let contact = pair
            .front
            .first_contact(pair.now, from, hello, &mut pair.random)
            .unwrap();
        replies += u32::from(matches!(contact, FirstContact::Reply(_)));
    }
    assert_eq!(replies, 20_000);
    assert_eq!(held(), before, "bytes kept for strangers");
}

/// A peer that has a cookie and then sends fragments of messages that never end.
fn half_open(pair: &mut Pair) -> (usize, usize) {
    let first = pair.client.poll_transmit().unwrap();
    pair.feed_server(&first);
    pair.trace = Vec::new();
    let second = pair.client.poll_transmit().unwrap();
    let before = held();
    pair.feed_server(&second);
    drop(pair.server().poll_transmit());
    let begun = held() - before;
    let mut most = 0;
    let now = pair.now;
    for number in 0..20_000_u32 {
        let mut content = Vec::new();
        Fragment {
            kind: HandshakeType::CERTIFICATE,
            length: 4_000,
            message_sequence: 2 + u16::try_from(number % 8).unwrap(),
            offset: number * 13 % 3_900,
            data: &[0x5a; 64],
        }
        .put(&mut content);
        let mut record = Vec::new();
        let (kind, length) = (
            ContentType::Handshake,
            u16::try_from(content.len()).unwrap(),
        );
        put_header(&mut record, kind, 0xfefd, 0, u64::from(number), &[], length);
        record.extend(content);
        pair.server().handle_datagram(now, &record);
        let early = [22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 60].into_iter();
        let early: Vec<u8> = early.chain([7; 60]).collect();
        pair.server().handle_datagram(now, &early);
        drop((content_of(pair), record, early));
        most = most.max(held() - before);
    }
    (begun, most)
}

/// Takes what the server wants to send, as a driver does.
fn content_of(pair: &mut Pair) -> usize {
    std::iter::from_fn(|| pair.server().poll_transmit()).count()
}

/// What an established session of a server keeps while it is idle, its identity included.
fn idle(connection_ids: bool) -> usize {
    let server = ServerConfig {
        connection_ids: connection_ids.then(|| ConnectionIds {
            length: 8,
            prefix: Vec::new(),
        }),
        ..server_config()
    };
    let mut pair = Pair::new(server, client_config(), &credential(IDENTITY, &KEY));
    pair.run();
    assert!(pair.is_connected());
    pair.client.send(b"data").unwrap();
    pair.run();
    pair.server_events.clear();
    pair.trace = Vec::new();
    let before = held();
    let server = pair.server.take();
    drop(server);
    before - held() + size_of::<Connection>()
}

/// Says nothing at once.
struct Elsewhere;

impl CredentialSource for Elsewhere {
    fn pre_shared_key(&self, _identity: &[u8]) -> PskAnswer {
        PskAnswer::Pending
    }
}

/// What a handshake keeps that waits for the key of the longest identity, and gets forgeries meanwhile.
fn waiting() -> usize {
    let mut server = ServerConfig::new(server_config().provider, std::sync::Arc::new(Elsewhere));
    server.cipher_suites = vec![CipherSuite::EcdhePskAes128Ccm8];
    let client = ClientConfig {
        cipher_suites: server.cipher_suites.clone(),
        ..client_config()
    };
    let credential = credential(&[7; 2048], &KEY);
    let mut pair = Pair::new(server, client, &credential);
    for _ in 0..3 {
        pair.run();
        pair.wait();
    }
    pair.server_events = Vec::new();
    pair.trace = Vec::new();
    let before = held();
    let server = pair.server.take();
    assert_eq!(pair.front.waiting_lookups(), 1);
    drop(server);
    before - held() + size_of::<Connection>()
}

#[test]
fn l01_strangers_make_a_server_keep_nothing_and_half_open_peers_little() {
    settle();
    let mut pair = Pair::new(
        server_config(),
        client_config(),
        &credential(IDENTITY, &KEY),
    );
    flood(&mut pair);
    let (begun, most) = half_open(&mut pair);
    println!("half open: {begun} bytes, at most {most}");
    // Beside the handshake itself: the fragments that wait, an eighth for the map of what has come, a list of 8
    // messages, the early record.
    let buffer = usize::from(Limits::default().handshake_buffer);
    assert!(begun <= 1_500, "{begun} bytes for a half open peer");
    assert!(
        most <= begun + 2 * buffer,
        "{most} bytes for a half open peer"
    );
    let waiting = waiting();
    println!("waiting for a key: {waiting} bytes");
    assert!(
        waiting <= 4_000,
        "{waiting} bytes for a handshake that waits"
    );
    for connection_ids in [false, true] {
        let idle = idle(connection_ids);
        println!("idle: {idle} bytes");
        assert!(idle <= 300, "{idle} bytes for an idle session");
    }
}
