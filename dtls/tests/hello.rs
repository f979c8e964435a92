//! ClientHellos: how long they are, and what becomes of one in parts.

#![cfg(test)]

mod common;

use std::sync::Arc;

use common::kinds::*;
use common::*;
use motekey_dtls::*;

fn at(kind: Kind, datagram: u16, connection_id: usize) -> ClientConfig {
    ClientConfig {
        limits: Limits {
            datagram,
            ..Limits::default()
        },
        connection_id: Some(vec![7; connection_id]),
        ..kind.client_config()
    }
}

/// A pair whose client offers `session` within `datagram` bytes.
fn pair(
    server: ServerConfig,
    client: &ClientConfig,
    kind: Kind,
    session: Option<&ClientSession>,
) -> Pair {
    let credential = kind.credential();
    let mut pair = Pair::new(server, client.clone(), &credential);
    if let Some(session) = session {
        let (now, random) = (pair.now, &mut pair.random);
        pair.client = Connection::resume(client, &credential, session, now, random).unwrap();
    }
    pair.run();
    pair
}

/// Length of the ClientHello that carries the cookie.
fn second_hello(pair: &Pair) -> usize {
    pair.trace[2].1.len()
}

fn resuming() -> ServerConfig {
    ServerConfig {
        sessions: Some(Arc::new(MemorySessionCache::new(8))),
        ..server_for_all()
    }
}

#[test]
fn every_hello_fits_where_the_documentation_says() {
    for (kind, length, longest_id) in [
        (Kind::Psk, 92, 20),
        (Kind::EcdhePsk, 102, 20),
        (Kind::X509, 112, 15),
        (Kind::RawPublicKey, 124, 3),
    ] {
        for connection_id in [0, longest_id] {
            let client = at(kind, 127, connection_id);
            let pair = pair(server_for_all(), &client, kind, None);
            assert!(pair.is_connected(), "{kind:?} {connection_id}");
            assert_eq!(second_hello(&pair), length + connection_id, "{kind:?}");
            assert!(
                pair.trace
                    .iter()
                    .all(|(client, bytes)| !client || bytes.len() <= 127)
            );
            assert_eq!(pair.front.fragmented_hellos(), 0);
        }
    }
    let client = at(Kind::Psk, 96, 4);
    assert!(pair(server_for_all(), &client, Kind::Psk, None).is_connected());
}

#[test]
fn an_offer_to_resume_is_left_out_where_it_does_not_fit() {
    for (kind, least) in [
        (Kind::Psk, 100),
        (Kind::EcdhePsk, 110),
        (Kind::X509, 120),
        (Kind::RawPublicKey, 132),
    ] {
        let server = resuming();
        let first = pair(server.clone(), &at(kind, 1232, 0), kind, None);
        let session = first.client.resumption().unwrap();
        for (datagram, resumed) in [(least, true), (least - 1, false)] {
            let client = at(kind, datagram, 0);
            let again = pair(server.clone(), &client, kind, Some(&session));
            assert!(again.is_connected(), "{kind:?} {datagram}");
            let same = again.client.session_id() == first.client.session_id();
            assert_eq!(same, resumed, "{kind:?} {datagram}");
            assert!(second_hello(&again) <= usize::from(datagram));
        }
    }
}

#[test]
fn l01_a_hello_in_parts_is_ignored_counted_and_leaves_no_state() {
    let kind = Kind::RawPublicKey;
    let client = at(kind, 100, 0);
    let mut pair = Pair::new(server_for_all(), client, &kind.credential());
    let parts: Vec<_> = std::iter::from_fn(|| pair.client.poll_transmit()).collect();
    assert_eq!(parts.len(), 2);
    for round in 1..=3 {
        for part in &parts {
            let contact =
                pair.front
                    .first_contact(pair.now, client_address(), part, &mut pair.random);
            assert!(matches!(contact, Ok(FirstContact::Ignore)));
        }
        assert_eq!(pair.front.fragmented_hellos(), 2 * round);
    }
    // The parts of a second hello, with a good cookie, are no better: nobody kept the first part.
    let whole = at(kind, 1232, 0);
    let mut other = Pair::new(server_for_all(), whole, &kind.credential());
    let hello = other.client.poll_transmit().unwrap();
    other.feed_server(&hello);
    let hello = other.client.poll_transmit().unwrap();
    for part in halves(&hello) {
        other.feed_server(&part);
    }
    assert!(other.server.is_none());
    assert_eq!(other.front.fragmented_hellos(), 2);
    other.feed_server(&hello);
    assert!(other.server.is_some());
}

/// A message of one record in two fragments, each in a record.
fn halves(datagram: &[u8]) -> [Vec<u8>; 2] {
    let (header, body) = (&datagram[..25], &datagram[25..]);
    let middle = body.len() / 2;
    [(0, &body[..middle]), (middle, &body[middle..])].map(|(offset, part)| {
        let mut out = [header, part].concat();
        let byte = |value: usize| u8::try_from(value).unwrap();
        out[12] = byte(12 + part.len());
        out[21] = byte(offset);
        out[24] = byte(part.len());
        out
    })
}
