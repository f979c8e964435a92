use super::support::*;
use motekey_coap::dtls::KeyPair;
use motekey_coap::message::{Code, ContentFormat, Request};
use motekey_cose::claims::ClaimsSet;
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::{CoseKey, KeyOperation};
use motekey_cose::message::RequestCreationHints;

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
async fn p07_public_keys_that_do_not_fit_the_profile_are_4_00() {
    let own = KeyPair::ed25519(&[9; 32]);
    let bench = bench_with(|builder| builder.key_pair(own));
    for (what, alg, operations, code) in [
        ("ES256", Some(-7), None, Code::BAD_REQUEST),
        (
            "key_ops sign",
            None,
            Some(vec![KeyOperation::Sign]),
            Code::BAD_REQUEST,
        ),
        (
            "EdDSA, key_ops verify",
            Some(-8),
            Some(vec![KeyOperation::Verify]),
            Code::CREATED,
        ),
        ("nothing said", None, None, Code::CREATED),
    ] {
        let key = CoseKey::ed25519(&PROVIDER, &[3; 32], None).unwrap();
        let mut key = key.public().unwrap();
        key.attributes_mut().alg = alg;
        key.attributes_mut().key_ops = operations;
        let cnf = Some(Confirmation::Key(key));
        let token = token(&ClaimsSet { cnf, ..claims(1) });
        assert_eq!(bench.upload(&token).await, code, "{what}");
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
