//! Cases of signed handshakes: raw public keys and certificates. A backend without them skips the cases by what it
//! says of its capabilities.

use std::sync::Arc;

use super::pair::{Pair, credential};
use super::{KEY, SOON, Subject};
use crate::dtls::{
    Capabilities, CertificateCheck, CertifiedKey, ClientCredential, CloseReason, CredentialSource,
    KeyPair, PeerIdentity, PreSharedKey, PskAnswer, SessionEvent,
};

/// Certificates of P-256 keys, valid from 2020 to 2120, so that the clock of no machine matters: of the authority
/// (key 1), of `server.example` (key 2) and of `client.example` (key 3), issued by the authority.
const AUTHORITY: &[u8] = include_bytes!("certificates/authority.der");
const SERVER: &[u8] = include_bytes!("certificates/server.der");
const CLIENT: &[u8] = include_bytes!("certificates/client.der");

/// A server that shows what it is given, and knows one client of each kind.
#[derive(Clone)]
struct Kinds {
    key_pair: Option<KeyPair>,
    own_certificate: Option<CertifiedKey>,
    client_certificates: Option<CertificateCheck>,
    known_key: Vec<u8>,
    known_certificate: Vec<u8>,
}

impl Kinds {
    fn raw(subject: &dyn Subject) -> Self {
        Self {
            key_pair: Some(key_pair(subject, 2)),
            own_certificate: None,
            client_certificates: None,
            known_key: key_pair(subject, 3).public_key_info().to_vec(),
            known_certificate: CLIENT.to_vec(),
        }
    }

    fn certified(subject: &dyn Subject) -> Self {
        Self {
            key_pair: None,
            own_certificate: Some(CertifiedKey {
                chain: vec![SERVER.to_vec()],
                key: key_pair(subject, 2),
            }),
            client_certificates: Some(check(subject, None)),
            ..Self::raw(subject)
        }
    }
}

impl CredentialSource for Kinds {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        match identity {
            b"device" => PskAnswer::Key(PreSharedKey::new(KEY.to_vec())),
            _ => PskAnswer::Unknown,
        }
    }

    fn raw_public_key(&self, public_key_info: &[u8]) -> bool {
        self.known_key == public_key_info
    }

    fn certificate(&self, chain: &[&[u8]]) -> bool {
        chain == [self.known_certificate.as_slice()]
    }

    fn key_pair(&self) -> Option<KeyPair> {
        self.key_pair.clone()
    }

    fn own_certificate(&self) -> Option<CertifiedKey> {
        self.own_certificate.clone()
    }

    fn client_certificates(&self) -> Option<CertificateCheck> {
        self.client_certificates.clone()
    }
}

fn key_pair(subject: &dyn Subject, number: u8) -> KeyPair {
    subject.key_pair(number).expect("a key pair of the backend")
}

fn check(subject: &dyn Subject, name: Option<&str>) -> CertificateCheck {
    let check = subject.certificate_check(AUTHORITY, name);
    check.expect("a check of the backend")
}

/// A client with the raw public key `own` for the server with the key `server`.
fn raw(subject: &dyn Subject, own: u8, server: u8) -> ClientCredential {
    ClientCredential::RawPublicKey {
        key: key_pair(subject, own),
        server: key_pair(subject, server).public_key_info().to_vec(),
    }
}

/// The client of the certificate, for the server `name`.
fn certified(subject: &dyn Subject, name: &str) -> ClientCredential {
    ClientCredential::Certificate {
        own: CertifiedKey {
            chain: vec![CLIENT.to_vec()],
            key: key_pair(subject, 3),
        },
        server: check(subject, Some(name)),
    }
}

/// Whether the backend does this; tells the reason if the case is skipped.
#[expect(clippy::print_stderr, reason = "tests say so what they skip")]
fn does(subject: &mut dyn Subject, what: &str, has: fn(&Capabilities) -> bool) -> bool {
    let capabilities = subject.client().capabilities();
    if !has(&capabilities) {
        eprintln!("skipped: {} does not do {what}", capabilities.name);
    }
    has(&capabilities)
}

fn does_raw_public_keys(subject: &mut dyn Subject) -> bool {
    does(subject, "raw public keys", |it| it.raw_public_key)
}

fn does_certificates(subject: &mut dyn Subject) -> bool {
    does(subject, "certificates", |it| it.certificate)
}

