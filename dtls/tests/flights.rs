//! Flights that are lost, repeated and disordered; and how handshakes and sessions end.

#![cfg(test)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::kinds::*;
use common::*;
use motekey_dtls::crypto::rust::PROVIDER;
use motekey_dtls::*;

/// A pair after both hellos; the server's flight waits to be polled.
fn answered(kind: Kind) -> Pair {
    let mut pair = Pair::new(server_for_all(), kind.client_config(), &kind.credential());
    for _ in 0..2 {
        let hello = pair.client.poll_transmit().unwrap();
        pair.feed_server(&hello);
    }
    pair
}

fn drain(connection: &mut Connection) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| connection.poll_transmit()).collect()
}

/// RFC 6347 Section 4.2.4: in WAITING, a repeated flight of the peer is answered by ours, before our timer.
#[test]
fn a_server_repeats_its_flight_when_the_client_shows_that_it_misses_it() {
    for kind in Kind::ALL {
        let mut pair = answered(kind);
        assert_eq!(drain(pair.server()).len(), 1, "lost");
        let (client, server) = (
            pair.client.poll_timeout().unwrap(),
            pair.server().poll_timeout().unwrap(),
        );
        assert!(client < server, "the client has measured the round trip");
        pair.now = client;
        pair.client.handle_timeout(client);
        pair.run();
        assert!(pair.is_connected(), "{kind:?}: without the server's timer");
    }
}

#[test]
fn a_client_repeats_its_flight_when_the_server_shows_that_it_misses_it() {
    for kind in Kind::ALL {
        let mut pair = answered(kind);
        let (now, flight) = (pair.now, pair.server().poll_transmit().unwrap());
        pair.client.handle_datagram(now, &flight);
        assert!(!drain(&mut pair.client).is_empty(), "lost");
        let later = pair.server().poll_timeout().unwrap();
        pair.server().handle_timeout(later);
        let again = pair.server().poll_transmit().unwrap();
        // At once, it may be an old datagram; the client's own timer is not asked.
        pair.client.handle_datagram(now, &again);
        assert_eq!(drain(&mut pair.client).len(), 0, "{kind:?}");
        pair.client.handle_datagram(later, &again);
        let repeated = drain(&mut pair.client);
        assert!(!repeated.is_empty(), "{kind:?}");
        // Whoever repeats it all day does not make us send all day.
        for _ in 0..100 {
            pair.client.handle_datagram(later, &again);
        }
        assert_eq!(drain(&mut pair.client).len(), 0, "{kind:?}");
        pair.now = later;
        repeated
            .iter()
            .for_each(|datagram| pair.feed_server(datagram));
        pair.run();
        assert!(pair.is_connected(), "{kind:?}");
    }
}

#[test]
fn the_last_flight_is_repeated_long_after_and_whatever_the_credentials_are() {
    for kind in Kind::ALL {
        let mut pair = answered(kind);
        let (now, flight) = (pair.now, pair.server().poll_transmit().unwrap());
        pair.client.handle_datagram(now, &flight);
        let flight = drain(&mut pair.client);
        flight
            .iter()
            .for_each(|datagram| pair.feed_server(datagram));
        assert!(pair.server().is_established());
        for _ in 0..4 {
            assert_eq!(drain(pair.server()).len(), 1, "{kind:?}: lost");
            pair.now = pair.client.poll_timeout().unwrap();
            let now = pair.now;
            pair.client.handle_timeout(now);
            let again = drain(&mut pair.client);
            again.iter().for_each(|datagram| pair.feed_server(datagram));
        }
        assert!(pair.now > Instant::from_micros(2_000_000));
        pair.run();
        assert!(pair.is_connected(), "{kind:?}");
    }
}

/// The owner of a server learns which of its handshakes ended because of a wrong key, and not what the network lost.
#[test]
fn a_wrong_key_and_an_unknown_identity_are_told_from_silence() {
    let silent = CloseReason::HandshakeTimeout;
    let wrong = CloseReason::HandshakeFailed(HandshakeError::Finished);
    for (identity, key, leaves, wanted) in [
        (IDENTITY, [1; 16], false, wrong),
        (b"device-99999999", KEY, false, wrong),
        (IDENTITY, KEY, true, silent),
    ] {
        let credential = credential(identity, &key);
        let mut pair = Pair::new(server_config(), client_config(), &credential);
        for _ in 0..2 {
            let hello = pair.client.poll_transmit().unwrap();
            pair.feed_server(&hello);
        }
        if !leaves {
            pair.run();
            pair.wait();
        }
        while let Some(next) = pair.server().poll_timeout() {
            pair.server().handle_timeout(next);
        }
        pair.events();
        assert_eq!(pair.server_events, [Event::Closed(wanted)], "{identity:?}");
    }
}

