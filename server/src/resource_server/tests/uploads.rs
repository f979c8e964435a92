use super::support::*;
use crate::event::{Arrival, Event};
use motekey_coap::message::Code;
use motekey_cose::claims::{Audience, ClaimsSet, NumericDate};
use motekey_cose::crypto::AeadAlgorithm;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::envelope::{Layout, encrypt0};
use motekey_cose::key::CoseKey;
use motekey_cose::scope::Scope;

#[tokio::test]
async fn f46_f47_f07_good_token_is_2_01_without_any_token_before() {
    let bench = bench();
    assert_eq!(bench.upload(&token(&claims(1))).await, Code::CREATED);
    assert_eq!(bench.server.tokens(), 1);
    let events = bench.events.take();
    assert!(
        matches!(
            events.as_slice(),
            [Event::TokenAccepted {
                by: Arrival::Upload,
                ..
            }]
        ),
        "{events:?}"
    );
}

#[tokio::test]
async fn f49_payload_that_is_no_token_is_4_00() {
    let bench = bench();
    for (what, payload) in [
        ("empty", b"".as_slice()),
        ("an integer", b"\x00"),
        ("text", b"\x65hello"),
        ("JSON", b"{\"a\":1}"),
        ("a map", b"\xa1\x08\xa1\x01\xa2\x01\x04\x02\x41k"),
        ("truncated", &token(&claims(1))[..40]),
        (
            "trailing byte",
            &[token(&claims(1)).as_slice(), &[0]].concat(),
        ),
        ("a claims set in clear", &claims(1).encode()),
    ] {
        assert_eq!(bench.upload(payload).await, Code::BAD_REQUEST, "{what}");
    }
    assert_eq!(bench.server.tokens(), 0);
}

#[tokio::test]
async fn w05_cwt_tag_needs_a_cose_tag_behind_it() {
    let bench = bench();
    let good = token(&claims(1));
    assert_eq!(good[0], 0xd0);
    let tagged = |prefix: &[u8], rest: &[u8]| [prefix, rest].concat();
    assert_eq!(
        bench.upload(&tagged(b"\xd8\x3d", &good[1..])).await,
        Code::BAD_REQUEST,
        "61(array)"
    );
    assert_eq!(
        bench.upload(&tagged(b"\xd8\x3d\xd8\x3d", &good)).await,
        Code::BAD_REQUEST,
        "61(61(16(..)))"
    );
    assert_eq!(
        bench.upload(&tagged(b"\xd8\x3d", &good)).await,
        Code::CREATED,
        "61(16(..))"
    );
}

#[tokio::test]
async fn f51_protection_of_nobody_trusted_is_4_01() {
    let bench = bench();
    let mut flipped = token(&claims(1));
    *flipped.last_mut().unwrap() ^= 1;
    assert_eq!(
        bench.upload(&flipped).await,
        Code::UNAUTHORIZED,
        "a flipped bit"
    );
    assert_eq!(
        bench.upload(&token_of("stranger", &claims(1))).await,
        Code::UNAUTHORIZED,
        "another key"
    );
    assert_eq!(bench.server.tokens(), 0);
}

#[tokio::test]
async fn f52_w07_protected_content_that_is_no_claims_map_is_4_00() {
    let bench = bench();
    let key = CoseKey::symmetric(&shared_key("as"), None);
    let key = key
        .encryption_key(&PROVIDER, AeadAlgorithm::AesCcm16_64_128)
        .unwrap();
    for content in [
        b"\x00".as_slice(),
        b"\x80",
        b"\xff",
        b"",
        b"\xa1\x03\x01",
        b"\xd1\x84\x43\xa1\x01\x05\xa0\x40\x40",
    ] {
        let sealed = encrypt0(content, &key, &[1; 13], &[], Layout::default()).unwrap();
        assert_eq!(
            bench.upload(&sealed).await,
            Code::BAD_REQUEST,
            "{content:02x?}"
        );
    }
}

