//! Handshakes of the signed suites: raw public keys, both groups, both kinds of keys.

#![cfg(test)]

mod common;

use std::sync::Arc;

use common::*;
use motekey_dtls::codec::alert::AlertDescription;
use motekey_dtls::crypto::rust::{Ed25519Key, P256Key, PROVIDER};
use motekey_dtls::crypto::{NamedGroup, SigningKey};
use motekey_dtls::*;

const SIGNED_SUITES: [CipherSuite; 3] = [
    CipherSuite::EcdheEcdsaAes128Ccm8,
    CipherSuite::EcdheEcdsaAes128Gcm,
    CipherSuite::EcdheEcdsaChaCha20Poly1305,
];

/// Raw public keys that may connect.
struct Known(Vec<Vec<u8>>);

impl CredentialSource for Known {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        Keys::one().pre_shared_key(identity)
    }

    fn raw_public_key(&self, public_key_info: &[u8]) -> bool {
        self.0.iter().any(|known| known == public_key_info)
    }
}

fn p256(byte: u8) -> Arc<dyn SigningKey> {
    Arc::new(P256Key::new(&[byte; 32]).unwrap())
}

fn ed25519(byte: u8) -> Arc<dyn SigningKey> {
    Arc::new(Ed25519Key::new(&[byte; 32]))
}

fn info(key: &Arc<dyn SigningKey>) -> Vec<u8> {
    key.public_key_info().to_vec()
}

fn server(own: &Arc<dyn SigningKey>, client: &Arc<dyn SigningKey>) -> ServerConfig {
    let credentials = Arc::new(Known(vec![info(client)]));
    ServerConfig {
        raw_public_key: Some(own.clone()),
        ..ServerConfig::new(&PROVIDER, credentials)
    }
}

fn raw(key: &Arc<dyn SigningKey>, server: &Arc<dyn SigningKey>) -> ClientCredential {
    ClientCredential::RawPublicKey {
        key: key.clone(),
        server: info(server),
    }
}

fn fails_with(pair: &Pair, error: HandshakeError, alert: AlertDescription) {
    assert_eq!(
        pair.server_events,
        [Event::Closed(CloseReason::HandshakeFailed(error))]
    );
    assert_eq!(
        pair.client_events,
        [Event::Closed(CloseReason::Alert(alert))]
    );
}

#[test]
fn d13_raw_public_keys_connect_in_every_suite_group_and_kind_of_key() {
    for suite in SIGNED_SUITES {
        for group in NamedGroup::ALL {
            for (ours, theirs) in [
                (p256(1), p256(2)),
                (ed25519(1), p256(2)),
                (p256(1), ed25519(2)),
                (ed25519(1), ed25519(2)),
            ] {
                let client = ClientConfig {
                    cipher_suites: vec![suite],
                    groups: if group == NamedGroup::X25519 {
                        NamedGroup::ALL.to_vec()
                    } else {
                        vec![group]
                    },
                    ..client_config()
                };
                let mut pair = Pair::new(server(&ours, &theirs), client, &raw(&theirs, &ours));
                pair.run();
                let identity = |key| Event::Connected {
                    peer: Some(PeerIdentity::RawPublicKey(info(key))),
                };
                assert_eq!(
                    pair.server_events,
                    [identity(&theirs)],
                    "{suite:?} {group:?}"
                );
                assert_eq!(pair.client_events, [identity(&ours)], "{suite:?} {group:?}");
                pair.client.send(b"up").unwrap();
                pair.run();
                assert_eq!(pair.server_events[1..], [Event::Data(b"up".to_vec())]);
            }
        }
    }
}

#[test]
fn a_mutual_handshake_takes_at_most_1100_bytes() {
    let (ours, theirs) = (p256(1), p256(2));
    let client = ClientConfig {
        groups: vec![NamedGroup::Secp256r1],
        ..client_config()
    };
    let mut pair = Pair::new(server(&ours, &theirs), client, &raw(&theirs, &ours));
    pair.run();
    assert!(pair.is_connected());
    assert!(pair.bytes() <= 1100, "{}", pair.bytes());
}

