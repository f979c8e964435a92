//! What the token endpoint and the handshakes look at: the registry as it was last loaded, refreshed beside the path of
//! the datagrams.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use motekey_coap::dtls::{PeerIdentity, PskAnswer};
use motekey_cose::crypto::{CryptoProvider, SignatureAlgorithm};
use motekey_cose::key::{CoseKey, EncryptionKey};
use motekey_cose::token::{TrustedIssuers, VerificationKey};

use crate::certificates::thumbprint;
use crate::registry::{Device, DeviceCredential, Party, Registry, ResourceServerRecord};

/// A registry with its keys prepared.
#[derive(Default)]
pub(super) struct Snapshot {
    pub(super) registry: Arc<Registry>,
    /// By name of the resource server.
    keys: HashMap<Arc<str>, EncryptionKey>,
    /// What the tokens of a resource server are protected with, for those that may introspect them.
    issuers: HashMap<Arc<str>, TrustedIssuers>,
}

/// What this server signs its tokens with, and calls itself in them.
#[derive(Debug, Clone, Default)]
pub(super) struct TokenKeys {
    pub(super) issuer: String,
    pub(super) signature: Option<(SignatureAlgorithm, CoseKey)>,
}

impl Snapshot {
    /// Prepares the keys once, not for every token. The registry has checked their lengths.
    pub(super) fn new(
        registry: Arc<Registry>,
        provider: &CryptoProvider,
        token_keys: &TokenKeys,
    ) -> Self {
        let callers = registry
            .resource_servers()
            .filter(|record| record.credential.is_some());
        let issuers = callers.map(|record| {
            let issuers = issuers(record, provider, token_keys);
            (record.name.clone(), issuers)
        });
        let issuers = issuers.collect();
        let keys = registry.resource_servers().filter_map(|record| {
            let shared = record.shared_key.as_ref()?;
            let key = CoseKey::symmetric(shared.key.expose(), shared.key_id.as_deref());
            Some((
                record.name.clone(),
                key.encryption_key(provider, shared.algorithm).ok()?,
            ))
        });
        Self {
            keys: keys.collect(),
            issuers,
            registry,
        }
    }

    /// The key shared with this resource server, if there is one.
    pub(super) fn encryption_key(&self, resource_server: &str) -> Option<&EncryptionKey> {
        self.keys.get(resource_server)
    }

    /// This server, as the resource server of this name believes it.
    pub(super) fn issuers(&self, resource_server: &str) -> Option<&TrustedIssuers> {
        self.issuers.get(resource_server)
    }

    /// The registered party that a peer proved to be. One that is disabled is nobody.
    pub(super) fn party(&self, peer: &PeerIdentity) -> Option<&Party> {
        let party = match peer {
            PeerIdentity::PreSharedKey(identity) => self.registry.party_by_identity(identity),
            PeerIdentity::RawPublicKey(info) => self.registry.party_by_public_key(info),
            // A chain is of its first certificate; peers send those of their authorities along.
            PeerIdentity::Certificate(chain) => chain
                .first()
                .and_then(|first| self.registry.party_by_certificate(&thumbprint(first))),
        };
        party.filter(|party| !party.is_disabled())
    }

    /// The key of a PSK identity.
    pub(super) fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        let party = self.registry.party_by_identity(identity);
        match party
            .filter(|party| !party.is_disabled())
            .and_then(Party::credential)
        {
            Some(DeviceCredential::PreSharedKey { key, .. }) => PskAnswer::Key(key.clone()),
            _ => PskAnswer::Unknown,
        }
    }

    /// The device that a peer proved to be.
    pub(super) fn authenticate(&self, peer: &PeerIdentity) -> Option<&Arc<Device>> {
        match self.party(peer)? {
            Party::Device(device) => Some(device),
            Party::ResourceServer(_) => None,
        }
    }
}

/// The keys that protect the tokens of a resource server: the one that it shares, and the one that signs.
fn issuers(
    record: &ResourceServerRecord,
    provider: &CryptoProvider,
    token_keys: &TokenKeys,
) -> TrustedIssuers {
    let shared = record.shared_key.as_ref().and_then(|shared| {
        let key = CoseKey::symmetric(shared.key.expose(), shared.key_id.as_deref());
        key.decryption_key(provider, shared.algorithm).ok()
    });
    let signature = token_keys
        .signature
        .as_ref()
        .and_then(|(algorithm, key)| key.verifying_key(provider, *algorithm).ok());
    let keys = shared
        .map(VerificationKey::Decryption)
        .into_iter()
        .chain(signature.map(VerificationKey::Signature));
    TrustedIssuers::one(token_keys.issuer.clone(), keys.collect())
}

/// The present snapshot. Readers never wait for the store.
#[derive(Default)]
pub(super) struct Current(RwLock<Arc<Snapshot>>);

impl Current {
    pub(super) fn get(&self) -> Arc<Snapshot> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn set(&self, snapshot: Snapshot) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }
}
