use motekey_coap::dtls::{PreSharedKey, PskAnswer};
use motekey_coap::message::Code;
use motekey_cose::claims::{Audience, ClaimsSet, NumericDate};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::key::CoseKey;

use super::support::*;
use crate::event::{Arrival, Event};

/// The identity of RFC 9202 Section 3.3.2.
const RFC_9202_FIGURE_9: &[u8] =
    b"\xa1\x08\xa1\x01\xa2\x01\x04\x02\x48\x3d\x02\x78\x33\xfc\x62\x67\xce";

fn rfc_claims() -> ClaimsSet {
    let kid = b"\x3d\x02\x78\x33\xfc\x62\x67\xce";
    ClaimsSet {
        cnf: Some(Confirmation::Key(CoseKey::symmetric(
            &pop_key(1),
            Some(kid),
        ))),
        ..claims(1)
    }
}

#[tokio::test]
async fn d26_form_a_selects_the_uploaded_key() {
    let bench = bench();
    assert_eq!(
        bench.psk(RFC_9202_FIGURE_9),
        PskAnswer::IllegalParameter,
        "not uploaded yet"
    );
    bench.upload(&token(&rfc_claims())).await;
    let key = PskAnswer::Key(PreSharedKey::new(pop_key(1)));
    for (what, identity) in [
        ("as in the RFC", RFC_9202_FIGURE_9),
        (
            "kty behind kid",
            b"\xa1\x08\xa1\x01\xa2\x02\x48\x3d\x02\x78\x33\xfc\x62\x67\xce\x01\x04",
        ),
        (
            "long heads",
            b"\xb8\x01\x08\xa1\x18\x01\xa2\x01\x04\x02\x58\x08\x3d\x02\x78\x33\xfc\x62\x67\xce",
        ),
        (
            "a key value, which is not believed",
            b"\xa1\x08\xa1\x01\xa3\x01\x04\x02\x48\x3d\x02\x78\x33\xfc\x62\x67\xce\x20\x42zz",
        ),
    ] {
        assert_eq!(bench.psk(identity), key, "{what}");
    }
}

#[tokio::test]
async fn d26_d27_form_b_is_verified_and_stored() {
    let bench = bench();
    let token = token(&claims(1));
    assert_eq!(
        bench.psk(&token),
        PskAnswer::Key(PreSharedKey::new(pop_key(1)))
    );
    assert_eq!(bench.server.tokens(), 1);
    bench.connect(1, &token);
    assert_eq!(bench.get(1, "/a").await, Code::CONTENT);
    let events = bench.events.take();
    assert!(
        matches!(
            events.first(),
            Some(Event::TokenAccepted {
                by: Arrival::Identity,
                ..
            })
        ),
        "{events:?}"
    );
    assert_eq!(
        bench.psk(&form_a(1)),
        PskAnswer::Key(PreSharedKey::new(pop_key(1))),
        "form A works then too"
    );
}

#[tokio::test]
async fn d27_d28_identity_that_selects_no_valid_token_is_illegal_parameter() {
    let bench = bench();
    let mut flipped = token(&claims(1));
    *flipped.last_mut().unwrap() ^= 1;
    let expired = token(&ClaimsSet {
        exp: Some(NumericDate::from_seconds(NOW)),
        ..claims(1)
    });
    let foreign = token(&ClaimsSet {
        aud: Some(Audience::One("pump".to_owned())),
        ..claims(1)
    });
    for (what, identity) in [
        ("empty", b"".as_slice()),
        ("garbage", b"\x00\x01\x02"),
        ("text", b"Client_identity"),
        ("unknown kid", &form_a(9)),
        ("cnf without kid", b"\xa1\x08\xa1\x01\xa1\x01\x04"),
        (
            "form A with trailing byte",
            &[RFC_9202_FIGURE_9, b"\x00"].concat(),
        ),
        ("flipped bit", &flipped),
        ("expired token", &expired),
        ("token for another audience", &foreign),
        ("token of a stranger", &token_of("stranger", &claims(1))),
        ("longer than any token", &[0x58; 5000]),
    ] {
        assert_eq!(bench.psk(identity), PskAnswer::IllegalParameter, "{what}");
    }
    assert_eq!(bench.server.tokens(), 0);
}

#[tokio::test]
async fn d28_l03_expired_key_and_a_large_token() {
    let bench = bench();
    bench.upload(&token(&claims(1))).await;
    bench.clock.advance(600);
    assert_eq!(
        bench.psk(&form_a(1)),
        PskAnswer::IllegalParameter,
        "the token has expired"
    );
    let paths: Vec<String> = (0..100)
        .map(|number| format!("/a/rather/long/path/{number}"))
        .collect();
    let entries: Vec<(&str, u64)> = paths.iter().map(|path| (path.as_str(), GET)).collect();
    let scope = Some(motekey_cose::scope::Scope::from(&aif(&entries)));
    let exp = Some(NumericDate::from_seconds(NOW + 9_000));
    let large = token(&ClaimsSet {
        scope,
        exp,
        ..claims(2)
    });
    assert!(large.len() > 2_000);
    assert_eq!(
        bench.psk(&large),
        PskAnswer::Key(PreSharedKey::new(pop_key(2)))
    );
}
