//! PSK handshakes between our two ends.

#![cfg(test)]

mod common;

use std::sync::Arc;

use common::*;
use motekey_dtls::codec::alert::AlertDescription;
use motekey_dtls::crypto::rust::PROVIDER;
use motekey_dtls::*;

const PSK_SUITES: [CipherSuite; 6] = [
    CipherSuite::PskAes128Ccm8,
    CipherSuite::PskAes128Gcm,
    CipherSuite::PskChaCha20Poly1305,
    CipherSuite::EcdhePskAes128Ccm8,
    CipherSuite::EcdhePskAes128Gcm,
    CipherSuite::EcdhePskChaCha20Poly1305,
];

fn connected_as(identity: &[u8]) -> Event {
    Event::Connected {
        peer: Some(PeerIdentity::PreSharedKey(identity.to_vec())),
    }
}

#[test]
fn d23_every_psk_suite_connects_and_carries_data() {
    for suite in PSK_SUITES {
        let client = ClientConfig {
            cipher_suites: vec![suite],
            ..client_config()
        };
        let mut pair = Pair::new(server_config(), client, &credential(IDENTITY, &KEY));
        pair.run();
        assert_eq!(pair.client_events, [Event::Connected { peer: None }]);
        assert_eq!(pair.server_events, [connected_as(IDENTITY)]);
        assert_eq!(pair.client.cipher_suite(), Some(suite));
        assert_eq!(pair.server().cipher_suite(), Some(suite));
        pair.client.send(b"ping").unwrap();
        pair.run();
        pair.server().send(b"pong").unwrap();
        pair.run();
        assert_eq!(pair.server_events[1..], [Event::Data(b"ping".to_vec())]);
        assert_eq!(pair.client_events[1..], [Event::Data(b"pong".to_vec())]);
        assert_eq!(
            (pair.client.poll_timeout(), pair.server().poll_timeout()),
            (None, None)
        );
    }
}

#[test]
fn l01_before_the_cookie_nothing_is_kept_and_nothing_larger_is_sent() {
    let mut pair = Pair::new(
        server_config(),
        client_config(),
        &credential(IDENTITY, &KEY),
    );
    let hello = pair.client.poll_transmit().unwrap();
    for _ in 0..100 {
        match pair
            .front
            .first_contact(pair.now, client_address(), &hello, &mut pair.random)
            .unwrap()
        {
            FirstContact::Reply(reply) => assert!(reply.len() <= hello.len()),
            other => panic!("{other:?}"),
        }
    }
    pair.feed_server(&hello);
    assert!(pair.server.is_none());
    let second = pair.client.poll_transmit().unwrap();
    let stranger = "198.51.100.1:40000".parse().unwrap();
    let from_elsewhere = pair
        .front
        .first_contact(pair.now, stranger, &second, &mut pair.random)
        .unwrap();
    assert!(
        matches!(from_elsewhere, FirstContact::Reply(_)),
        "the cookie belongs to its address"
    );
    pair.feed_server(&second);
    assert!(pair.server.is_some());
}

#[test]
fn l01_what_is_not_a_whole_client_hello_is_ignored() {
    let mut pair = Pair::new(
        server_config(),
        client_config(),
        &credential(IDENTITY, &KEY),
    );
    let hello = pair.client.poll_transmit().unwrap();
    for length in 0..hello.len() {
        let contact = pair
            .front
            .first_contact(
                pair.now,
                client_address(),
                &hello[..length],
                &mut pair.random,
            )
            .unwrap();
        assert!(matches!(contact, FirstContact::Ignore), "{length}");
    }
    for (position, value, why) in [
        (0, 23, "application data"),
        (4, 1, "epoch 1"),
        (13, 2, "a ServerHello"),
    ] {
        let mut other = hello.clone();
        other[position] = value;
        let contact = pair
            .front
            .first_contact(pair.now, client_address(), &other, &mut pair.random)
            .unwrap();
        assert!(matches!(contact, FirstContact::Ignore), "{why}");
    }
}

#[test]
fn l02_l03_identities_of_any_bytes_and_length_and_long_keys_are_taken() {
    let long = vec![0xa5; 2048];
    let with_zero = b"a\0b\xff\xfe".to_vec();
    for (identity, key) in [
        (vec![], vec![1]),
        (vec![7; 16], vec![2; 16]),
        (vec![7; 128], vec![2; 64]),
        (vec![7; 255], vec![2; 65]),
        (vec![7; 1000], vec![2; 200]),
        (long, vec![3; 16]),
        (with_zero, vec![4; 32]),
    ] {
        let keys = Keys {
            keys: [(identity.clone(), key.clone()), (b"a".to_vec(), vec![9])].into(),
            hint: None,
        };
        let server = ServerConfig::new(&PROVIDER, Arc::new(keys));
        let mut pair = Pair::new(server, client_config(), &credential(&identity, &key));
        pair.run();
        assert_eq!(
            pair.server_events,
            [connected_as(&identity)],
            "{} bytes",
            identity.len()
        );
        assert!(
            pair.trace
                .iter()
                .all(|(_, datagram)| datagram.len() <= 1232)
        );
    }
}

#[test]
fn l03_an_identity_that_is_too_long_is_refused() {
    let mut pair = Pair::new(
        server_config(),
        client_config(),
        &credential(&[1; 2049], &KEY),
    );
    pair.run();
    assert_eq!(
        pair.client_events,
        [Event::Closed(CloseReason::Alert(
            AlertDescription::ILLEGAL_PARAMETER
        ))]
    );
    assert!(matches!(
        pair.server_events[..],
        [Event::Closed(CloseReason::HandshakeFailed(_))]
    ));
}

