//! Configuration of an authorization server.

use std::fmt;
use std::sync::Arc;

use motekey_coap::dtls::KeyPair;
use motekey_cose::crypto::{CryptoProvider, RandomError, SignatureAlgorithm, aws_lc};
use motekey_cose::key::{CoseKey, KeyError};

use super::AuthorizationServer;
use super::client_limits::{Allowances, ClientLimits};
use super::credentials::{Current, TokenKeys};
use super::introspection::{Introspection, IntrospectionSettings};
use super::numbers::Numbers;
use super::profile::{CoapDtls, Profile};
use super::revocation::{Acknowledgements, Observers, RevocationSettings};
use super::sessions::Sessions;
use crate::certificates::Certificates;
use crate::clock::{Clock, SystemClock};
use crate::event::{Subscriber, Subscribers};
use crate::random::SystemRandom;
use crate::store::{Store, StoreError};

/// Configures an [`AuthorizationServer`]. Everything but the store has a default.
pub struct AuthorizationServerBuilder {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    crypto: CryptoProvider,
    profiles: Vec<Box<dyn Profile>>,
    subscribers: Subscribers,
    issuer: Option<String>,
    signing_key: Option<(SignatureAlgorithm, CoseKey)>,
    key_pair: Option<KeyPair>,
    certificates: Option<Certificates>,
    token_path: String,
    introspection: Option<IntrospectionSettings>,
    revocation: Option<RevocationSettings>,
    client_limits: ClientLimits,
}

impl AuthorizationServerBuilder {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            clock: Arc::new(SystemClock),
            crypto: aws_lc::PROVIDER,
            profiles: vec![Box::new(CoapDtls)],
            subscribers: Subscribers::default(),
            issuer: None,
            signing_key: None,
            key_pair: None,
            certificates: None,
            token_path: "/token".to_owned(),
            introspection: Some(IntrospectionSettings::default()),
            revocation: Some(RevocationSettings::default()),
            client_limits: ClientLimits::default(),
        }
    }

    /// The clock for `iat` and `exp`. Default: the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The cryptography. Default: aws-lc-rs, with what it lacks in Rust.
    #[must_use]
    pub fn crypto(mut self, crypto: CryptoProvider) -> Self {
        self.crypto = crypto;
        self
    }

    /// The ACE profiles, in place of the default, which is [`CoapDtls`] alone.
    #[must_use]
    pub fn profiles(mut self, profiles: Vec<Box<dyn Profile>>) -> Self {
        self.profiles = profiles;
        self
    }

    /// Adds a receiver of events. Default: none.
    #[must_use]
    pub fn subscriber(mut self, subscriber: impl Subscriber) -> Self {
        self.subscribers.add(subscriber);
        self
    }

    /// The `iss` of tokens. Default: none, as the key of a token says already who issued it.
    #[must_use]
    pub fn issuer(mut self, issuer: &str) -> Self {
        self.issuer = Some(issuer.to_owned());
        self
    }

    /// The private key that signs the tokens of resource servers without a shared key, and of groups. Its `kid` stands
    /// in the tokens. Default: none; no such token is issued then.
    #[must_use]
    pub fn signing_key(mut self, algorithm: SignatureAlgorithm, key: CoseKey) -> Self {
        self.signing_key = Some((algorithm, key));
        self
    }

    /// The key pair that this server shows to devices with raw public keys (RFC 7250), who know its public key. Not the
    /// one that signs tokens. Default: none, and such devices cannot connect.
    #[must_use]
    pub fn key_pair(mut self, key: KeyPair) -> Self {
        self.key_pair = Some(key);
        self
    }

    /// Lets devices in that are registered with certificates. Default: none, and such devices cannot connect.
    #[must_use]
    pub fn certificates(mut self, certificates: Certificates) -> Self {
        self.certificates = Some(certificates);
        self
    }

    /// The path of the token endpoint. Default: `/token`.
    // RFC 9200 Section 5.8: the default name of the endpoint in a URI path is /token.
    #[must_use]
    pub fn token_path(mut self, path: &str) -> Self {
        self.token_path = path.to_owned();
        self
    }

    /// How introspection is offered (RFC 9200 Section 5.9); `None`: not at all. Default: [`IntrospectionSettings`].
    #[must_use]
    pub fn introspection(mut self, settings: Option<IntrospectionSettings>) -> Self {
        self.introspection = settings;
        self
    }

    /// How the revocation list is offered (RFC 9770); `None`: not at all. Default: [`RevocationSettings`].
    #[must_use]
    pub fn revocation(mut self, settings: Option<RevocationSettings>) -> Self {
        self.revocation = settings;
        self
    }

    /// How many tokens one device gets. Default: that of [`ClientLimits`].
    #[must_use]
    pub fn client_limits(mut self, limits: ClientLimits) -> Self {
        self.client_limits = limits;
        self
    }

    /// Makes the server and loads the registry.
    ///
    /// # Errors
    /// The store or the system's randomness failed, the signing key cannot sign, or a setting is out of its bounds.
    pub async fn build(self) -> Result<AuthorizationServer, BuildError> {
        if let Some(settings) = &self.revocation
            && !settings.queries.are_valid()
        {
            return Err(BuildError::Revocation);
        }
        let token_keys = TokenKeys {
            issuer: self.issuer.clone().unwrap_or_default(),
            signature: self
                .signing_key
                .as_ref()
                .and_then(|(algorithm, key)| Some((*algorithm, key.public()?))),
        };
        let signing_key = match self.signing_key {
            Some((algorithm, key)) => Some(
                key.signing_key(&self.crypto, algorithm)
                    .map_err(BuildError::SigningKey)?,
            ),
            None => None,
        };
        let server = AuthorizationServer {
            numbers: Numbers::new(self.store.clone(), &mut SystemRandom)
                .map_err(BuildError::Random)?,
            allowances: Allowances::new(self.client_limits),
            sessions: Sessions::default(),
            store: self.store,
            current: Current::default(),
            random: SystemRandom,
            introspection: self
                .introspection
                .map(|settings| Introspection::new(settings, self.clock.now())),
            revocation: self.revocation,
            observers: Observers::default(),
            acknowledgements: Acknowledgements::default(),
            token_keys,
            key_pair: self.key_pair,
            certificates: self.certificates,
            refreshing: tokio::sync::Mutex::default(),
            clock: self.clock,
            crypto: self.crypto,
            profiles: self.profiles,
            subscribers: self.subscribers,
            issuer: self.issuer,
            signing_key,
            token_path: self.token_path,
        };
        server.refresh().await.map_err(BuildError::Store)?;
        Ok(server)
    }
}

/// Why a server could not be made.
#[derive(Debug)]
pub enum BuildError {
    /// The store failed.
    Store(StoreError),
    /// The system gave no randomness.
    Random(RandomError),
    /// The signing key cannot be used.
    SigningKey(KeyError),
    /// The numbers of the revocation list are not within their bounds.
    Revocation,
}

impl fmt::Display for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(formatter),
            Self::Random(error) => error.fmt(formatter),
            Self::SigningKey(error) => write!(formatter, "signing key: {error}"),
            Self::Revocation => formatter.write_str(
                "revocation list: 1 <= max_diff_batch <= max_updates <= 64, max_index >= max_updates - 1",
            ),
        }
    }
}

impl std::error::Error for BuildError {}
