//! Abbreviated handshakes of sessions with raw public keys and certificates.

use std::sync::Arc;

use motekey_dtls::crypto::rust::P256Key;
use motekey_dtls::*;

use crate::common::keys::content;
use crate::common::kinds::*;
use crate::common::*;

fn resuming(clock: &Clock) -> ServerConfig {
    ServerConfig {
        sessions: Some(Arc::new(MemorySessionCache::new(8))),
        ..server_for_all_at(clock)
    }
}

/// A pair after its handshake, whose client offers `session`.
pub(super) fn connect(
    seed: u64,
    server: &ServerConfig,
    kind: Kind,
    credential: &ClientCredential,
    session: Option<&ClientSession>,
) -> Pair {
    let mut pair = begin(seed, server, kind, credential, session);
    pair.run();
    pair
}

pub(super) fn begin(
    seed: u64,
    server: &ServerConfig,
    kind: Kind,
    credential: &ClientCredential,
    session: Option<&ClientSession>,
) -> Pair {
    let config = kind.client_config();
    let mut pair = Pair::seeded(seed, server.clone(), config.clone(), credential);
    if let Some(session) = session {
        let (now, random) = (pair.now, &mut pair.random);
        pair.client = Connection::resume(&config, credential, session, now, random).unwrap();
    }
    pair
}

/// Bytes of the session id in the hello that a datagram begins with.
pub(super) fn offered(hello: &[u8]) -> &[u8] {
    let body = &content(hello)[12 + 34..];
    &body[1..=usize::from(body[0])]
}

#[test]
fn a_resumed_session_has_the_identities_of_the_full_handshake_on_both_ends() {
    for kind in Kind::ALL {
        let server = resuming(&Clock::new(DURING));
        let first = connect(1, &server, kind, &kind.credential(), None);
        let session = first.client.resumption().unwrap();
        let mut again = connect(2, &server, kind, &kind.credential(), Some(&session));
        let peer = Some(kind.client_identity());
        assert_eq!(again.server_events, [Event::Connected { peer }], "{kind:?}");
        let peer = kind.server_identity();
        assert_eq!(again.client_events, [Event::Connected { peer }], "{kind:?}");
        assert_eq!(
            again.trace.len(),
            5,
            "{kind:?}: two flights after the cookie"
        );
        assert!(again.bytes() < first.bytes(), "{kind:?}");
        assert_eq!(again.client.cipher_suite(), Some(kind.suite()));
        again.client.send(b"up").unwrap();
        again.run();
        assert_eq!(again.server_events[1..], [Event::Data(b"up".to_vec())]);
        // A session of a resumed session, with the same identities.
        let session = again.client.resumption().unwrap();
        let third = connect(3, &server, kind, &kind.credential(), Some(&session));
        assert_eq!(third.trace.len(), 5, "{kind:?}");
        let peer = kind.server_identity();
        assert_eq!(third.client_events, [Event::Connected { peer }], "{kind:?}");
    }
}

/// Sessions of a kind, and credentials of a kind that they were not made with.
fn others() -> Vec<(Kind, Kind, ClientCredential, &'static str)> {
    let other: Arc<dyn crypto::SigningKey> = Arc::new(P256Key::new(&[9; 32]).unwrap());
    let raw = |key: &Arc<dyn crypto::SigningKey>, server: &Arc<dyn crypto::SigningKey>| {
        ClientCredential::RawPublicKey {
            key: key.clone(),
            server: info(server),
        }
    };
    let (psk, rpk, x509) = (Kind::Psk, Kind::RawPublicKey, Kind::X509);
    let (client, server) = (client_key(), server_key());
    vec![
        (psk, psk, credential(b"device-2", &KEY), "another identity"),
        (psk, psk, credential(IDENTITY, &[1; 16]), "another key"),
        (psk, Kind::EcdhePsk, psk.credential(), "another suite"),
        (rpk, rpk, raw(&other, &server), "another key of the client"),
        (rpk, rpk, raw(&client, &other), "another key of the server"),
        (rpk, x509, x509.credential(), "a certificate"),
        (x509, rpk, rpk.credential(), "no certificate"),
    ]
}

#[test]
fn a_session_is_offered_only_with_the_credential_that_it_was_made_with() {
    let server = resuming(&Clock::new(DURING));
    for (kind, with, credential, why) in others() {
        let first = connect(1, &server, kind, &kind.credential(), None);
        let session = first.client.resumption().unwrap();
        let mut pair = begin(2, &server, with, &credential, Some(&session));
        let hello = pair.client.poll_transmit().unwrap();
        assert_eq!(offered(&hello), b"", "{why}");
    }
}

