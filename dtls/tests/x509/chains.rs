//! Chains that are valid, and chains that are not.

use motekey_dtls::crypto::rust::PROVIDER;
use motekey_dtls::x509::WebPkiVerifier;
use motekey_dtls::*;

use crate::authority::{Authority, NAME, signing_key, system_time};
use crate::common::*;

#[test]
fn d13_chains_of_both_kinds_of_keys_connect() {
    for ed25519 in [false, true] {
        let authority = Authority::new(&format!("own-{ed25519}"), ed25519);
        let mut pair = Pair::new(
            authority.server_config(),
            client_config(),
            &authority.credential(NAME),
        );
        pair.run();
        let identity = |name| Event::Connected {
            peer: Some(PeerIdentity::Certificate(vec![authority.files.der(name)])),
        };
        assert_eq!(pair.server_events, [identity("client")]);
        assert_eq!(pair.client_events, [identity("server")]);
    }
}

#[test]
fn chains_that_are_not_valid_are_refused() {
    let authority = Authority::new("refused", false);
    let stranger = Authority::new("stranger", true);
    let (anchor, other) = (
        authority.files.der("authority"),
        stranger.files.der("authority"),
    );
    let (server, client) = (authority.files.der("server"), authority.files.der("client"));
    let verifier = |anchor: &[u8], name: &str, clock: fn() -> Option<u64>| {
        WebPkiVerifier::server(&PROVIDER, &[anchor], name, Box::new(clock)).unwrap()
    };
    let mut changed = server.clone();
    *changed.last_mut().unwrap() ^= 1;
    for (verifier, chain, wanted, why) in [
        (
            verifier(&other, NAME, system_time),
            &server,
            CertificateError::UnknownAuthority,
            "another authority",
        ),
        (
            verifier(&anchor, "other.test", system_time),
            &server,
            CertificateError::NotAcceptable,
            "another name",
        ),
        (
            verifier(&anchor, NAME, system_time),
            &client,
            CertificateError::NotAcceptable,
            "a client's",
        ),
        (
            verifier(&anchor, NAME, || Some(4_000_000_000)),
            &server,
            CertificateError::Expired,
            "expired",
        ),
        (
            verifier(&anchor, NAME, || Some(0)),
            &server,
            CertificateError::Expired,
            "not valid yet",
        ),
        (
            verifier(&anchor, NAME, || None),
            &server,
            CertificateError::Expired,
            "the time is not known",
        ),
        (
            verifier(&anchor, NAME, system_time),
            &changed,
            CertificateError::Bad,
            "a changed signature",
        ),
    ] {
        assert_eq!(verifier.verify(&[chain]).err(), Some(wanted), "{why}");
    }
    let good = verifier(&anchor, NAME, system_time);
    assert_eq!(
        good.verify(&[&server]).unwrap(),
        signing_key(2, false).public_key_info()
    );
    assert_eq!(good.verify(&[&server[1..]]), Err(CertificateError::Bad));
    assert_eq!(good.verify(&[]), Err(CertificateError::Bad));
    assert!(WebPkiVerifier::clients(&PROVIDER, &[&anchor[1..]], Box::new(system_time)).is_err());
    assert!(
        WebPkiVerifier::server(&PROVIDER, &[&anchor], "not a name", Box::new(system_time)).is_err()
    );
}
