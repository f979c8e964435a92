//! How a client is configured.

use std::fmt;
use std::sync::Arc;

use motekey_coap::dtls::{Backend, Implementation};
use motekey_coap::endpoint::EndpointConfig;
use motekey_coap::link_profile::LinkProfile;
use motekey_coap::time::Instant;

use crate::cache::{Keeper, TokenCache};
use crate::client::{Client, Parts};
use crate::clock::{Clock, SystemClock};
use crate::configuration::{AuthorizationServer, Limits, ResourceServer, Servers, Timers};
use crate::error::Error;
use crate::profile::{CoapDtls, Profile};
use crate::wire::{BackendFactory, Wire, default_backend};

/// Collects the configuration of a [`Client`]. Every setting has a default except the authorization server.
#[derive(Default)]
pub struct ClientBuilder {
    servers: Servers,
    profiles: Vec<Box<dyn Profile>>,
    limits: Limits,
    timers: Timers,
    endpoint: EndpointConfig,
    clock: Option<Arc<dyn Clock>>,
    seed: Option<[u8; 32]>,
    backend: Option<BackendFactory>,
    cache: Option<TokenCache>,
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientBuilder")
            .field("servers", &self.servers)
            .field("limits", &self.limits)
            .field("timers", &self.timers)
            .finish_non_exhaustive()
    }
}

impl ClientBuilder {
    /// Adds an authorization server with the credential of this device there. At least one is needed.
    #[must_use]
    pub fn authorization_server(mut self, server: AuthorizationServer) -> Self {
        self.servers.authorization_servers.push(server);
        self
    }

    /// Adds what is known about a resource server, or about all ([`ResourceServer::any`]). A resource server that
    /// no entry covers is refused: the client itself decides which authorization server may issue tokens for whom.
    #[must_use]
    pub fn resource_server(mut self, server: ResourceServer) -> Self {
        self.servers.resource_servers.push(server);
        self
    }

    /// Adds an ACE profile; default: `coap_dtls` with pre-shared keys.
    #[must_use]
    pub fn profile(mut self, profile: Box<dyn Profile>) -> Self {
        self.profiles.push(profile);
        self
    }

    /// Bounds of what is kept.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Time limits.
    #[must_use]
    pub fn timers(mut self, timers: Timers) -> Self {
        self.timers = timers;
        self
    }

    /// Limits and timers of the CoAP endpoints.
    #[must_use]
    pub fn endpoint(mut self, configuration: EndpointConfig) -> Self {
        self.endpoint = configuration;
        self
    }

    /// Sets all times and sizes for a kind of network: those of the CoAP endpoints, of the handshakes ([`Self::dtls`],
    /// the default backend) and of the calls ([`Timers::for_link`]). Single settings go after it. Default:
    /// [`LinkProfile::Wired`]. The servers take the same profile.
    #[must_use]
    pub fn link(self, profile: LinkProfile) -> Self {
        self.endpoint(profile.endpoint())
            .timers(Timers::for_link(profile))
            .dtls(move || Implementation::default().client_with(profile.dtls()))
    }

    /// The clock that token lifetimes are counted on; default: the one of the operating system.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Where tokens are kept over a restart; default: nowhere.
    #[must_use]
    pub fn token_cache(mut self, cache: TokenCache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Seed of message ids, tokens and back-off; default: from the operating system. The same seed twice makes CoAP
    /// messages predictable: for tests.
    #[must_use]
    pub fn random_seed(mut self, seed: [u8; 32]) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The DTLS implementation, made anew for each socket; default: `motekey-dtls`.
    #[must_use]
    pub fn dtls(mut self, backend: impl Fn() -> Box<dyn Backend> + Send + Sync + 'static) -> Self {
        self.backend = Some(Box::new(backend));
        self
    }

    /// Checks the configuration and binds the socket for the first authorization server whose address is known; the
    /// others follow when they are needed. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Configuration`] if it cannot work, [`Error::Cache`] if the file of the token cache cannot be used,
    /// [`Error::Local`] if there is no randomness or no socket.
    pub async fn build(mut self) -> Result<Client, Error> {
        self.servers.check()?;
        if self.profiles.is_empty() {
            self.profiles.push(Box::new(CoapDtls));
        }
        let seed = match self.seed {
            Some(seed) => seed,
            None => random_seed()?,
        };
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let keeper = match self.cache {
            Some(cache) => Some(open_cache(cache, clock.now())?),
            None => None,
        };
        let backend = self.backend.unwrap_or_else(default_backend);
        let wire = Wire::new(backend, self.endpoint, self.timers, seed);
        let first = self.servers.authorization_servers.first();
        if let Some(address) = first.and_then(|server| server.address) {
            wire.bind(address).await?;
        }
        Ok(Client::new(Parts {
            servers: self.servers,
            profiles: self.profiles,
            limits: self.limits,
            timers: self.timers,
            clock,
            keeper,
            wire,
        }))
    }
}

fn open_cache(cache: TokenCache, now: Instant) -> Result<Keeper, Error> {
    let path = cache.path().to_owned();
    Keeper::open(cache, now).map_err(|reason| Error::Cache { path, reason })
}

fn random_seed() -> Result<[u8; 32], Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Error::Local(format!("no randomness: {error}")))?;
    Ok(seed)
}
