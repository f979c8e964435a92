use std::sync::Arc;

use motekey_coap::message::{Code, ContentFormat};
use motekey_cose::claims::{Audience, NumericDate};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::key::CoseKey;
use motekey_cose::message::{ProfileRequest, TokenRequest, TokenResponse};
use motekey_cose::scope::{Method, Scope};
use motekey_cose::token::Protection;

use super::support::*;
use crate::event::Event;

#[tokio::test]
async fn f22_f16_f68_d10_success_is_2_01_with_a_map() {
    let bench = bench().await;
    // {5: "gateway"}: neither grant_type nor scope.
    let response = bench.send(&meter(), &post(b"\xa1\x05\x67gateway")).await;
    assert_eq!(response.code, Code::CREATED);
    assert_eq!(
        response.options.content_format(),
        Some(ContentFormat::ACE_CBOR)
    );
    assert_eq!(response.payload[0] >> 5, 5, "a map");
    let answer = TokenResponse::decode(&response.payload).unwrap();
    assert_eq!(answer.expires_in, Some(600));
    assert!(response.options.max_age().is_some_and(|age| age <= 600));
    assert!(matches!(
        bench.events.take().as_slice(),
        [Event::TokenGranted {
            expires_in: 600,
            ..
        }]
    ));
}

#[tokio::test]
async fn f20_p03_p04_every_request_gets_its_own_symmetric_key() {
    let bench = bench().await;
    let (one, two) = (
        bench.grant(&meter(), &ask("gateway")).await,
        bench.grant(&meter(), &ask("gateway")).await,
    );
    let value = |response: &TokenResponse| match &response.cnf {
        Some(Confirmation::Key(key)) => key.symmetric_value().map(<[u8]>::to_vec),
        _ => None,
    };
    assert_eq!(value(&one).map(|key| key.len()), Some(16));
    assert_ne!(value(&one), value(&two));
    assert_ne!(
        one.cnf.as_ref().and_then(Confirmation::kid),
        two.cnf.as_ref().and_then(Confirmation::kid)
    );
    assert_eq!(one.rs_cnf, None, "no rs_cnf with a symmetric key");
}

#[tokio::test]
async fn d19_d08_f69_f44_key_in_a_token_is_encrypted_for_the_resource_server() {
    let bench = bench().await;
    let response = bench.grant(&meter(), &ask("gateway")).await;
    let (claims, protection) = open(&response, "gateway", Some(11));
    assert_eq!(protection, Protection::Encrypted);
    assert_eq!(
        response.access_token[..3],
        [0xd8, 0x3d, 0xd0],
        "tag 61, CWT, and tag 16, COSE_Encrypt0"
    );
    assert_eq!(claims.cnf, response.cnf, "both sides get the same key");
    let Some(Confirmation::Key(key)) = &response.cnf else {
        panic!("no key in cnf")
    };
    let value = key.symmetric_value().unwrap();
    assert!(
        !response
            .access_token
            .windows(value.len())
            .any(|window| window == value),
        "key in clear"
    );
    assert_eq!(claims.sub.as_deref(), Some("meter"));
    assert_eq!(claims.exp, Some(NumericDate::from_seconds(NOW + 600)));
}

#[tokio::test]
async fn w01_dates_are_plain_numbers() {
    let bench = bench().await;
    let response = bench.grant(&meter(), &ask("gateway")).await;
    let (claims, _) = open(&response, "gateway", Some(11));
    let encoded = claims.encode();
    // Key 4 (exp) is followed by the head of a four-byte integer, not by tag 1 (0xc1).
    let exp = [
        &[0x04, 0x1a][..],
        &u32::try_from(NOW + 600).unwrap().to_be_bytes(),
    ]
    .concat();
    assert!(encoded.windows(exp.len()).any(|window| window == exp));
}

#[tokio::test]
async fn f23_profile_is_told_as_integer_when_asked() {
    let bench = bench().await;
    let asked = TokenRequest {
        ace_profile: Some(ProfileRequest::Ask),
        ..ask("gateway")
    };
    assert_eq!(bench.grant(&meter(), &asked).await.ace_profile, Some(1));
    assert_eq!(
        bench.grant(&meter(), &ask("gateway")).await.ace_profile,
        None
    );
}

