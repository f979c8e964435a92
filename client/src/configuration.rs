//! What the client is told before it starts: who may issue tokens for whom, limits, timers.

use std::net::SocketAddr;
use std::time::Duration;

use motekey_coap::dtls::ClientCredential;
use motekey_cose::scope::Scope;

use crate::error::Error;
use crate::profile::TokenTransport;
use crate::renewal::Renewal;
use crate::revocation::RevocationList;
use crate::target::{Origin, Target};

/// An authorization server and the credential of this device there.
#[derive(Debug, Clone)]
pub struct AuthorizationServer {
    pub(crate) endpoint: Target,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) credential: ClientCredential,
    pub(crate) revocation_list: Option<RevocationList>,
}

impl AuthorizationServer {
    /// The authorization server whose token endpoint is at `uri`, for example `coaps://as.example.com`; without a
    /// path the endpoint is `/token` (RFC 9200 Section 5.8).
    ///
    /// # Errors
    /// `uri` is not a `coaps` URI with a host.
    pub fn new(uri: &str, credential: ClientCredential) -> Result<Self, Error> {
        let endpoint = Target::parse_token_endpoint(uri)?;
        Ok(Self {
            endpoint,
            address: None,
            credential,
            revocation_list: None,
        })
    }

    /// Where to send to, instead of resolving the host of the URI.
    #[must_use]
    pub fn at_address(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }
}

impl AuthorizationServer {
    /// Follows the list of revoked tokens of this authorization server; default: not.
    #[must_use]
    pub fn follow_revocations(mut self, list: RevocationList) -> Self {
        self.revocation_list = Some(list);
        self
    }
}

/// A resource server, or every resource server, and what this device knows about it.
///
/// Configure the audience: it is what the authorization server ties the key of the session to, so it decides who the
/// device talks to (RFC 9200 Section 6.9). Without one the hints of the resource server name it. They come in the
/// clear, and who can change them could name another resource server, so only the host of the URL is taken from them.
#[derive(Debug, Clone)]
pub struct ResourceServer {
    pub(crate) origin: Option<Origin>,
    pub(crate) authorization_server: Option<Target>,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) plain_port: u16,
    pub(crate) audience: Option<String>,
    pub(crate) trust_hinted_audience: bool,
    pub(crate) scope: Option<Scope>,
    pub(crate) wider_scope: Option<Scope>,
    pub(crate) authz_info: String,
    pub(crate) transport: TokenTransport,
    pub(crate) max_identity: usize,
    pub(crate) default_lifetime: Option<Duration>,
    pub(crate) profile: Option<i64>,
}

impl ResourceServer {
    /// The resource server at `uri`, for example `coaps://meter.example.com`. A path is ignored.
    ///
    /// # Errors
    /// `uri` is not a `coaps` URI with a host.
    pub fn new(uri: &str) -> Result<Self, Error> {
        Ok(Self {
            origin: Some(Target::parse(uri)?.origin),
            ..Self::any()
        })
    }

    /// Every resource server that is not configured by itself. This trusts the authorization server with all of
    /// them.
    pub fn any() -> Self {
        Self {
            origin: None,
            authorization_server: None,
            address: None,
            plain_port: 5683,
            audience: None,
            trust_hinted_audience: false,
            scope: None,
            wider_scope: None,
            authz_info: "/authz-info".to_owned(),
            transport: TokenTransport::Automatic,
            max_identity: usize::MAX,
            default_lifetime: None,
            profile: None,
        }
    }

    /// Token endpoint of the authorization server that may issue tokens for this resource server. Needed when
    /// several are configured; default: the only one.
    ///
    /// # Errors
    /// `uri` is not a `coaps` URI with a host.
    pub fn issued_by(mut self, uri: &str) -> Result<Self, Error> {
        self.authorization_server = Some(Target::parse_token_endpoint(uri)?);
        Ok(self)
    }

