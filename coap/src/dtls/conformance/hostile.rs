//! Cases with a network that adds, changes and repeats datagrams.

use super::pair::{self, Answers, End, Pair, credential};
use super::{KEY, SOON, Subject};
use crate::dtls::{FirstContact, SessionEvent, Waker};
use crate::time::Instant;

/// A record in clear, of epoch 0.
fn in_epoch_0(content_type: u8, sequence: u8, fragment: &[u8]) -> Vec<u8> {
    let [l0, l1] = u16::try_from(fragment.len()).expect("short").to_be_bytes();
    let mut record = vec![
        content_type,
        0xfe,
        0xfd,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        sequence,
        l0,
        l1,
    ];
    record.extend_from_slice(fragment);
    record
}

pub(super) fn first_contact(subject: &mut dyn Subject) {
    let hello = client_hello(subject);
    let mut backend = subject.server(Answers::one(b"device", KEY));
    let change = |position: usize, value: u8| {
        let mut bytes = hello.clone();
        bytes[position] = value;
        bytes
    };
    for (what, datagram) in [
        ("nothing", Vec::new()),
        ("a byte", vec![22]),
        ("a CoAP ping", vec![0x40, 0, 0, 1]),
        ("a header without a record", hello[..13].to_vec()),
        ("half a ClientHello", hello[..40].to_vec()),
        ("application data", change(0, 23)),
        ("an alert", in_epoch_0(21, 0, &[2, 40])),
        ("another version", change(1, 3)),
        ("another epoch", change(4, 1)),
        ("a ServerHello", change(13, 2)),
        ("zeros", vec![0; 200]),
        ("ones", vec![0xff; 200]),
    ] {
        let answer = backend.first_contact(
            Instant::ZERO,
            pair::client_address(),
            &datagram,
            Waker::none(),
        );
        assert!(matches!(answer, FirstContact::Ignore), "{what}");
    }
    let answer =
        backend.first_contact(Instant::ZERO, pair::client_address(), &hello, Waker::none());
    assert!(!matches!(answer, FirstContact::Ignore), "a ClientHello");
}

/// The first datagram of a client.
fn client_hello(subject: &mut dyn Subject) -> Vec<u8> {
    let mut pair = Pair::new(
        subject,
        Answers::one(b"device", KEY),
        &credential(b"device", KEY),
    );
    pair.run_until(SOON, |pair| !pair.sent.is_empty());
    pair.sent.swap_remove(0).1
}

pub(super) fn replayed(subject: &mut dyn Subject) {
    let mut pair = Pair::connected(subject);
    pair.send(End::Client, b"up");
    pair.send(End::Server, b"down");
    pair.settle();
    let recorded = pair.sent.clone();
    for _ in 0..2 {
        for (from, datagram) in &recorded {
            let to = if *from == End::Client {
                End::Server
            } else {
                End::Client
            };
            pair.inject(to, datagram);
        }
        pair.settle();
    }
    assert_eq!(pair.server_events, [SessionEvent::Data(b"up".to_vec())]);
    assert_eq!(pair.client_events, [SessionEvent::Data(b"down".to_vec())]);
}

pub(super) fn out_of_order(subject: &mut dyn Subject) {
    let mut pair = Pair::connected(subject);
    let mut datagrams = Vec::new();
    for number in 0..100_u8 {
        pair.send(End::Client, &[number]);
        datagrams.extend(pair.session(End::Client).poll_transmit());
    }
    // The newest first: 64 are within the window, older ones are given up.
    for datagram in datagrams.iter().rev().chain(&datagrams) {
        pair.inject(End::Server, datagram);
    }
    pair.settle();
    let wanted: Vec<_> = (36..100_u8).rev().map(|number| vec![number]).collect();
    assert_eq!(pair.data(End::Server), wanted);
}

pub(super) fn garbled(subject: &mut dyn Subject) {
    let mut pair = Pair::connected(subject);
    for (from, to) in [(End::Client, End::Server), (End::Server, End::Client)] {
        pair.send(from, b"precious");
        let datagram = pair.session(from).poll_transmit().expect("a datagram");
        for position in 0..datagram.len() {
            let mut garbled = datagram.clone();
            garbled[position] ^= 0x10;
            pair.inject(to, &garbled);
            pair.inject(to, &datagram[..position]);
        }
        pair.settle();
        assert_eq!(pair.events(to), []);
        pair.inject(to, &datagram);
        pair.settle();
        assert_eq!(pair.data(to), [b"precious"]);
        assert_eq!(pair.events(to).len(), 1);
    }
}

pub(super) fn in_clear(subject: &mut dyn Subject) {
    let mut pair = Pair::connected(subject);
    let hello = pair.sent[0].1.clone();
    let mut sequence = 100;
    for to in [End::Client, End::Server] {
        for (content_type, fragment) in [
            (23, &b"plaintext"[..]),
            (21, &[2, 40]),
            (21, &[2, 47]),
            (21, &[1, 0]),
            (20, &[1]),
            (22, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            (25, b"connection id"),
            (99, b"unknown"),
        ] {
            sequence += 1;
            pair.inject(to, &in_epoch_0(content_type, sequence, fragment));
            let mut later = in_epoch_0(content_type, sequence, fragment);
            later[4] = 1;
            pair.inject(to, &later);
            later[4] = 2;
            pair.inject(to, &later);
        }
        pair.inject(to, &hello);
    }
    pair.settle();
    assert_eq!(pair.client_events, []);
    assert_eq!(pair.server_events, []);
    pair.send(End::Client, b"up");
    pair.send(End::Server, b"down");
    pair.settle();
    assert_eq!(pair.data(End::Server), [b"up"]);
    assert_eq!(pair.data(End::Client), [b"down"]);
}

pub(super) fn garbage(subject: &mut dyn Subject) {
    let mut pair = Pair::new(
        subject,
        Answers::one(b"device", KEY),
        &credential(b"device", KEY),
    );
    for round in 0..20_u8 {
        pair.run_until(core::time::Duration::from_millis(5), Pair::is_connected);
        for to in [End::Client, End::Server] {
            pair.inject(to, &[]);
            pair.inject(to, &[round; 100]);
            pair.inject(to, &in_epoch_0(23, round, b"data"));
            pair.inject(to, &in_epoch_0(22, round, &[1, 0, 0, 9]));
            pair.inject(to, &in_epoch_0(round, round, &[round; 30]));
        }
    }
    pair.run_until(SOON, Pair::is_connected);
    assert!(
        pair.is_connected(),
        "{:?} {:?}",
        pair.client_events,
        pair.server_events
    );
}