#[tokio::test]
async fn f11_cnonce_is_copied_unchanged() {
    let bench = bench().await;
    let nonce = b"\x00\xff any bytes".to_vec();
    let response = bench
        .grant(
            &meter(),
            &TokenRequest {
                cnonce: Some(nonce.clone()),
                ..ask("gateway")
            },
        )
        .await;
    assert_eq!(open(&response, "gateway", Some(11)).0.cnonce, Some(nonce));
    let without = bench.grant(&meter(), &ask("gateway")).await;
    assert_eq!(open(&without, "gateway", Some(11)).0.cnonce, None);
}

#[tokio::test]
async fn f18_a02_scope_keeps_its_type_and_stands_with_aud_and_cnf() {
    let bench = bench().await;
    let cases = [
        (
            "gateway",
            11,
            Scope::from(&aif(&[("/status", &[Method::Get])])),
        ),
        ("pump", 12, Scope::Text("write read".to_owned())),
    ];
    for (audience, number, scope) in cases {
        let response = bench
            .grant(&meter(), &scoped(audience, scope.clone()))
            .await;
        assert_eq!(response.scope, None, "granted as asked");
        let (claims, _) = open(&response, audience, Some(number));
        assert_eq!(claims.scope, Some(scope));
        assert_eq!(claims.aud, Some(Audience::One(audience.to_owned())));
        assert!(claims.cnf.is_some());
    }
}

#[tokio::test]
async fn f31_scope_is_narrowed_and_the_answer_says_so() {
    let bench = bench().await;
    let wide = aif(&[
        ("/status", &[Method::Get, Method::Put]),
        ("/relay", &[Method::Put]),
    ]);
    let narrow = Scope::from(&aif(&[("/status", &[Method::Get])]));
    for (request, wanted) in [
        (scoped("gateway", Scope::from(&wide)), narrow),
        (
            scoped("pump", Scope::Text("read admin".to_owned())),
            Scope::Text("read".to_owned()),
        ),
        (ask("pump"), Scope::Text("read write".to_owned())),
    ] {
        assert_eq!(bench.grant(&meter(), &request).await.scope, Some(wanted));
    }
}

#[tokio::test]
async fn a06_bits_that_nobody_understands_are_not_granted() {
    let bench = bench().await;
    // [["/status", GET | Dynamic-GET | bit 60]]
    let scope = b"\x81\x82\x67/status\x1b\x10\x00\x00\x01\x00\x00\x00\x01".to_vec();
    let response = bench
        .grant(&meter(), &scoped("gateway", Scope::Binary(scope)))
        .await;
    assert_eq!(
        response.scope,
        Some(Scope::from(&aif(&[("/status", &[Method::Get])])))
    );
}

#[tokio::test]
async fn d36_d18_p01_update_carries_the_kid_and_no_new_key() {
    let bench = bench().await;
    let first = bench.grant(&meter(), &ask("gateway")).await;
    let key_id = first
        .cnf
        .as_ref()
        .and_then(Confirmation::kid)
        .unwrap()
        .to_vec();
    let named = Confirmation::Key(CoseKey::symmetric_name(&key_id));
    for req_cnf in [Confirmation::KeyId(key_id.clone()), named] {
        let request = TokenRequest {
            req_cnf: Some(req_cnf),
            ..ask("gateway")
        };
        let update = bench.grant(&meter(), &request).await;
        let (claims, _) = open(&update, "gateway", Some(11));
        assert_eq!(
            claims.cnf.as_ref().and_then(Confirmation::kid),
            Some(key_id.as_slice())
        );
        assert_eq!(
            update.cnf.as_ref().and_then(Confirmation::kid),
            Some(key_id.as_slice())
        );
        assert!(
            claims.cnf.as_ref().and_then(Confirmation::key).is_none(),
            "the key is not sent again"
        );
    }
}

