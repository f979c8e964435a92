//! Strangers and thieves: what comes after the handshake without being authentic changes nothing.

#![cfg(test)]

mod common;

use common::*;
use motekey_dtls::codec::alert::AlertDescription;
use motekey_dtls::*;

/// A plaintext record of epoch 0.
fn plain(content_type: u8, content: &[u8]) -> Vec<u8> {
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
        99,
        0,
        u8::try_from(content.len()).unwrap(),
    ];
    record.extend(content);
    record
}

fn still_works(pair: &mut Pair) {
    pair.events();
    assert_eq!(
        (&pair.client_events[..], &pair.server_events[..]),
        (&[][..], &[][..])
    );
    assert_eq!(pair.server().poll_transmit(), None);
    pair.client.send(b"still here").unwrap();
    pair.run();
    assert_eq!(pair.server_events, [Event::Data(b"still here".to_vec())]);
    pair.server_events.clear();
}

#[test]
fn d01_a_replayed_record_is_dropped() {
    let mut pair = Pair::connected();
    pair.client.send(b"open the door").unwrap();
    let datagram = pair.client.poll_transmit().unwrap();
    let now = pair.now;
    assert_eq!(
        pair.server().handle_datagram(now, &datagram),
        Received::Newest
    );
    for _ in 0..3 {
        assert_eq!(
            pair.server().handle_datagram(now, &datagram),
            Received::Unverified
        );
    }
    pair.events();
    assert_eq!(pair.server_events, [Event::Data(b"open the door".to_vec())]);
}

#[test]
fn l09_an_older_record_verifies_but_is_not_the_newest() {
    let mut pair = Pair::connected();
    pair.client.send(b"one").unwrap();
    pair.client.send(b"two").unwrap();
    let (one, two) = (
        pair.client.poll_transmit().unwrap(),
        pair.client.poll_transmit().unwrap(),
    );
    let now = pair.now;
    assert_eq!(pair.server().handle_datagram(now, &two), Received::Newest);
    assert_eq!(pair.server().handle_datagram(now, &one), Received::Verified);
}

#[test]
fn plaintext_after_the_handshake_changes_nothing() {
    let mut pair = Pair::connected();
    let now = pair.now;
    for (record, why) in [
        (plain(21, &[2, 40]), "fatal alert"),
        (plain(21, &[1, 0]), "close_notify"),
        (plain(20, &[1]), "ChangeCipherSpec"),
        (plain(22, &[0; 12]), "HelloRequest"),
        (
            plain(22, &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0]),
            "ClientHello",
        ),
        (
            plain(22, &[20, 0, 0, 1, 0, 3, 0, 0, 0, 0, 0, 1, 0]),
            "Finished",
        ),
        (plain(23, b"data"), "application data"),
    ] {
        assert_eq!(
            pair.server().handle_datagram(now, &record),
            Received::Unverified,
            "{why}"
        );
        assert_eq!(
            pair.client.handle_datagram(now, &record),
            Received::Unverified,
            "{why}"
        );
    }
    still_works(&mut pair);
}

#[test]
fn every_changed_byte_and_every_truncation_of_a_record_changes_nothing() {
    let mut pair = Pair::connected();
    pair.client.send(b"sixteen bytes ..").unwrap();
    let datagram = pair.client.poll_transmit().unwrap();
    let now = pair.now;
    for position in 0..datagram.len() {
        for change in [1, 0x80, 0xff] {
            let mut forged = datagram.clone();
            forged[position] ^= change;
            assert_eq!(
                pair.server().handle_datagram(now, &forged),
                Received::Unverified,
                "byte {position}"
            );
        }
        assert_eq!(
            pair.server().handle_datagram(now, &datagram[..position]),
            Received::Unverified
        );
    }
    pair.events();
    assert_eq!(pair.server_events, []);
    assert_eq!(
        pair.server().handle_datagram(now, &datagram),
        Received::Newest,
        "the true one is still good"
    );
    pair.events();
    pair.server_events.clear();
    still_works(&mut pair);
}

