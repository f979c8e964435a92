//! A token for the resource server, from an authorization server in memory.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use motekey_coap::dtls::{PeerIdentity, PreSharedKey};
use motekey_coap::message::{Code, ContentFormat, Request};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::message::{TokenRequest, TokenResponse};
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};
use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::registry::{Device, Registry, ResourceServerRecord, ScopeRule, SharedKey};
use motekey_server::store::MemoryStore;

use crate::keys::Manner;

pub(crate) const AUDIENCE: &str = "gateway";
pub(crate) const ISSUER: &str = "authorization-server";
/// The key that both servers share.
pub(crate) const SHARED: [u8; 16] = [
    27, 18, 28, 18, 28, 45, 90, 45, 23, 53, 60, 28, 74, 71, 35, 26,
];
const IDENTITY: &[u8] = b"meter-000000001";
const KEY: [u8; 16] = [
    3, 14, 15, 92, 65, 35, 89, 79, 32, 38, 46, 26, 43, 38, 32, 79,
];

/// A device that shows a token for GET of `/time`.
pub(crate) fn token() -> Manner {
    let scope = Aif::new([("/time", MethodSet::EMPTY.with(Method::Get))]);
    let mut registry = Registry::new();
    let shared = SharedKey::new(PreSharedKey::new(SHARED.to_vec()));
    registry
        .put_resource_server(ResourceServerRecord::new(AUDIENCE, shared))
        .unwrap();
    let meter = Device::with_pre_shared_key("meter", IDENTITY, PreSharedKey::new(KEY.to_vec()));
    registry
        .put_device(meter.allow(AUDIENCE, ScopeRule::Aif(scope.clone())))
        .unwrap();
    let store = Arc::new(MemoryStore::with_registry(registry));
    let server = at_once(AuthorizationServer::builder(store).issuer(ISSUER).build()).unwrap();
    let parameters = TokenRequest {
        audience: Some(AUDIENCE.to_owned()),
        scope: Some(Scope::from(&scope)),
        ..TokenRequest::default()
    };
    let request =
        Request::post("/token").with_payload(ContentFormat::ACE_CBOR, parameters.encode());
    let peer = PeerIdentity::PreSharedKey(IDENTITY.to_vec());
    let response = at_once(server.answer_request(Some(&peer), &request));
    assert_eq!(response.code, Code::CREATED);
    let token = TokenResponse::decode(&response.payload).unwrap();
    let Some(Confirmation::Key(key)) = &token.cnf else {
        unreachable!("a token of this server is bound to a symmetric key");
    };
    let key = key.symmetric_value().unwrap().to_vec();
    Manner::Token(token.access_token, key)
}

/// What a future gives that has nothing to wait for.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the store in memory does not wait"),
    }
}