#[tokio::test]
async fn f53_issuer_of_another_key_is_4_01() {
    let bench = bench();
    let crossed = ClaimsSet {
        iss: Some("as2".to_owned()),
        ..claims(1)
    };
    assert_eq!(
        bench.upload(&token_of("as", &crossed)).await,
        Code::UNAUTHORIZED
    );
    assert_eq!(
        bench.upload(&token_of("as2", &crossed)).await,
        Code::CREATED
    );
}

#[tokio::test]
async fn f54_w04_time_of_the_token_is_4_01() {
    let bench = bench();
    let expiring = |exp| ClaimsSet {
        exp: Some(NumericDate::from_seconds(exp)),
        ..claims(1)
    };
    for (what, claims) in [
        ("exp = now", expiring(NOW)),
        ("exp = now - 1", expiring(NOW - 1)),
        (
            "nbf = now + 60",
            ClaimsSet {
                nbf: Some(NumericDate::from_seconds(NOW + 60)),
                ..claims(1)
            },
        ),
    ] {
        assert_eq!(
            bench.upload(&token(&claims)).await,
            Code::UNAUTHORIZED,
            "{what}"
        );
    }
    assert_eq!(
        bench.upload(&token(&expiring(NOW + 1))).await,
        Code::CREATED
    );
}

#[tokio::test]
async fn w01_f54_float_dates_are_read() {
    let bench = bench();
    let encoded = claims(1).encode();
    // 4: exp as integer, replaced by NOW + 0.5 as double.
    let whole = [
        &[0x04, 0x1a][..],
        &u32::try_from(NOW + 600).unwrap().to_be_bytes(),
    ]
    .concat();
    let place = encoded
        .windows(6)
        .position(|window| window == whole)
        .unwrap();
    let half = 1_700_000_000.5_f64.to_bits().to_be_bytes();
    let content = [
        &encoded[..place],
        &[0x04, 0xfb],
        &half,
        &encoded[place + 6..],
    ]
    .concat();
    let key = CoseKey::symmetric(&shared_key("as"), None);
    let key = key
        .encryption_key(&PROVIDER, AeadAlgorithm::AesCcm16_64_128)
        .unwrap();
    let token = encrypt0(&content, &key, &[1; 13], &[], Layout::default()).unwrap();
    bench.clock.advance(1);
    assert_eq!(
        bench.upload(&token).await,
        Code::UNAUTHORIZED,
        "half a second after the end"
    );
    bench.clock.advance(-1);
    assert_eq!(
        bench.upload(&token).await,
        Code::CREATED,
        "half a second before the end"
    );
}

#[tokio::test]
async fn f55_w03_audience_in_both_forms() {
    let bench = bench();
    let aud = |names: &[&str]| {
        Some(Audience::Many(
            names.iter().map(|name| (*name).to_owned()).collect(),
        ))
    };
    for (what, audience, code) in [
        (
            "of another",
            Some(Audience::One("pump".to_owned())),
            Code::FORBIDDEN,
        ),
        (
            "longer name",
            Some(Audience::One("gateway2".to_owned())),
            Code::FORBIDDEN,
        ),
        ("array without us", aud(&["pump", "valve"]), Code::FORBIDDEN),
        ("array with one", aud(&["gateway"]), Code::CREATED),
    ] {
        assert_eq!(
            bench
                .upload(&token(&ClaimsSet {
                    aud: audience,
                    ..claims(1)
                }))
                .await,
            code,
            "{what}"
        );
    }
}

#[tokio::test]
async fn f56_scope_that_is_not_understood_is_4_00() {
    let bench = bench();
    let text = |scope: &str| Some(Scope::Text(scope.to_owned()));
    for (what, scope, code) in [
        ("unknown word", text("admin"), Code::BAD_REQUEST),
        (
            "one known word of two",
            text("read admin"),
            Code::BAD_REQUEST,
        ),
        ("empty", text(""), Code::BAD_REQUEST),
        (
            "broken AIF",
            Some(Scope::Binary(b"\x81\x00".to_vec())),
            Code::BAD_REQUEST,
        ),
        ("none", None, Code::BAD_REQUEST),
        ("known word", text("read"), Code::CREATED),
    ] {
        assert_eq!(
            bench
                .upload(&token(&ClaimsSet { scope, ..claims(1) }))
                .await,
            code,
            "{what}"
        );
    }
}

