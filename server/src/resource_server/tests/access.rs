use motekey_coap::dtls::{PeerIdentity, PskAnswer, SessionId};
use motekey_coap::message::options::number;
use motekey_coap::message::{Code, ContentFormat, Request};
use motekey_cose::claims::{ClaimsSet, NumericDate};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::key::CoseKey;
use motekey_cose::message::RequestCreationHints;
use motekey_cose::scope::Scope;

use super::support::*;

/// A bench with a session 1 whose token allows these.
async fn connected(entries: &[(&str, u64)]) -> Bench {
    let bench = bench();
    let scope = Some(Scope::from(&aif(entries)));
    bench
        .upload(&token(&ClaimsSet { scope, ..claims(1) }))
        .await;
    bench.connect(1, &form_a(1));
    bench
}

#[tokio::test]
async fn f05_f06_f08_d30_without_token_it_is_4_01_with_hints() {
    let bench = bench();
    let unknown_session = bench.request(99, Request::get("/a")).await;
    let plain = bench
        .server
        .answer_request(plain(), Request::get("/a"))
        .await;
    for response in [unknown_session, plain] {
        assert_eq!(response.code, Code::UNAUTHORIZED);
        assert_eq!(
            response.options.content_format(),
            Some(ContentFormat::ACE_CBOR)
        );
        let hints = RequestCreationHints::decode(&response.payload).unwrap();
        assert_eq!(
            hints.authorization_server.as_deref(),
            Some("coaps://as.example/token")
        );
        assert_eq!(hints.audience.as_deref(), Some("gateway"));
        assert_eq!(hints.cnonce, None, "this server does not use nonces");
    }
}

#[tokio::test]
async fn f05_the_session_number_of_plain_coap_gives_no_rights() {
    let bench = connected(&[("/a", GET)]).await;
    let mut context = plain();
    context.session = SessionId(1);
    assert_eq!(
        bench
            .server
            .answer_request(context, Request::get("/a"))
            .await
            .code,
        Code::UNAUTHORIZED
    );
}

#[tokio::test]
async fn f63_f64_d30_d33_codes_on_one_session() {
    let bench = connected(&[("/a", GET), ("/led", GET | PUT)]).await;
    for (request, code) in [
        (Request::get("/a"), Code::CONTENT),
        (Request::put("/a"), Code::METHOD_NOT_ALLOWED),
        (Request::put("/led"), Code::CONTENT),
        (Request::get("/relay"), Code::FORBIDDEN),
        (Request::put("/relay"), Code::FORBIDDEN),
        (Request::fetch("/a"), Code::METHOD_NOT_ALLOWED),
        (
            Request::new(Code::new(0, 31), "/a"),
            Code::METHOD_NOT_ALLOWED,
        ),
        (Request::new(Code::new(0, 31), "/b"), Code::FORBIDDEN),
        (Request::get("/a"), Code::CONTENT),
    ] {
        let what = format!("{} {}", request.method, request.path());
        let response = bench.request(1, request).await;
        assert_eq!(response.code, code, "{what}");
        assert!(
            code == Code::CONTENT || response.payload.is_empty(),
            "{what}"
        );
    }
}

#[tokio::test]
async fn a01_empty_list_gives_nothing() {
    let bench = connected(&[]).await;
    assert_eq!(bench.get(1, "/a").await, Code::FORBIDDEN);
    assert_eq!(bench.get(1, "/").await, Code::FORBIDDEN);
}

#[tokio::test]
async fn a04_equal_paths_are_merged() {
    let bench = bench();
    // [["/a", 1], ["/a", 4]]
    let scope = Some(Scope::Binary(b"\x82\x82\x62/a\x01\x82\x62/a\x04".to_vec()));
    bench
        .upload(&token(&ClaimsSet { scope, ..claims(1) }))
        .await;
    bench.connect(1, &form_a(1));
    assert_eq!(bench.get(1, "/a").await, Code::CONTENT);
    assert_eq!(
        bench.request(1, Request::put("/a")).await.code,
        Code::CONTENT
    );
    assert_eq!(
        bench.request(1, Request::post("/a")).await.code,
        Code::METHOD_NOT_ALLOWED
    );
}

#[tokio::test]
async fn a05_match_is_exact_on_path_and_query() {
    let bench = connected(&[("/a", GET), ("/a/led", GET), ("/q?x=1", GET)]).await;
    let mut segment = Request::get("/");
    segment.options.add(number::URI_PATH, b"a/led");
    let mut bytes = Request::get("/a");
    bytes.options.add(number::URI_PATH, b"\xff");
    for (what, request, code) in [
        ("/a", Request::get("/a"), Code::CONTENT),
        ("/a/led", Request::get("/a/led"), Code::CONTENT),
        ("one segment a/led", segment, Code::FORBIDDEN),
        ("not UTF-8", bytes, Code::BAD_OPTION),
        ("/a/", Request::get("/a/"), Code::FORBIDDEN),
        ("/A", Request::get("/A"), Code::FORBIDDEN),
        ("/a/led/x", Request::get("/a/led/x"), Code::FORBIDDEN),
        ("/a/../a", Request::get("/a/../a"), Code::FORBIDDEN),
        ("/a?x=1", Request::get("/a?x=1"), Code::FORBIDDEN),
        ("/q", Request::get("/q"), Code::FORBIDDEN),
        ("/q?x=1", Request::get("/q?x=1"), Code::CONTENT),
        ("/q?x=1&y", Request::get("/q?x=1&y"), Code::FORBIDDEN),
    ] {
        assert_eq!(bench.request(1, request).await.code, code, "{what}");
    }
}

