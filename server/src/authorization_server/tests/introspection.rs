//! The introspection endpoint in memory.

use std::sync::Arc;

use motekey_coap::dtls::PeerIdentity;
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::claims::Audience;
use motekey_cose::confirmation::Confirmation;
use motekey_cose::message::{
    ErrorCode, ErrorResponse, IntrospectionRequest, IntrospectionResponse, TokenResponse,
};

use super::support::{
    Bench, ask, ask_for_key, bench, bench_on, bench_with, meter, peer, registry, sensor, sensor_key,
};
use crate::authorization_server::IntrospectionSettings;
use crate::store::{MemoryStore, TokenSelection};

fn question(token: &[u8]) -> Request {
    let body = IntrospectionRequest::new(token.to_vec()).encode();
    Request::post("/introspect").with_payload(ContentFormat::ACE_CBOR, body)
}

impl Bench {
    /// Introspects and expects an answer.
    async fn introspect(&self, caller: &PeerIdentity, token: &[u8]) -> Response {
        let response = self.send(caller, &question(token)).await;
        assert_eq!(response.code, Code::CREATED);
        assert_eq!(
            response.options.content_format(),
            Some(ContentFormat::ACE_CBOR)
        );
        response
    }

    async fn assert_inactive(&self, caller: &PeerIdentity, token: &[u8], what: &str) {
        let response = self.introspect(caller, token).await;
        // RFC 7662 Section 2.2: {10: false} and nothing else.
        assert_eq!(response.payload, [0xa1, 0x0a, 0xf4], "{what}");
    }

    async fn assert_active(&self, caller: &PeerIdentity, token: &TokenResponse) {
        let response = self.introspect(caller, &token.access_token).await;
        let answer = IntrospectionResponse::decode(&response.payload).unwrap();
        assert!(answer.active);
    }
}

#[tokio::test]
async fn f37_f38_f39_p05_active_token_is_told_with_its_claims_and_key() {
    let bench = bench().await;
    let token = bench.grant(&meter(), &ask("gateway")).await;
    let response = bench
        .introspect(&peer("gateway-rs"), &token.access_token)
        .await;
    let answer = IntrospectionResponse::decode(&response.payload).unwrap();
    assert!(answer.active);
    assert_eq!(answer.claims.cnf, token.cnf, "the key of the token");
    assert_eq!(answer.claims.sub.as_deref(), Some("meter"));
    assert_eq!(answer.claims.aud, Some(Audience::One("gateway".to_owned())));
    assert!(answer.claims.exp.is_some() && answer.claims.scope.is_some());
}

#[tokio::test]
async fn p05_every_active_token_has_a_key_in_the_answer() {
    let bench = bench().await;
    let first = bench.grant(&meter(), &ask("gateway")).await;
    let kid = first.cnf.as_ref().and_then(Confirmation::kid).unwrap();
    let update = bench.grant(&meter(), &ask_for_key("gateway", kid)).await;
    let signed = bench
        .grant(&sensor(), &ask_for_key("lock", b"sensor-key"))
        .await;
    let public = sensor_key().public().unwrap();
    for (caller, token, wanted) in [
        ("gateway-rs", update, Confirmation::KeyId(kid.to_vec())),
        ("lock-rs", signed, Confirmation::Key(public)),
    ] {
        let response = bench.introspect(&peer(caller), &token.access_token).await;
        let answer = IntrospectionResponse::decode(&response.payload).unwrap();
        assert_eq!((answer.active, answer.claims.cnf), (true, Some(wanted)));
    }
}

#[tokio::test]
async fn f36_f40_a_resource_server_learns_nothing_about_tokens_of_others() {
    let bench = bench().await;
    let encrypted = bench.grant(&meter(), &ask("gateway")).await;
    let signed = bench
        .grant(&sensor(), &ask_for_key("lock", b"sensor-key"))
        .await;
    let group = bench
        .grant(&sensor(), &ask_for_key("all", b"sensor-key"))
        .await;
    let p256 = "valve-rs";
    for (caller, token) in [
        ("lock-rs", &encrypted),
        (p256, &encrypted),
        ("gateway-rs", &signed),
        (p256, &signed),
        ("gateway-rs", &group),
    ] {
        bench
            .assert_inactive(&peer(caller), &token.access_token, caller)
            .await;
    }
    bench.assert_active(&peer("gateway-rs"), &encrypted).await;
    bench.assert_active(&peer("lock-rs"), &signed).await;
    bench.assert_active(&peer("lock-rs"), &group).await;
}

#[tokio::test]
async fn f40_f41_garbage_expired_and_revoked_tokens_are_inactive_and_no_error() {
    let bench = bench().await;
    let caller = peer("gateway-rs");
    let token = bench.grant(&meter(), &ask("gateway")).await.access_token;
    let mut changed = token.clone();
    *changed.last_mut().unwrap() ^= 1;
    for (what, token) in [
        ("nothing", &[][..]),
        ("random bytes", &[0x17; 64]),
        ("text", b"not a token"),
        ("changed", &changed),
        ("cut", &token[..token.len() - 1]),
    ] {
        bench.assert_inactive(&caller, token, what).await;
    }
    let other = bench.grant(&meter(), &ask("gateway")).await;
    bench.assert_active(&caller, &other).await;
    let key = other.cnf.as_ref().and_then(Confirmation::kid).unwrap();
    let revoked = bench
        .server
        .revoke(&TokenSelection::Key(key.to_vec()))
        .await;
    assert_eq!(revoked.map(|tokens| tokens.len()), Ok(1));
    bench
        .assert_inactive(&caller, &other.access_token, "revoked")
        .await;
    bench.clock.advance(600);
    bench.assert_inactive(&caller, &token, "expired").await;
}

