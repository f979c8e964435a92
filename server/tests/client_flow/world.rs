//! An authorization server and a gateway on loopback, and clients of the device library.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use motekey_client as device;
use motekey_client::{Client, ClientCredential, OffsetClock, Step};
use motekey_coap::dtls::PreSharedKey;
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};
use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::clock::{SystemClock, VirtualClock};
use motekey_server::listen::{Listen, Running};
use motekey_server::registry::{Device, Registry, ResourceServerRecord, ScopeRule, SharedKey};
use motekey_server::resource_server::{Authorized, ResourceServer};
use motekey_server::store::MemoryStore;

/// Seconds.
pub(crate) const LIFETIME: u64 = 600;

pub(crate) struct World {
    pub(crate) authorization_server: Running,
    pub(crate) resource_server: Running,
    pub(crate) server_clock: Arc<VirtualClock>,
    pub(crate) device_clock: Arc<OffsetClock>,
}

pub(crate) fn key(number: u8) -> PreSharedKey {
    PreSharedKey::new(
        (0..16_u8)
            .map(|index| index.wrapping_mul(7) ^ number)
            .collect(),
    )
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

pub(crate) fn aif(entries: &[(&str, &[Method])]) -> Aif {
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
    pub(crate) async fn start(nonces: bool) -> Self {
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

    pub(crate) fn url(&self, path: &str) -> String {
        uri(self.resource_server.secure_address(), path)
    }

    pub(crate) fn known(&self) -> device::ResourceServer {
        let plain = self.resource_server.plain_address().unwrap().port();
        device::ResourceServer::new(&self.url("/"))
            .unwrap()
            .plain_port(plain)
    }

    pub(crate) async fn client(
        &self,
        resource_server: device::ResourceServer,
        key: PreSharedKey,
    ) -> Client {
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
    pub(crate) fn pass(&self, seconds: u64) {
        self.server_clock.advance(seconds.try_into().unwrap());
        self.device_clock.advance(Duration::from_secs(seconds));
    }
}

pub(crate) fn uri(address: SocketAddr, path: &str) -> String {
    format!("coaps://{address}{path}")
}

pub(crate) fn steps(client: &Client) -> Vec<Step> {
    client
        .take_report()
        .exchanges
        .iter()
        .map(|exchange| exchange.step)
        .collect()
}
