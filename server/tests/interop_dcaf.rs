//! What our client, authorization server and resource server really send to each other, read by another
//! implementation of the messages: the crate `dcaf`. (The shapes that the types allow: `cose/tests/dcaf`.)

#![expect(clippy::unwrap_used, reason = "tests fail by panic")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcaf::{
    AccessTokenRequest, AccessTokenResponse, AuthServerRequestCreationHint, ErrorResponse,
    ToCborMap,
};
use motekey_client as device;
use motekey_client::{Client, Error};
use motekey_coap::driver::{Context, Driver, Handle, Handler, HandlerFuture};
use motekey_coap::dtls::{CredentialSource, Implementation, PeerIdentity, PreSharedKey, PskAnswer};
use motekey_coap::endpoint::{EndpointConfig, Security};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::CoseKey;
use motekey_cose::message::TokenRequest;
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};
use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::listen::{Listen, Running};
use motekey_server::registry::{
    Device, PopKeyKinds, Registry, ResourceServerRecord, ScopeRule, SharedKey,
};
use motekey_server::resource_server::{Authorized, ResourceServer};
use motekey_server::store::MemoryStore;
use tokio::net::UdpSocket;

/// Before the key of an Ed25519 certificate or handshake (RFC 8410 Section 4).
const ED25519_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

fn key(number: u8) -> PreSharedKey {
    PreSharedKey::new((0..16_u8).map(|index| index ^ number).collect())
}

fn pair(number: u8) -> CoseKey {
    CoseKey::ed25519(&PROVIDER, &[number; 32], Some(&[number])).unwrap()
}

fn rights(paths: &[&str]) -> Aif {
    let get = MethodSet::EMPTY.with(Method::Get);
    Aif::new(paths.iter().map(|path| (*path, get)))
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    let rule = || ScopeRule::Aif(rights(&["/readings", "/relay"]));
    let meter = Device::with_pre_shared_key("meter-1", b"meter-1", key(1));
    registry.put_device(meter.allow("gateway", rule())).unwrap();
    let sensor = Device::with_public_key("sensor-1", pair(2).public().unwrap());
    // Two audiences, so that there is no default.
    let sensor = sensor.allow("lock", rule()).allow("gateway", rule());
    registry.put_device(sensor).unwrap();
    let gateway = ResourceServerRecord::new("gateway", SharedKey::new(key(9)));
    registry.put_resource_server(gateway).unwrap();
    let mut lock = ResourceServerRecord::new("lock", SharedKey::new(key(10)));
    lock.public_keys = vec![pair(4).public().unwrap()];
    lock.pop_keys = PopKeyKinds {
        symmetric: false,
        p256: false,
        ed25519: true,
    };
    registry.put_resource_server(lock).unwrap();
    registry
}

/// Our authorization server behind a handler that keeps the payloads of both directions.
struct Recording {
    server: AuthorizationServer,
    seen: Mutex<Vec<(Vec<u8>, Response)>>,
}

impl Recording {
    async fn new() -> Arc<Self> {
        let store = Arc::new(MemoryStore::with_registry(registry()));
        let server = AuthorizationServer::builder(store).build().await.unwrap();
        let seen = Mutex::new(Vec::new());
        Arc::new(Self { server, seen })
    }

    async fn start(self: Arc<Self>) -> Handle {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let credentials = self.clone();
        let backend = Implementation::default().server(credentials, Duration::from_secs(10));
        let security = Security::Dtls(backend);
        Driver::start(socket, EndpointConfig::default(), security, Some(self)).unwrap()
    }

    /// The exchanges since the last call.
    fn take(&self) -> Vec<(Vec<u8>, Response)> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    async fn ask(&self, peer: &PeerIdentity, message: &TokenRequest) -> Response {
        let message = message.encode();
        let _: AccessTokenRequest = read(&message);
        let request = Request::post("/token").with_payload(ContentFormat::ACE_CBOR, message);
        self.server.token(Some(peer), &request).await
    }
}

