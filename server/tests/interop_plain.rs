//! An authorization server without DTLS: behind somebody else's socket for plain CoAP, and started with one.

#![expect(clippy::unwrap_used, reason = "tests fail by panic")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use motekey_coap::dtls::PreSharedKey;
use motekey_coap::message::{Code, ContentFormat, Request};
use motekey_cose::message::{IntrospectionRequest, TokenRequest};
use motekey_cose::scope::{Aif, Method, MethodSet};
use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::listen::Listen;
use motekey_server::registry::{Device, Registry, ResourceServerRecord, ScopeRule, SharedKey};
use motekey_server::store::MemoryStore;

fn key(number: u8) -> PreSharedKey {
    let byte = |index: u8| index.wrapping_mul(7) ^ number;
    PreSharedKey::new((0..16).map(byte).collect())
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    let rights = Aif::new([("/readings", MethodSet::EMPTY.with(Method::Get))]);
    let meter = Device::with_pre_shared_key("meter-1", b"meter-1", key(1));
    let meter = meter.allow("gateway", ScopeRule::Aif(rights));
    registry.put_device(meter).unwrap();
    let gateway = ResourceServerRecord::new("gateway", SharedKey::new(key(9)))
        .with_credential(b"gateway-session", key(8));
    registry.put_resource_server(gateway).unwrap();
    registry
}

#[tokio::test]
async fn f01_r07_no_endpoint_of_the_authorization_server_answers_without_dtls() {
    let store = Arc::new(MemoryStore::with_registry(registry()));
    let server = AuthorizationServer::builder(store).build().await.unwrap();
    let server = Arc::new(server);
    let ask = TokenRequest {
        audience: Some("gateway".to_owned()),
        client_id: Some("meter-1".to_owned()),
        ..TokenRequest::default()
    };
    let question = IntrospectionRequest::new(vec![0xd0, 0x83]);
    let post =
        |path: &str, body: Vec<u8>| Request::post(path).with_payload(ContentFormat::ACE_CBOR, body);
    for request in [
        post("/token", ask.encode()),
        post("/introspect", question.encode()),
        Request::get("/revoke/trl"),
        Request::get("/revoke/trl?diff=1"),
    ] {
        let path = request.path();
        let response = server.answer_request(None, &request).await;
        assert_eq!(response.code, Code::UNAUTHORIZED, "{path}");
        assert!(response.payload.is_empty(), "{path}");
    }
    // On its own it has no socket without DTLS, even where one is given.
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listen = Listen::secure(loopback).and_plain(loopback);
    let running = server.start(listen).await.unwrap();
    assert_eq!(running.plain_address(), None);
}