#[test]
fn l07_a_server_with_another_key_is_refused() {
    let (ours, theirs) = (p256(1), p256(2));
    let mut pair = Pair::new(
        server(&p256(9), &theirs),
        client_config(),
        &raw(&theirs, &ours),
    );
    pair.run();
    assert_eq!(
        pair.client_events,
        [Event::Closed(CloseReason::HandshakeFailed(
            HandshakeError::UnknownKey
        ))]
    );
    assert_eq!(
        pair.server_events,
        [Event::Closed(CloseReason::Alert(
            AlertDescription::HANDSHAKE_FAILURE
        ))]
    );
}

/// RFC 7925 Section 6: certificate_unknown is for certificates.
#[test]
fn a_client_with_an_unknown_key_is_refused() {
    let (ours, theirs) = (p256(1), p256(2));
    let mut pair = Pair::new(
        server(&ours, &theirs),
        client_config(),
        &raw(&p256(3), &ours),
    );
    pair.run();
    fails_with(
        &pair,
        HandshakeError::UnknownKey,
        AlertDescription::HANDSHAKE_FAILURE,
    );
}

/// RFC 5246 Section 7.4.6.
#[test]
fn a_client_without_a_suitable_key_shows_an_empty_certificate() {
    let (ours, theirs) = (p256(1), p256(2));
    let mut pair = Pair::new(
        server(&ours, &theirs),
        client_config(),
        &raw(&theirs, &ours),
    );
    let mut flight = pair.first_flight();
    // CertificateRequest: ecdsa_sign, then two schemes; the first becomes one that nobody here has.
    let request = [1, 64, 0, 4, 4, 3, 8, 7];
    let at = flight
        .windows(request.len())
        .position(|window| window == request);
    flight[at.unwrap() + 5] = 1;
    pair.client.handle_datagram(pair.now, &flight);
    let answer = pair.client.poll_transmit().unwrap();
    let certificate = [11, 0, 0, 3, 0, 2, 0, 0, 0, 0, 0, 3, 0, 0, 0];
    assert_eq!(answer[13..13 + certificate.len()], certificate);
    // ClientKeyExchange and no CertificateVerify follow in the same record, then ChangeCipherSpec.
    let exchange = &answer[13 + certificate.len()..];
    assert_eq!((exchange[0], exchange[3], exchange[12 + 33]), (16, 33, 20));
    pair.feed_server(&answer);
    pair.run();
    fails_with(
        &pair,
        HandshakeError::NoCertificate,
        AlertDescription::HANDSHAKE_FAILURE,
    );
}

#[test]
fn l06_raw_public_keys_are_type_2_in_both_extensions() {
    let (ours, theirs) = (p256(1), p256(2));
    let mut pair = Pair::new(
        server(&ours, &theirs),
        client_config(),
        &raw(&theirs, &ours),
    );
    pair.run();
    assert!(pair.is_connected());
    let has = |index: usize, bytes: &[u8]| {
        let (_, datagram) = &pair.trace[index];
        datagram.windows(bytes.len()).any(|window| window == bytes)
    };
    for extension in [19, 20] {
        assert!(has(0, &[0, extension, 0, 2, 1, 2]), "ClientHello");
        assert!(has(3, &[0, extension, 0, 1, 2]), "ServerHello");
    }
}

/// A key that shows one public key and signs with another.
struct Impostor(P256Key, Vec<u8>);

impl SigningKey for Impostor {
    fn scheme(&self) -> crypto::SignatureScheme {
        self.0.scheme()
    }