impl Handler for Recording {
    fn handle<'a>(&'a self, context: Context, request: Request) -> HandlerFuture<'a> {
        Box::pin(async move {
            let response = self
                .server
                .token(context.identity.as_deref(), &request)
                .await;
            let exchange = (request.payload, response.clone());
            self.seen.lock().unwrap().push(exchange);
            response
        })
    }
}

impl CredentialSource for Recording {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        match identity {
            b"meter-1" => PskAnswer::Key(key(1)),
            _ => PskAnswer::Unknown,
        }
    }
}

/// With `nonces`, it takes only tokens that hold a fresh nonce of its own.
async fn gateway(authorization_server: SocketAddr, nonces: bool) -> Running {
    let content = |_: Authorized, _: Request| async { Response::new(Code::CONTENT) };
    let mut server = ResourceServer::builder("gateway")
        .shared_key("as", key(9))
        .authorization_server(&uri(authorization_server, "/token"))
        .scope_hint(Scope::from(&rights(&["/readings"])))
        .resource("/readings", content)
        .resource("/relay", content);
    if nonces {
        server = server.client_nonces(60);
    }
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listen = Listen::secure(loopback).and_plain(loopback);
    server.build().unwrap().start(listen).await.unwrap()
}

fn uri(address: SocketAddr, path: &str) -> String {
    format!("coaps://{address}{path}")
}

fn read<M: ToCborMap>(bytes: &[u8]) -> M {
    M::deserialize_from(bytes).unwrap()
}

async fn client(authorization_server: SocketAddr, gateway: &Running) -> Client {
    let credential = device::ClientCredential::PreSharedKey {
        identity: b"meter-1".to_vec(),
        key: key(1),
    };
    let uri_of_server = uri(authorization_server, "");
    let server = device::AuthorizationServer::new(&uri_of_server, credential).unwrap();
    let target = device::ResourceServer::new(&uri(gateway.secure_address(), "/")).unwrap();
    let target = target
        .plain_port(gateway.plain_address().unwrap().port())
        .trust_hinted_audience(true);
    let builder = Client::builder()
        .authorization_server(server)
        .resource_server(target);
    builder.build().await.unwrap()
}

/// The hints on plain CoAP, as they came.
async fn hints(gateway: &Running) -> Vec<u8> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let plain = Driver::start(socket, EndpointConfig::default(), Security::None, None).unwrap();
    let peer = gateway.plain_address().unwrap();
    let session = plain.open_plain(peer).await.unwrap();
    let response = plain.request(session, Request::get("/readings")).await;
    let response = response.unwrap();
    assert_eq!(response.code, Code::UNAUTHORIZED);
    response.payload
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f08_f35_dcaf_reads_what_client_and_servers_say() {
    let recording = Recording::new().await;
    let handle = recording.clone().start().await;
    let strict = gateway(handle.local_addr(), true).await;
    let client_of_strict = client(handle.local_addr(), &strict).await;

    let theirs: AuthServerRequestCreationHint = read(&hints(&strict).await);
    let token_uri = uri(handle.local_addr(), "/token");
    assert_eq!(theirs.auth_server, Some(token_uri));
    assert_eq!(theirs.audience.as_deref(), Some("gateway"));
    assert!(theirs.scope.is_some() && theirs.client_nonce.is_some());

    // A cold start that begins with hints.
    let url = uri(strict.secure_address(), "/readings");
    let answer = client_of_strict.get(&url).await.unwrap();
    assert_eq!(answer.code, Code::CONTENT);
    let [(first, granted)] = &recording.take()[..] else {
        unreachable!("not one token request")
    };
    let first: AccessTokenRequest = read(first);
    assert_eq!(first.audience.as_deref(), Some("gateway"));
    assert!(first.ace_profile.is_some() && first.client_nonce.is_some());
    let granted: AccessTokenResponse = read(&granted.payload);
    assert_eq!(granted.ace_profile, Some(dcaf::AceProfile::CoapDtls));
    assert!(granted.cnf.is_some() && granted.expires_in.is_some());

    // Other rights for the same key.
    let gateway = gateway(handle.local_addr(), false).await;
    let client = client(handle.local_addr(), &gateway).await;
    let url = uri(gateway.secure_address(), "/readings");
    assert_eq!(client.get(&url).await.unwrap().code, Code::CONTENT);
    let wider = Scope::from(&rights(&["/readings", "/relay"]));
    client.request_scope(&url, wider).await.unwrap();
    let [(_, granted), (update, updated)] = &recording.take()[..] else {
        unreachable!("not two token requests")
    };
    let granted: AccessTokenResponse = read(&granted.payload);
    let kid = granted.cnf.unwrap().key_id().clone();
    let update: AccessTokenRequest = read(update);
    assert_eq!(update.req_cnf.unwrap().key_id(), &kid);
    let updated: AccessTokenResponse = read(&updated.payload);
    assert!(updated.expires_in.is_some());

    // A refusal.
    let nothing = Scope::from(&rights(&["/secret"]));
    let refused = client.request_scope(&url, nothing).await;
    assert!(matches!(refused, Err(Error::TokenRefused { .. })));
    let refusals = recording.take();
    assert!(!refusals.is_empty());
    for (_, response) in refusals {
        let theirs: ErrorResponse = read(&response.payload);
        assert_eq!(theirs.error, dcaf::ErrorCode::InvalidScope);
        assert!(theirs.description.is_some());
    }
}