#[test]
fn d28_an_identity_that_selects_no_token_ends_with_illegal_parameter() {
    let mut pair = Pair::new(
        server_config(),
        client_config(),
        &credential(b"token:bad", &KEY),
    );
    pair.run();
    assert_eq!(
        pair.client_events,
        [Event::Closed(CloseReason::Alert(
            AlertDescription::ILLEGAL_PARAMETER
        ))]
    );
    assert_eq!(
        pair.server_events,
        [Event::Closed(CloseReason::HandshakeFailed(
            HandshakeError::IdentityRefused
        ))]
    );
}

#[test]
fn an_unknown_identity_looks_like_a_wrong_key() {
    let lengths = |identity: &[u8], key: &[u8]| {
        let mut pair = Pair::new(server_config(), client_config(), &credential(identity, key));
        pair.run();
        let before: Vec<_> = pair
            .trace
            .iter()
            .map(|(from, datagram)| (*from, datagram.len()))
            .collect();
        assert_eq!(
            (pair.client_events.len(), pair.server_events.len()),
            (0, 0),
            "silence until the repetition"
        );
        pair.wait();
        let after: Vec<_> = pair
            .trace
            .iter()
            .map(|(from, datagram)| (*from, datagram.len()))
            .collect();
        assert_eq!(
            pair.client_events,
            [Event::Closed(CloseReason::Alert(
                AlertDescription::DECRYPT_ERROR
            ))]
        );
        (before, after)
    };
    assert_eq!(
        lengths(b"device-99999999", &KEY),
        lengths(IDENTITY, &[1; 16])
    );
}

#[test]
fn a_hint_is_sent_only_where_there_is_one() {
    let keys = Keys {
        hint: Some(b"hint".to_vec()),
        ..Keys::one()
    };
    let server = ServerConfig::new(&PROVIDER, Arc::new(keys));
    let mut with = Pair::new(server, client_config(), &credential(IDENTITY, &KEY));
    with.run();
    assert!(with.is_connected());
    let mut without = Pair::new(
        server_config(),
        client_config(),
        &credential(IDENTITY, &KEY),
    );
    without.run();
    assert_eq!(with.bytes() - without.bytes(), 12 + 2 + 4);
}

#[test]
fn a_full_handshake_takes_at_most_510_bytes_and_six_datagrams() {
    let server = ServerConfig {
        connection_ids: Some(ConnectionIds {
            length: 8,
            prefix: vec![1],
        }),
        ..server_config()
    };
    let mut pair = Pair::new(server, client_config(), &credential(IDENTITY, &KEY));
    pair.run();
    assert!(pair.is_connected());
    let lengths: Vec<_> = pair
        .trace
        .iter()
        .map(|(_, datagram)| datagram.len())
        .collect();
    assert_eq!(lengths.len(), 6, "{lengths:?}");
    assert!(pair.bytes() <= 510, "{} bytes: {lengths:?}", pair.bytes());
}

#[test]
fn l04_a_server_without_extended_master_secret_is_left() {
    let mut pair = Pair::new(
        server_config(),
        client_config(),
        &credential(IDENTITY, &KEY),
    );
    let mut flight = pair.first_flight();
    // The extension is taken out of the ServerHello, and of all lengths around it.
    let extension = [0, 23, 0, 0];
    let at = flight
        .windows(4)
        .position(|window| window == extension)
        .unwrap();
    flight.drain(at..at + 4);
    let session_id = usize::from(flight[25 + 34]);
    for length in [12, 16, 24, 25 + 35 + session_id + 4] {
        flight[length] -= 4;
    }
    pair.client.handle_datagram(pair.now, &flight);
    pair.events();
    assert_eq!(
        pair.client_events,
        [Event::Closed(CloseReason::HandshakeFailed(
            HandshakeError::NoExtendedMasterSecret
        ))]
    );
    let alert = pair.client.poll_transmit().unwrap();
    assert_eq!(alert[13..], [2, 40], "handshake_failure");
}

#[test]
fn l04_a_peer_without_extended_master_secret_is_refused() {
    let mut pair = Pair::new(
        server_config(),
        client_config(),
        &credential(IDENTITY, &KEY),
    );
    let hello = pair.client.poll_transmit().unwrap();
    // extended_master_secret (0, 23, 0, 0) becomes an unknown extension.
    let position = hello
        .windows(4)
        .position(|window| window == [0, 23, 0, 0])
        .unwrap();
    let mut without = hello;
    without[position + 1] = 99;
    let FirstContact::Reply(request) = pair
        .front
        .first_contact(pair.now, client_address(), &without, &mut pair.random)
        .unwrap()
    else {
        panic!("no cookie");
    };
    // The cookie goes between session id and suites.
    let cookie = &request[request.len() - 12..];
    let at = 13 + 12 + 2 + 32 + 1;
    let mut second = without.clone();
    second.splice(at..=at, [&[12], cookie].concat());
    for (position, more) in [(12, 12), (16, 12), (24, 12)] {
        second[position] += more;
    }
    let contact = pair
        .front
        .first_contact(pair.now, client_address(), &second, &mut pair.random)
        .unwrap();
    match contact {
        FirstContact::Refuse {
            error: HandshakeError::NoExtendedMasterSecret,
            reply,
        } => {
            assert_eq!(reply[reply.len() - 2..], [2, 40]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn suites_that_are_not_shared_end_with_handshake_failure() {
    let server = ServerConfig {
        cipher_suites: vec![CipherSuite::PskAes128Gcm],
        ..server_config()
    };
    let mut pair = Pair::new(server, client_config(), &credential(IDENTITY, &KEY));
    pair.run();
    assert_eq!(
        pair.client_events,
        [Event::Closed(CloseReason::Alert(
            AlertDescription::HANDSHAKE_FAILURE
        ))]
    );
    assert!(pair.server.is_none(), "no session was made");
}
