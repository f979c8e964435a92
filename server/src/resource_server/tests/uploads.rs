use std::sync::Arc;

use motekey_coap::message::{Code, ContentFormat, Request};
use motekey_cose::claims::{Audience, ClaimsSet, NumericDate};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::AeadAlgorithm;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::envelope::{Layout, encrypt0};
use motekey_cose::key::{CoseKey, KeyOperation};
use motekey_cose::message::RequestCreationHints;
use motekey_cose::scope::Scope;

use super::super::{Limits, VolatileSequence};
use super::support::*;
use crate::event::{Arrival, Event, TokenEnd};

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

#[tokio::test]
async fn p07_keys_that_do_not_fit_the_profile_are_4_00() {
    let bench = bench();
    let with = |alg: Option<i64>, operations: Option<Vec<KeyOperation>>| {
        let mut key = CoseKey::symmetric(&pop_key(1), Some(b"key-1"));
        key.attributes_mut().alg = alg;
        key.attributes_mut().key_ops = operations;
        Some(Confirmation::Key(key))
    };
    let public = CoseKey::ed25519(&PROVIDER, &[3; 32], Some(b"key-1"))
        .unwrap()
        .public()
        .unwrap();
    for (what, cnf, code) in [
        ("alg HMAC 256/256", with(Some(5), None), Code::BAD_REQUEST),
        (
            "key_ops verify",
            with(None, Some(vec![KeyOperation::MacVerify])),
            Code::BAD_REQUEST,
        ),
        (
            "no kid",
            Some(Confirmation::Key(CoseKey::symmetric(&pop_key(1), None))),
            Code::BAD_REQUEST,
        ),
        (
            "a public key",
            Some(Confirmation::Key(public)),
            Code::BAD_REQUEST,
        ),
        (
            "a kid that nobody knows",
            Some(Confirmation::KeyId(b"key-1".to_vec())),
            Code::BAD_REQUEST,
        ),
        ("no cnf", None, Code::BAD_REQUEST),
        (
            "key_ops derive key",
            with(None, Some(vec![KeyOperation::DeriveKey])),
            Code::CREATED,
        ),
    ] {
        assert_eq!(
            bench.upload(&token(&ClaimsSet { cnf, ..claims(1) })).await,
            code,
            "{what}"
        );
    }
}

#[tokio::test]
async fn f12_f09_nonce_of_this_server_is_needed_and_fresh() {
    let bench = bench_with(|builder| builder.client_nonces(60));
    let refusal = bench
        .server
        .answer_request(plain(), Request::get("/a"))
        .await;
    let nonce = RequestCreationHints::decode(&refusal.payload)
        .unwrap()
        .cnonce
        .unwrap();
    let with = |cnonce| {
        token(&ClaimsSet {
            cnonce,
            ..claims(1)
        })
    };
    assert_eq!(bench.upload(&with(None)).await, Code::UNAUTHORIZED, "none");
    assert_eq!(
        bench.upload(&with(Some(vec![0; 16]))).await,
        Code::UNAUTHORIZED,
        "invented"
    );
    bench.clock.advance(61);
    assert_eq!(
        bench.upload(&with(Some(nonce.clone()))).await,
        Code::UNAUTHORIZED,
        "stale"
    );
    bench.clock.advance(-1);
    assert_eq!(
        bench.upload(&with(Some(nonce))).await,
        Code::CREATED,
        "good"
    );
}

#[tokio::test]
async fn f59_only_post_works_on_authz_info() {
    let bench = bench();
    for method in [
        Code::GET,
        Code::PUT,
        Code::DELETE,
        Code::FETCH,
        Code::PATCH,
        Code::IPATCH,
    ] {
        let mut request =
            Request::post("/authz-info").with_payload(ContentFormat::CWT, token(&claims(1)));
        request.method = method;
        let code = bench.server.answer_request(plain(), request).await.code;
        assert_eq!(code, Code::METHOD_NOT_ALLOWED, "{method}");
    }
    assert_eq!(bench.server.tokens(), 0);
}

#[tokio::test]
async fn h05_token_has_its_content_format() {
    let token = token(&claims(1));
    let upload =
        |format| Request::post("/authz-info").with_payload(ContentFormat(format), token.clone());
    for (lenient, format, code) in [
        (false, 19, Code::UNSUPPORTED_CONTENT_FORMAT),
        (false, 42, Code::UNSUPPORTED_CONTENT_FORMAT),
        (true, 60, Code::UNSUPPORTED_CONTENT_FORMAT),
        (true, 19, Code::CREATED),
        (true, 61, Code::CREATED),
    ] {
        let bench = bench_with(|builder| builder.accept_ace_content_format(lenient));
        assert_eq!(
            bench
                .server
                .answer_request(plain(), upload(format))
                .await
                .code,
            code,
            "{format}"
        );
    }
}