/// The identities that server and client report.
fn connect(
    subject: &mut dyn Subject,
    server: &Kinds,
    credential: &ClientCredential,
) -> (Option<PeerIdentity>, Option<PeerIdentity>) {
    let mut pair = Pair::new(subject, Arc::new(server.clone()), credential);
    pair.run_until(SOON, Pair::is_connected);
    match (&pair.server_events[..], &pair.client_events[..]) {
        (
            [SessionEvent::Connected { peer: client }],
            [SessionEvent::Connected { peer: server }],
        ) => (client.clone(), server.clone()),
        events => panic!("both connected, not {events:?}"),
    }
}

/// How the client learns that it has no session; the server has none either.
fn refused(
    subject: &mut dyn Subject,
    server: &Kinds,
    credential: &ClientCredential,
) -> CloseReason {
    let mut pair = Pair::new(subject, Arc::new(server.clone()), credential);
    pair.run_until_closed(SOON);
    assert!(
        matches!(pair.server_events[..], [] | [SessionEvent::Closed(_)]),
        "{:?}",
        pair.server_events
    );
    match &pair.client_events[..] {
        [SessionEvent::Closed(reason)] => reason.clone(),
        events => panic!("one Closed and nothing else, not {events:?}"),
    }
}

pub(super) fn raw_public_keys(subject: &mut dyn Subject) {
    if !does_raw_public_keys(subject) {
        return;
    }
    let (server, credential) = (Kinds::raw(subject), raw(subject, 3, 2));
    let identity =
        |number| PeerIdentity::RawPublicKey(key_pair(subject, number).public_key_info().to_vec());
    let wanted = (Some(identity(3)), Some(identity(2)));
    assert_eq!(connect(subject, &server, &credential), wanted);
}

pub(super) fn unknown_raw_public_key(subject: &mut dyn Subject) {
    if !does_raw_public_keys(subject) {
        return;
    }
    let (server, stranger) = (Kinds::raw(subject), raw(subject, 4, 2));
    let reason = refused(subject, &server, &stranger);
    assert!(matches!(reason, CloseReason::Alert(_)), "{reason:?}");
}

pub(super) fn other_server_key(subject: &mut dyn Subject) {
    if !does_raw_public_keys(subject) {
        return;
    }
    let (server, credential) = (Kinds::raw(subject), raw(subject, 3, 5));
    let reason = refused(subject, &server, &credential);
    assert!(
        matches!(reason, CloseReason::HandshakeFailed(_)),
        "{reason:?}"
    );
}

pub(super) fn no_common_type(subject: &mut dyn Subject) {
    if !does_raw_public_keys(subject) || !does_certificates(subject) {
        return;
    }
    let (server, credential) = (Kinds::raw(subject), certified(subject, "server.example"));
    // RFC 7250 Section 4.2: unsupported_certificate is 43.
    assert_eq!(
        refused(subject, &server, &credential),
        CloseReason::Alert(43)
    );
}

pub(super) fn certificates(subject: &mut dyn Subject) {
    if !does_certificates(subject) {
        return;
    }
    let (server, credential) = (
        Kinds::certified(subject),
        certified(subject, "server.example"),
    );
    let identity = |der: &[u8]| PeerIdentity::Certificate(vec![der.to_vec()]);
    let wanted = (Some(identity(CLIENT)), Some(identity(SERVER)));
    assert_eq!(connect(subject, &server, &credential), wanted);
}

pub(super) fn refused_certificates(subject: &mut dyn Subject) {
    if !does_certificates(subject) {
        return;
    }
    let server = Kinds::certified(subject);
    let other_name = certified(subject, "other.example");
    let reason = refused(subject, &server, &other_name);
    assert!(
        matches!(reason, CloseReason::HandshakeFailed(_)),
        "{reason:?}"
    );
    let nobody = Kinds {
        known_certificate: SERVER.to_vec(),
        ..server
    };
    let credential = certified(subject, "server.example");
    let reason = refused(subject, &nobody, &credential);
    assert!(matches!(reason, CloseReason::Alert(_)), "{reason:?}");
}

pub(super) fn all_kinds(subject: &mut dyn Subject) {
    if !does_raw_public_keys(subject) || !does_certificates(subject) {
        return;
    }
    let server = Kinds {
        key_pair: Some(key_pair(subject, 2)),
        ..Kinds::certified(subject)
    };
    let (raw, certified) = (raw(subject, 3, 2), certified(subject, "server.example"));
    let psk = connect(subject, &server, &credential(b"device", KEY)).0;
    let raw = connect(subject, &server, &raw).0;
    let certified = connect(subject, &server, &certified).0;
    assert!(
        matches!(
            (&psk, &raw, &certified),
            (
                Some(PeerIdentity::PreSharedKey(_)),
                Some(PeerIdentity::RawPublicKey(_)),
                Some(PeerIdentity::Certificate(_))
            )
        ),
        "{psk:?} {raw:?} {certified:?}"
    );
}
