//! Who may have what, once more and by hand, and the comparison of a token with it.
#![expect(
    clippy::panic,
    reason = "a target tells by a panic that a promise is broken"
)]

use motekey_coap::dtls::PeerIdentity;
use motekey_cose::claims::{Audience, ClaimsSet};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::message::TokenResponse;
use motekey_cose::scope::{Method, Scope};
use motekey_server::public_key::subject_public_key_info;

use super::world::{NOW, Peer};

/// What one device may have at one audience.
pub(super) struct Allowed {
    pub(super) device: &'static str,
    pub(super) audience: &'static str,
    pub(super) rights: Rights,
}

/// The widest scope.
pub(super) enum Rights {
    Words(&'static [&'static str]),
    Methods(&'static [(&'static str, &'static [Method])]),
}

/// Everything that is allowed. The registry of the target is made of it too, but no decision.
pub(super) const ALLOWED: &[Allowed] = &[
    Allowed {
        device: "myclient",
        audience: "tempSensor4711",
        rights: Rights::Methods(&[
            ("/s/temp", &[Method::Get]),
            ("/a/led", &[Method::Get, Method::Put]),
        ]),
    },
    Allowed {
        device: "myclient",
        audience: "valve424",
        rights: Rights::Words(&["read"]),
    },
    Allowed {
        device: "other",
        audience: "valve424",
        rights: Rights::Words(&["open", "write"]),
    },
    Allowed {
        device: "badge",
        audience: "tempSensorInLivingRoom",
        rights: Rights::Methods(&[("/a/led", &[Method::Get])]),
    },
    Allowed {
        device: "badge",
        audience: "sensors",
        rights: Rights::Methods(&[("/s/temp", &[Method::Get, Method::Fetch])]),
    },
];

/// Seconds that a token of any resource server of the target lives.
pub(super) const LIFETIME: u64 = 600;

/// Panics unless the peer may have this token.
pub(super) fn check(
    peer: Peer,
    identity: Option<&PeerIdentity>,
    response: &TokenResponse,
    claims: &ClaimsSet,
) {
    let Some(Audience::One(audience)) = &claims.aud else {
        panic!("a token for nobody");
    };
    let device = peer.device();
    let rule = ALLOWED
        .iter()
        .find(|rule| Some(rule.device) == device && rule.audience == audience);
    let Some(rule) = rule else {
        panic!("a token for {audience} to {device:?}");
    };
    assert_eq!(claims.sub.as_deref(), device, "a token of somebody else");
    let scope = claims.scope.as_ref();
    assert!(
        scope.is_some_and(|scope| covers(&rule.rights, scope)),
        "{device:?} got {scope:?} at {audience}"
    );
    let end = NOW.plus_seconds(LIFETIME);
    assert_eq!(response.expires_in, Some(LIFETIME), "another lifetime");
    match (&claims.exp, claims.exi) {
        (Some(exp), None) => assert_eq!(*exp, end, "another end"),
        (None, Some(seconds)) => assert_eq!(seconds, LIFETIME, "another end"),
        _ => panic!("no end, or two"),
    }
    check_key(identity, response, claims);
}

fn covers(rights: &Rights, scope: &Scope) -> bool {
    match (rights, scope) {
        (Rights::Words(words), Scope::Text(_)) => scope.words().all(|word| words.contains(&word)),
        (Rights::Methods(entries), Scope::Binary(_)) => scope.aif().is_ok_and(|aif| {
            aif.iter().all(|(path, methods)| {
                let listed = entries.iter().find(|(listed, _)| *listed == path);
                let bits = listed.map_or(0, |(_, all)| {
                    all.iter()
                        .fold(0, |bits, method| bits | 1 << (method.code() - 1))
                });
                methods.bits() & !bits == 0 && methods.bits() != 0
            })
        }),
        _ => false,
    }
}

/// The key of a token is the one that the device was told, or the one that it proved.
fn check_key(identity: Option<&PeerIdentity>, response: &TokenResponse, claims: &ClaimsSet) {
    match &claims.cnf {
        Some(Confirmation::Key(key)) if key.is_symmetric() => {
            assert!(
                key.symmetric_value().is_some_and(|value| value.len() == 16),
                "no key of 16 bytes"
            );
            assert_eq!(
                response.cnf, claims.cnf,
                "device and resource server differ"
            );
        }
        Some(Confirmation::Key(key)) => {
            let proven = subject_public_key_info(key).map(PeerIdentity::RawPublicKey);
            assert!(
                proven.is_some() && proven.as_ref() == identity,
                "not proven"
            );
            assert!(!key.has_secret(), "a private key in a token");
        }
        Some(Confirmation::KeyId(_)) => {
            assert_eq!(
                response.cnf, claims.cnf,
                "device and resource server differ"
            );
        }
        _ => panic!("a token without a key"),
    }
}
