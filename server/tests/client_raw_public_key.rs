//! The device library in RawPublicKey mode (RFC 9202 Section 3.2) against the real servers, over DTLS on loopback.

#![expect(clippy::unwrap_used, reason = "tests may panic: that is how they fail")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use motekey_client as device;
use motekey_client::{
    CacheKey, Client, ClientBuilder, ClientCredential, Error, Fault, Granted, KeyChoice,
    OffsetClock, Renewal, Step, Timers, TokenCache,
};
use motekey_coap::dtls::{KeyPair, PreSharedKey};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::CoseKey;
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};
use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::clock::{SystemClock, VirtualClock};
use motekey_server::listen::{Listen, Running};
use motekey_server::registry::{
    Device, PopKeyKinds, Registry, ResourceServerRecord, ScopeRule, SharedKey,
};
use motekey_server::resource_server::{Authorized, ResourceServer};
use motekey_server::store::MemoryStore;

/// Numbers of key pairs.
const AUTHORIZATION_SERVER: u8 = 100;
const GATEWAY: u8 = 102;
const STRANGER: u8 = 104;

const LIFETIME: u64 = 600;

/// Even numbers are P-256 keys, odd ones Ed25519 keys.
fn key_pair(number: u8) -> KeyPair {
    if number.is_multiple_of(2) {
        KeyPair::p256(&[number; 32]).unwrap()
    } else {
        KeyPair::ed25519(&[number; 32])
    }
}

fn public_key(number: u8) -> CoseKey {
    let info = key_pair(number).public_key_info().to_vec();
    let name = format!("key-{number}");
    CoseKey::from_public_key_info(&PROVIDER, &info, Some(name.as_bytes())).unwrap()
}

