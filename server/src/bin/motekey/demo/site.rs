//! Where the demo plays: an authorization server and a resource server on loopback, who is registered there, and the
//! clock that both go by.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use motekey_coap::dtls::{Backend, ClientCredential, Implementation, PreSharedKey};
use motekey_cose::scope::{Aif, Method, MethodSet};
use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::clock::{Clock, SystemClock, VirtualClock};
use motekey_server::event::TracingSubscriber;
use motekey_server::listen::{Listen, Running};
use motekey_server::registry::{Device, Registry, ResourceServerRecord, ScopeRule, SharedKey};
use motekey_server::resource_server::ResourceServer;
use motekey_server::store::MemoryStore;

use super::gateway::Gateway;
use super::world::World;

/// What the tokens name as their issuer, and the resource server trusts.
const ISSUER: &str = "authorization-server";

/// Seconds that a token lives.
const TOKEN_LIFETIME: u64 = 3600;

/// Bytes of every secret.
const KEY: usize = 16;

/// Both servers, running.
pub(crate) struct Site {
    audience: &'static str,
    secrets: BTreeMap<String, Vec<u8>>,
    clock: Arc<VirtualClock>,
    authorization_server: Running,
    resource_server: Running,
    gateway: Arc<Gateway>,
}

impl Site {
    /// Registers `devices` devices and one person, each with a fresh secret, and starts both servers.
    pub(crate) async fn start(world: &'static World, devices: usize) -> Result<Self, String> {
        let clock = Arc::new(VirtualClock::running(SystemClock));
        let gateway = Gateway::new();
        let mut secrets = BTreeMap::new();
        let shared = random_bytes()?;
        let registry = register(world, devices, &shared, &mut secrets)?;

        let store = Arc::new(MemoryStore::with_registry(registry));
        let authorization_server = AuthorizationServer::builder(store)
            .clock(clock.clone())
            .issuer(ISSUER)
            .subscriber(TracingSubscriber)
            .build()
            .await
            .map_err(|error| format!("the authorization server cannot be built: {error}"))?;
        let authorization_server = Arc::new(authorization_server);
        let authorization_server = authorization_server
            .start(Listen::secure(loopback()))
            .await
            .map_err(|error| error.to_string())?;

        let uri = format!("coaps://{}/token", authorization_server.secure_address());
        let resource_server = resource_server(world, devices, &gateway, &uri, &shared, &clock)?;
        let resource_server = resource_server
            .start(Listen::secure(loopback()).and_plain(loopback()))
            .await
            .map_err(|error| error.to_string())?;
        Ok(Self {
            audience: world.audience,
            secrets,
            clock,
            authorization_server,
            resource_server,
            gateway,
        })
    }

    pub(crate) fn audience(&self) -> &'static str {
        self.audience
    }

    pub(crate) fn authorization_server(&self) -> SocketAddr {
        self.authorization_server.secure_address()
    }

    pub(crate) fn resource_server(&self) -> SocketAddr {
        self.resource_server.secure_address()
    }

    pub(crate) fn authorization_server_uri(&self) -> String {
        format!("coaps://{}", self.authorization_server())
    }

    pub(crate) fn resource_server_uri(&self) -> String {
        format!("coaps://{}", self.resource_server())
    }

    /// PSK identity and key of a registered peer; an empty key for a name that nobody has.
    pub(crate) fn secret(&self, name: &str) -> (Vec<u8>, Vec<u8>) {
        (
            name.as_bytes().to_vec(),
            self.secrets.get(name).cloned().unwrap_or_default(),
        )
    }

    /// The same as a credential.
    pub(crate) fn credential(&self, name: &str) -> ClientCredential {
        let (identity, key) = self.secret(name);
        ClientCredential::PreSharedKey {
            identity,
            key: PreSharedKey::new(key),
        }
    }

    /// A key that nobody here has.
    pub(crate) fn random_key(&self) -> Result<Vec<u8>, String> {
        random_bytes()
    }

    /// The DTLS side of a peer that uses no client library.
    pub(crate) fn client_backend(&self, handshake_time_limit: Duration) -> Box<dyn Backend> {
        Implementation::default().client(handshake_time_limit)
    }

    /// Name of the DTLS implementation.
    pub(crate) fn dtls(&self) -> &'static str {
        self.client_backend(Duration::from_secs(1))
            .capabilities()
            .name
    }

    pub(crate) fn token_lifetime(&self) -> u64 {
        TOKEN_LIFETIME
    }

    /// The present, on the clock of both servers.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Moves the clock of both servers.
    pub(crate) fn advance(&self, step: Duration) {
        self.clock
            .advance(i64::try_from(step.as_secs()).unwrap_or(i64::MAX));
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    pub(crate) async fn shutdown(self) {
        self.resource_server.shutdown().await;
        self.authorization_server.shutdown().await;
    }
}

fn register(
    world: &World,
    devices: usize,
    shared: &[u8],
    secrets: &mut BTreeMap<String, Vec<u8>>,
) -> Result<Registry, String> {
    let mut registry = Registry::new();
    let problem =
        |error: motekey_server::registry::RegistryError| format!("registration failed: {error}");
    let mut record = ResourceServerRecord::new(
        world.audience,
        SharedKey::new(PreSharedKey::new(shared.to_vec())),
    );
    record.token_lifetime = TOKEN_LIFETIME;
    registry.put_resource_server(record).map_err(problem)?;
    let members = (1..=devices)
        .map(|number| {
            (
                world.device_name(number),
                world.device_path(number),
                Method::Post,
            )
        })
        .chain([(
            world.operator.to_owned(),
            world.collection.to_owned(),
            Method::Get,
        )]);
    for (name, path, method) in members {
        let key = random_bytes()?;
        let rule = ScopeRule::Aif(Aif::new([(path, MethodSet::EMPTY.with(method))]));
        let device =
            Device::with_pre_shared_key(&name, name.as_bytes(), PreSharedKey::new(key.clone()));
        registry
            .put_device(device.allow(world.audience, rule))
            .map_err(problem)?;
        secrets.insert(name, key);
    }
    Ok(registry)
}

fn resource_server(
    world: &'static World,
    devices: usize,
    gateway: &Arc<Gateway>,
    authorization_server: &str,
    shared: &[u8],
    clock: &Arc<VirtualClock>,
) -> Result<Arc<ResourceServer>, String> {
    let list = gateway.clone();
    let mut builder = ResourceServer::builder(world.audience)
        .shared_key(ISSUER, PreSharedKey::new(shared.to_vec()))
        .authorization_server(authorization_server)
        .clock(clock.clone())
        .subscriber(TracingSubscriber)
        .resource(world.collection, move |_, request| {
            std::future::ready(list.list(&request))
        });
    for number in 1..=devices {
        let take = gateway.clone();
        let prefix = format!("{}:", world.device_name(number));
        builder = builder.resource(&world.device_path(number), move |_, request| {
            std::future::ready(take.take(&prefix, &request))
        });
    }
    builder
        .build()
        .map_err(|error| format!("the resource server cannot be built: {error}"))
}

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn random_bytes() -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; KEY];
    getrandom::fill(&mut bytes)
        .map_err(|error| format!("the system has no randomness: {error}"))?;
    Ok(bytes)
}