#[tokio::test]
async fn f40_a_token_that_is_not_recorded_is_inactive() {
    let one = bench().await;
    let token = one.grant(&meter(), &ask("gateway")).await;
    // A server that has lost its records cannot tell what was revoked.
    let other = bench_on(Arc::new(MemoryStore::with_registry(registry()))).await;
    let caller = peer("gateway-rs");
    other
        .assert_inactive(&caller, &token.access_token, "unknown")
        .await;
}

#[tokio::test]
async fn a_token_with_exi_stays_active_as_its_resource_server_alone_knows_its_end() {
    let bench = bench().await;
    let token = bench.grant(&meter(), &ask("valve")).await;
    bench.clock.advance(4000);
    bench.assert_active(&peer("valve-rs"), &token).await;
}

#[tokio::test]
async fn f38_f43_malformed_questions_are_invalid_request() {
    let bench = bench().await;
    let caller = peer("gateway-rs");
    for (what, payload) in [
        ("no payload", &[][..]),
        ("no map", &[0x80]),
        ("empty map", &[0xa0]),
        ("no token", &[0xa1, 0x18, 0x21, 0x61, 0x61]),
        ("token of the token map (1)", &[0xa1, 0x01, 0x41, 0x00]),
        ("text as token", &[0xa1, 0x0b, 0x61, 0x61]),
        ("token twice", &[0xa2, 0x0b, 0x40, 0x0b, 0x40]),
        ("trailing byte", &[0xa1, 0x0b, 0x40, 0x00]),
    ] {
        let request = Request::post("/introspect").with_payload(ContentFormat::ACE_CBOR, payload);
        let response = bench.send(&caller, &request).await;
        assert_eq!(response.code, Code::BAD_REQUEST, "{what}");
        let error = ErrorResponse::decode(&response.payload).unwrap();
        assert_eq!(error.error, ErrorCode::InvalidRequest, "{what}");
    }
    let plain = Request::post("/introspect").with_payload(ContentFormat::CBOR, [0xa0]);
    let response = bench.send(&caller, &plain).await;
    assert_eq!(response.code, Code::UNSUPPORTED_CONTENT_FORMAT);
    let get = bench.send(&caller, &Request::get("/introspect")).await;
    assert_eq!(get.code, Code::METHOD_NOT_ALLOWED);
    // token_type_hint as number, as RFC 9200 Figure 9 prints it, is read.
    let hint = Request::post("/introspect").with_payload(
        ContentFormat::ACE_CBOR,
        [0xa2, 0x0b, 0x41, 0x00, 0x18, 0x21, 0x02],
    );
    let response = bench.send(&caller, &hint).await;
    assert_eq!(response.payload, [0xa1, 0x0a, 0xf4]);
}

#[tokio::test]
async fn f42_strangers_get_4_01_and_devices_4_03_without_payload() {
    let bench = bench().await;
    let token = bench.grant(&meter(), &ask("gateway")).await;
    let request = question(&token.access_token);
    let unsecured = bench.server.answer_request(None, &request).await;
    assert_eq!(unsecured.code, Code::UNAUTHORIZED);
    let stranger = bench.send(&peer("nobody"), &request).await;
    assert_eq!(stranger.code, Code::UNAUTHORIZED);
    let error = ErrorResponse::decode(&stranger.payload).unwrap();
    assert_eq!(error.error, ErrorCode::InvalidClient);
    for device in [meter(), peer("admin")] {
        let response = bench.send(&device, &request).await;
        assert_eq!(response.code, Code::FORBIDDEN);
        assert!(response.payload.is_empty());
    }
}

#[tokio::test]
async fn f37_the_path_can_be_chosen_and_each_caller_has_a_limit() {
    let store = Arc::new(MemoryStore::with_registry(registry()));
    let settings = IntrospectionSettings {
        path: "/ask".to_owned(),
        requests_per_second: 1,
    };
    let bench = bench_with(store, |builder| builder.introspection(Some(settings))).await;
    let caller = peer("gateway-rs");
    let mut request = question(b"?");
    assert_eq!(bench.send(&caller, &request).await.code, Code::NOT_FOUND);
    request = Request::post("/ask").with_payload(ContentFormat::ACE_CBOR, request.payload);
    for _ in 0..4 {
        assert_eq!(bench.send(&caller, &request).await.code, Code::CREATED);
    }
    let limited = bench.send(&caller, &request).await;
    assert_eq!(limited.code, Code::TOO_MANY_REQUESTS);
    bench.clock.advance(1);
    assert_eq!(bench.send(&caller, &request).await.code, Code::CREATED);
}
