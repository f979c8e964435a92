//! Abbreviated handshakes of sessions with a pre-shared key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use motekey_dtls::crypto::rust::PROVIDER;
use motekey_dtls::*;

use crate::common::*;

/// Keys that can change.
struct Changing(Mutex<HashMap<Vec<u8>, Vec<u8>>>);

impl CredentialSource for Changing {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        let keys = self.0.lock().unwrap();
        keys.get(identity).map_or(PskAnswer::Unknown, |key| {
            PskAnswer::Key(PreSharedKey::new(key.clone()))
        })
    }
}

/// A server that resumes, and the means to change its keys.
fn resuming() -> (ServerConfig, Arc<Changing>) {
    let keys = Arc::new(Changing(Mutex::new(
        [(IDENTITY.to_vec(), KEY.to_vec())].into(),
    )));
    let sessions: Option<Arc<dyn SessionCache>> = Some(Arc::new(MemorySessionCache::new(2)));
    (
        ServerConfig {
            sessions,
            ..ServerConfig::new(&PROVIDER, keys.clone())
        },
        keys,
    )
}

/// A connected pair, and the handshake's bytes.
fn connect(server: &ServerConfig, seed: u64, session: Option<&ClientSession>) -> (Pair, usize) {
    let mut pair = Pair::seeded(
        seed,
        server.clone(),
        client_config(),
        &credential(IDENTITY, &KEY),
    );
    if let Some(session) = session {
        let credential = credential(IDENTITY, &KEY);
        pair.client = Connection::resume(
            &client_config(),
            &credential,
            session,
            pair.now,
            &mut pair.random,
        )
        .unwrap();
    }
    pair.run();
    let bytes = pair.bytes();
    (pair, bytes)
}

#[test]
fn a_session_is_resumed_with_its_identity_in_one_round_trip_less() {
    let (server, _) = resuming();
    let (pair, full) = connect(&server, 1, None);
    let session = pair.client.resumption().unwrap();
    let (mut resumed, short) = connect(&server, 2, Some(&session));
    let peer = Some(PeerIdentity::PreSharedKey(IDENTITY.to_vec()));
    assert_eq!(resumed.server_events, [Event::Connected { peer }]);
    assert_eq!(
        resumed.trace.len(),
        5,
        "ClientHello, cookie, ClientHello, two flights"
    );
    assert!(short < full, "{short} < {full}");
    assert_eq!(resumed.server().session_id(), pair.client.session_id());
    resumed.client.send(b"up").unwrap();
    resumed.run();
    assert_eq!(resumed.server_events[1..], [Event::Data(b"up".to_vec())]);
    // Once more: a session may be resumed more than once.
    let again = resumed.client.resumption().unwrap();
    assert_eq!(connect(&server, 3, Some(&again)).1, short);
}

#[test]
fn a_session_does_not_outlive_its_credential() {
    let (server, keys) = resuming();
    let session = connect(&server, 1, None).0.client.resumption().unwrap();
    keys.0
        .lock()
        .unwrap()
        .insert(IDENTITY.to_vec(), vec![1; 16]);
    let (pair, _) = connect(&server, 2, Some(&session));
    assert!(
        !pair.is_connected(),
        "the key has changed: a full handshake with the old key fails"
    );
    keys.0
        .lock()
        .unwrap()
        .insert(IDENTITY.to_vec(), KEY.to_vec());
    assert!(connect(&server, 3, Some(&session)).0.is_connected());
    keys.0.lock().unwrap().clear();
    assert!(!connect(&server, 4, Some(&session)).0.is_connected());
}

#[test]
fn forgotten_sessions_get_a_full_handshake() {
    let (server, _) = resuming();
    let (first, full) = connect(&server, 1, None);
    let session = first.client.resumption().unwrap();
    // The cache holds two.
    connect(&server, 2, None);
    connect(&server, 3, None);
    let (pair, bytes) = connect(&server, 4, Some(&session));
    assert!(pair.is_connected());
    // The ClientHellos carry the session id of 8 bytes.
    assert_eq!(bytes, full + 16);
    let (server, _) = resuming();
    let mut pair = connect(&server, 5, None).0;
    server
        .sessions
        .as_ref()
        .unwrap()
        .remove(pair.server().session_id().unwrap());
    let session = pair.client.resumption().unwrap();
    assert_eq!(connect(&server, 6, Some(&session)).1, full + 16);
}

#[test]
fn a_lost_flight_of_an_abbreviated_handshake_is_made_good() {
    let (server, _) = resuming();
    let session = connect(&server, 1, None).0.client.resumption().unwrap();
    for lost in 2..4 {
        let mut pair = Pair::seeded(
            9,
            server.clone(),
            client_config(),
            &credential(IDENTITY, &KEY),
        );
        let credential = credential(IDENTITY, &KEY);
        pair.client = Connection::resume(
            &client_config(),
            &credential,
            &session,
            pair.now,
            &mut pair.random,
        )
        .unwrap();
        for _ in 0..2 {
            let hello = pair.client.poll_transmit().unwrap();
            pair.feed_server(&hello);
        }
        let flight = pair.server().poll_transmit().unwrap();
        if lost == 3 {
            let now = pair.now;
            pair.client.handle_datagram(now, &flight);
            assert!(pair.client.is_established());
            pair.client.poll_transmit().unwrap();
        }
        assert!(!pair.is_connected());
        pair.wait();
        assert!(pair.is_connected(), "flight {lost} lost");
    }
}
