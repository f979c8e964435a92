//! Peers that have the right key and lie in their Finished.

use motekey_dtls::codec::alert::AlertDescription;
use motekey_dtls::codec::record::{ContentType, Records, put_header};
use motekey_dtls::crypto::AeadAlgorithm;
use motekey_dtls::crypto::rust::PROVIDER;
use motekey_dtls::*;

use crate::common::*;

/// Key and salt of one direction, as an honest end derives them (RFC 5246 Section 6.3, RFC 7627 Section 4).
struct WriteKey {
    key: [u8; 16],
    salt: [u8; 4],
}

/// The keys of client and server of a handshake whose datagrams are known; both know the key.
fn keys(client_hello: &[u8], server_flight: &[u8], client_flight: &[u8]) -> [WriteKey; 2] {
    let content = |datagram| Records::new(datagram, 0).next().unwrap().fragment;
    let messages = [client_hello, server_flight, client_flight].map(content);
    let mut transcript = PROVIDER.hash.start();
    messages
        .iter()
        .for_each(|message| transcript.update(message));
    let length = [0, u8::try_from(KEY.len()).unwrap()];
    let premaster = [&length[..], &[0; KEY.len()], &length, &KEY].concat();
    let (mut master, mut block) = ([0; 48], [0; 40]);
    let hash = transcript.current();
    PROVIDER
        .hash
        .prf(&premaster, b"extended master secret", &[&hash], &mut master);
    // Both randoms stand behind the header of 12 bytes and the version.
    let [client_random, server_random] = [messages[0], messages[1]].map(|message| &message[14..46]);
    let seed = [server_random, client_random];
    PROVIDER
        .hash
        .prf(&master, b"key expansion", &seed, &mut block);
    [0, 1].map(|end| WriteKey {
        key: block[16 * end..][..16].try_into().unwrap(),
        salt: block[32 + 4 * end..][..4].try_into().unwrap(),
    })
}

impl WriteKey {
    /// The first record of epoch 1 (RFC 6655 Section 3).
    fn record(&self, content_type: ContentType, content: &[u8]) -> Vec<u8> {
        let number = [0, 1, 0, 0, 0, 0, 0, 0];
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&self.salt);
        nonce[4..].copy_from_slice(&number);
        let length = u8::try_from(content.len()).unwrap();
        let additional = [&number[..], &[content_type.number(), 0xfe, 0xfd, 0, length]].concat();
        let mut sealed = content.to_vec();
        let algorithm = AeadAlgorithm::Aes128Ccm8;
        let tag = PROVIDER
            .aead
            .seal(algorithm, &self.key, &nonce, &additional, &mut sealed)
            .unwrap();
        let fragment = [&number[..], &sealed, &tag[..8]].concat();
        let mut record = Vec::new();
        let length = u16::try_from(fragment.len()).unwrap();
        put_header(&mut record, content_type, 0xfefd, 1, 0, &[], length);
        record.extend(fragment);
        record
    }
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
    pair.feed_server(&client.record(ContentType::Handshake, &wrong_finished()));
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
        &server.record(ContentType::Handshake, &wrong_finished()),
    );
    pair.events();
    assert_eq!(pair.client_events, [CLOSED]);
}

#[test]
fn application_data_before_finished_is_not_delivered() {
    let (mut pair, [hello, answer, flight]) = before_the_last_flights();
    let [client, _] = keys(&hello, &answer, &flight);
    let data = client.record(ContentType::ApplicationData, b"too early");
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