#[tokio::test]
async fn a06_dynamic_and_future_bits_allow_nothing() {
    let bench = connected(&[("/a", GET | 1 << 34 | 1 << 60), ("/d", 1 << 32)]).await;
    assert_eq!(bench.get(1, "/a").await, Code::CONTENT);
    assert_eq!(
        bench.request(1, Request::put("/a")).await.code,
        Code::METHOD_NOT_ALLOWED
    );
    assert_eq!(bench.get(1, "/d").await, Code::FORBIDDEN);
}

#[tokio::test]
async fn d29_f62_expired_token_is_4_01_on_a_live_session_and_removed() {
    let bench = connected(&[("/a", GET)]).await;
    bench.clock.advance(599);
    assert_eq!(bench.get(1, "/a").await, Code::CONTENT);
    bench.clock.advance(1);
    assert_eq!(bench.get(1, "/a").await, Code::UNAUTHORIZED);
    let orphans: Vec<_> = bench
        .server
        .sweep()
        .orphans
        .into_iter()
        .map(|orphan| orphan.session)
        .collect();
    assert_eq!(orphans, [SessionId(1)]);
    assert_eq!(bench.server.tokens(), 0);
}

/// An update: the same key by its id, other rights, issued later.
fn update(number: u8, bits: u64, issued_at: i64) -> ClaimsSet {
    ClaimsSet {
        cnf: Some(Confirmation::KeyId(format!("key-{number}").into_bytes())),
        scope: Some(Scope::from(&aif(&[("/a", bits)]))),
        iat: Some(NumericDate::from_seconds(issued_at)),
        ..claims(number)
    }
}

#[tokio::test]
async fn d37_f48_new_token_changes_the_rights_of_the_running_session_at_once() {
    let bench = connected(&[("/a", GET), ("/b", GET)]).await;
    let put = || bench.request(1, Request::put("/a"));
    assert_eq!(put().await.code, Code::METHOD_NOT_ALLOWED);
    assert_eq!(
        bench.upload(&token(&update(1, GET | PUT, NOW))).await,
        Code::CREATED
    );
    assert_eq!(put().await.code, Code::CONTENT);
    assert_eq!(
        bench.get(1, "/b").await,
        Code::FORBIDDEN,
        "the old rights are gone"
    );
    assert_eq!(
        bench.upload(&token(&update(1, GET, NOW + 1))).await,
        Code::CREATED
    );
    assert_eq!(put().await.code, Code::METHOD_NOT_ALLOWED);
    assert_eq!(bench.server.tokens(), 1);
}

#[tokio::test]
async fn d37_blocks_of_answers_under_the_former_rights_are_withheld() {
    let bench = connected(&[("/a", GET)]).await;
    assert!(bench.server.sweep().replaced.is_empty());
    bench.upload(&token(&update(1, GET, NOW + 1))).await;
    let replaced: Vec<_> = bench.server.sweep().replaced.into_iter().collect();
    assert_eq!(replaced, [SessionId(1)], "told to the endpoint once");
    assert!(bench.server.sweep().replaced.is_empty());
}

#[tokio::test]
async fn d37_older_token_does_not_come_back() {
    let bench = connected(&[("/a", GET)]).await;
    let wide = token(&update(1, GET | PUT, NOW - 10));
    assert_eq!(bench.upload(&wide).await, Code::CREATED);
    assert_eq!(
        bench.upload(&token(&update(1, GET, NOW))).await,
        Code::CREATED
    );
    assert_eq!(
        bench.upload(&wide).await,
        Code::UNAUTHORIZED,
        "a replay of wider rights"
    );
    assert_eq!(
        bench.request(1, Request::put("/a")).await.code,
        Code::METHOD_NOT_ALLOWED
    );
}

#[tokio::test]
async fn f50_refused_token_leaves_the_rights_as_they_were() {
    let bench = connected(&[("/a", GET)]).await;
    let expired = ClaimsSet {
        exp: Some(NumericDate::from_seconds(NOW)),
        ..update(1, PUT, NOW)
    };
    let unknown = ClaimsSet {
        scope: Some(Scope::Text("admin".to_owned())),
        ..update(1, PUT, NOW)
    };
    for claims in [expired, unknown] {
        assert_ne!(bench.upload(&token(&claims)).await, Code::CREATED);
        assert_eq!(bench.get(1, "/a").await, Code::CONTENT);
    }
}

