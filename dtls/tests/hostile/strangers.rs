//! Strangers and thieves: what comes after the handshake without being authentic changes nothing.

use crate::common::*;
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
    let FirstContact::Accept(mut replacing) = contact else {
        panic!("{contact:?}");
    };
    still_works(&mut pair);
    for _ in 0..2 {
        while let Some(datagram) = replacing.poll_transmit() {
            other.handle_datagram(now, &datagram);
        }
        while let Some(datagram) = other.poll_transmit() {
            replacing.handle_datagram(now, &datagram);
        }
    }
    assert!(replacing.is_established(), "only now may the old one go");
    while let Some(datagram) = replacing.poll_transmit() {
        other.handle_datagram(now, &datagram);
    }
    assert!(other.is_established());
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

#[test]
fn a_recorded_handshake_does_not_connect_again() {
    let mut pair = Pair::new(
        server_config(),
        client_config(),
        &credential(IDENTITY, &KEY),
    );
    pair.run();
    pair.client.send(b"open the door").unwrap();
    pair.run();
    pair.server = None;
    pair.server_events.clear();
    let recorded = std::mem::take(&mut pair.trace);
    for _ in 0..3 {
        for (_, datagram) in recorded.iter().filter(|(from_client, _)| *from_client) {
            pair.feed_server(datagram);
        }
    }
    // The cookie is still good, but the server's random is another: neither Finished nor data verify.
    assert!(!pair.server().is_established());
    pair.events();
    assert_eq!(pair.server_events, []);
}

#[test]
fn random_records_after_the_handshake_change_nothing() {
    let mut pair = Pair::connected();
    let mut random = TestRandom::new(5);
    for _ in 0..20_000 {
        let mut datagram = Vec::new();
        for _ in 0..=random.below(2) {
            let length = random.below(60) as u16;
            let content_type = 19 + random.below(8) as u8;
            let (epoch, sequence) = (random.below(3) as u8, random.below(4) as u8);
            datagram.extend([content_type, 0xfe, 0xfd, 0, epoch]);
            datagram.extend([0, 0, 0, 0, 0, sequence]);
            datagram.extend(length.to_be_bytes());
            datagram.extend((0..length).map(|_| random.next() as u8));
        }
        let now = pair.now;
        let received = pair.server().handle_datagram(now, &datagram);
        assert_eq!(received, Received::Unverified, "{datagram:02x?}");
        let received = pair.client.handle_datagram(now, &datagram);
        assert_eq!(received, Received::Unverified, "{datagram:02x?}");
    }
    still_works(&mut pair);
}

#[test]
fn l01_no_datagram_before_the_cookie_gets_more_bytes_than_it_has() {
    let mut pair = Pair::new(
        server_config(),
        client_config(),
        &credential(IDENTITY, &KEY),
    );
    let hello = pair.client.poll_transmit().unwrap();
    let (mut random, mut answered) = (TestRandom::new(6), 0);
    for round in 0..20_000 {
        let mut datagram = hello.clone();
        for _ in 0..round % 4 {
            mutate(&mut datagram, &mut random);
        }
        let contact = pair
            .front
            .first_contact(pair.now, client_address(), &datagram, &mut pair.random)
            .unwrap();
        match contact {
            FirstContact::Ignore => {}
            FirstContact::Reply(reply) => {
                assert!(reply.len() <= datagram.len(), "{datagram:02x?}");
                answered += 1;
            }
            other => panic!("{other:?} to {datagram:02x?}"),
        }
    }
    assert!((5_000..19_000).contains(&answered), "{answered}");
}

/// The shortest hello that can be read is not shorter than the answer to it.
#[test]
fn l01_the_shortest_hello_gets_no_more_bytes_than_it_has() {
    let mut body = vec![0xfe, 0xfd];
    body.extend([7; 32]);
    body.extend([0, 0, 0, 2, 0xc0, 0xa8, 1, 0]);
    let length = body.len() as u8;
    let message = [&[1, 0, 0, length, 0, 0, 0, 0, 0, 0, 0, length][..], &body].concat();
    let hello = plain(22, &message);
    let mut pair = Pair::new(
        server_config(),
        client_config(),
        &credential(IDENTITY, &KEY),
    );
    let contact = pair
        .front
        .first_contact(pair.now, client_address(), &hello, &mut pair.random)
        .unwrap();
    let FirstContact::Reply(reply) = contact else {
        panic!("{contact:?}");
    };
    assert!(
        reply.len() <= hello.len(),
        "{} > {}",
        reply.len(),
        hello.len()
    );
}

#[test]
fn a_message_in_clear_does_not_take_the_place_of_the_finished() {
    for before in [false, true] {
        let mut pair = Pair::new(
            server_config(),
            client_config(),
            &credential(IDENTITY, &KEY),
        );
        // ClientKeyExchange would be 2 and Finished 3 on the server; ServerHelloDone is 2 and Finished 3 on the client.
        let forged = plain(22, &[11, 0, 0, 4, 0, 3, 0, 0, 0, 0, 0, 2, 7, 7]);
        let whole = plain(22, &[11, 0, 0, 1, 0, 3, 0, 0, 0, 0, 0, 1, 7]);
        for _ in 0..2 {
            let hello = pair.client.poll_transmit().unwrap();
            pair.feed_server(&hello);
        }
        let now = pair.now;
        if before {
            pair.feed_server(&forged);
            pair.client.handle_datagram(now, &forged);
        }
        let answer = pair.server().poll_transmit().unwrap();
        pair.client.handle_datagram(now, &answer);
        pair.client.handle_datagram(now, &forged);
        pair.client.handle_datagram(now, &whole);
        pair.run();
        assert!(pair.is_connected(), "forged before: {before}");
    }
}
