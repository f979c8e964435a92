use std::sync::Arc;

use motekey_coap::dtls::PeerIdentity;
use motekey_coap::message::{Code, ContentFormat, Request};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::key::CoseKey;
use motekey_cose::message::{ErrorResponse, GrantType, ProfileRequest, TokenRequest};
use motekey_cose::scope::{Method, Scope};

use super::support::*;
use crate::event::Event;
use crate::store::MemoryStore;

#[tokio::test]
async fn f01_plain_coap_gets_no_token() {
    let bench = bench().await;
    let response = bench
        .server
        .answer_request(None, &post(&ask("gateway").encode()))
        .await;
    assert_eq!(response.code, Code::UNAUTHORIZED);
    assert!(response.payload.is_empty());
}

#[tokio::test]
async fn f02_query_parameters_are_not_read() {
    let bench = bench().await;
    bench
        .refused(
            &meter(),
            &Request::post("/token?audience=gateway"),
            1,
            "query only",
        )
        .await;
    let mut request = post(&[0xa0]);
    request.options.add(15, b"audience=gateway");
    bench
        .refused(&meter(), &request, 1, "query and empty map")
        .await;
}

#[tokio::test]
async fn f03_h05_other_content_formats_are_refused() {
    let bench = bench().await;
    let payload = ask("gateway").encode();
    for format in [0, 50, 60, 61, 20] {
        let request = Request::post("/token").with_payload(ContentFormat(format), payload.clone());
        assert_eq!(
            bench.send(&meter(), &request).await.code,
            Code::UNSUPPORTED_CONTENT_FORMAT,
            "{format}"
        );
        let request = post(&payload).accept(ContentFormat(format));
        assert_eq!(
            bench.send(&meter(), &request).await.code,
            Code::NOT_ACCEPTABLE,
            "{format}"
        );
    }
    let request = post(&payload).accept(ContentFormat::ACE_CBOR);
    assert_eq!(bench.send(&meter(), &request).await.code, Code::CREATED);
}

#[tokio::test]
async fn f15_only_post_works_on_token() {
    let bench = bench().await;
    for method in [
        Code::GET,
        Code::PUT,
        Code::DELETE,
        Code::FETCH,
        Code::PATCH,
        Code::IPATCH,
    ] {
        let mut request = post(&ask("gateway").encode());
        request.method = method;
        assert_eq!(
            bench.send(&meter(), &request).await.code,
            Code::METHOD_NOT_ALLOWED,
            "{method}"
        );
    }
    assert_eq!(
        bench.send(&meter(), &Request::post("/other")).await.code,
        Code::NOT_FOUND
    );
    let links = bench
        .send(&meter(), &Request::get("/.well-known/core"))
        .await;
    let wanted = "</token>;ct=19,</introspect>;ct=19,</revoke/trl>;ct=262;obs";
    assert_eq!(links.payload, wanted.as_bytes());
    assert_eq!(bench.events.take(), []);
}

#[tokio::test]
async fn f14_token_endpoint_is_at_token_or_where_it_is_configured() {
    for path in [None, Some("/oauth/token")] {
        let store = Arc::new(MemoryStore::with_registry(registry()));
        let bench = bench_with(store, |builder| match path {
            Some(path) => builder.token_path(path),
            None => builder,
        })
        .await;
        for at in ["/token", "/oauth/token"] {
            let request =
                Request::post(at).with_payload(ContentFormat::ACE_CBOR, ask("gateway").encode());
            let here = at == path.unwrap_or("/token");
            let code = if here { Code::CREATED } else { Code::NOT_FOUND };
            assert_eq!(
                bench.send(&meter(), &request).await.code,
                code,
                "{at} of {path:?}"
            );
            let links = Request::get("/.well-known/core");
            let links = bench.send(&meter(), &links).await.payload;
            let link = format!("<{at}>;ct=19");
            assert_eq!(
                String::from_utf8(links).unwrap().contains(&link),
                here,
                "{at} of {path:?}"
            );
        }
    }
}

#[tokio::test]
async fn f13_f26_f27_unregistered_peers_get_invalid_client() {
    let bench = bench().await;
    for (what, peer) in [
        (
            "unknown PSK identity",
            PeerIdentity::PreSharedKey(b"rogue".to_vec()),
        ),
        (
            "prefix of an identity",
            PeerIdentity::PreSharedKey(b"meter-".to_vec()),
        ),
        (
            "public key as identity",
            PeerIdentity::RawPublicKey(b"meter-1".to_vec()),
        ),
        (
            "certificate",
            PeerIdentity::Certificate(vec![b"meter-1".to_vec()]),
        ),
    ] {
        bench
            .refused(&peer, &post(&ask("gateway").encode()), 2, what)
            .await;
        bench
            .refused(&peer, &post(b"\xff"), 2, "not even the syntax is told")
            .await;
    }
}

