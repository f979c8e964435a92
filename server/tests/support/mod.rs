//! An authorization server and a resource server on loopback, and a client that drives the protocol by hand.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panic")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use motekey_coap::driver::{Connected, Driver, Handle, OpenError};
use motekey_coap::dtls::webrtc::{Webrtc, WebrtcConfig};
use motekey_coap::dtls::{ClientCredential, PreSharedKey};
use motekey_coap::endpoint::{EndpointConfig, Security};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::message::{TokenRequest, TokenResponse};
use motekey_cose::scope::{Aif, Method, MethodSet};
use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::clock::{SystemClock, VirtualClock};
use motekey_server::event::{Event, Recorder};
use motekey_server::listen::{Listen, Running};
use motekey_server::registry::{Device, Registry, ResourceServerRecord, ScopeRule, SharedKey};
use motekey_server::resource_server::{Authorized, ResourceServer};
use motekey_server::store::MemoryStore;
use tokio::net::UdpSocket;

/// Everything that runs.
pub(crate) struct World {
    pub(crate) authorization_server: Running,
    pub(crate) server: Arc<AuthorizationServer>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) resource_server: Running,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) events: Arc<Recorder>,
}

pub(crate) fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

pub(crate) fn key(number: u8) -> PreSharedKey {
    PreSharedKey::new(
        (0..16u8)
            .map(|index| index.wrapping_mul(index).wrapping_add(number))
            .collect(),
    )
}

fn rule() -> ScopeRule {
    let methods = |list: &[Method]| {
        list.iter()
            .fold(MethodSet::EMPTY, |set, method| set.with(*method))
    };
    ScopeRule::Aif(Aif::new([
        ("/readings", methods(&[Method::Get, Method::Post])),
        ("/who", methods(&[Method::Get])),
    ]))
}

impl World {
    /// Two devices, `meter-1` and `meter-2`, with the keys 1 and 2; one resource server, `gateway`. Tokens live for
    /// 600 seconds.
    pub(crate) async fn new() -> Self {
        let mut registry = Registry::new();
        for (number, name) in [(1, "meter-1"), (2, "meter-2")] {
            let device = Device::with_pre_shared_key(name, name.as_bytes(), key(number))
                .allow("gateway", rule());
            registry.put_device(device).unwrap();
        }
        let mut gateway = ResourceServerRecord::new("gateway", SharedKey::new(key(9)));
        gateway.token_lifetime = 600;
        registry.put_resource_server(gateway).unwrap();
        let clock = Arc::new(VirtualClock::running(SystemClock));
        let events = Arc::new(Recorder::new());
        let store = Arc::new(MemoryStore::with_registry(registry));
        let server = AuthorizationServer::builder(store.clone())
            .clock(clock.clone())
            .subscriber(events.clone());
        let server = Arc::new(server.build().await.unwrap());
        let authorization_server = server.start(Listen::secure(loopback())).await.unwrap();
        let who = |authorized: Authorized, _: Request| async move {
            Response::new(Code::CONTENT).with_payload(
                ContentFormat::TEXT_PLAIN,
                authorized.client().unwrap_or_default().to_owned(),
            )
        };
        let readings = |_: Authorized, _: Request| async {
            Response::new(Code::CONTENT)
                .with_payload(ContentFormat::TEXT_PLAIN, *b"42")
                .observable()
        };
        let gateway = ResourceServer::builder("gateway")
            .shared_key("as", key(9))
            .resource("/readings", readings)
            .resource("/who", who)
            .clock(clock.clone())
            .subscriber(events.clone())
            .build()
            .unwrap();
        let resource_server = gateway
            .start(Listen::secure(loopback()).and_plain(loopback()))
            .await
            .unwrap();
        Self {
            authorization_server,
            server,
            store,
            resource_server,
            clock,
            events,
        }
    }

    /// The token of a device for the gateway.
    pub(crate) async fn token(&self, client: &Client, name: &str, number: u8) -> TokenResponse {
        let session = client
            .open(
                self.authorization_server.secure_address(),
                name.as_bytes(),
                key(number),
            )
            .await;
        let request = TokenRequest {
            audience: Some("gateway".to_owned()),
            ..TokenRequest::default()
        };
        let request =
            Request::post("/token").with_payload(ContentFormat::ACE_CBOR, request.encode());
        let response = client
            .handle
            .request(session.unwrap().session, request)
            .await
            .unwrap();
        assert_eq!(response.code, Code::CREATED);
        TokenResponse::decode(&response.payload).unwrap()
    }

    /// Uploads a token over plain CoAP.
    pub(crate) async fn upload(&self, client: &Client, token: &[u8]) -> Code {
        let session = client
            .plain
            .open_plain(self.resource_server.plain_address().unwrap())
            .await
            .unwrap();
        let request = Request::post("/authz-info").with_payload(ContentFormat::CWT, token);
        client.plain.request(session, request).await.unwrap().code
    }

    /// Waits until an event is there, at most ten seconds.
    pub(crate) async fn wait_for(&self, wanted: impl Fn(&Event) -> bool) {
        for _ in 0..200 {
            if self.events.take().iter().any(&wanted) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the event did not come");
    }
}

/// A client with a socket for each kind of session.
pub(crate) struct Client {
    pub(crate) handle: Handle,
    pub(crate) plain: Handle,
}

impl Client {
    pub(crate) async fn new() -> Self {
        let backend = Webrtc::client(tokio::runtime::Handle::current(), WebrtcConfig::default());
        let start = async |security| {
            let socket = UdpSocket::bind(loopback()).await.unwrap();
            Driver::start(socket, EndpointConfig::default(), security, None).unwrap()
        };
        Self {
            handle: start(Security::Dtls(Box::new(backend))).await,
            plain: start(Security::None).await,
        }
    }

    pub(crate) async fn open(
        &self,
        peer: SocketAddr,
        identity: &[u8],
        key: PreSharedKey,
    ) -> Result<Connected, OpenError> {
        self.handle
            .open(
                peer,
                ClientCredential::PreSharedKey {
                    identity: identity.to_vec(),
                    key,
                },
            )
            .await
    }
}

/// The symmetric key and its id in a token response.
pub(crate) fn pop_key(response: &TokenResponse) -> (Vec<u8>, PreSharedKey) {
    let confirmation = response.cnf.as_ref().unwrap();
    let value = confirmation
        .key()
        .and_then(|key| key.symmetric_value())
        .unwrap();
    (
        confirmation.kid().unwrap().to_vec(),
        PreSharedKey::new(value.to_vec()),
    )
}
