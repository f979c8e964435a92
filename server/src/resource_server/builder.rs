//! Configuration of a resource server.

mod error;
mod secrets;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use motekey_coap::dtls::{KeyPair, PreSharedKey};
use motekey_cose::crypto::{AeadAlgorithm, CryptoProvider, RandomSource, aws_lc};
use motekey_cose::scope::{Aif, Scope};
use motekey_cose::token::TrustedIssuer;

pub use error::BuildError;

use super::cnonce::NonceMaker;
use super::limits::Limits;
use super::link::AuthorizationServerLink;
use super::observations::Endings;
use super::resource::Resource;
use super::revocation::{RevocationStorage, RevokedHashes};
use super::rights::Meanings;
use super::sequence::{SequenceStorage, SpentSequences};
use super::sessions::Sessions;
use super::token_table::TokenTable;
use super::{ResourceServer, State};
use crate::certificates::Certificates;
use crate::clock::{Clock, SystemClock};
use crate::event::{Subscriber, Subscribers};
use crate::random::SystemRandom;
use crate::rate_limit::RateLimit;

/// Configures a [`ResourceServer`]. A name and one trusted issuer are needed, everything else has a default.
pub struct ResourceServerBuilder {
    identifier: String,
    key_pair: Option<KeyPair>,
    certificates: Option<Certificates>,
    audiences: Vec<String>,
    issuers: Vec<TrustedIssuer>,
    shared_keys: Vec<(String, SharedSecret)>,
    derivation_keys: Vec<(String, PreSharedKey)>,
    authorization_server: Option<String>,
    scope_hint: Option<Scope>,
    default_scope: Option<Scope>,
    meanings: Meanings,
    nonce_window: Option<u64>,
    sequence_storage: Option<Box<dyn SequenceStorage>>,
    resources: HashMap<String, Arc<dyn Resource>>,
    fallback: Option<Arc<dyn Resource>>,
    authz_info_path: String,
    lenient_content_format: bool,
    limits: Limits,
    crypto: CryptoProvider,
    clock: Arc<dyn Clock>,
    subscribers: Subscribers,
    link: Option<AuthorizationServerLink>,
    revocation_storage: Option<Box<dyn RevocationStorage>>,
}

/// Questions to the authorization server at a time. A further token is refused with 5.03.
const QUESTIONS: usize = 16;

struct SharedSecret {
    algorithm: AeadAlgorithm,
    key: PreSharedKey,
    key_id: Option<Vec<u8>>,
}

impl ResourceServerBuilder {
    pub(super) fn new(name: &str) -> Self {
        Self {
            identifier: name.to_owned(),
            key_pair: None,
            certificates: None,
            audiences: vec![name.to_owned()],
            issuers: Vec::new(),
            shared_keys: Vec::new(),
            derivation_keys: Vec::new(),
            authorization_server: None,
            scope_hint: None,
            default_scope: None,
            meanings: Meanings::default(),
            nonce_window: None,
            sequence_storage: None,
            resources: HashMap::new(),
            fallback: None,
            authz_info_path: "/authz-info".to_owned(),
            lenient_content_format: false,
            limits: Limits::default(),
            crypto: aws_lc::PROVIDER,
            clock: Arc::new(SystemClock),
            subscribers: Subscribers::default(),
            link: None,
            revocation_storage: None,
        }
    }

    /// The name that the authorization server has registered this server under, where it is not its first audience. The
    /// `cti` of tokens with `exi` begins with it (RFC 9200 Section 5.10.3). Default: the name.
    #[must_use]
    pub fn identifier(mut self, identifier: &str) -> Self {
        self.identifier = identifier.to_owned();
        self
    }

