//! Resource servers and groups of them: whom a token can be for, and what they understand.

use std::sync::Arc;

use motekey_coap::dtls::PreSharedKey;
use motekey_cose::crypto::AeadAlgorithm;
use motekey_cose::key::CoseKey;
use motekey_cose::registry::profile;
use motekey_cose::token::TokenStyle;

use super::{DeviceCredential, RegistryError, SHORTEST_SHARED_KEY};
use crate::public_key::PublicKeyKind;

/// Longest lifetime of a token, in seconds: ten years.
const LONGEST_LIFETIME: u64 = 10 * 366 * 24 * 3600;

/// Whom an audience names.
#[derive(Debug, Clone)]
pub enum Audience {
    /// One resource server.
    One(Arc<ResourceServerRecord>),
    /// Several (RFC 9200 Section 6.9).
    Many {
        /// The group.
        group: Arc<Group>,
        /// Its members.
        members: Vec<Arc<ResourceServerRecord>>,
    },
}

impl Audience {
    /// The resource servers in it, at least one.
    pub fn resource_servers(&self) -> &[Arc<ResourceServerRecord>] {
        match self {
            Self::One(record) => std::slice::from_ref(record),
            Self::Many { members, .. } => members,
        }
    }
}

/// A resource server: what it is called, what it understands, how its tokens are protected.
#[derive(Debug, Clone)]
pub struct ResourceServerRecord {
    /// Its name: the identifier in the `cti` of tokens with `exi`, and what logs call it.
    pub name: Arc<str>,
    /// The `aud` of its tokens. By default its name.
    pub audience: Arc<str>,
    /// The key that it shares with the authorization server, if any. With it tokens are encrypted; without, signed.
    pub shared_key: Option<SharedKey>,
    /// The key that proof-of-possession keys are derived from (RFC 9202 Section 3.3.1), 16 bytes or more: tokens then
    /// carry a key id instead of the key. No other resource server has it, and it has no other use. Default: none.
    pub derivation_key: Option<PreSharedKey>,
    /// The ACE profiles that it speaks.
    pub profiles: Vec<i64>,
    /// The kind of scope that it understands.
    pub scope_kind: ScopeKind,
    /// The proof-of-possession keys that it can use.
    pub pop_keys: PopKeyKinds,
    /// How long a token lives, in seconds. Default: 3600.
    pub token_lifetime: u64,
    /// It does not know the time: its tokens carry `exi` (RFC 9200 Section 5.10.3). Default: false.
    pub clockless: bool,
    /// Tags and headers of its tokens. Default: [`TokenStyle::REVOCABLE`]. With another one, a revoked token can be
    /// changed so that its hash is not found in the list (RFC 9770 Section 14.6).
    pub token_style: TokenStyle,
    /// Its own public keys, at most one for each algorithm (RFC 9201 Section 7).
    pub public_keys: Vec<CoseKey>,
    /// Its own certificate (DER): its tokens can then be bound to certificates of devices, and clients are told this
    /// one. Default: none.
    pub certificate: Option<Vec<u8>>,
    /// Whether its tokens name the device (`sub`). Default: true.
    pub subject_in_token: bool,
    /// What it proves itself with to the authorization server, for introspection and the revocation list. It differs
    /// from the shared key. Default: none; then it has neither.
    pub credential: Option<DeviceCredential>,
}

impl ResourceServerRecord {
    /// A resource server that takes encrypted tokens with symmetric keys, speaks `coap_dtls` and understands AIF.
    pub fn new(name: &str, shared_key: SharedKey) -> Self {
        Self {
            name: name.into(),
            audience: name.into(),
            shared_key: Some(shared_key),
            derivation_key: None,
            profiles: vec![profile::COAP_DTLS],
            scope_kind: ScopeKind::Aif,
            pop_keys: PopKeyKinds {
                symmetric: true,
                p256: false,
                ed25519: false,
            },
            token_lifetime: 3600,
            clockless: false,
            token_style: TokenStyle::REVOCABLE,
            public_keys: Vec::new(),
            certificate: None,
            subject_in_token: true,
            credential: None,
        }
    }

    /// The secrets that it shares with the authorization server for its tokens.
    pub(super) fn secrets_of_tokens(&self) -> impl Iterator<Item = &PreSharedKey> {
        let shared = self.shared_key.as_ref().map(|shared| &shared.key);
        shared.into_iter().chain(&self.derivation_key)
    }

    /// The same resource server with derived proof-of-possession keys.
    #[must_use]
    pub fn with_derivation_key(mut self, key: PreSharedKey) -> Self {
        self.derivation_key = Some(key);
        self
    }

    /// The same resource server with a pre-shared key for its sessions with the authorization server.
    #[must_use]
    pub fn with_credential(mut self, identity: &[u8], key: PreSharedKey) -> Self {
        self.credential = Some(DeviceCredential::PreSharedKey {
            identity: identity.to_vec(),
            key,
        });
        self
    }

