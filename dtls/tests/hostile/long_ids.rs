//! A server whose Connection IDs are longer than those that this crate gives out: its ServerHello is made by hand, and
//! so is its Finished, which covers it.

use motekey_dtls::codec::handshake::HandshakeType;
use motekey_dtls::codec::record::{ContentType, Records};
use motekey_dtls::crypto::rust::PROVIDER;
use motekey_dtls::*;

use crate::common::keys::{content, master_secret, psk_premaster, random_of, write_keys};
use crate::common::*;
use crate::edit::edited;

/// Adds the extension connection_id (RFC 9146 Section 3) to a ServerHello without session id.
fn add_connection_id(hello: &mut Vec<u8>, id: &[u8]) {
    let length = u16::try_from(id.len() + 1).unwrap();
    hello.extend([0, 54]);
    hello.extend(length.to_be_bytes());
    hello.push(u8::try_from(id.len()).unwrap());
    hello.extend(id);
    // Version, random, empty session id, suite, compression.
    let at = 2 + 32 + 1 + 2 + 1;
    let extensions = u16::try_from(hello.len() - at - 2).unwrap();
    hello[at..at + 2].copy_from_slice(&extensions.to_be_bytes());
}

/// A Finished (RFC 5246 Section 7.4.9): the fourth message of either end.
fn finished(master: &[u8], label: &[u8], messages: &[&[u8]]) -> Vec<u8> {
    let mut transcript = PROVIDER.hash.start();
    for message in messages {
        transcript.update(message);
    }
    let mut data = [0; 12];
    PROVIDER
        .hash
        .prf(master, label, &[&transcript.current()], &mut data);
    [&[20, 0, 0, 12, 0, 3, 0, 0, 0, 0, 0, 12][..], &data].concat()
}

#[test]
fn l08_a_client_writes_the_connection_id_that_the_server_asked_for_however_long() {
    for length in [20, 21, 255] {
        let id: Vec<u8> = (1..=length).collect();
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
        let answer = edited(&answer, HandshakeType::SERVER_HELLO, &|hello| {
            add_connection_id(hello, &id);
        });
        let now = pair.now;
        pair.client.handle_datagram(now, &answer);
        let flight = pair.client.poll_transmit().unwrap();

        let messages = [&hello, &answer, &flight].map(|datagram| content(datagram));
        let master = master_secret(&psk_premaster(), &messages);
        let client_finished = finished(&master, b"client finished", &messages);
        let all = [&messages[..], &[&client_finished[..]]].concat();
        let server_finished = finished(&master, b"server finished", &all);
        let [client, server] = write_keys(&master, random_of(&hello), random_of(&answer));
        let opened = |datagram: &[u8]| {
            let record = Records::new(datagram, id.len()).last().unwrap();
            assert_eq!(record.content_type, ContentType::Tls12Cid, "{length}");
            assert_eq!(record.connection_id, id);
            client.open_with_id(&record)
        };
        // RFC 9146 Section 4: content, then its real type.
        assert_eq!(opened(&flight), [&client_finished[..], &[22]].concat());
        let last = server.record(0, ContentType::Handshake, &server_finished);
        pair.client.handle_datagram(now, &last);
        assert!(pair.client.is_established(), "{length}");

        // And after a restart.
        let saved = pair.client.export(None, 10).unwrap();
        pair.client.send(b"before").unwrap();
        assert_eq!(opened(&pair.client.poll_transmit().unwrap()), b"before\x17");
        let (mut restored, _) = Connection::import(&PROVIDER, &saved).unwrap();
        restored.export(None, 10).unwrap();
        restored.send(b"after").unwrap();
        assert_eq!(opened(&restored.poll_transmit().unwrap()), b"after\x17");
    }
}