/// With public keys: `cnf` stays away, `rs_cnf` is there. And each error that the endpoint has.
#[tokio::test]
async fn f27_dcaf_reads_what_the_token_endpoint_says() {
    let recording = Recording::new().await;
    let public = match pair(2) {
        CoseKey::Okp(key) => [&ED25519_PREFIX[..], &key.x].concat(),
        _ => unreachable!("not Ed25519"),
    };
    let sensor = PeerIdentity::RawPublicKey(public);
    let base = TokenRequest {
        audience: Some("lock".to_owned()),
        req_cnf: Some(Confirmation::Key(pair(2).public().unwrap())),
        ..TokenRequest::default()
    };
    let response = recording.ask(&sensor, &base).await;
    let theirs: AccessTokenResponse = read(&response.payload);
    assert_eq!(theirs.rs_cnf.unwrap().key_id(), &[4]);
    assert_eq!(theirs.cnf, None);
    // The default scope is told.
    assert!(theirs.scope.is_some());

    let other = PeerIdentity::PreSharedKey(b"nobody".to_vec());
    let with = |change: fn(&mut TokenRequest)| {
        let mut request = base.clone();
        change(&mut request);
        request
    };
    use dcaf::ErrorCode::{
        InvalidClient, InvalidRequest, InvalidScope, UnauthorizedClient, UnsupportedGrantType,
        UnsupportedPopKey,
    };
    let table = [
        (&other, base.clone(), InvalidClient),
        (&sensor, with(|it| it.audience = None), InvalidRequest),
        (
            &sensor,
            with(|it| it.audience = Some("nowhere".to_owned())),
            UnauthorizedClient,
        ),
        (
            &sensor,
            with(|it| it.grant_type = Some(motekey_cose::message::GrantType::Password)),
            UnsupportedGrantType,
        ),
        (
            &sensor,
            with(|it| it.scope = Some(Scope::Text("read".to_owned()))),
            InvalidScope,
        ),
        (&sensor, with(|it| it.req_cnf = None), UnsupportedPopKey),
    ];
    for (peer, request, wanted) in table {
        let response = recording.ask(peer, &request).await;
        let theirs: ErrorResponse = read(&response.payload);
        assert_eq!(theirs.error, wanted, "{request:?}");
    }
}