fn shared_key() -> PreSharedKey {
    PreSharedKey::new((0..16).map(|index: u8| index ^ 0x5a).collect())
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn aif(entries: &[(&str, Method)]) -> Aif {
    Aif::new(
        entries
            .iter()
            .map(|(path, method)| (*path, MethodSet::EMPTY.with(*method))),
    )
}

/// What a site is like.
#[derive(Clone, Copy)]
struct Plan {
    /// The key that the authorization server believes the resource server to have.
    registered: u8,
    /// The proof-of-possession keys that the resource server takes.
    takes: PopKeyKinds,
}

const PLAN: Plan = Plan {
    registered: GATEWAY,
    takes: PopKeyKinds {
        symmetric: true,
        p256: true,
        ed25519: true,
    },
};

fn registry(plan: Plan) -> Registry {
    let mut registry = Registry::new();
    let rights = aif(&[("/readings", Method::Get), ("/relay", Method::Put)]);
    for number in [1, 2] {
        let meter = Device::with_public_key(&format!("meter-{number}"), public_key(number))
            .allow("gateway", ScopeRule::Aif(rights.clone()));
        registry.put_device(meter).unwrap();
    }
    let mut gateway = ResourceServerRecord::new("gateway", SharedKey::new(shared_key()));
    gateway.token_lifetime = LIFETIME;
    gateway.public_keys = vec![public_key(plan.registered)];
    gateway.pop_keys = plan.takes;
    registry.put_resource_server(gateway).unwrap();
    registry
}

struct World {
    authorization_server: Running,
    resource_server: Running,
    server_clock: Arc<VirtualClock>,
    device_clock: Arc<OffsetClock>,
    /// Requests that the application of the resource server saw.
    served: Arc<Mutex<Vec<String>>>,
}

impl World {
    async fn start(plan: Plan) -> Self {
        let server_clock = Arc::new(VirtualClock::running(SystemClock));
        let store = Arc::new(MemoryStore::with_registry(registry(plan)));
        let server = AuthorizationServer::builder(store)
            .clock(server_clock.clone())
            .key_pair(key_pair(AUTHORIZATION_SERVER));
        let server = Arc::new(server.build().await.unwrap());
        let authorization_server = server.start(Listen::secure(loopback())).await.unwrap();
        let served = Arc::new(Mutex::new(Vec::new()));
        let log = served.clone();
        let answer = move |authorized: Authorized, request: Request| {
            log.lock().unwrap().push(request.path());
            let client = authorized.client().unwrap_or_default().to_owned();
            async move { Response::new(Code::CONTENT).with_payload(ContentFormat::TEXT_PLAIN, client) }
        };
        let gateway = ResourceServer::builder("gateway")
            .shared_key("as", shared_key())
            .key_pair(key_pair(GATEWAY))
            .fallback(answer)
            .clock(server_clock.clone());
        let listen = Listen::secure(loopback()).and_plain(loopback());
        let resource_server = gateway.build().unwrap().start(listen).await.unwrap();
        Self {
            authorization_server,
            resource_server,
            server_clock,
            device_clock: Arc::new(OffsetClock::new()),
            served,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("coaps://{}{path}", self.resource_server.secure_address())
    }

    fn known(&self) -> device::ResourceServer {
        let plain = self.resource_server.plain_address().unwrap().port();
        device::ResourceServer::new(&self.url("/"))
            .unwrap()
            .plain_port(plain)
            .audience("gateway")
    }

    /// The authorization server with its key `server`, for the device `own`.
    fn issuer(&self, own: u8, server: u8) -> device::AuthorizationServer {
        let credential = ClientCredential::RawPublicKey {
            key: key_pair(own),
            server: key_pair(server).public_key_info().to_vec(),
        };
        let uri = format!("coaps://{}", self.authorization_server.secure_address());
        device::AuthorizationServer::new(&uri, credential).unwrap()
    }

    fn builder(
        &self,
        issuer: device::AuthorizationServer,
        known: device::ResourceServer,
    ) -> ClientBuilder {
        Client::builder()
            .authorization_server(issuer)
            .resource_server(known)
            .clock(self.device_clock.clone())
    }

    async fn client(&self, own: u8) -> Client {
        let issuer = self.issuer(own, AUTHORIZATION_SERVER);
        self.builder(issuer, self.known()).build().await.unwrap()
    }

    fn pass(&self, seconds: u64) {
        self.server_clock.advance(seconds.try_into().unwrap());
        self.device_clock.advance(Duration::from_secs(seconds));
    }

    fn served(&self) -> usize {
        self.served.lock().unwrap().len()
    }
}

fn steps(client: &Client) -> Vec<Step> {
    let report = client.take_report();
    report.exchanges.iter().map(|entry| entry.step).collect()
}

#[tokio::test]
async fn d03_d11_d12_one_call_brings_the_token_and_then_shows_the_public_key() {
    let world = World::start(PLAN).await;
    for own in [1, 2] {
        let client = world.client(own).await;
        let response = client.get(&world.url("/readings")).await.unwrap();
        let name = format!("meter-{own}");
        // The resource server knows whose key it is.
        assert_eq!(response.payload, name.as_bytes());
        let granted = client.report().granted.remove(0);
        assert_eq!((granted.key, granted.kid), ("raw public key", None));
        let expected = [
            Step::AuthorizationServerHandshake,
            Step::TokenRequest,
            Step::TokenUpload,
            Step::ResourceServerHandshake,
            Step::Request,
        ];
        let upload = &client.report().exchanges[2];
        assert_eq!(upload.outcome, "2.01");
        assert_eq!(steps(&client), expected);
        client.get(&world.url("/readings")).await.unwrap();
        assert_eq!(steps(&client), [Step::Request]);
    }
}

#[tokio::test]
async fn d03_the_public_key_may_be_named_by_what_the_authorization_server_knows_it_by() {
    let world = World::start(PLAN).await;
    let issuer = world.issuer(2, AUTHORIZATION_SERVER).key_id(*b"key-2");
    let client = world.builder(issuer, world.known()).build().await.unwrap();
    let response = client.get(&world.url("/readings")).await.unwrap();
    assert_eq!(response.payload, b"meter-2");
    let granted = client.report().granted.remove(0);
    assert_eq!(granted.kid.as_deref(), Some(b"key-2".as_slice()));
    let by_name = client.report().total(Step::TokenRequest).bytes_sent;
    let client = world.client(2).await;
    client.get(&world.url("/readings")).await.unwrap();
    let by_value = client.report().total(Step::TokenRequest).bytes_sent;
    assert!(by_name + 60 < by_value, "{by_name} and {by_value} bytes");
}

#[tokio::test]
async fn d17_l07_a_resource_server_with_another_key_than_rs_cnf_gets_no_request() {
    let plan = Plan {
        registered: STRANGER,
        ..PLAN
    };
    let world = World::start(plan).await;
    let client = world.client(2).await;
    let error = client.get(&world.url("/readings")).await.unwrap_err();
    let expected = matches!(
        error,
        Error::HandshakeLeft {
            role: device::Role::ResourceServer,
            ..
        }
    );
    assert!(expected, "{error}");
    assert!(error.to_string().contains("registered"), "{error}");
    assert_eq!((error.fault(), world.served()), (Fault::Refused, 0));
}

#[tokio::test]
async fn d02_l07_an_authorization_server_with_another_key_gets_no_token_request() {
    let world = World::start(PLAN).await;
    let issuer = world.issuer(2, STRANGER);
    let client = world.builder(issuer, world.known()).build().await.unwrap();
    let error = client.get(&world.url("/readings")).await.unwrap_err();
    let expected = matches!(
        error,
        Error::HandshakeLeft {
            role: device::Role::AuthorizationServer,
            ..
        }
    );
    assert!(expected, "{error}");
    assert_eq!(steps(&client), [Step::AuthorizationServerHandshake]);
}

#[tokio::test]
async fn l07_a_configured_key_of_the_resource_server_goes_before_rs_cnf() {
    let world = World::start(PLAN).await;
    for (configured, fits) in [(GATEWAY, true), (STRANGER, false)] {
        let known = world
            .known()
            .public_key_info(key_pair(configured).public_key_info());
        let issuer = world.issuer(2, AUTHORIZATION_SERVER);
        let client = world.builder(issuer, known).build().await.unwrap();
        let result = client.get(&world.url("/readings")).await;
        match result {
            Ok(_) => assert!(fits, "{configured}"),
            Err(error) => {
                assert!(!fits && matches!(error, Error::UnusableToken(_)), "{error}");
                assert!(!steps(&client).contains(&Step::TokenUpload));
            }
        }
    }
}

#[tokio::test]
async fn an_ended_token_is_replaced_on_a_new_session() {
    let world = World::start(PLAN).await;
    let client = world.client(2).await;
    client.get(&world.url("/readings")).await.unwrap();
    world.pass(LIFETIME + 1);
    steps(&client);
    let response = client.get(&world.url("/readings")).await.unwrap();
    assert_eq!(response.code, Code::CONTENT);
    let expected = [
        Step::TokenRequest,
        Step::TokenUpload,
        Step::ResourceServerHandshake,
        Step::Request,
    ];
    assert_eq!(steps(&client), expected);
}

#[tokio::test]
async fn d34_d37_rights_are_updated_and_tokens_renewed_on_the_running_session() {
    let world = World::start(PLAN).await;
    let readings = aif(&[("/readings", Method::Get)]);
    let both = aif(&[("/readings", Method::Get), ("/relay", Method::Put)]);
    let known = world
        .known()
        .scope(Scope::from(&readings))
        .wider_scope(Scope::from(&both));
    let timers = Timers {
        renewal: Renewal::OFF,
        ..Timers::default()
    };
    let issuer = world.issuer(1, AUTHORIZATION_SERVER);
    let builder = world.builder(issuer, known).timers(timers);
    let client = builder.build().await.unwrap();
    client.get(&world.url("/readings")).await.unwrap();
    steps(&client);
    let text = ContentFormat::TEXT_PLAIN;
    let response = client.put(&world.url("/relay"), text, *b"on").await;
    assert_eq!(response.unwrap().code, Code::CONTENT);
    let expected = [
        Step::Request,
        Step::UpdateRequest,
        Step::UpdateUpload,
        Step::Request,
    ];
    assert_eq!(steps(&client), expected);
}

#[tokio::test]
async fn a_token_is_renewed_ahead_of_its_end_without_a_handshake() {
    let world = World::start(PLAN).await;
    let client = world.client(2).await;
    client.get(&world.url("/readings")).await.unwrap();
    world.pass(LIFETIME - 30);
    steps(&client);
    client.get(&world.url("/readings")).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..500 {
        seen.extend(steps(&client));
        if seen.contains(&Step::UpdateUpload) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    world.pass(60);
    client.get(&world.url("/readings")).await.unwrap();
    seen.extend(steps(&client));
    assert!(seen.contains(&Step::UpdateUpload), "{seen:?}");
    assert!(!seen.contains(&Step::ResourceServerHandshake), "{seen:?}");
}

#[tokio::test]
async fn the_key_is_what_device_and_resource_server_both_can_do() {
    let symmetric = PopKeyKinds {
        symmetric: true,
        p256: false,
        ed25519: false,
    };
    let public = PopKeyKinds {
        symmetric: false,
        p256: true,
        ed25519: true,
    };
    let cases = [
        (PLAN.takes, KeyChoice::Automatic, Some("raw public key")),
        (PLAN.takes, KeyChoice::Symmetric, Some("pre-shared key")),
        (PLAN.takes, KeyChoice::Public, Some("raw public key")),
        (symmetric, KeyChoice::Automatic, Some("pre-shared key")),
        (symmetric, KeyChoice::Public, None),
        (public, KeyChoice::Automatic, Some("raw public key")),
        (public, KeyChoice::Symmetric, None),
    ];
    for (takes, choice, expected) in cases {
        let world = World::start(Plan { takes, ..PLAN }).await;
        let issuer = world.issuer(2, AUTHORIZATION_SERVER);
        let known = world.known().keys(choice);
        let client = world.builder(issuer, known).build().await.unwrap();
        let granted: Result<Granted, Error> = client.token(&world.url("/")).await;
        match (granted, expected) {
            (Ok(granted), Some(kind)) => {
                assert_eq!(granted.key, kind, "{choice:?}");
                let response = client.get(&world.url("/readings")).await.unwrap();
                assert_eq!(response.payload, b"meter-2");
            }
            (Err(error), None) => {
                let text = error.to_string();
                assert!(text.contains("unsupported_pop_key (7)"), "{text}");
                assert!(
                    text.contains("which keys the resource server takes"),
                    "{text}"
                );
            }
            (granted, expected) => panic!("{choice:?}: {granted:?}, wanted {expected:?}"),
        }
    }
}

#[tokio::test]
async fn a_public_key_token_survives_a_restart_in_the_sealed_file() {
    let world = World::start(PLAN).await;
    let path = std::env::temp_dir().join(format!("motekey-rpk-{}", std::process::id()));
    let client = async |own: u8| {
        let issuer = world.issuer(own, AUTHORIZATION_SERVER);
        let cache = TokenCache::new(&path, CacheKey::new([7; 32]));
        let builder = world.builder(issuer, world.known()).token_cache(cache);
        builder.build().await.unwrap()
    };
    let first = client(2).await;
    first.get(&world.url("/readings")).await.unwrap();
    first.shutdown().await;
    let second = client(2).await;
    second.get(&world.url("/readings")).await.unwrap();
    let expected = [
        Step::TokenUpload,
        Step::ResourceServerHandshake,
        Step::Request,
    ];
    assert_eq!(steps(&second), expected);
    // The file holds no token of another device.
    let other = client(1).await;
    other.get(&world.url("/readings")).await.unwrap();
    assert!(steps(&other).contains(&Step::TokenRequest));
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn a_device_without_a_key_pair_cannot_be_bound_to_its_public_key() {
    let world = World::start(PLAN).await;
    let credential = ClientCredential::PreSharedKey {
        identity: b"meter-1".to_vec(),
        key: shared_key(),
    };
    let uri = format!("coaps://{}", world.authorization_server.secure_address());
    let issuer = device::AuthorizationServer::new(&uri, credential).unwrap();
    let known = world.known().keys(KeyChoice::Public);
    let error = world.builder(issuer, known).build().await.unwrap_err();
    assert!(matches!(error, Error::Configuration(_)), "{error}");
}
