//! An authorization server and resource servers that follow it, on loopback, with devices that drive the protocol by
//! hand.

#![allow(dead_code, reason = "no test program uses all of it")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panic")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use motekey_coap::driver::{Driver, Handle, OpenError};
use motekey_coap::dtls::{ClientCredential, Implementation, PreSharedKey, SessionId};
use motekey_coap::endpoint::{EndpointConfig, Security};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::message::{TokenRequest, TokenResponse};
use motekey_cose::scope::{Aif, Method, MethodSet};
use motekey_server::authorization_server::{AuthorizationServer, AuthorizationServerBuilder};
use motekey_server::clock::{Clock, SystemClock, VirtualClock};
use motekey_server::event::{Event, Recorder};
use motekey_server::listen::{Listen, Running};
use motekey_server::registry::{Device, Registry, ResourceServerRecord, ScopeRule, SharedKey};
use motekey_server::resource_server::{
    AuthorizationServerLink, Authorized, ResourceServer, ResourceServerBuilder,
};
use motekey_server::store::MemoryStore;
use tokio::net::UdpSocket;

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// A key of its own for every number.
pub(crate) fn key(number: usize) -> PreSharedKey {
    let number = u16::try_from(number).unwrap().to_be_bytes();
    let byte = |index: u8| index.wrapping_mul(index).wrapping_add(number[0]);
    let mut bytes: Vec<u8> = (1..16).map(byte).collect();
    bytes.push(number[1]);
    PreSharedKey::new(bytes)
}

/// Keys of resource servers: for their tokens, and for their sessions with the authorization server.
pub(crate) fn token_key(number: usize) -> PreSharedKey {
    key(1000 + number)
}

pub(crate) fn session_key(number: usize) -> PreSharedKey {
    key(2000 + number)
}

pub(crate) fn resource_server_name(number: usize) -> String {
    format!("rs-{number}")
}

pub(crate) fn device_name(number: usize) -> String {
    format!("device-{number}")
}

/// Devices with the keys 1 and up, resource servers, an administrator with key 999.
pub(crate) fn registry(devices: usize, resource_servers: usize) -> Registry {
    let get = MethodSet::EMPTY.with(Method::Get);
    let rule = ScopeRule::Aif(Aif::new([("/readings", get)]));
    let mut registry = Registry::new();
    for number in 0..resource_servers {
        let name = resource_server_name(number);
        let identity = format!("{name}-session");
        let mut record = ResourceServerRecord::new(&name, SharedKey::new(token_key(number)))
            .with_credential(identity.as_bytes(), session_key(number));
        record.token_lifetime = 600;
        registry.put_resource_server(record).unwrap();
    }
    for number in 1..=devices {
        let name = device_name(number);
        let mut device = Device::with_pre_shared_key(&name, name.as_bytes(), key(number));
        for target in 0..resource_servers {
            device = device.allow(&resource_server_name(target), rule.clone());
        }
        registry.put_device(device).unwrap();
    }
    let mut administrator = Device::with_pre_shared_key("admin", b"admin", key(999));
    administrator.administrator = true;
    registry.put_device(administrator).unwrap();
    registry
}

/// An authorization server that runs.
pub(crate) struct Site {
    pub(crate) server: Arc<AuthorizationServer>,
    pub(crate) running: Running,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) events: Arc<Recorder>,
}

/// A resource server that runs.
pub(crate) struct Gateway {
    pub(crate) server: Arc<ResourceServer>,
    pub(crate) running: Running,
    pub(crate) events: Arc<Recorder>,
}

impl Site {
    pub(crate) async fn new(devices: usize, resource_servers: usize) -> Self {
        let store = Arc::new(MemoryStore::with_registry(registry(
            devices,
            resource_servers,
        )));
        Self::on(store, loopback(), |builder| builder).await
    }

