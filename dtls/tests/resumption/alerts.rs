//! RFC 5246 Section 7.2.2: what ended by a fatal alert is not resumed.

use std::sync::Arc;

use motekey_dtls::codec::alert::AlertDescription;
use motekey_dtls::codec::record::ContentType;
use motekey_dtls::*;

use super::signed::{begin, connect, offered};
use crate::common::keys::{content, random_of, secrets_of, write_keys};
use crate::common::kinds::*;
use crate::common::*;

const FATAL: [u8; 2] = [2, AlertDescription::DECRYPT_ERROR.0];

fn resuming() -> (ServerConfig, Arc<MemorySessionCache>) {
    let sessions = Arc::new(MemorySessionCache::new(8));
    let server = ServerConfig {
        sessions: Some(sessions.clone()),
        ..server_for_all()
    };
    (server, sessions)
}

fn session_id(pair: &Pair) -> Vec<u8> {
    pair.client.session_id().unwrap().to_vec()
}

#[test]
fn a_fatal_alert_removes_the_session_at_the_server() {
    for kind in Kind::ALL {
        let (server, sessions) = resuming();
        let mut pair = connect(1, &server, kind, &kind.credential(), None);
        let (id, session) = (session_id(&pair), pair.client.resumption().unwrap());
        assert!(sessions.find(&id).is_some());
        let (master, client, server_random) = secrets_of(pair.server());
        let [key, _] = write_keys(&master, client, server_random);
        pair.feed_server(&key.record(9, ContentType::Alert, &FATAL));
        pair.events();
        let reason = CloseReason::Alert(AlertDescription::DECRYPT_ERROR);
        assert_eq!(pair.server_events[1..], [Event::Closed(reason)]);
        assert!(sessions.find(&id).is_none(), "{kind:?}");
        let again = connect(2, &server, kind, &kind.credential(), Some(&session));
        assert!(again.is_connected());
        assert_ne!(session_id(&again), id, "{kind:?}: a full handshake");
    }
}

#[test]
fn a_fatal_alert_makes_every_copy_of_the_clients_session_void() {
    for kind in Kind::ALL {
        let (server, _) = resuming();
        let mut pair = connect(1, &server, kind, &kind.credential(), None);
        let copies = [
            pair.client.resumption().unwrap(),
            pair.client.resumption().unwrap(),
        ];
        let (master, client, server_random) = secrets_of(&mut pair.client);
        let [_, key] = write_keys(&master, client, server_random);
        let (now, alert) = (pair.now, key.record(9, ContentType::Alert, &FATAL));
        pair.client.handle_datagram(now, &alert);
        for session in &copies {
            let mut again = begin(2, &server, kind, &kind.credential(), Some(session));
            let hello = again.client.poll_transmit().unwrap();
            assert_eq!(offered(&hello), b"", "{kind:?}");
        }
    }
}

#[test]
fn close_notify_and_alerts_in_clear_leave_the_session_resumable() {
    let (server, sessions) = resuming();
    let kind = Kind::RawPublicKey;
    let mut pair = connect(1, &server, kind, &kind.credential(), None);
    let (id, session) = (session_id(&pair), pair.client.resumption().unwrap());
    let alert = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 2, 51];
    pair.feed_server(&alert);
    pair.client.close();
    pair.run();
    assert_eq!(pair.server_events[1..], [Event::Closed(CloseReason::Peer)]);
    // A stranger who overheard the id begins to resume, and ends it by an alert in clear.
    let mut thief = begin(2, &server, kind, &kind.credential(), Some(&session));
    for _ in 0..2 {
        let hello = thief.client.poll_transmit().unwrap();
        thief.feed_server(&hello);
    }
    thief.feed_server(&alert);
    thief.events();
    assert!(matches!(
        thief.server_events[..],
        [Event::Closed(CloseReason::Alert(_))]
    ));
    assert!(sessions.find(&id).is_some());
    let again = connect(3, &server, kind, &kind.credential(), Some(&session));
    assert_eq!(session_id(&again), id, "resumed");
}

#[test]
fn a_wrong_finished_of_a_resumed_session_removes_it_on_both_ends() {
    let kind = Kind::X509;
    let wrong = [&[20, 0, 0, 12, 0, 2, 0, 0, 0, 0, 0, 12][..], &[0x5a; 12]].concat();
    for liar in [Role::Client, Role::Server] {
        let (server, sessions) = resuming();
        let mut first = connect(1, &server, kind, &kind.credential(), None);
        let (id, session) = (session_id(&first), first.client.resumption().unwrap());
        let (master, ..) = secrets_of(&mut first.client);
        let mut pair = begin(2, &server, kind, &kind.credential(), Some(&session));
        let hello = pair.client.poll_transmit().unwrap();
        pair.feed_server(&hello);
        let hello = pair.client.poll_transmit().unwrap();
        pair.feed_server(&hello);
        let flight = pair.server().poll_transmit().unwrap();
        let keys = write_keys(&master, random_of(&hello), random_of(&flight));
        let now = pair.now;
        match liar {
            Role::Client => {
                pair.feed_server(&keys[0].record(0, ContentType::Handshake, &wrong));
                pair.run();
                let failed = CloseReason::HandshakeFailed(HandshakeError::Finished);
                assert_eq!(pair.server_events, [Event::Closed(failed)]);
                assert!(sessions.find(&id).is_none());
            }
            Role::Server => {
                // ServerHello as it was, then the liar's Finished.
                let in_clear = 13 + content(&flight).len();
                pair.client.handle_datagram(now, &flight[..in_clear]);
                let finished = keys[1].record(0, ContentType::Handshake, &wrong);
                pair.client.handle_datagram(now, &finished);
                pair.events();
                let failed = CloseReason::HandshakeFailed(HandshakeError::Finished);
                assert_eq!(pair.client_events, [Event::Closed(failed)]);
                let mut again = begin(3, &server, kind, &kind.credential(), Some(&session));
                let hello = again.client.poll_transmit().unwrap();
                assert_eq!(offered(&hello), b"");
            }
        }
    }
}
