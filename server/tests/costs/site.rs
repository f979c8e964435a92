//! An authorization server, a resource server and a device on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use motekey_client as device;
use motekey_client::{CacheKey, Client, ClientCredential, OffsetClock, TokenCache};
use motekey_coap::dtls::PreSharedKey;
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};
use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::clock::{SystemClock, VirtualClock};
use motekey_server::listen::{Listen, Running};
use motekey_server::registry::{Device, Registry, ResourceServerRecord, ScopeRule, SharedKey};
use motekey_server::resource_server::{Authorized, ResourceServer};
use motekey_server::store::MemoryStore;

/// Lifetime of tokens in seconds.
pub(crate) const LIFETIME: u64 = 3600;

pub(crate) struct Site {
    authorization_server: Running,
    resource_server: Running,
    server_clock: Arc<VirtualClock>,
    device_clock: Arc<OffsetClock>,
    cache: PathBuf,
}

pub(crate) fn key(number: u8) -> PreSharedKey {
    let bytes = (0..16_u8).map(|index| index.wrapping_mul(7) ^ number);
    PreSharedKey::new(bytes.collect())
}

pub(crate) fn rights(paths: &[&str]) -> Aif {
    let methods = MethodSet::EMPTY.with(Method::Get).with(Method::Put);
    Aif::new(paths.iter().map(|path| (*path, methods)))
}

pub(crate) fn registry() -> Registry {
    let mut registry = Registry::new();
    let meter = Device::with_pre_shared_key("meter-1", b"meter-1", key(1))
        .allow("gateway", ScopeRule::Aif(rights(&["/readings", "/relay"])));
    registry.put_device(meter).unwrap();
    let mut gateway = ResourceServerRecord::new("gateway", SharedKey::new(key(9)));
    gateway.token_lifetime = LIFETIME;
    registry.put_resource_server(gateway).unwrap();
    registry
}

async fn answer(_: Authorized, request: Request) -> Response {
    if request.method == Code::GET {
        Response::new(Code::CONTENT).with_payload(ContentFormat::TEXT_PLAIN, *b"21.5")
    } else {
        Response::new(Code::CHANGED)
    }
}

impl Site {
    pub(crate) async fn start() -> Self {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server_clock = Arc::new(VirtualClock::running(SystemClock));
        let store = Arc::new(MemoryStore::with_registry(registry()));
        let server = AuthorizationServer::builder(store)
            .clock(server_clock.clone())
            .build()
            .await
            .unwrap();
        let authorization_server = Arc::new(server)
            .start(Listen::secure(loopback))
            .await
            .unwrap();
        // In the hints a name, so that their length does not depend on the port of this run.
        let resource_server = ResourceServer::builder("gateway")
            .shared_key("as", key(9))
            .scope_hint(Scope::from(&rights(&["/readings"])))
            .resource("/readings", answer)
            .resource("/relay", answer)
            .clock(server_clock.clone())
            .build()
            .unwrap()
            .start(Listen::secure(loopback).and_plain(loopback))
            .await
            .unwrap();
        let port = resource_server.secure_address().port();
        let name = format!("motekey-costs-{}-{port}", std::process::id());
        Self {
            authorization_server,
            resource_server,
            server_clock,
            device_clock: Arc::new(OffsetClock::new()),
            cache: std::env::temp_dir().join(name),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("coaps://{}{path}", self.resource_server.secure_address())
    }

    /// What a device knows that needs the hints.
    pub(crate) fn known(&self) -> device::ResourceServer {
        device::ResourceServer::new(&self.url("/"))
            .unwrap()
            .plain_port(self.resource_server.plain_address().unwrap().port())
    }

    /// What a device knows that needs no hints.
    pub(crate) fn configured(&self) -> device::ResourceServer {
        self.known()
            .audience("gateway")
            .scope(Scope::from(&rights(&["/readings"])))
    }

    pub(crate) async fn client(&self, resource_server: device::ResourceServer) -> Client {
        let credential = ClientCredential::PreSharedKey {
            identity: b"meter-1".to_vec(),
            key: key(1),
        };
        let server = format!("coaps://{}", self.authorization_server.secure_address());
        let cache = TokenCache::new(&self.cache, CacheKey::new([7; 32]));
        Client::builder()
            .authorization_server(device::AuthorizationServer::new(&server, credential).unwrap())
            .resource_server(resource_server)
            .token_cache(cache)
            .clock(self.device_clock.clone())
            .build()
            .await
            .unwrap()
    }

    pub(crate) async fn get(&self, client: &Client) {
        let response = client.get(&self.url("/readings")).await.unwrap();
        assert_eq!(response.code, Code::CONTENT);
    }

    /// On both clocks: the device counts for itself.
    pub(crate) fn pass(&self, seconds: u64) {
        self.server_clock.advance(seconds.try_into().unwrap());
        self.device_clock.advance(Duration::from_secs(seconds));
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.cache);
    }
}