/// Nothing ends without an event, and nothing comes after it.
#[test]
fn every_end_of_a_session_is_told_once() {
    let mut pair = Pair::connected();
    pair.client.close();
    pair.run();
    pair.client.close();
    let now = pair.now + Duration::from_secs(100);
    pair.client.handle_timeout(now);
    pair.server().handle_timeout(now);
    pair.run();
    assert_eq!(pair.client_events, [Event::Closed(CloseReason::Local)]);
    assert_eq!(pair.server_events, [Event::Closed(CloseReason::Peer)]);
    assert_eq!(pair.client.send(b"x"), Err(SendError::Closed));
    // In the middle of a handshake as well.
    for kind in Kind::ALL {
        let mut pair = answered(kind);
        pair.client.close();
        let close = pair.client.poll_transmit().unwrap();
        pair.feed_server(&close);
        pair.events();
        assert_eq!(
            pair.client_events,
            [Event::Closed(CloseReason::Local)],
            "{kind:?}"
        );
        assert_eq!(
            pair.server_events,
            [Event::Closed(CloseReason::Peer)],
            "{kind:?}"
        );
    }
}

#[test]
fn lost_datagrams_are_sent_again_and_the_last_flight_is_repeated() {
    for lost in 0..5 {
        let mut pair = Pair::new(
            server_config(),
            client_config(),
            &credential(IDENTITY, &KEY),
        );
        let mut number = 0;
        for _ in 0..20 {
            while let Some(datagram) = pair.client.poll_transmit() {
                if number != lost {
                    pair.feed_server(&datagram);
                }
                number += 1;
                while let Some(datagram) = pair.server.as_mut().and_then(Connection::poll_transmit)
                {
                    if number != lost {
                        pair.client.handle_datagram(pair.now, &datagram);
                    }
                    number += 1;
                }
            }
            if pair.is_connected() {
                break;
            }
            pair.wait();
        }
        assert!(pair.is_connected(), "datagram {lost} lost");
        assert!(pair.now > Instant::ZERO, "datagram {lost} lost");
    }
}

#[test]
fn a_handshake_without_answer_ends_at_its_limit() {
    let mut pair = Pair::new(
        server_config(),
        client_config(),
        &credential(IDENTITY, &KEY),
    );
    let mut sent = 0;
    while let Some(next) = pair.client.poll_timeout() {
        sent += std::iter::from_fn(|| pair.client.poll_transmit()).count();
        pair.client.handle_timeout(next);
        pair.now = next;
    }
    pair.events();
    assert_eq!(
        pair.client_events,
        [Event::Closed(CloseReason::HandshakeTimeout)]
    );
    assert_eq!(pair.now, Instant::from_micros(60_000_000));
    assert!((6..=7).contains(&sent), "{sent}");
    assert_eq!(pair.client.send(b"x"), Err(SendError::Closed));
}

#[test]
fn close_notify_is_answered_and_ends_both_ends() {
    let mut pair = Pair::connected();
    pair.client.close();
    pair.run();
    assert_eq!(pair.client_events, [Event::Closed(CloseReason::Local)]);
    assert_eq!(pair.server_events, [Event::Closed(CloseReason::Peer)]);
    assert_eq!(pair.trace.len(), 2);
    pair.client.close();
    assert_eq!(pair.client.poll_transmit(), None);
}

#[test]
fn a_finished_that_overtakes_the_key_exchange_is_kept() {
    let client = ClientConfig {
        limits: Limits {
            datagram: 96,
            ..Limits::default()
        },
        ..client_config()
    };
    let keys = Keys {
        keys: [(vec![7; 100], KEY.to_vec())].into(),
        hint: None,
    };
    let mut pair = Pair::new(
        ServerConfig::new(&PROVIDER, Arc::new(keys)),
        client,
        &credential(&[7; 100], &KEY),
    );
    let hello = pair.client.poll_transmit().unwrap();
    pair.feed_server(&hello);
    let hello = pair.client.poll_transmit().unwrap();
    pair.feed_server(&hello);
    let answer = pair.server().poll_transmit().unwrap();
    let now = pair.now;
    pair.client.handle_datagram(now, &answer);
    let flight: Vec<_> = std::iter::from_fn(|| pair.client.poll_transmit()).collect();
    assert!(flight.len() > 1);
    flight
        .iter()
        .rev()
        .for_each(|datagram| pair.feed_server(datagram));
    pair.run();
    assert!(pair.is_connected());
    assert_eq!(pair.now, Instant::ZERO, "without waiting");
}