#[test]
fn forged_finished_do_not_end_a_handshake() {
    let mut pair = Pair::new(
        server_config(),
        client_config(),
        &credential(IDENTITY, &KEY),
    );
    for _ in 0..2 {
        let hello = pair.client.poll_transmit().unwrap();
        pair.feed_server(&hello);
    }
    let (now, answer) = (pair.now, pair.server().poll_transmit().unwrap());
    pair.client.handle_datagram(now, &answer);
    let flight = pair.client.poll_transmit().unwrap();
    let mut forged = flight.clone();
    *forged.last_mut().unwrap() ^= 1;
    for _ in 0..3 {
        pair.feed_server(&forged);
    }
    pair.feed_server(&flight);
    assert!(pair.server().is_established());
}

#[test]
fn mutated_handshakes_never_panic_and_never_connect_with_changed_messages() {
    let mut random = TestRandom::new(99);
    let mut connected = 0;
    for round in 0..4_000_u64 {
        let mut pair = Pair::seeded(
            round,
            server_config(),
            client_config(),
            &credential(IDENTITY, &KEY),
        );
        let target = random.below(6);
        let mut number = 0;
        let mut mutated = |datagram: &mut Vec<u8>, random: &mut TestRandom| {
            if number == target {
                mutate(datagram, random);
            }
            number += 1;
        };
        for _ in 0..4 {
            while let Some(mut datagram) = pair.client.poll_transmit() {
                mutated(&mut datagram, &mut random);
                pair.feed_server(&datagram);
            }
            while let Some(mut datagram) = pair.server.as_mut().and_then(Connection::poll_transmit)
            {
                mutated(&mut datagram, &mut random);
                pair.client.handle_datagram(pair.now, &datagram);
            }
        }
        pair.events();
        let peer = Some(PeerIdentity::PreSharedKey(IDENTITY.to_vec()));
        for event in &pair.server_events {
            if let Event::Connected { peer: got } = event {
                assert_eq!(got, &peer, "round {round}");
                connected += 1;
            }
        }
    }
    assert!(connected < 4_000, "mutations do something");
}

/// Flips, cuts, doubles, inserts.
fn mutate(datagram: &mut Vec<u8>, random: &mut TestRandom) {
    let length = datagram.len() as u64;
    let position = usize::try_from(random.below(length)).unwrap();
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

#[test]
fn port_reuse_a_client_hello_to_an_established_session_does_not_touch_it() {
    let mut pair = Pair::connected();
    let mut other = Connection::connect(
        &client_config(),
        &credential(IDENTITY, &KEY),
        pair.now,
        &mut pair.random,
    )
    .unwrap();
    let hello = other.poll_transmit().unwrap();
    assert!(Server::is_client_hello(&hello));
    pair.feed_server(&hello);
    still_works(&mut pair);
    // The front answers it without the old session.
    let (now, from) = (pair.now, client_address());
    let FirstContact::Reply(request) = pair
        .front
        .first_contact(now, from, &hello, &mut pair.random)
        .unwrap()
    else {
        panic!("no cookie");
    };
    other.handle_datagram(now, &request);
    let hello = other.poll_transmit().unwrap();
    let contact = pair
        .front
        .first_contact(now, from, &hello, &mut pair.random)
        .unwrap();
    assert!(matches!(contact, FirstContact::Accept(_)));
    still_works(&mut pair);
}

#[test]
fn alerts_of_a_handshake_are_heard() {
    let mut pair = Pair::new(
        server_config(),
        client_config(),
        &credential(IDENTITY, &KEY),
    );
    let now = pair.now;
    pair.client.handle_datagram(now, &plain(21, &[1, 90]));
    pair.client.handle_datagram(now, &plain(21, &[2]));
    pair.events();
    assert_eq!(pair.client_events, []);
    pair.client.handle_datagram(now, &plain(21, &[2, 40]));
    pair.events();
    assert_eq!(
        pair.client_events,
        [Event::Closed(CloseReason::Alert(
            AlertDescription::HANDSHAKE_FAILURE
        ))]
    );
}