#[tokio::test]
async fn d18_f71_unknown_kid_of_a_client_without_token_gets_a_new_key() {
    let bench = bench().await;
    let first = bench.grant(&meter(), &ask("gateway")).await;
    let key_id = first
        .cnf
        .as_ref()
        .and_then(Confirmation::kid)
        .unwrap()
        .to_vec();
    let value = |response: &TokenResponse| {
        response
            .cnf
            .as_ref()
            .and_then(Confirmation::key)
            .and_then(CoseKey::symmetric_value)
            .map(<[u8]>::to_vec)
    };
    // The kid of another client; an invented kid; and the own kid for another audience.
    for (peer, audience, kid) in [
        (other(), "gateway", key_id.clone()),
        (meter(), "valve", b"never issued".to_vec()),
        (meter(), "pump", key_id.clone()),
    ] {
        let response = bench.grant(&peer, &ask_for_key(audience, &kid)).await;
        assert_ne!(
            response.cnf.as_ref().and_then(Confirmation::kid),
            Some(kid.as_slice()),
            "{audience}"
        );
        assert!(
            value(&response).is_some_and(|key| Some(key) != value(&first)),
            "{audience}"
        );
    }
}

#[tokio::test]
async fn f65_exi_tokens_are_numbered_without_gap_also_after_a_restart() {
    let first = bench().await;
    let identifier = |response: &TokenResponse| {
        let (claims, _) = open(response, "valve", Some(13));
        assert_eq!((claims.exi, claims.exp), (Some(3600), None));
        String::from_utf8(claims.cti.unwrap()).unwrap()
    };
    for wanted in ["valve1", "valve2", "valve3"] {
        assert_eq!(
            identifier(&first.grant(&meter(), &ask("valve")).await),
            wanted
        );
    }
    let restarted = bench_on(Arc::clone(&first.store)).await;
    assert_eq!(
        identifier(&restarted.grant(&meter(), &ask("valve")).await),
        "valve4"
    );
}

#[tokio::test]
async fn f70_p08_group_token_is_signed_and_names_no_resource_server() {
    let bench = bench().await;
    let request = TokenRequest {
        req_cnf: Some(Confirmation::Key(sensor_key().public().unwrap())),
        ..ask("all")
    };
    let response = bench.grant(&sensor(), &request).await;
    let (claims, protection) = open(&response, "all", None);
    assert_eq!(protection, Protection::Signed);
    assert_eq!(claims.aud, Some(Audience::One("all".to_owned())));
    assert_eq!(response.rs_cnf, None);
}

#[tokio::test]
async fn f19_d04_d05_d06_d07_d15_p02_public_key_of_the_session_is_bound_and_rs_cnf_names_the_server()
 {
    let bench = bench().await;
    let public = Confirmation::Key(sensor_key().public().unwrap());
    for req_cnf in [public.clone(), Confirmation::KeyId(b"sensor-key".to_vec())] {
        let request = TokenRequest {
            req_cnf: Some(req_cnf),
            ..ask("lock")
        };
        let response = bench.grant(&sensor(), &request).await;
        let (claims, protection) = open(&response, "lock", None);
        assert_eq!(protection, Protection::Signed, "no secret inside");
        assert_eq!(claims.cnf, Some(public.clone()), "the whole key, by value");
        assert_eq!(
            response.rs_cnf,
            Some(Confirmation::Key(lock_key().public().unwrap()))
        );
    }
}

#[tokio::test]
async fn new_registry_is_used_after_refresh_and_not_before() {
    use crate::registry::{Device, ScopeRule};
    use crate::store::Store;
    let bench = bench().await;
    let late = Device::with_pre_shared_key("late", b"late", key(50))
        .allow("pump", ScopeRule::text("read"));
    bench.store.put_device(late).await.unwrap();
    let peer = motekey_coap::dtls::PeerIdentity::PreSharedKey(b"late".to_vec());
    bench
        .refused(&peer, &post(&ask("pump").encode()), 2, "before")
        .await;
    bench.server.refresh().await.unwrap();
    bench.grant(&peer, &ask("pump")).await;
}
