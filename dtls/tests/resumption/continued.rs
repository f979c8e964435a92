//! Sessions that go on: Connection IDs, exporter, restart.

use motekey_dtls::crypto::rust::PROVIDER;
use motekey_dtls::*;

use crate::common::*;

/// A pair whose server gives Connection IDs of 8 bytes and whose client asks for one of 3.
fn with_ids() -> Pair {
    let ids = Some(ConnectionIds {
        length: 8,
        prefix: vec![0xa1, 0x05],
    });
    let server = ServerConfig {
        connection_ids: ids,
        ..server_config()
    };
    let client = ClientConfig {
        connection_id: Some(vec![7, 7, 7]),
        ..client_config()
    };
    let mut pair = Pair::new(server, client, &credential(IDENTITY, &KEY));
    pair.run();
    assert!(pair.is_connected());
    pair.server_events.clear();
    pair.client_events.clear();
    pair
}

#[test]
fn l08_records_carry_the_connection_ids_that_were_agreed_on() {
    let mut pair = with_ids();
    let id = pair.server().connection_id().unwrap().to_vec();
    assert_eq!((id.len(), &id[..2]), (8, &[0xa1, 0x05][..]));
    pair.client.send(b"up").unwrap();
    pair.server().send(b"down").unwrap();
    let up = pair.client.poll_transmit().unwrap();
    let down = pair.server().poll_transmit().unwrap();
    assert_eq!((up[0], &up[11..19]), (25, &id[..]));
    assert_eq!((down[0], &down[11..14]), (25, &[7, 7, 7][..]));
    assert_eq!(pair.front.connection_id(&up), Some(&id[..]));
    let now = pair.now;
    assert_eq!(pair.server().handle_datagram(now, &up), Received::Newest);
    assert_eq!(pair.client.handle_datagram(now, &down), Received::Newest);
    pair.events();
    assert_eq!(pair.server_events, [Event::Data(b"up".to_vec())]);
    assert_eq!(pair.client_events, [Event::Data(b"down".to_vec())]);
}

#[test]
fn l08_another_connection_id_is_dropped_silently() {
    let mut pair = with_ids();
    pair.client.send(b"up").unwrap();
    let mut up = pair.client.poll_transmit().unwrap();
    up[12] ^= 1;
    let now = pair.now;
    assert_eq!(
        pair.server().handle_datagram(now, &up),
        Received::Unverified
    );
    pair.events();
    assert_eq!(
        (pair.server_events.len(), pair.server().poll_transmit()),
        (0, None)
    );
}

#[test]
fn l09_only_the_newest_record_may_move_the_address() {
    let mut pair = with_ids();
    let mut records: Vec<_> = (0..3_u8)
        .map(|n| {
            pair.client.send(&[n]).unwrap();
            pair.client.poll_transmit().unwrap()
        })
        .collect();
    let now = pair.now;
    assert_eq!(
        pair.server().handle_datagram(now, &records[1]),
        Received::Newest
    );
    assert_eq!(
        pair.server().handle_datagram(now, &records[0]),
        Received::Verified,
        "older"
    );
    assert_eq!(
        pair.server().handle_datagram(now, &records[1]),
        Received::Unverified,
        "replayed"
    );
    *records[2].last_mut().unwrap() ^= 1;
    assert_eq!(
        pair.server().handle_datagram(now, &records[2]),
        Received::Unverified,
        "forged"
    );
}

#[test]
fn without_the_extension_on_both_ends_there_is_no_connection_id() {
    let ids = Some(ConnectionIds {
        length: 8,
        prefix: Vec::new(),
    });
    for (server_ids, client_id) in [(None, Some(vec![1])), (ids, None)] {
        let server = ServerConfig {
            connection_ids: server_ids,
            ..server_config()
        };
        let client = ClientConfig {
            connection_id: client_id,
            ..client_config()
        };
        let mut pair = Pair::new(server, client, &credential(IDENTITY, &KEY));
        pair.run();
        assert!(pair.is_connected());
        assert_eq!(pair.client.connection_id(), None);
        assert_eq!(pair.server().connection_id(), None);
    }
}

#[test]
fn both_ends_export_the_same_keying_material() {
    let mut pair = Pair::connected();
    let mut seen = Vec::new();
    for (label, context) in [
        (&b"EXPERIMENTAL a"[..], None),
        (b"EXPERIMENTAL a", Some(&b""[..])),
        (b"EXPERIMENTAL b", Some(b"context")),
    ] {
        let (mut one, mut two) = ([0; 40], [0; 40]);
        pair.client
            .export_keying_material(label, context, &mut one)
            .unwrap();
        pair.server()
            .export_keying_material(label, context, &mut two)
            .unwrap();
        assert_eq!(one, two);
        assert!(!seen.contains(&one));
        seen.push(one);
    }
    pair.client.close();
    assert_eq!(
        pair.client.export_keying_material(b"x", None, &mut [0; 4]),
        Err(SendError::NotConnected)
    );
}

#[test]
fn a_saved_session_goes_on_without_using_a_number_twice() {
    let mut pair = with_ids();
    let peer = PeerIdentity::PreSharedKey(IDENTITY.to_vec());
    assert!(pair.server().reserved() > 1 << 47);
    let saved = pair.server().export(Some(&peer), 3).unwrap();
    assert_eq!(pair.server().reserved(), 3);
    for n in 0..3_u8 {
        pair.server().send(&[n]).unwrap();
    }
    assert_eq!(pair.server().send(b"one more"), Err(SendError::Closed));
    pair.run();
    assert_eq!(pair.client_events.len(), 3);

    let (mut imported, got) = Connection::import(&PROVIDER, &saved).unwrap();
    assert_eq!(got, Some(peer.clone()));
    assert_eq!(imported.send(b"before the export"), Err(SendError::Closed));
    let again = imported.export(got.as_ref(), 10).unwrap();
    assert_eq!(again.len(), saved.len());
    imported.send(b"after the restart").unwrap();
    let datagram = imported.poll_transmit().unwrap();
    let now = pair.now;
    assert_eq!(
        pair.client.handle_datagram(now, &datagram),
        Received::Newest
    );
    pair.client.send(b"up").unwrap();
    let up = pair.client.poll_transmit().unwrap();
    assert_eq!(imported.handle_datagram(now, &up), Received::Newest);
    assert_eq!(
        imported.handle_datagram(now, &up),
        Received::Unverified,
        "the window goes on"
    );
    assert_eq!(imported.poll_event(), Some(Event::Data(b"up".to_vec())));
    assert_eq!(
        (imported.role(), imported.cipher_suite()),
        (Role::Server, Some(CipherSuite::PskAes128Ccm8))
    );
    assert_eq!(imported.connection_id(), pair.server().connection_id());
}

#[test]
fn bytes_that_are_no_saved_session_are_refused() {
    let mut pair = with_ids();
    let saved = pair.client.export(None, 1).unwrap();
    for length in 0..saved.len() {
        assert!(
            Connection::import(&PROVIDER, &saved[..length]).is_err(),
            "{length}"
        );
    }
    for (position, why) in [(0, "format"), (1, "role"), (2, "suite")] {
        let mut other = saved.to_vec();
        other[position] ^= 0x40;
        assert!(Connection::import(&PROVIDER, &other).is_err(), "{why}");
    }
    let mut longer = saved.to_vec();
    longer.push(0);
    assert!(Connection::import(&PROVIDER, &longer).is_err());
}