    fn public_key_info(&self) -> &[u8] {
        &self.1
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, crypto::CryptoError> {
        self.0.sign(message)
    }
}

#[test]
fn a_known_key_without_its_signature_is_refused_on_both_ends() {
    let (ours, theirs) = (p256(1), p256(2));
    let impostor = |of| -> Arc<dyn SigningKey> {
        Arc::new(Impostor(P256Key::new(&[7; 32]).unwrap(), info(of)))
    };
    let mut pair = Pair::new(
        server(&ours, &theirs),
        client_config(),
        &raw(&impostor(&theirs), &ours),
    );
    pair.run();
    assert_eq!(
        pair.server_events,
        [Event::Closed(CloseReason::HandshakeFailed(
            HandshakeError::Signature
        ))]
    );
    let mut pair = Pair::new(
        server(&impostor(&ours), &theirs),
        client_config(),
        &raw(&theirs, &ours),
    );
    pair.run();
    assert_eq!(
        pair.client_events,
        [Event::Closed(CloseReason::HandshakeFailed(
            HandshakeError::Signature
        ))]
    );
}

/// A verifier that accepts nothing.
struct Nobody;

impl CertificateVerifier for Nobody {
    fn verify(&self, _chain: &[&[u8]]) -> Result<Vec<u8>, CertificateError> {
        Err(CertificateError::UnknownAuthority)
    }
}

#[test]
fn l06_without_a_common_certificate_type_the_alert_is_unsupported_certificate() {
    let (ours, theirs) = (p256(1), p256(2));
    let own = CertifiedKey {
        chain: vec![vec![0x30, 0]],
        key: theirs.clone(),
    };
    let x509 = ClientCredential::Certificate {
        own: own.clone(),
        server: Arc::new(Nobody),
    };
    let x509_server = ServerConfig {
        raw_public_key: None,
        certificate: Some(own),
        ..server(&ours, &theirs)
    };
    for (server, credential, why) in [
        (
            server(&ours, &theirs),
            x509,
            "an X.509 client at a server with a raw public key",
        ),
        (
            x509_server,
            raw(&theirs, &ours),
            "a client with a raw public key at an X.509 server",
        ),
    ] {
        let mut pair = Pair::new(server, client_config(), &credential);
        pair.run();
        let alert = CloseReason::Alert(AlertDescription::UNSUPPORTED_CERTIFICATE);
        assert_eq!(pair.client_events, [Event::Closed(alert)], "{why}");
        assert!(pair.server.is_none(), "{why}");
    }
}

#[test]
fn all_kinds_of_clients_connect_to_one_server() {
    let (ours, theirs) = (p256(1), p256(2));
    for (credential, identity) in [
        (
            credential(IDENTITY, &KEY),
            PeerIdentity::PreSharedKey(IDENTITY.to_vec()),
        ),
        (
            raw(&theirs, &ours),
            PeerIdentity::RawPublicKey(info(&theirs)),
        ),
    ] {
        let mut pair = Pair::new(server(&ours, &theirs), client_config(), &credential);
        pair.run();
        assert_eq!(
            pair.server_events,
            [Event::Connected {
                peer: Some(identity)
            }]
        );
    }
}

#[test]
fn a_server_may_leave_its_clients_anonymous() {
    let (ours, theirs) = (p256(1), p256(2));
    let server = ServerConfig {
        client_authentication: false,
        ..server(&ours, &theirs)
    };
    let mut pair = Pair::new(server, client_config(), &raw(&theirs, &ours));
    pair.run();
    assert_eq!(pair.server_events, [Event::Connected { peer: None }]);
}

#[test]
fn groups_that_are_not_shared_end_with_handshake_failure() {
    let (ours, theirs) = (p256(1), p256(2));
    let server = ServerConfig {
        groups: vec![NamedGroup::X25519],
        ..server(&ours, &theirs)
    };
    let client = ClientConfig {
        groups: vec![NamedGroup::Secp256r1],
        ..client_config()
    };
    let mut pair = Pair::new(server, client, &raw(&theirs, &ours));
    pair.run();
    assert_eq!(
        pair.client_events,
        [Event::Closed(CloseReason::Alert(
            AlertDescription::HANDSHAKE_FAILURE
        ))]
    );
}

#[test]
fn a_flight_that_arrives_backwards_is_put_in_order() {
    let (ours, theirs) = (p256(1), p256(2));
    let client = ClientConfig {
        limits: Limits {
            datagram: 150,
            ..Limits::default()
        },
        ..client_config()
    };
    let mut pair = Pair::new(server(&ours, &theirs), client, &raw(&theirs, &ours));
    for _ in 0..2 {
        let hello = pair.client.poll_transmit().unwrap();
        pair.feed_server(&hello);
    }
    let (now, flight) = (pair.now, pair.server().poll_transmit().unwrap());
    pair.client.handle_datagram(now, &flight);
    let answer: Vec<_> = std::iter::from_fn(|| pair.client.poll_transmit()).collect();
    assert!(answer.len() > 2, "{} datagrams", answer.len());
    answer
        .iter()
        .rev()
        .for_each(|datagram| pair.feed_server(datagram));
    pair.run();
    assert!(pair.is_connected());
    assert_eq!(pair.now, now, "without waiting");
}