#[test]
fn an_expired_certificate_of_the_server_is_not_resumed_by_the_client() {
    let (clock, kind) = (Clock::new(DURING), Kind::X509);
    let server = resuming(&Clock::new(DURING));
    let credential = kind.credential_at(&clock);
    let first = connect(1, &server, kind, &credential, None);
    let session = first.client.resumption().unwrap();
    clock.set(AFTER);
    let pair = connect(2, &server, kind, &credential, Some(&session));
    assert_eq!(offered(&pair.trace[0].1), b"", "a full handshake");
    let expired = HandshakeError::Certificate(CertificateError::Expired);
    assert_eq!(
        pair.client_events,
        [Event::Closed(CloseReason::HandshakeFailed(expired))]
    );
}

#[test]
fn an_expired_certificate_of_the_client_is_not_resumed_by_the_server() {
    let (clock, kind) = (Clock::new(DURING), Kind::X509);
    let server = resuming(&clock);
    let first = connect(1, &server, kind, &kind.credential(), None);
    let session = first.client.resumption().unwrap();
    clock.set(AFTER);
    let pair = connect(2, &server, kind, &kind.credential(), Some(&session));
    assert_eq!(
        offered(&pair.trace[0].1),
        first.client.session_id().unwrap()
    );
    let answer = &pair.trace[3].1;
    assert_ne!(
        offered(answer),
        offered(&pair.trace[0].1),
        "a full handshake"
    );
    let expired = HandshakeError::Certificate(CertificateError::Expired);
    assert_eq!(
        pair.server_events,
        [Event::Closed(CloseReason::HandshakeFailed(expired))]
    );
}

/// A ClientHello with a server_name that its sender did not write (RFC 6066 Section 3).
fn named(hello: &[u8], name: &[u8]) -> Vec<u8> {
    let mut out = hello.to_vec();
    let length = u8::try_from(name.len()).unwrap();
    let extension = [
        &[0, 0, 0, length + 5, 0, length + 3, 0, 0, length][..],
        name,
    ]
    .concat();
    out.extend(&extension);
    // Session id, cookie, suites, compression methods; then the block of extensions.
    let mut at = 13 + 12 + 34;
    at += 1 + usize::from(out[at]);
    at += 1 + usize::from(out[at]);
    at += 2 + usize::from(out[at + 1]);
    at += 1 + usize::from(out[at]);
    let grow = |out: &mut Vec<u8>, at: usize| {
        let length = u16::from_be_bytes([out[at], out[at + 1]]);
        let length = length + u16::try_from(extension.len()).unwrap();
        out[at..at + 2].copy_from_slice(&length.to_be_bytes());
    };
    // The block, the record, the message, its only fragment.
    for at in [at, 11, 13 + 2, 13 + 10] {
        grow(&mut out, at);
    }
    out
}

#[test]
fn a_session_is_not_resumed_under_another_server_name() {
    for kind in Kind::ALL {
        let server = resuming(&Clock::new(DURING));
        let first = connect(1, &server, kind, &kind.credential(), None);
        let session = first.client.resumption().unwrap();
        for (name, resumed) in [(None, true), (Some(&b"other.test"[..]), false)] {
            let mut pair = begin(2, &server, kind, &kind.credential(), Some(&session));
            let first = pair.client.poll_transmit().unwrap();
            pair.feed_server(&first);
            let hello = pair.client.poll_transmit().unwrap();
            pair.feed_server(&name.map_or(hello.clone(), |name| named(&hello, name)));
            let answer = pair.server().poll_transmit().unwrap();
            assert_eq!(
                offered(&answer) == offered(&hello),
                resumed,
                "{kind:?} {name:?}"
            );
        }
    }
}

#[test]
fn a_saved_client_can_still_resume_its_session() {
    for kind in Kind::ALL {
        let server = resuming(&Clock::new(DURING));
        let mut first = connect(1, &server, kind, &kind.credential(), None);
        let peer = kind.server_identity();
        let saved = first.client.export(peer.as_ref(), 10).unwrap();
        let (imported, got) = Connection::import(&crypto::rust::PROVIDER, &saved).unwrap();
        assert_eq!(got, peer);
        let session = imported.resumption().unwrap();
        let pair = connect(2, &server, kind, &kind.credential(), Some(&session));
        assert_eq!(pair.trace.len(), 5, "{kind:?}");
        assert_eq!(pair.client_events, [Event::Connected { peer }], "{kind:?}");
    }
}

#[test]
fn a_client_that_does_not_say_who_it_is_gets_no_session_to_resume() {
    let server = ServerConfig {
        client_authentication: false,
        ..resuming(&Clock::new(DURING))
    };
    let kind = Kind::RawPublicKey;
    let pair = connect(1, &server, kind, &kind.credential(), None);
    assert_eq!(pair.server_events, [Event::Connected { peer: None }]);
    assert!(pair.client.resumption().is_none());
}
