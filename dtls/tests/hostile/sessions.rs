//! What must hold whatever the credentials are: wrong Finished, replay, a new handshake from an old address.

use motekey_dtls::codec::record::ContentType;
use motekey_dtls::*;

use crate::common::keys::{WriteKey, secrets_of, write_keys};
use crate::common::kinds::*;
use crate::common::*;

fn pair(seed: u64, kind: Kind) -> Pair {
    Pair::seeded(
        seed,
        server_for_all(),
        kind.client_config(),
        &kind.credential(),
    )
}

/// The keys of the handshake of a seed: the same seed gives the same handshake.
fn keys_of(seed: u64, kind: Kind) -> [WriteKey; 2] {
    let mut pair = pair(seed, kind);
    pair.run();
    let (master, client, server) = secrets_of(&mut pair.client);
    write_keys(&master, client, server)
}

/// A Finished of this number with a wrong verify_data.
fn wrong_finished(number: u8) -> Vec<u8> {
    [
        &[20, 0, 0, 12, 0, number, 0, 0, 0, 0, 0, 12][..],
        &[0x5a; 12],
    ]
    .concat()
}

#[test]
fn a_wrong_finished_of_either_end_is_refused_whatever_the_credentials_are() {
    let failed = &[Event::Closed(CloseReason::HandshakeFailed(
        HandshakeError::Finished,
    ))];
    for kind in Kind::ALL {
        let [client, server] = keys_of(3, kind);
        let mut pair = pair(3, kind);
        for _ in 0..2 {
            let hello = pair.client.poll_transmit().unwrap();
            pair.feed_server(&hello);
        }
        let (now, flight) = (pair.now, pair.server().poll_transmit().unwrap());
        pair.client.handle_datagram(now, &flight);
        let flight = pair.client.poll_transmit().unwrap();
        // Everything but the Finished, which is 13 + 8 + 24 + 8 bytes; it follows the last message in clear.
        pair.feed_server(&flight[..flight.len() - 53]);
        let number = if Kind::SIGNED.contains(&kind) { 5 } else { 3 };
        pair.feed_server(&client.record(0, ContentType::Handshake, &wrong_finished(number - 1)));
        pair.feed_server(&client.record(1, ContentType::Handshake, &wrong_finished(number)));
        let number = match kind {
            Kind::Psk => 3,
            Kind::EcdhePsk => 4,
            Kind::RawPublicKey | Kind::X509 => 6,
        };
        let forged = server.record(0, ContentType::Handshake, &wrong_finished(number));
        pair.client.handle_datagram(now, &forged);
        pair.events();
        assert_eq!(pair.server_events, *failed, "{kind:?}");
        assert_eq!(pair.client_events, *failed, "{kind:?}");
    }
}

#[test]
fn a_recorded_handshake_of_any_kind_does_not_connect_again() {
    for kind in Kind::ALL {
        let mut pair = pair(1, kind);
        pair.run();
        pair.client.send(b"open the door").unwrap();
        pair.run();
        assert!(
            pair.server_events
                .contains(&Event::Data(b"open the door".to_vec()))
        );
        pair.server = None;
        pair.server_events.clear();
        let recorded = std::mem::take(&mut pair.trace);
        for _ in 0..3 {
            for (_, datagram) in recorded.iter().filter(|(from_client, _)| *from_client) {
                pair.feed_server(datagram);
            }
        }
        assert!(!pair.server().is_established(), "{kind:?}");
        pair.events();
        let connected = |event: &Event| matches!(event, Event::Connected { .. } | Event::Data(_));
        assert!(!pair.server_events.iter().any(connected), "{kind:?}");
    }
}

#[test]
fn a_new_handshake_from_an_old_address_leaves_the_session_until_it_is_complete() {
    for (old, new) in Kind::ALL
        .into_iter()
        .flat_map(|old| Kind::ALL.map(|new| (old, new)))
    {
        let mut pair = pair(1, old);
        pair.run();
        assert!(pair.is_connected());
        let held = pair.server.take();
        let now = pair.now;
        let other = Connection::connect(
            &new.client_config(),
            &new.credential(),
            now,
            &mut pair.random,
        );
        let client = std::mem::replace(&mut pair.client, other.unwrap());
        // The new handshake, up to the flight that would complete it.
        for _ in 0..2 {
            let hello = pair.client.poll_transmit().unwrap();
            assert!(Server::is_client_hello(&hello));
            pair.feed_server(&hello);
        }
        let flight = pair.server().poll_transmit().unwrap();
        pair.client.handle_datagram(now, &flight);
        assert!(!pair.server().is_established());
        let (mut old_client, mut old_server) = (client, held.unwrap());
        old_client.send(b"still here").unwrap();
        let datagram = old_client.poll_transmit().unwrap();
        assert_eq!(old_server.handle_datagram(now, &datagram), Received::Newest);
        pair.run();
        assert!(
            pair.is_connected(),
            "{old:?} {new:?}: only now may the old one go"
        );
        pair.server_events.clear();
        pair.client.send(b"new").unwrap();
        pair.run();
        assert_eq!(pair.server_events, [Event::Data(b"new".to_vec())]);
    }
}