#[tokio::test]
async fn f30_f32_f34_f27_malformed_requests_are_invalid_request() {
    let bench = bench().await;
    let table: [(&str, &[u8]); 16] = [
        ("audience is an integer", b"\xa1\x05\x01"),
        ("req_cnf is a byte string", b"\xa2\x04\x40\x05\x67gateway"),
        ("truncated map", b"\xa2\x05\x67gateway"),
        ("truncated text", b"\xa1\x05\x67gate"),
        ("duplicate key", b"\xa2\x05\x67gateway\x05\x67gateway"),
        ("trailing byte", b"\xa1\x05\x67gateway\x00"),
        ("indefinite map", b"\xbf\x05\x67gateway\xff"),
        ("array", b"\x81\x05"),
        ("text", b"\x67gateway"),
        ("scope is an integer", b"\xa2\x05\x67gateway\x09\x01"),
        ("scope is an array", b"\xa2\x05\x67gateway\x09\x80"),
        (
            "grant_type is text",
            b"\xa2\x05\x67gateway\x18\x21\x72client_credentials",
        ),
        (
            "ace_profile is text",
            b"\xa2\x05\x67gateway\x18\x26\x69coap_dtls",
        ),
        ("cnonce is text", b"\xa2\x05\x67gateway\x18\x27\x61n"),
        ("break alone", b"\xff"),
        ("no audience, several possible", b"\xa0"),
    ];
    for (what, payload) in table {
        bench.refused(&meter(), &post(payload), 1, what).await;
    }
}

#[tokio::test]
async fn p11_p12_keys_that_are_not_one_whole_key_are_refused() {
    let bench = bench().await;
    let table: [(&str, &[u8], i64); 6] = [
        (
            "COSE_Key and Encrypted_COSE_Key",
            b"\xa2\x01\xa2\x01\x04\x02\x41k\x02\x83\x40\xa0\x40",
            1,
        ),
        (
            "COSE_Key and kid",
            b"\xa2\x01\xa2\x01\x04\x02\x41k\x03\x41k",
            1,
        ),
        ("nothing that is understood", b"\xa1\x18\x63\x00", 1),
        ("empty", b"\xa0", 1),
        ("EC2 without y", b"\xa1\x01\xa3\x01\x02\x20\x01\x21\x58\x20k\x17\xd1\xf2\xe1,BG\xf8\xbc\xe6\xe5c\xa4@\xf2w\x03}\x81-\xeb3\xa0\xf4\xa19E\xd8\x98\xc2\x96", 1),
        ("OKP without x", b"\xa1\x01\xa2\x01\x01\x20\x06", 1),
    ];
    for (what, confirmation, error) in table {
        let payload = [b"\xa2\x04".as_slice(), confirmation, b"\x05\x64lock"].concat();
        bench.refused(&meter(), &post(&payload), error, what).await;
    }
}

#[tokio::test]
async fn f31_f29_f26_each_reason_has_its_error() {
    let bench = bench().await;
    let grant = |grant_type| TokenRequest {
        grant_type: Some(grant_type),
        ..ask("gateway")
    };
    let text = |scope: &str| scoped("pump", Scope::Text(scope.to_owned()));
    let binary = |scope: &[u8]| scoped("gateway", Scope::Binary(scope.to_vec()));
    let profile = TokenRequest {
        ace_profile: Some(ProfileRequest::Use(2)),
        ..ask("gateway")
    };
    let unlisted = Scope::from(&aif(&[("/relay", &[Method::Put])]));
    for (what, request, error) in [
        ("password", grant(GrantType::Password), 5),
        ("authorization_code", grant(GrantType::AuthorizationCode), 5),
        ("refresh_token", grant(GrantType::RefreshToken), 5),
        ("grant type 99", grant(GrantType::Other(99)), 5),
        ("audience that does not exist", ask("nobody"), 4),
        ("audience of another", ask("gate"), 4),
        ("unknown scope", text("admin"), 6),
        ("empty scope", text(""), 6),
        ("two spaces", text("read  write"), 6),
        ("quotation mark", text("\"read\""), 6),
        (
            "text for AIF",
            scoped("gateway", Scope::Text("read".to_owned())),
            6,
        ),
        ("AIF for text", scoped("pump", unlisted.clone()), 6),
        ("broken AIF", binary(b"\x81\x00"), 6),
        ("empty AIF", binary(b"\x80"), 6),
        ("nothing that is allowed", scoped("gateway", unlisted), 6),
        ("no profile in common", ask("oscore"), 8),
        ("a profile that the server lacks", profile, 8),
    ] {
        bench
            .refused(&meter(), &post(&request.encode()), error, what)
            .await;
    }
}