    pub(crate) async fn on(
        store: Arc<MemoryStore>,
        address: SocketAddr,
        configure: impl FnOnce(AuthorizationServerBuilder) -> AuthorizationServerBuilder,
    ) -> Self {
        let clock = Arc::new(VirtualClock::running(SystemClock));
        let events = Arc::new(Recorder::new());
        let builder = AuthorizationServer::builder(store.clone())
            .clock(clock.clone())
            .subscriber(events.clone());
        let server = Arc::new(configure(builder).build().await.unwrap());
        let running = server.start(Listen::secure(address)).await.unwrap();
        Self {
            server,
            running,
            store,
            clock,
            events,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.secure_address()
    }

    /// How the resource server of this number reaches this server.
    pub(crate) fn link(&self, number: usize) -> AuthorizationServerLink {
        link(self.address(), number).time_limit(Duration::from_secs(2))
    }

    /// The token of a device for a resource server.
    pub(crate) async fn token(
        &self,
        client: &Client,
        device: usize,
        target: usize,
    ) -> TokenResponse {
        let name = device_name(device);
        let session = client
            .open(self.address(), name.as_bytes(), key(device))
            .await;
        let request = TokenRequest {
            audience: Some(resource_server_name(target)),
            ..TokenRequest::default()
        };
        let request =
            Request::post("/token").with_payload(ContentFormat::ACE_CBOR, request.encode());
        let session = session.unwrap();
        let response = client.request(session, request).await;
        assert_eq!(response.code, Code::CREATED);
        TokenResponse::decode(&response.payload).unwrap()
    }
}

pub(crate) fn link(address: SocketAddr, number: usize) -> AuthorizationServerLink {
    let identity = format!("{}-session", resource_server_name(number));
    AuthorizationServerLink::new(address, identity.as_bytes(), session_key(number))
}

impl Gateway {
    pub(crate) async fn new(
        number: usize,
        clock: impl Clock,
        configure: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder,
    ) -> Self {
        let events = Arc::new(Recorder::new());
        let readings = |_: Authorized, _: Request| async {
            Response::new(Code::CONTENT)
                .with_payload(ContentFormat::TEXT_PLAIN, *b"42")
                .observable()
        };
        let builder = ResourceServer::builder(&resource_server_name(number))
            .shared_key("as", token_key(number))
            .resource("/readings", readings)
            .clock(clock)
            .subscriber(events.clone());
        let server = configure(builder).build().unwrap();
        let listen = Listen::secure(loopback()).and_plain(loopback());
        let running = server.start(listen).await.unwrap();
        Self {
            server,
            running,
            events,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.secure_address()
    }

    /// Uploads a token without DTLS.
    pub(crate) async fn upload(
        &self,
        client: &Client,
        token: &[u8],
        format: ContentFormat,
    ) -> Code {
        let peer = self.running.plain_address().unwrap();
        let session = client.plain.open_plain(peer).await.unwrap();
        let request = Request::post("/authz-info").with_payload(format, token);
        client.plain.request(session, request).await.unwrap().code
    }
}

/// Waits until an event is there.
pub(crate) async fn wait_for(events: &Recorder, what: &str, wanted: impl Fn(&Event) -> bool) {
    for _ in 0..5000 {
        if events.take().iter().any(&wanted) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("it did not come: {what}");
}

/// A client with a socket for each kind of session.
pub(crate) struct Client {
    pub(crate) handle: Handle,
    pub(crate) plain: Handle,
}

impl Client {
    pub(crate) async fn new() -> Self {
        let start = async |security| {
            let socket = UdpSocket::bind(loopback()).await.unwrap();
            Driver::start(socket, EndpointConfig::default(), security, None).unwrap()
        };
        let backend = Implementation::default().client(PATIENCE);
        Self {
            handle: start(Security::Dtls(backend)).await,
            plain: start(Security::None).await,
        }
    }

    pub(crate) async fn open(
        &self,
        peer: SocketAddr,
        identity: &[u8],
        key: PreSharedKey,
    ) -> Result<SessionId, OpenError> {
        let identity = identity.to_vec();
        let credential = ClientCredential::PreSharedKey { identity, key };
        let connected = self.handle.open(peer, credential).await?;
        Ok(connected.session)
    }

    pub(crate) async fn request(&self, session: SessionId, request: Request) -> Response {
        self.handle.request(session, request).await.unwrap()
    }

    /// A session at a resource server, with the token as identity.
    pub(crate) async fn connect(&self, gateway: &Gateway, token: &TokenResponse) -> SessionId {
        let key = pop_key(token);
        self.open(gateway.address(), &token.access_token, key)
            .await
            .unwrap()
    }
}

pub(crate) fn pop_key(response: &TokenResponse) -> PreSharedKey {
    let key = response.cnf.as_ref().and_then(|cnf| cnf.key());
    PreSharedKey::new(key.unwrap().symmetric_value().unwrap().to_vec())
}
