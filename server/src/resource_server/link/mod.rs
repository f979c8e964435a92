//! What a resource server asks of its authorization server, over a DTLS session of its own: introspection
//! (RFC 9200 Section 5.9) and the revocation list (RFC 9770).

mod follow;
mod introspect;
mod uplink;

use std::net::SocketAddr;
use std::time::Duration;

use motekey_coap::dtls::{Backend, ClientCredential, Implementation, PreSharedKey};
use motekey_coap::endpoint::EndpointConfig;

pub(super) use follow::Follower;
pub(super) use introspect::IntrospectionFailure;
pub(super) use uplink::{Unreachable, Uplink};

/// How a resource server reaches its authorization server, and what for.
///
/// With introspection or revocation, every token is judged by this authorization server, so there should be no other
/// issuer.
pub struct AuthorizationServerLink {
    pub(super) address: SocketAddr,
    pub(super) credential: ClientCredential,
    pub(super) time_limit: Duration,
    pub(super) endpoint: EndpointConfig,
    pub(super) backend: BackendFactory,
    pub(super) introspection: Option<Introspection>,
    pub(super) revocation: Option<Revocation>,
}

type BackendFactory = Box<dyn FnOnce() -> Box<dyn Backend> + Send>;

impl AuthorizationServerLink {
    /// To the authorization server at `address`, which knows this server by a pre-shared key.
    pub fn new(address: SocketAddr, identity: &[u8], key: PreSharedKey) -> Self {
        Self {
            address,
            credential: ClientCredential::PreSharedKey {
                identity: identity.to_vec(),
                key,
            },
            time_limit: Duration::from_secs(5),
            endpoint: EndpointConfig {
                max_body: LONGEST_LIST,
                ..EndpointConfig::default()
            },
            backend: Box::new(|| Implementation::default().client(HANDSHAKE_TIME_LIMIT)),
            introspection: None,
            revocation: None,
        }
    }

    /// Introspects tokens. Default: no.
    #[must_use]
    pub fn introspection(mut self, introspection: Introspection) -> Self {
        self.introspection = Some(introspection);
        self
    }

    /// Follows the revocation list. Default: no.
    #[must_use]
    pub fn revocation(mut self, revocation: Revocation) -> Self {
        self.revocation = Some(revocation);
        self
    }

    /// How long an answer is waited for before a new session is tried, and then once more. Default: 5 s.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Limits and times of the endpoint. `max_body` bounds the list that can be read. Default: 512 kB, which is 14,900
    /// revoked tokens of this server at a time, as many as an authorization server gives by default. Beyond it the
    /// list is not read any more, but each revocation is still told.
    #[must_use]
    pub fn endpoint(mut self, config: EndpointConfig) -> Self {
        self.endpoint = config;
        self
    }

    /// Another DTLS backend.
    #[must_use]
    pub fn backend(mut self, backend: impl FnOnce() -> Box<dyn Backend> + Send + 'static) -> Self {
        self.backend = Box::new(backend);
        self
    }
}

/// Which tokens are introspected, and for how long an answer counts.
///
/// Tokens that are introspected come by `authz-info`; one that comes as PSK identity must have been uploaded before.
/// They begin no observations, as nothing would ask about them again.
// RFC 9200 Section 6.10: access is refused when the authorization server cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introspection {
    /// The path at the authorization server. Default: `/introspect`.
    pub path: String,
    /// Which tokens. Default: [`Introspected::All`].
    pub which: Introspected,
    /// Seconds after which a request with the token asks again: so long a token that is revoked, and is not in a list
    /// that is followed, can still be used. Default: 60. 0 asks with every request.
    pub cache_seconds: u64,
}

impl Default for Introspection {
    fn default() -> Self {
        Self {
            path: "/introspect".to_owned(),
            which: Introspected::All,
            cache_seconds: 60,
        }
    }
}

/// Which tokens are introspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Introspected {
    /// All. A CWT that is not of a trusted issuer is refused without a question.
    All,
    /// What is no CWT: tokens by reference. The authorization server says what they mean.
    References,
}

/// How the revocation list is followed: by observation, with full queries in between, and by polling where the
/// authorization server does not let it be observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// The path at the authorization server. Default: `/revoke/trl`.
    pub path: String,
    /// Seconds between full queries, beside the observation. Default: 300.
    // RFC 9770 Sections 11 and 14.3: neither diff queries nor notifications are relied on alone.
    pub full_query_seconds: u64,
    /// Seconds between queries for updates. Where the list cannot be observed, or after the authorization server was
    /// started anew, a revoked token can still be used for so long. Default: 30.
    pub poll_seconds: u64,
}

impl Default for Revocation {
    fn default() -> Self {
        Self {
            path: "/revoke/trl".to_owned(),
            full_query_seconds: 300,
            poll_seconds: 30,
        }
    }
}

/// Longest revocation list that is read, in bytes.
const LONGEST_LIST: usize = 512 * 1024;

/// How long a handshake may take.
const HANDSHAKE_TIME_LIMIT: Duration = Duration::from_secs(10);
