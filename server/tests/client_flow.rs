//! The device library against the real servers, over DTLS on loopback.

#![expect(clippy::unwrap_used, reason = "tests may panic: that is how they fail")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use motekey_client as device;
use motekey_client::{Client, ClientCredential, Error, Fault, OffsetClock, Step, TokenTransport};
use motekey_coap::dtls::PreSharedKey;
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};
use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::clock::{SystemClock, VirtualClock};
use motekey_server::listen::{Listen, Running};
use motekey_server::registry::{Device, Registry, ResourceServerRecord, ScopeRule, SharedKey};
use motekey_server::resource_server::{Authorized, ResourceServer};
use motekey_server::store::MemoryStore;

const LIFETIME: u64 = 600;

struct World {
    authorization_server: Running,
    resource_server: Running,
    server_clock: Arc<VirtualClock>,
    device_clock: Arc<OffsetClock>,
}

fn key(number: u8) -> PreSharedKey {
    PreSharedKey::new(
        (0..16_u8)
            .map(|index| index.wrapping_mul(7) ^ number)
            .collect(),
    )
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn aif(entries: &[(&str, &[Method])]) -> Aif {
    let methods = |list: &[Method]| {
        list.iter()
            .fold(MethodSet::EMPTY, |set, method| set.with(*method))
    };
    Aif::new(entries.iter().map(|(path, list)| (*path, methods(list))))
}

fn allowed() -> Aif {
    aif(&[
        ("/readings", &[Method::Get, Method::Post]),
        ("/relay", &[Method::Get, Method::Put]),
    ])
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    let meter = Device::with_pre_shared_key("meter-1", b"meter-1", key(1))
        .allow("gateway", ScopeRule::Aif(allowed()));
    registry.put_device(meter).unwrap();
    let mut gateway = ResourceServerRecord::new("gateway", SharedKey::new(key(9)));
    gateway.token_lifetime = LIFETIME;
    registry.put_resource_server(gateway).unwrap();
    registry
}

async fn echo(authorized: Authorized, request: Request) -> Response {
    if request.method == Code::GET {
        let client = authorized.client().unwrap_or_default().to_owned();
        return Response::new(Code::CONTENT)
            .with_payload(ContentFormat::TEXT_PLAIN, client)
            .observable();
    }
    Response::new(Code::CHANGED)
}

impl World {
    /// With `nonces`, the resource server takes only tokens that hold a fresh nonce of its own.
    async fn start(nonces: bool) -> Self {
        let server_clock = Arc::new(VirtualClock::running(SystemClock));
        let store = Arc::new(MemoryStore::with_registry(registry()));
        let server = AuthorizationServer::builder(store)
            .clock(server_clock.clone())
            .build()
            .await
            .unwrap();
        let authorization_server = Arc::new(server)
            .start(Listen::secure(loopback()))
            .await
            .unwrap();
        let mut gateway = ResourceServer::builder("gateway")
            .shared_key("as", key(9))
            .authorization_server(&uri(authorization_server.secure_address(), "/token"))
            .scope_hint(Scope::from(&aif(&[("/readings", &[Method::Get])])))
            .resource("/readings", echo)
            .resource("/relay", echo)
            .clock(server_clock.clone());
        if nonces {
            gateway = gateway.client_nonces(60);
        }
        let listen = Listen::secure(loopback()).and_plain(loopback());
        let resource_server = gateway.build().unwrap().start(listen).await.unwrap();
        let device_clock = Arc::new(OffsetClock::new());
        Self {
            authorization_server,
            resource_server,
            server_clock,
            device_clock,
        }
    }

    fn url(&self, path: &str) -> String {
        uri(self.resource_server.secure_address(), path)
    }

    fn known(&self) -> device::ResourceServer {
        let plain = self.resource_server.plain_address().unwrap().port();
        device::ResourceServer::new(&self.url("/"))
            .unwrap()
            .plain_port(plain)
    }

    async fn client(&self, resource_server: device::ResourceServer, key: PreSharedKey) -> Client {
        let credential = ClientCredential::PreSharedKey {
            identity: b"meter-1".to_vec(),
            key,
        };
        let server = uri(self.authorization_server.secure_address(), "");
        let server = device::AuthorizationServer::new(&server, credential).unwrap();
        let timers = device::Timers {
            handshake: Duration::from_secs(5),
            ..device::Timers::default()
        };
        Client::builder()
            .authorization_server(server)
            .resource_server(resource_server)
            .timers(timers)
            .clock(self.device_clock.clone())
            .build()
            .await
            .unwrap()
    }

    /// Both clocks: the device counts for itself.
    fn pass(&self, seconds: u64) {
        self.server_clock.advance(seconds.try_into().unwrap());
        self.device_clock.advance(Duration::from_secs(seconds));
    }
}

fn uri(address: SocketAddr, path: &str) -> String {
    format!("coaps://{address}{path}")
}

fn steps(client: &Client) -> Vec<Step> {
    client
        .take_report()
        .exchanges
        .iter()
        .map(|exchange| exchange.step)
        .collect()
}

#[tokio::test]
async fn d25_d27_the_first_call_takes_two_handshakes_and_two_requests() {
    let world = World::start(false).await;
    let client = world
        .client(world.known().audience("gateway"), key(1))
        .await;
    let response = client.get(&world.url("/readings")).await.unwrap();
    assert_eq!(
        (response.code, &response.payload[..]),
        (Code::CONTENT, &b"meter-1"[..])
    );
    let first = [
        Step::AuthorizationServerHandshake,
        Step::TokenRequest,
        Step::ResourceServerHandshake,
        Step::Request,
    ];
    assert_eq!(steps(&client), first);
    let posted = client
        .post(&world.url("/readings"), ContentFormat(110), *b"[]")
        .await
        .unwrap();
    assert_eq!(posted.code, Code::CHANGED);
    assert_eq!(steps(&client), [Step::Request]);
}

#[tokio::test]
async fn f09_f10_f11_f12_f17_a_nonce_in_the_hints_comes_back_in_the_token() {
    let world = World::start(true).await;
    // The audience is a name here, not the host of the URL.
    let known = world.known().trust_hinted_audience(true);
    let client = world.client(known, key(1)).await;
    let response = client.get(&world.url("/readings")).await.unwrap();
    assert_eq!(response.code, Code::CONTENT);
    assert_eq!(steps(&client).first(), Some(&Step::Hints));
}

#[tokio::test]
async fn d24_f45_f46_an_uploaded_token_opens_the_session_under_its_kid() {
    let world = World::start(false).await;
    let known = world
        .known()
        .audience("gateway")
        .token_transport(TokenTransport::Upload);
    let client = world.client(known, key(1)).await;
    assert_eq!(
        client.get(&world.url("/readings")).await.unwrap().code,
        Code::CONTENT
    );
    assert!(steps(&client).contains(&Step::TokenUpload));
}

#[tokio::test]
async fn d30_d33_refusals_reach_the_caller_and_the_session_goes_on() {
    let world = World::start(false).await;
    let narrow = Scope::from(&aif(&[("/readings", &[Method::Get])]));
    let client = world
        .client(world.known().audience("gateway").scope(narrow), key(1))
        .await;
    for (method, path, code) in [
        (Code::GET, "/relay", Code::FORBIDDEN),
        (Code::POST, "/readings", Code::METHOD_NOT_ALLOWED),
        (Code::GET, "/readings", Code::CONTENT),
    ] {
        let response = client
            .send(method, &world.url(path), device::Body::default())
            .await
            .unwrap();
        assert_eq!(response.code, code, "{method} {path}");
    }
    let handshakes = steps(&client)
        .iter()
        .filter(|step| **step == Step::ResourceServerHandshake)
        .count();
    assert_eq!(handshakes, 1);
}

#[tokio::test]
async fn d34_d36_d37_wider_rights_come_to_the_running_session() {
    let world = World::start(false).await;
    let known = world
        .known()
        .audience("gateway")
        .scope(Scope::from(&aif(&[("/relay", &[Method::Get])])))
        .wider_scope(Scope::from(&aif(&[(
            "/relay",
            &[Method::Get, Method::Put],
        )])));
    let client = world.client(known, key(1)).await;
    assert_eq!(
        client.get(&world.url("/relay")).await.unwrap().code,
        Code::CONTENT
    );
    steps(&client);
    let response = client
        .put(&world.url("/relay"), ContentFormat::TEXT_PLAIN, *b"on")
        .await
        .unwrap();
    assert_eq!(response.code, Code::CHANGED);
    assert_eq!(
        steps(&client),
        [
            Step::Request,
            Step::UpdateRequest,
            Step::UpdateUpload,
            Step::Request
        ]
    );
}

#[tokio::test]
async fn f61_d29_d31_an_ended_token_is_replaced_without_a_refusal() {
    let world = World::start(false).await;
    let client = world
        .client(world.known().audience("gateway"), key(1))
        .await;
    client.get(&world.url("/readings")).await.unwrap();
    steps(&client);
    world.pass(LIFETIME + 1);
    assert_eq!(
        client.get(&world.url("/readings")).await.unwrap().code,
        Code::CONTENT
    );
    assert_eq!(
        steps(&client),
        [
            Step::TokenRequest,
            Step::ResourceServerHandshake,
            Step::Request
        ]
    );
}

#[tokio::test]
async fn d32_a_device_whose_clock_is_late_gets_a_fresh_token() {
    let world = World::start(false).await;
    let client = world
        .client(world.known().audience("gateway"), key(1))
        .await;
    client.get(&world.url("/readings")).await.unwrap();
    world
        .server_clock
        .advance((LIFETIME + 1).try_into().unwrap());
    assert_eq!(
        client.get(&world.url("/readings")).await.unwrap().code,
        Code::CONTENT
    );
    assert_eq!(client.report().granted.len(), 2);
}

#[tokio::test]
async fn f67_an_observation_ends_with_the_token() {
    let world = World::start(false).await;
    let client = world
        .client(world.known().audience("gateway"), key(1))
        .await;
    let mut subscription = client.observe(&world.url("/readings")).await.unwrap();
    assert_eq!(subscription.first().code, Code::CONTENT);
    world.pass(LIFETIME + 1);
    let last = tokio::time::timeout(Duration::from_secs(10), subscription.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(last.map(|response| response.code), Some(Code::UNAUTHORIZED));
}

#[tokio::test]
async fn what_the_authorization_server_refuses_is_told_to_people() {
    let world = World::start(false).await;
    let greedy = Scope::from(&aif(&[("/admin", &[Method::Put])]));
    let client = world
        .client(world.known().audience("gateway").scope(greedy), key(1))
        .await;
    let error = client.get(&world.url("/admin")).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::TokenRefused {
                code: Code::BAD_REQUEST,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("invalid_scope (6)"), "{error}");
    let client = world.client(world.known().audience("nobody"), key(1)).await;
    let error = client.get(&world.url("/readings")).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Refused, "{error}");
}

#[tokio::test]
async fn d02_a_device_with_a_wrong_key_gets_no_session() {
    let world = World::start(false).await;
    let client = world
        .client(world.known().audience("gateway"), key(2))
        .await;
    let error = client.get(&world.url("/readings")).await.unwrap_err();
    assert!(matches!(error, Error::HandshakeRefused { .. }), "{error}");
    assert!(client.report().granted.is_empty());
    // The server is well, and takes the device with the right key.
    let client = world
        .client(world.known().audience("gateway"), key(1))
        .await;
    let response = client.get(&world.url("/readings")).await.unwrap();
    assert_eq!(response.code, Code::CONTENT);
}