#[tokio::test]
async fn d38_p15_token_for_another_key_never_changes_a_session() {
    let bench = connected(&[("/a", GET)]).await;
    let wide = Some(Scope::from(&aif(&[("/a", GET | PUT)])));
    // The token of another device, uploaded by whomever.
    let other = ClaimsSet {
        scope: wide.clone(),
        ..claims(2)
    };
    assert_eq!(bench.upload(&token(&other)).await, Code::CREATED);
    // The same kid with another key; with another client; from another authorization server.
    let key = Confirmation::Key(CoseKey::symmetric(&pop_key(9), Some(b"key-1")));
    let other_key = ClaimsSet {
        cnf: Some(key),
        scope: wide.clone(),
        ..claims(1)
    };
    let other_client = ClaimsSet {
        sub: Some("mallory".to_owned()),
        scope: wide.clone(),
        ..claims(1)
    };
    let same = ClaimsSet {
        scope: wide,
        ..claims(1)
    };
    assert_eq!(bench.upload(&token(&other_key)).await, Code::UNAUTHORIZED);
    assert_eq!(
        bench.upload(&token(&other_client)).await,
        Code::UNAUTHORIZED
    );
    assert_eq!(
        bench.upload(&token_of("as2", &same)).await,
        Code::UNAUTHORIZED
    );
    assert_eq!(
        bench.request(1, Request::put("/a")).await.code,
        Code::METHOD_NOT_ALLOWED
    );
    assert_eq!(bench.get(1, "/a").await, Code::CONTENT);
}

#[tokio::test]
async fn p15_d38_key_id_that_is_used_again_gives_the_old_session_nothing() {
    let bench = connected(&[("/a", GET)]).await;
    bench.clock.advance(600);
    // Before anybody swept: another authorization server uses the same kid for another device.
    let later = ClaimsSet {
        exp: Some(NumericDate::from_seconds(NOW + 9_000)),
        sub: Some("other".to_owned()),
        cnf: Some(Confirmation::Key(CoseKey::symmetric(
            &pop_key(9),
            Some(b"key-1"),
        ))),
        ..claims(1)
    };
    assert_eq!(bench.upload(&token_of("as2", &later)).await, Code::CREATED);
    assert_eq!(bench.get(1, "/a").await, Code::UNAUTHORIZED);
    bench.connect(2, &form_a(1));
    assert_eq!(bench.get(2, "/a").await, Code::CONTENT);
    let orphans: Vec<_> = bench
        .server
        .sweep()
        .orphans
        .into_iter()
        .map(|orphan| orphan.session)
        .collect();
    assert_eq!(orphans, [SessionId(1)]);
}

#[tokio::test]
async fn p15_d38_handshake_that_runs_keeps_its_key_id() {
    let later = |number: u8, client: &str| ClaimsSet {
        exp: Some(NumericDate::from_seconds(NOW + 9_000)),
        sub: Some(client.to_owned()),
        cnf: Some(Confirmation::Key(CoseKey::symmetric(
            &pop_key(number),
            Some(b"key-1"),
        ))),
        ..claims(1)
    };
    for (what, swept) in [("not swept", false), ("swept", true)] {
        let bench = bench();
        bench.upload(&token(&claims(1))).await;
        bench.clock.advance(599);
        assert!(matches!(bench.psk(&form_a(1)), PskAnswer::Key(_)));
        bench.clock.advance(1);
        if swept {
            bench.server.sweep();
        }
        for (issuer, claims) in [
            ("as2", later(9, "other")),
            ("as", later(9, "device-1")),
            ("as", later(1, "other")),
            ("as2", later(1, "device-1")),
        ] {
            let code = bench.upload(&token_of(issuer, &claims)).await;
            assert_eq!(code, Code::UNAUTHORIZED, "{what}, {issuer} {claims:?}");
        }
        // The handshake ends: its token has expired, and there is no other.
        let identity = PeerIdentity::PreSharedKey(form_a(1));
        bench.server.bind_session(SessionId(1), Some(&identity));
        assert_eq!(bench.get(1, "/a").await, Code::UNAUTHORIZED, "{what}");
        let orphans = bench.server.sweep().orphans;
        assert_eq!(orphans[0].session, SessionId(1), "{what}");
        // The same device with the same key is not held up, and a stranger is not for ever.
        let renewed = later(1, "device-1");
        assert_eq!(bench.upload(&token(&renewed)).await, Code::CREATED);
        bench.clock.advance(9_000);
        let exp = Some(NumericDate::from_seconds(NOW + 20_000));
        let other = ClaimsSet {
            exp,
            ..later(9, "other")
        };
        assert_eq!(bench.upload(&token_of("as2", &other)).await, Code::CREATED);
    }
}

#[tokio::test]
async fn application_learns_who_asks() {
    let bench = connected(&[("/a", GET)]).await;
    let response = bench.request(1, Request::get("/a")).await;
    assert_eq!(response.payload, b"device-1 0.01");
}

#[tokio::test]
async fn links_name_authz_info_and_nothing_of_the_application() {
    let bench = bench();
    let response = bench
        .server
        .answer_request(plain(), Request::get("/.well-known/core"))
        .await;
    assert_eq!(response.payload, b"</authz-info>;rt=\"ace.ai\";ct=61");
    assert_eq!(
        response.options.content_format(),
        Some(ContentFormat::LINK_FORMAT)
    );
}