#[tokio::test]
async fn p01_symmetric_key_value_is_refused() {
    let bench = bench().await;
    let key = CoseKey::symmetric(&[5; 16], Some(b"mine"));
    let request = TokenRequest {
        req_cnf: Some(Confirmation::Key(key)),
        ..ask("gateway")
    };
    bench
        .refused(&meter(), &post(&request.encode()), 7, "symmetric value")
        .await;
}

#[tokio::test]
async fn f28_keys_that_the_resource_server_cannot_use_are_refused() {
    let bench = bench().await;
    let public = Confirmation::Key(sensor_key().public().unwrap());
    let request = TokenRequest {
        req_cnf: Some(public),
        ..ask("p256")
    };
    bench
        .refused(&sensor(), &post(&request.encode()), 7, "Ed25519 for P-256")
        .await;
    // {4: {1: {1: 2, -1: 2, -2: 48 bytes, -3: 48 bytes}}, 5: "p256"}
    let mut payload = b"\xa2\x04\xa1\x01\xa4\x01\x02\x20\x02\x21\x58\x30".to_vec();
    payload.extend_from_slice(&[1; 48]);
    payload.extend_from_slice(b"\x22\x58\x30");
    payload.extend_from_slice(&[2; 48]);
    payload.extend_from_slice(b"\x05\x64p256");
    bench.refused(&sensor(), &post(&payload), 7, "P-384").await;
    bench
        .refused(
            &meter(),
            &post(&ask("lock").encode()),
            7,
            "a symmetric key for public keys only",
        )
        .await;
}

#[tokio::test]
async fn p02_d04_key_that_the_session_did_not_prove_is_refused() {
    let bench = bench().await;
    let foreign = |key: CoseKey| TokenRequest {
        req_cnf: key.public().map(Confirmation::Key),
        ..ask("lock")
    };
    bench
        .refused(
            &sensor(),
            &post(&foreign(lock_key()).encode()),
            7,
            "session with key A, req_cnf key B",
        )
        .await;
    bench
        .refused(
            &meter(),
            &post(&foreign(sensor_key()).encode()),
            7,
            "PSK session, public key",
        )
        .await;
}

#[tokio::test]
async fn f75_f71_symmetric_key_for_a_group_is_refused() {
    let bench = bench().await;
    bench
        .refused(&meter(), &post(&ask("all").encode()), 7, "group")
        .await;
    bench
        .refused(
            &meter(),
            &post(&ask_for_key("all", b"any").encode()),
            7,
            "group, by kid",
        )
        .await;
}

#[tokio::test]
async fn d35_update_of_a_key_that_is_not_live_is_refused() {
    let bench = bench().await;
    let first = bench.grant(&meter(), &ask("gateway")).await;
    let own = first
        .cnf
        .as_ref()
        .and_then(Confirmation::kid)
        .unwrap()
        .to_vec();
    let second = bench.grant(&other(), &ask("gateway")).await;
    let foreign = second
        .cnf
        .as_ref()
        .and_then(Confirmation::kid)
        .unwrap()
        .to_vec();
    for (what, kid) in [
        ("foreign kid", foreign),
        ("invented kid", b"invented".to_vec()),
    ] {
        bench
            .refused(
                &meter(),
                &post(&ask_for_key("gateway", &kid).encode()),
                7,
                what,
            )
            .await;
    }
    bench.clock.advance(600);
    bench
        .refused(
            &meter(),
            &post(&ask_for_key("gateway", &own).encode()),
            7,
            "expired kid",
        )
        .await;
}

#[tokio::test]
async fn descriptions_do_not_tell_which_audiences_exist() {
    let bench = bench().await;
    let body = async |audience| bench.ask(&meter(), &ask(audience)).await.payload;
    let existing = body("gate").await;
    assert_eq!(existing, body("does-not-exist").await);
    assert!(
        ErrorResponse::decode(&existing)
            .unwrap()
            .description
            .is_some()
    );
}

#[tokio::test]
async fn store_that_does_not_record_gives_no_token() {
    let store = MemoryStore::with_registry(registry()).with_capacity(0);
    let bench = bench_on(Arc::new(store)).await;
    let response = bench.ask(&meter(), &ask("gateway")).await;
    assert_eq!(response.code, Code::SERVICE_UNAVAILABLE);
    assert!(response.payload.is_empty());
    let events = bench.events.take();
    assert!(
        matches!(
            events.as_slice(),
            [Event::StoreFailed { .. }, Event::TokenDenied { .. }]
        ),
        "{events:?}"
    );
}
