//! Sizes of messages.

use std::fmt::Write as _;
use std::sync::Arc;

use motekey_coap::dtls::PeerIdentity;
use motekey_coap::message::{ContentFormat, Request};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::SignatureAlgorithm;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::CoseKey;
use motekey_cose::message::{
    ErrorCode, ErrorResponse, ProfileRequest, TokenRequest, TokenResponse,
};
use motekey_cose::scope::Scope;
use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::registry::{Device, PopKeyKinds, ResourceServerRecord, ScopeRule};
use motekey_server::store::MemoryStore;

use crate::readme;
use crate::site::{registry, rights};

/// DER before the 65 bytes of an uncompressed P-256 point (RFC 5480 Section 2).
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

fn pair(secret: u8, name: &[u8]) -> CoseKey {
    CoseKey::p256(&PROVIDER, &[secret; 32], Some(name)).unwrap()
}

fn spki(key: &CoseKey) -> Vec<u8> {
    let CoseKey::Ec2(key) = key else {
        panic!("not a key on a curve");
    };
    [&P256_PREFIX[..], &key.point(&PROVIDER).unwrap()[..]].concat()
}

async fn server() -> AuthorizationServer {
    let mut registry = registry();
    let sensor = Device::with_public_key("sensor-1", pair(3, b"s1").public().unwrap())
        .allow("lock", ScopeRule::Aif(rights(&["/readings"])));
    registry.put_device(sensor).unwrap();
    let mut lock = ResourceServerRecord::with_public_key("lock", pair(4, b"l1").public().unwrap());
    lock.pop_keys = PopKeyKinds {
        symmetric: false,
        p256: true,
        ed25519: false,
    };
    registry.put_resource_server(lock).unwrap();
    let signing = pair(5, b"as");
    AuthorizationServer::builder(Arc::new(MemoryStore::with_registry(registry)))
        .signing_key(SignatureAlgorithm::Es256, signing)
        .build()
        .await
        .unwrap()
}

/// Payloads of a request and of its answer.
async fn exchange(
    server: &AuthorizationServer,
    peer: &PeerIdentity,
    message: &TokenRequest,
) -> (usize, Vec<u8>) {
    let request = Request::post("/token").with_payload(ContentFormat::ACE_CBOR, message.encode());
    let response = server.token(Some(peer), &request).await;
    (request.payload.len(), response.payload)
}

#[tokio::test]
async fn no_message_is_larger_than_it_must_be() {
    let server = server().await;
    let meter = PeerIdentity::PreSharedKey(b"meter-1".to_vec());
    let sensor = PeerIdentity::RawPublicKey(spki(&pair(3, b"s1")));
    let first = TokenRequest {
        audience: Some("gateway".into()),
        scope: Some(Scope::from(&rights(&["/readings"]))),
        ace_profile: Some(ProfileRequest::Ask),
        ..TokenRequest::default()
    };
    let default = TokenRequest {
        audience: Some("gateway".into()),
        ..TokenRequest::default()
    };
    let public = TokenRequest {
        audience: Some("lock".into()),
        scope: Some(Scope::from(&rights(&["/readings"]))),
        req_cnf: Some(Confirmation::Key(pair(3, b"s1").public().unwrap())),
        ..TokenRequest::default()
    };
    let (asked, answer) = exchange(&server, &meter, &first).await;
    let psk = TokenResponse::decode(&answer).unwrap();
    // RFC 9200 Section 5.8.2: what the client knows is not said again.
    assert_eq!((psk.scope, psk.token_type, psk.rs_cnf), (None, None, None));
    let kid = psk
        .cnf
        .as_ref()
        .and_then(Confirmation::kid)
        .unwrap()
        .to_vec();
    let update = TokenRequest {
        req_cnf: Some(Confirmation::KeyId(kid)),
        ace_profile: None,
        ..first.clone()
    };
    let mut rows = vec![("PSK, scope asked for", asked, answer, 170)];
    for (name, peer, message, most) in [
        ("PSK, default scope of two resources", &meter, &default, 210),
        (
            "PSK, renewal or other rights for the same key",
            &meter,
            &update,
            130,
        ),
        ("P-256 public key, with rs_cnf", &sensor, &public, 310),
    ] {
        let (asked, answer) = exchange(&server, peer, message).await;
        rows.push((name, asked, answer, most));
    }
    let mut table =
        "| token request | bytes | answer | of it the token |\n|---|---|---|---|\n".to_owned();
    for (name, asked, answer, most) in rows {
        let refusal = ErrorResponse::decode(&answer).ok();
        assert_eq!(refusal, None, "{name}");
        let token = TokenResponse::decode(&answer).unwrap().access_token.len();
        writeln!(table, "| {name} | {asked} | {} | {token} |", answer.len()).unwrap();
        println!("{table}");
        assert!(
            answer.len() <= most,
            "{name}: {} bytes, at most {most}",
            answer.len()
        );
    }
    readme::keep("messages", &table);
}

#[tokio::test]
async fn a_refusal_takes_at_most_64_bytes() {
    let server = server().await;
    let meter = PeerIdentity::PreSharedKey(b"meter-1".to_vec());
    let message = TokenRequest {
        audience: Some("nobody".into()),
        ..TokenRequest::default()
    };
    let (_, answer) = exchange(&server, &meter, &message).await;
    assert_eq!(
        ErrorResponse::decode(&answer).unwrap().error,
        ErrorCode::UnauthorizedClient
    );
    assert!(answer.len() <= 64, "{}", answer.len());
}