    /// A resource server that takes signed tokens with certificates; `certificate` (DER) is its own.
    pub fn with_certificate(name: &str, certificate: &[u8]) -> Self {
        Self {
            shared_key: None,
            pop_keys: PopKeyKinds {
                symmetric: false,
                p256: false,
                ed25519: false,
            },
            certificate: Some(certificate.to_vec()),
            ..Self::new(name, SharedKey::new(PreSharedKey::new(Vec::new())))
        }
    }

    /// A resource server that takes signed tokens with raw public keys; `public_key` is its own.
    pub fn with_public_key(name: &str, public_key: CoseKey) -> Self {
        Self {
            shared_key: None,
            pop_keys: PopKeyKinds {
                symmetric: false,
                p256: true,
                ed25519: true,
            },
            public_keys: vec![public_key],
            ..Self::new(name, SharedKey::new(PreSharedKey::new(Vec::new())))
        }
    }
}

/// A key shared by the authorization server and one resource server.
#[derive(Debug, Clone)]
pub struct SharedKey {
    /// The AEAD algorithm that it is used with, and no other. Default: AES-CCM-16-64-128.
    pub algorithm: AeadAlgorithm,
    /// The key, as long as the algorithm says.
    pub key: PreSharedKey,
    /// Its `kid` in token headers; none saves bytes where the resource server trusts one authorization server.
    pub key_id: Option<Vec<u8>>,
}

impl SharedKey {
    /// A key for AES-CCM-16-64-128 without key id.
    pub fn new(key: PreSharedKey) -> Self {
        Self {
            algorithm: AeadAlgorithm::AesCcm16_64_128,
            key,
            key_id: None,
        }
    }
}

/// Which kind of scope a resource server understands (RFC 9200 Section 5.8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeKind {
    /// Space-separated text.
    Text,
    /// AIF in a byte string (RFC 9237).
    Aif,
}

/// Which proof-of-possession keys a resource server can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PopKeyKinds {
    /// Symmetric keys.
    pub symmetric: bool,
    /// EC2 keys on P-256.
    pub p256: bool,
    /// OKP keys Ed25519.
    pub ed25519: bool,
}

impl PopKeyKinds {
    /// Whether a public key of this kind is among them.
    pub fn takes(self, kind: PublicKeyKind) -> bool {
        match kind {
            PublicKeyKind::P256 => self.p256,
            PublicKeyKind::Ed25519 => self.ed25519,
        }
    }
}

/// An audience that means several resource servers. Its tokens are signed (RFC 9200 Section 6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The `aud` of its tokens.
    pub audience: Arc<str>,
    /// Names of the resource servers in it.
    pub members: Vec<Arc<str>>,
}

pub(super) fn check(record: &ResourceServerRecord) -> Result<(), RegistryError> {
    let name = || record.name.clone();
    if let Some(shared) = &record.shared_key {
        let (got, wanted) = (shared.key.expose().len(), shared.algorithm.key_length());
        if got != wanted {
            return Err(RegistryError::KeyLength {
                name: name(),
                got,
                wanted,
            });
        }
    }
    if let (Some(shared), Some(DeviceCredential::PreSharedKey { key, .. })) =
        (&record.shared_key, &record.credential)
        && shared.key == *key
    {
        return Err(RegistryError::KeyUsedTwice { name: name() });
    }
    if let Some(key) = &record.derivation_key
        && key.expose().len() < SHORTEST_SHARED_KEY
    {
        return Err(RegistryError::KeyLength {
            name: name(),
            got: key.expose().len(),
            wanted: SHORTEST_SHARED_KEY,
        });
    }
    let has_two_uses = |key: &PreSharedKey| {
        let shared = record.shared_key.as_ref().map(|shared| &shared.key);
        let session = match &record.credential {
            Some(DeviceCredential::PreSharedKey { key, .. }) => Some(key),
            _ => None,
        };
        shared == Some(key) || session == Some(key)
    };
    // RFC 9202 Section 3.3.1: the derivation key tells nothing of the other secrets of the two.
    if record.derivation_key.as_ref().is_some_and(has_two_uses) {
        return Err(RegistryError::KeyUsedTwice { name: name() });
    }
    if record.token_lifetime == 0 || record.token_lifetime > LONGEST_LIFETIME {
        return Err(RegistryError::UnusableLifetime { name: name() });
    }
    let mut kinds = Vec::new();
    for key in &record.public_keys {
        let kind = PublicKeyKind::of(key)
            .ok_or_else(|| RegistryError::UnusablePublicKey { name: name() })?;
        // RFC 9201 Section 7: at most one key pair for each algorithm.
        if kinds.contains(&kind) {
            return Err(RegistryError::TwoKeysOfOneAlgorithm { name: name() });
        }
        kinds.push(kind);
    }
    Ok(())
}