#[tokio::test]
async fn f57_first_fault_in_the_order_decides() {
    let bench = bench();
    let (past, pump) = (
        Some(NumericDate::from_seconds(NOW - 1)),
        Some(Audience::One("pump".to_owned())),
    );
    let nonsense = Some(Scope::Text("nonsense".to_owned()));
    let iss = Some("as2".to_owned());
    let table = [
        (
            "exp and aud",
            ClaimsSet {
                exp: past,
                aud: pump.clone(),
                ..claims(1)
            },
            "exp",
            Code::UNAUTHORIZED,
        ),
        (
            "aud and scope",
            ClaimsSet {
                aud: pump.clone(),
                scope: nonsense.clone(),
                ..claims(1)
            },
            "aud",
            Code::FORBIDDEN,
        ),
        (
            "iss and exp",
            ClaimsSet {
                iss,
                exp: past,
                ..claims(1)
            },
            "iss",
            Code::UNAUTHORIZED,
        ),
        (
            "all but iss",
            ClaimsSet {
                exp: past,
                aud: pump,
                scope: nonsense,
                ..claims(1)
            },
            "exp",
            Code::UNAUTHORIZED,
        ),
    ];
    for (what, claims, wanted, code) in table {
        assert_eq!(bench.upload(&token(&claims)).await, code, "{what}");
        let events = bench.events.take();
        assert!(
            matches!(events.as_slice(), [Event::TokenRefused { check, .. }] if *check == wanted),
            "{events:?}"
        );
    }
}

#[tokio::test]
async fn f57_key_and_scope_of_unknown_kinds_come_behind_exp_and_aud() {
    let bench = bench();
    let key = CoseKey::symmetric(&shared_key("as"), None);
    let key = key
        .encryption_key(&PROVIDER, AeadAlgorithm::AesCcm16_64_128)
        .unwrap();
    // cnf: {1: {kty: 99, kid: "k"}}; scope: 0.
    let unreadable = b"\x08\xa1\x01\xa2\x01\x18\x63\x02\x41k\x09\x00";
    let exp = |seconds| Some(NumericDate::from_seconds(NOW + seconds));
    let pump = Some(Audience::One("pump".to_owned()));
    for (what, exp, aud, code) in [
        ("and expired", exp(-1), claims(1).aud, Code::UNAUTHORIZED),
        ("and for another", exp(600), pump, Code::FORBIDDEN),
        ("alone", exp(600), claims(1).aud, Code::BAD_REQUEST),
    ] {
        let rest = ClaimsSet {
            cnf: None,
            scope: None,
            exp,
            aud,
            ..claims(1)
        };
        let mut content = rest.encode();
        content[0] += 2;
        content.extend_from_slice(unreadable);
        let token = encrypt0(&content, &key, &[1; 13], &[], Layout::default()).unwrap();
        assert_eq!(bench.upload(&token).await, code, "{what}");
    }
}

#[tokio::test]
async fn w02_unknown_claims_are_ignored() {
    let bench = bench();
    let mut content = claims(1).encode();
    content[0] += 1;
    content.extend_from_slice(b"\x19\xfd\xe8\x65hello");
    let key = CoseKey::symmetric(&shared_key("as"), None);
    let key = key
        .encryption_key(&PROVIDER, AeadAlgorithm::AesCcm16_64_128)
        .unwrap();
    let token = encrypt0(&content, &key, &[1; 13], &[], Layout::default()).unwrap();
    assert_eq!(bench.upload(&token).await, Code::CREATED);
}
