//! Peers that have the right key and lie in their Finished.

use motekey_dtls::codec::alert::AlertDescription;
use motekey_dtls::codec::record::{ContentType, Records};
use motekey_dtls::*;

use crate::common::keys::{WriteKey, content, master_secret, psk_premaster, random_of, write_keys};
use crate::common::*;

/// The keys of client and server of a handshake whose datagrams are known; both know the key.
fn keys(client_hello: &[u8], server_flight: &[u8], client_flight: &[u8]) -> [WriteKey; 2] {
    let messages = [client_hello, server_flight, client_flight].map(content);
    let master = master_secret(&psk_premaster(), &messages);
    write_keys(&master, random_of(client_hello), random_of(server_flight))
}

/// A Finished with a wrong verify_data.
fn wrong_finished() -> Vec<u8> {
    [&[20, 0, 0, 12, 0, 3, 0, 0, 0, 0, 0, 12][..], &[0x5a; 12]].concat()
}

/// A pair after the client's last flight, which is not delivered; and the three datagrams of the handshake.
fn before_the_last_flights() -> (Pair, [Vec<u8>; 3]) {
    let mut pair = Pair::new(
        server_config(),
        client_config(),
        &credential(IDENTITY, &KEY),
    );
    let first = pair.client.poll_transmit().unwrap();
    pair.feed_server(&first);
    let hello = pair.client.poll_transmit().unwrap();
    pair.feed_server(&hello);
    let answer = pair.server().poll_transmit().unwrap();
    let now = pair.now;
    pair.client.handle_datagram(now, &answer);
    let flight = pair.client.poll_transmit().unwrap();
    (pair, [hello, answer, flight])
}

const CLOSED: Event = Event::Closed(CloseReason::HandshakeFailed(HandshakeError::Finished));

#[test]
fn a_client_whose_finished_is_wrong_is_refused_by_decrypt_error() {
    let (mut pair, [hello, answer, flight]) = before_the_last_flights();
    let [client, _] = keys(&hello, &answer, &flight);
    let in_clear = 13 + Records::new(&flight, 0).next().unwrap().fragment.len();
    pair.feed_server(&flight[..in_clear]);
    pair.feed_server(&client.record(0, ContentType::Handshake, &wrong_finished()));
    pair.run();
    assert_eq!(pair.server_events, [CLOSED]);
    let alert = CloseReason::Alert(AlertDescription::DECRYPT_ERROR);
    assert_eq!(pair.client_events, [Event::Closed(alert)]);
}

#[test]
fn a_server_whose_finished_is_wrong_is_refused() {
    let (mut pair, [hello, answer, flight]) = before_the_last_flights();
    let [_, server] = keys(&hello, &answer, &flight);
    let now = pair.now;
    pair.client.handle_datagram(
        now,
        &server.record(0, ContentType::Handshake, &wrong_finished()),
    );
    pair.events();
    assert_eq!(pair.client_events, [CLOSED]);
}

#[test]
fn application_data_before_finished_is_not_delivered() {
    let (mut pair, [hello, answer, flight]) = before_the_last_flights();
    let [client, _] = keys(&hello, &answer, &flight);
    let data = client.record(0, ContentType::ApplicationData, b"too early");
    pair.feed_server(&flight[..13 + 12 + 2 + IDENTITY.len()]);
    pair.feed_server(&data);
    pair.events();
    assert_eq!(pair.server_events, []);
    // The liar used up the number of the Finished; the next one is good.
    pair.wait();
    assert!(pair.is_connected());
    assert!(
        !pair
            .server_events
            .iter()
            .any(|event| matches!(event, Event::Data(_)))
    );
}