#[tokio::test]
async fn f60_d40_flood_of_uploads_is_limited_and_the_table_bounded() {
    let limits = Limits {
        tokens: 4,
        unused_token_seconds: 300,
        uploads_per_second: 5,
    };
    let bench = bench_with(|builder| builder.limits(limits));
    let mut codes = Vec::new();
    for number in 0..40 {
        codes.push(bench.upload(&token(&claims(number))).await);
    }
    assert_eq!(
        codes.iter().filter(|code| **code == Code::CREATED).count(),
        20,
        "the burst"
    );
    assert_eq!(codes.last(), Some(&Code::TOO_MANY_REQUESTS));
    assert_eq!(bench.server.tokens(), 4);
}

#[tokio::test]
async fn d40_unused_tokens_are_dropped_and_used_ones_stay() {
    let limits = Limits {
        unused_token_seconds: 300,
        ..Limits::default()
    };
    let bench = bench_with(|builder| builder.limits(limits));
    bench.upload(&token(&claims(1))).await;
    bench.upload(&token(&claims(2))).await;
    bench.connect(7, &form_a(2));
    bench.events.take();
    bench.clock.advance(300);
    assert!(bench.server.sweep().is_empty());
    let events = bench.events.take();
    assert_eq!(
        events,
        [Event::TokenEnded {
            key_id: b"key-1".to_vec(),
            why: TokenEnd::Unused
        }]
    );
    assert_eq!(bench.get(7, "/a").await, Code::CONTENT);
}

#[tokio::test]
async fn d16_full_table_of_used_tokens_refuses_and_keeps_them() {
    let bench = bench_with(|builder| {
        builder.limits(Limits {
            tokens: 2,
            ..Limits::default()
        })
    });
    for number in 1..=2 {
        assert_eq!(bench.upload(&token(&claims(number))).await, Code::CREATED);
        bench.connect(u64::from(number), &form_a(number));
    }
    assert_eq!(
        bench.upload(&token(&claims(3))).await,
        Code::SERVICE_UNAVAILABLE
    );
    assert_eq!(
        (bench.get(1, "/a").await, bench.get(2, "/a").await),
        (Code::CONTENT, Code::CONTENT)
    );
}

/// The claims of token `sequence` with `exi`.
fn counted(number: u8, sequence: u64) -> ClaimsSet {
    ClaimsSet {
        exp: None,
        exi: Some(100),
        cti: Some(format!("gateway{sequence}").into_bytes()),
        ..claims(number)
    }
}

#[tokio::test]
async fn f58_exi_counts_from_the_first_upload() {
    let bench = bench_with(|builder| builder.sequence_storage(VolatileSequence::default()));
    let first = token(&counted(1, 1));
    assert_eq!(bench.upload(&first).await, Code::CREATED);
    bench.connect(7, &form_a(1));
    bench.clock.advance(60);
    assert_eq!(
        bench.upload(&first).await,
        Code::CREATED,
        "again, as the same token"
    );
    bench.clock.advance(39);
    assert_eq!(bench.get(7, "/a").await, Code::CONTENT);
    bench.clock.advance(1);
    assert_eq!(bench.get(7, "/a").await, Code::UNAUTHORIZED);
    bench.server.sweep();
    assert_eq!(
        bench.upload(&first).await,
        Code::UNAUTHORIZED,
        "and it does not begin again"
    );
}

#[tokio::test]
async fn f66_lower_sequence_numbers_than_an_expired_one_are_refused() {
    let bench = bench_with(|builder| builder.sequence_storage(VolatileSequence::default()));
    assert_eq!(bench.upload(&token(&counted(3, 3))).await, Code::CREATED);
    bench.clock.advance(100);
    bench.server.sweep();
    for (sequence, code) in [
        (2, Code::UNAUTHORIZED),
        (3, Code::UNAUTHORIZED),
        (4, Code::CREATED),
    ] {
        assert_eq!(
            bench.upload(&token(&counted(9, sequence))).await,
            code,
            "sequence number {sequence}"
        );
    }
}

#[tokio::test]
async fn f73_f66_tokens_from_before_a_reboot_have_ended() {
    let storage = Arc::new(VolatileSequence::default());
    let before = bench_with(|builder| builder.sequence_storage(storage.clone()));
    assert_eq!(before.upload(&token(&counted(1, 5))).await, Code::CREATED);
    let after = bench_with(|builder| builder.sequence_storage(storage));
    assert_eq!(
        after.upload(&token(&counted(1, 5))).await,
        Code::UNAUTHORIZED
    );
    assert_eq!(after.upload(&token(&counted(2, 6))).await, Code::CREATED);
    let without = bench();
    assert_eq!(
        without.upload(&token(&counted(2, 6))).await,
        Code::BAD_REQUEST,
        "no place for the number"
    );
}

#[tokio::test]
async fn exi_needs_a_cti_of_this_server() {
    let bench = bench_with(|builder| builder.sequence_storage(VolatileSequence::default()));
    for cti in [
        None,
        Some("gateway"),
        Some("pump1"),
        Some("gateway1x"),
        Some("gateway+1"),
        Some("1"),
    ] {
        let cti = cti.map(|text| text.as_bytes().to_vec());
        let claims = ClaimsSet {
            cti: cti.clone(),
            ..counted(1, 1)
        };
        assert_eq!(
            bench.upload(&token(&claims)).await,
            Code::BAD_REQUEST,
            "{cti:?}"
        );
    }
}