    /// Where to send to, instead of resolving the host of the URI.
    #[must_use]
    pub fn at_address(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Port of plain CoAP at the resource server, for the unauthorized request and uploads; default 5683.
    #[must_use]
    pub fn plain_port(mut self, port: u16) -> Self {
        self.plain_port = port;
        self
    }

    /// The audience to ask tokens for. With audience or scope given, no unauthorized request is sent: the first use
    /// takes two round trips less. Default: from the hints of the resource server, if they name the host of the URL,
    /// as `host`, `host:port` or either after `coaps://`.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Takes any audience from the hints; default `false`. Whoever can change datagrams on the way can then send this
    /// device to any other resource server that it may use (RFC 9200 Section 6.9): for closed networks.
    #[must_use]
    pub fn trust_hinted_audience(mut self, trust: bool) -> Self {
        self.trust_hinted_audience = trust;
        self
    }

    /// The scope to ask for; default: from the hints, else what the authorization server grants by default.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// The scope to ask for when the resource server answers 4.03 or 4.05: the rights of the running session are
    /// then updated once (RFC 9202 Section 4). Default: none, the answer is handed to the caller.
    #[must_use]
    pub fn wider_scope(mut self, scope: Scope) -> Self {
        self.wider_scope = Some(scope);
        self
    }

    /// Path of the authz-info resource; default `/authz-info` (RFC 9200 Section 5.10.1).
    #[must_use]
    pub fn authz_info(mut self, path: impl Into<String>) -> Self {
        self.authz_info = path.into();
        self
    }

    /// How the token reaches the resource server; default: in the handshake when it fits.
    #[must_use]
    pub fn token_transport(mut self, transport: TokenTransport) -> Self {
        self.transport = transport;
        self
    }

    /// Longest `psk_identity` in bytes that the resource server takes (many stacks: 128 or 255); default: as much
    /// as the own DTLS backend takes.
    #[must_use]
    pub fn max_identity(mut self, bytes: usize) -> Self {
        self.max_identity = bytes;
        self
    }

    /// Lifetime of tokens that come without `expires_in`; default: none, such tokens are refused (RFC 9200
    /// Section 5.10.4).
    #[must_use]
    pub fn default_lifetime(mut self, lifetime: Duration) -> Self {
        self.default_lifetime = Some(lifetime);
        self
    }

    /// The ACE profile, by number, if it is known beforehand; default: the authorization server is asked.
    #[must_use]
    pub fn profile(mut self, number: i64) -> Self {
        self.profile = Some(number);
        self
    }

    /// `coaps://host:port` in normal form; `None` for [`ResourceServer::any`].
    pub fn name(&self) -> Option<String> {
        self.origin.as_ref().map(ToString::to_string)
    }

    /// Whether a token for `audience`, named by hints, is one for the resource server at `origin`.
    pub(crate) fn takes_audience(&self, origin: &Origin, audience: &str) -> bool {
        match &self.audience {
            Some(own) => own == audience,
            None => self.trust_hinted_audience || origin.is_named_by(audience),
        }
    }

    pub(crate) fn serves(&self, origin: &Origin) -> bool {
        self.origin.as_ref().is_none_or(|own| own == origin)
    }
}

/// Bounds of what the client keeps. Worst case: `max_resource_servers` times (`max_token` plus 1 kB), plus
/// `max_report_entries` times 512 bytes, plus the tables of the CoAP endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Resource servers with a token and a session at the same time; the least recently used one is forgotten.
    /// Default 16.
    pub max_resource_servers: usize,
    /// Longest token in bytes; default 4096.
    pub max_token: usize,
    /// Exchanges kept for the report, oldest dropped first; default 256.
    pub max_report_entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_resource_servers: 16,
            max_token: 4096,
            max_report_entries: 256,
        }
    }
}

/// Time limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// One whole call, with token, handshakes and one retry; default 60 seconds.
    pub call: Duration,
    /// One handshake; default 20 seconds.
    pub handshake: Duration,
    /// One request and its answer; default 25 seconds, in which CoAP has sent it four times. A session on which
    /// nothing came within this time is opened anew.
    pub exchange: Duration,
    /// When a token is renewed ahead of its end, beside the requests that still use it.
    pub renewal: Renewal,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(60),
            handshake: Duration::from_secs(20),
            exchange: Duration::from_secs(25),
            renewal: Renewal::default(),
        }
    }
}

/// The configured servers, checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Servers {
    pub(crate) authorization_servers: Vec<AuthorizationServer>,
    pub(crate) resource_servers: Vec<ResourceServer>,
}

impl Servers {
    /// Refuses a configuration that cannot work.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.authorization_servers.is_empty() {
            return Err(Error::Configuration(
                "it names no authorization server".into(),
            ));
        }
        for (index, server) in self.authorization_servers.iter().enumerate() {
            let Some(key) = server.credential.pre_shared_key() else {
                continue;
            };
            if key.expose().is_empty() {
                return Err(Error::Configuration(
                    "the key for the authorization server is empty".into(),
                ));
            }
            for other in self.authorization_servers.iter().skip(index + 1) {
                // RFC 9200 Section 6.3: no secret is shared by more than two parties.
                if other.credential.pre_shared_key() == Some(key) {
                    return Err(Error::Configuration(
                        "two authorization servers share one key".into(),
                    ));
                }
            }
        }
        for resource_server in &self.resource_servers {
            self.issuer(resource_server)?;
        }
        Ok(())
    }

    /// What is configured for the resource server at `origin`: its own entry, else the one for all.
    pub(crate) fn resource_server(&self, origin: &Origin) -> Result<&ResourceServer, Error> {
        let own = self
            .resource_servers
            .iter()
            .find(|entry| entry.origin.as_ref() == Some(origin));
        // RFC 9200 Section 5.1: the client's own configuration decides who may issue tokens for whom.
        own.or_else(|| {
            self.resource_servers
                .iter()
                .find(|entry| entry.serves(origin))
        })
        .ok_or_else(|| Error::NotConfigured {
            resource_server: origin.to_string(),
        })
    }

    /// Index of the authorization server that may issue tokens for `resource_server`.
    pub(crate) fn issuer(&self, resource_server: &ResourceServer) -> Result<usize, Error> {
        match &resource_server.authorization_server {
            Some(wanted) => self
                .authorization_servers
                .iter()
                .position(|server| server.endpoint.same_endpoint(wanted))
                .ok_or_else(|| Error::Configuration(format!("{wanted} is not a configured authorization server"))),
            None if self.authorization_servers.len() == 1 => Ok(0),
            None => Err(Error::Configuration(
                "with several authorization servers each resource server must say which one issues its tokens".into(),
            )),
        }
    }

    /// Checks the `AS` of the hints of `origin` against the configuration.
    pub(crate) fn check_hinted(
        &self,
        origin: &Origin,
        issuer: usize,
        hinted: &str,
    ) -> Result<(), Error> {
        let allowed = self
            .authorization_servers
            .get(issuer)
            .map(|server| &server.endpoint);
        let named = Target::parse_hinted(hinted);
        match (allowed, named) {
            (Some(allowed), Ok(named)) if allowed.same_endpoint(&named) => Ok(()),
            // RFC 9200 Section 6.4: hints come from anybody; the client decides by itself.
            _ => Err(Error::ForeignAuthorizationServer {
                resource_server: origin.to_string(),
                named: hinted.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
