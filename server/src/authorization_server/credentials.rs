//! What the token endpoint and the handshakes look at: the registry as it was last loaded, refreshed beside the path of
//! the datagrams.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use motekey_coap::dtls::{CredentialSource, PeerIdentity, PskAnswer};
use motekey_cose::crypto::CryptoProvider;
use motekey_cose::key::{CoseKey, EncryptionKey};

use crate::registry::{Device, DeviceCredential, Registry};

/// A registry with its keys prepared.
#[derive(Default)]
pub(super) struct Snapshot {
    pub(super) registry: Arc<Registry>,
    /// By name of the resource server.
    keys: HashMap<Arc<str>, EncryptionKey>,
}

impl Snapshot {
    /// Prepares the keys once, not for every token. The registry has checked their lengths.
    pub(super) fn new(registry: Arc<Registry>, provider: &CryptoProvider) -> Self {
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
            registry,
        }
    }

    /// The key shared with this resource server, if there is one.
    pub(super) fn encryption_key(&self, resource_server: &str) -> Option<&EncryptionKey> {
        self.keys.get(resource_server)
    }

    /// The device that a peer proved to be.
    pub(super) fn authenticate(&self, peer: &PeerIdentity) -> Option<&Arc<Device>> {
        match peer {
            PeerIdentity::PreSharedKey(identity) => self.registry.device_by_identity(identity),
            PeerIdentity::RawPublicKey(info) => self.registry.device_by_public_key(info),
            PeerIdentity::Certificate(_) => None,
        }
    }
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

impl CredentialSource for Current {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        match self
            .get()
            .registry
            .device_by_identity(identity)
            .map(|device| &device.credential)
        {
            Some(DeviceCredential::PreSharedKey { key, .. }) => PskAnswer::Key(key.clone()),
            _ => PskAnswer::Unknown,
        }
    }
}