    /// A further audience, that of a group for instance. The first, which hints name, is the name.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        self.audiences.push(audience.to_owned());
        self
    }

    /// Trusts an authorization server by a key that it shares with this server alone, for AES-CCM-16-64-128. `issuer`
    /// is its name; a token with another `iss` is refused.
    #[must_use]
    pub fn shared_key(self, issuer: &str, key: PreSharedKey) -> Self {
        self.shared_key_for(issuer, AeadAlgorithm::AesCcm16_64_128, key, None)
    }

    /// As [`ResourceServerBuilder::shared_key`] for another algorithm, and with the `kid` of the key.
    #[must_use]
    pub fn shared_key_for(
        mut self,
        issuer: &str,
        algorithm: AeadAlgorithm,
        key: PreSharedKey,
        key_id: Option<Vec<u8>>,
    ) -> Self {
        self.shared_keys.push((
            issuer.to_owned(),
            SharedSecret {
                algorithm,
                key,
                key_id,
            },
        ));
        self
    }

    /// Derives the keys of tokens that only name them (RFC 9202 Section 3.3.1) from a key, 16 bytes or more, that is
    /// shared with this trusted issuer for nothing else. Default: such tokens are refused, unless their key is here.
    #[must_use]
    pub fn derivation_key(mut self, issuer: &str, key: PreSharedKey) -> Self {
        self.derivation_keys.push((issuer.to_owned(), key));
        self
    }

    /// Trusts an authorization server by keys that are prepared already: public keys, MAC keys.
    #[must_use]
    pub fn trust(mut self, issuer: TrustedIssuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// The URI of the token endpoint, for the hints of refusals. Default: hints without it.
    #[must_use]
    pub fn authorization_server(mut self, uri: &str) -> Self {
        self.authorization_server = Some(uri.to_owned());
        self
    }

    /// The scope that hints propose. Default: none. Strangers see it.
    #[must_use]
    pub fn scope_hint(mut self, scope: Scope) -> Self {
        self.scope_hint = Some(scope);
        self
    }

    /// What a token without scope allows. Default: such tokens are refused.
    #[must_use]
    pub fn default_scope(mut self, scope: Scope) -> Self {
        self.default_scope = Some(scope);
        self
    }

    /// What a word of a text scope allows. Words that are not defined are not understood, and their tokens refused.
    #[must_use]
    pub fn scope_word(mut self, word: &str, allowed: Aif) -> Self {
        self.meanings.add(word.to_owned(), allowed);
        self
    }

    /// Demands a `cnonce` of this server in each token, at most `seconds` old (RFC 9200 Section 5.3.1). Default: no.
    #[must_use]
    pub fn client_nonces(mut self, seconds: u64) -> Self {
        self.nonce_window = Some(seconds);
        self
    }

    /// Where sequence numbers of tokens with `exi` survive a restart. Default: nowhere, and such tokens are refused.
    #[must_use]
    pub fn sequence_storage(mut self, storage: impl SequenceStorage) -> Self {
        self.sequence_storage = Some(Box::new(storage));
        self
    }

    /// Introspects tokens, follows the revocation list, or both. Default: neither.
    #[must_use]
    pub fn link(mut self, link: AuthorizationServerLink) -> Self {
        self.link = Some(link);
        self
    }

    /// Where the hashes of revoked tokens survive a restart. Default: nowhere.
    #[must_use]
    pub fn revocation_storage(mut self, storage: impl RevocationStorage) -> Self {
        self.revocation_storage = Some(Box::new(storage));
        self
    }

    /// A resource at exactly this path, such as `/a/b`.
    #[must_use]
    pub fn resource(mut self, path: &str, resource: impl Resource) -> Self {
        self.resources.insert(path.to_owned(), Arc::new(resource));
        self
    }

    /// The resource for authorized requests to every other path. Default: 4.04.
    #[must_use]
    pub fn fallback(mut self, resource: impl Resource) -> Self {
        self.fallback = Some(Arc::new(resource));
        self
    }

    /// The path for uploads of tokens. Default: `/authz-info`.
    #[must_use]
    pub fn authz_info_path(mut self, path: &str) -> Self {
        self.authz_info_path = path.to_owned();
        self
    }

    /// Takes uploads with Content-Format 19 too, as the client of ACE-Java sends them. Default: 61 only.
    #[must_use]
    pub fn accept_ace_content_format(mut self, accept: bool) -> Self {
        self.lenient_content_format = accept;
        self
    }

    /// The limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The key pair of this server for RawPublicKey mode (RFC 9202 Section 3.2), whose public key the authorization
    /// server has. Default: none, and tokens that are bound to public keys are refused.
    #[must_use]
    pub fn key_pair(mut self, key: KeyPair) -> Self {
        self.key_pair = Some(key);
        self
    }

    /// The certificate of this server, which the authorization server has, and how it validates those of clients
    /// (draft-ietf-ace-authcred-dtls-profile-04). Default: none, and tokens that are bound to certificates are refused.
    #[must_use]
    pub fn certificates(mut self, certificates: Certificates) -> Self {
        self.certificates = Some(certificates);
        self
    }

    /// The clock that `exp` and `exi` are judged by. Default: the system's.
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

    /// Adds a receiver of events. Default: none.
    #[must_use]
    pub fn subscriber(mut self, subscriber: impl Subscriber) -> Self {
        self.subscribers.add(subscriber);
        self
    }

    /// Makes the server.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(mut self) -> Result<Arc<ResourceServer>, BuildError> {
        self.check_derivation_keys()?;
        let issuers = self.trusted_issuers()?;
        let now = self.clock.now();
        let nonces = match self.nonce_window {
            Some(window) => Some(nonce_maker(&self.crypto, window)?),
            None => None,
        };
        let state = State {
            tokens: TokenTable::new(self.limits.tokens, self.limits.unused_token_seconds),
            sessions: Sessions::new(self.limits.observations),
            endings: Endings::default(),
            uploads: RateLimit::new(self.limits.uploads_per_second, now),
            identities: RateLimit::new(self.limits.bad_identities_per_second, now),
            revoked: RevokedHashes::new(
                self.limits.revoked_tokens,
                self.revocation_storage
                    .as_ref()
                    .map_or_else(Vec::new, |storage| storage.load()),
            ),
            // RFC 9200 Section 6.6: what was accepted before a restart has ended with it.
            spent: SpentSequences::new(
                self.sequence_storage
                    .as_ref()
                    .map_or(0, |storage| storage.highest()),
                self.limits.tokens,
            ),
        };
        Ok(Arc::new(ResourceServer {
            identifier: self.identifier,
            key_pair: self.key_pair,
            certificates: self.certificates,
            audiences: self.audiences,
            issuers,
            derivation_keys: self.derivation_keys,
            authorization_server: self.authorization_server,
            scope_hint: self.scope_hint,
            default_scope: self.default_scope,
            meanings: self.meanings,
            nonces,
            sequence_storage: self.sequence_storage,
            resources: self.resources,
            fallback: self.fallback,
            authz_info_path: self.authz_info_path,
            lenient_content_format: self.lenient_content_format,
            crypto: self.crypto,
            clock: self.clock,
            subscribers: self.subscribers,
            uplink: OnceLock::new(),
            introspection: self
                .link
                .as_ref()
                .and_then(|link| link.introspection.clone()),
            questions: tokio::sync::Semaphore::new(QUESTIONS),
            follows_list: self
                .link
                .as_ref()
                .is_some_and(|link| link.revocation.is_some()),
            link: Mutex::new(self.link),
            revocation_storage: self.revocation_storage,
            state: Mutex::new(state),
            endings: tokio::sync::Notify::new(),
        }))
    }
}

fn nonce_maker(crypto: &CryptoProvider, window: u64) -> Result<NonceMaker, BuildError> {
    let mut key = zeroize::Zeroizing::new([0; 32]);
    SystemRandom
        .fill(key.as_mut_slice())
        .map_err(|_| BuildError::Random)?;
    NonceMaker::new(crypto, &key, window).ok_or(BuildError::Random)
}
