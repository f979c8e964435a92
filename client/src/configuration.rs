//! What the client is told before it starts: who may issue tokens for whom, limits, timers.

mod servers;

use std::net::SocketAddr;
use std::time::Duration;

pub(crate) use servers::Servers;

use motekey_coap::dtls::{CertificateCheck, ClientCredential};
use motekey_coap::link_profile::LinkProfile;
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
    pub(crate) key_id: Option<Vec<u8>>,
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
            key_id: None,
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
    /// What the authorization server knows the public key of this device by. Token requests then name the key instead
    /// of carrying it, which saves some 70 bytes (RFC 9202 Section 3.2.1). Default: they carry it.
    #[must_use]
    pub fn key_id(mut self, key_id: impl Into<Vec<u8>>) -> Self {
        self.key_id = Some(key_id.into());
        self
    }

    /// Follows the list of revoked tokens of this authorization server; default: not.
    #[must_use]
    pub fn follow_revocations(mut self, list: RevocationList) -> Self {
        self.revocation_list = Some(list);
        self
    }
}

/// Which kind of key tokens are to be bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyChoice {
    /// The public key or certificate of this device, if it has one at the authorization server; a symmetric key if it
    /// has none, or if the resource server cannot use it.
    #[default]
    Automatic,
    /// A symmetric key that the authorization server makes (RFC 9202 Section 3.3).
    Symmetric,
    /// The public key of this device (RFC 9202 Section 3.2), or its certificate.
    Public,
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
    pub(crate) key_choice: KeyChoice,
    pub(crate) public_key_info: Option<Vec<u8>>,
    pub(crate) certificates: Option<CertificateCheck>,
    pub(crate) client_nonces: bool,
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
            key_choice: KeyChoice::Automatic,
            public_key_info: None,
            certificates: None,
            client_nonces: false,
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

    /// Whether the resource server demands a fresh nonce of its own in each token, as one without a clock does (RFC
    /// 9200 Section 5.3.1): each token request then comes after an unauthorized request for the nonce, on
    /// [`ResourceServer::plain_port`]. Default `false`: the client learns it from a refusal, which costs a token and a
    /// handshake the first time.
    #[must_use]
    pub fn client_nonces(mut self, demanded: bool) -> Self {
        self.client_nonces = demanded;
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

    /// Which kind of key tokens are to be bound to; default: as the device, the authorization server and the resource
    /// server can do.
    #[must_use]
    pub fn keys(mut self, choice: KeyChoice) -> Self {
        self.key_choice = choice;
        self
    }

    /// The public key of the resource server, as SubjectPublicKeyInfo, DER. A token response that names another one is
    /// refused. Default: the one that the token response names (`rs_cnf`).
    #[must_use]
    pub fn public_key_info(mut self, info: impl Into<Vec<u8>>) -> Self {
        self.public_key_info = Some(info.into());
        self
    }

    /// How the certificate of the resource server is validated, its name included: a device with a certificate at the
    /// authorization server then has its tokens bound to it (draft-ietf-ace-authcred-dtls-profile-04). What the token
    /// response says of the certificate of the resource server (`rs_cnf`) is compared besides, and replaces nothing.
    /// Default: none, and such a device asks for symmetric keys.
    #[must_use]
    pub fn certificates(mut self, check: CertificateCheck) -> Self {
        self.certificates = Some(check);
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

    /// Whether a token can be asked for without hints, but for the nonce.
    pub(crate) fn needs_no_hints(&self) -> bool {
        self.audience.is_some() || self.scope.is_some()
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

impl Timers {
    /// Those that fit a kind of network: one exchange and one handshake as long as the endpoint waits for them, and a
    /// call as long as two of each, with the authorization server and with the resource server. `Wired` has the
    /// defaults. Cellular: 120, 150 and 540 seconds; slow radio: 247, 300 and 1094.
    pub fn for_link(profile: LinkProfile) -> Self {
        let default = Self::default();
        if profile == LinkProfile::Wired {
            return default;
        }
        let endpoint = profile.endpoint();
        let (handshake, exchange) = (endpoint.handshake_time_limit, endpoint.body_time_limit);
        Self {
            call: (handshake + exchange) * 2,
            handshake,
            exchange,
            ..default
        }
    }
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

#[cfg(test)]
mod tests;
