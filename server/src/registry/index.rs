//! The maps of a [`Registry`](super::Registry), kept consistent with each other.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use motekey_coap::dtls::PreSharedKey;

use super::check_identity;
use super::party::Shown;
use super::{
    Audience, Device, DeviceCredential, Group, Party, RegistryError, ResourceServerRecord,
    SHORTEST_SHARED_KEY,
};

/// One registered record.
#[derive(Clone)]
pub(super) enum Entry {
    Device(Arc<Device>),
    ResourceServer(Arc<ResourceServerRecord>),
    Group(Arc<Group>),
}

/// A key as the key of a map. Wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct KeyBytes(PreSharedKey);

impl Hash for KeyBytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.expose().hash(state);
    }
}

#[derive(Clone, Default)]
pub(super) struct Index {
    pub(super) by_name: HashMap<Arc<str>, Entry>,
    pub(super) by_identity: HashMap<Vec<u8>, Party>,
    pub(super) by_public_key: HashMap<Vec<u8>, Party>,
    pub(super) by_certificate: HashMap<[u8; 32], Party>,
    pub(super) by_audience: HashMap<Arc<str>, Audience>,
    owners: HashMap<KeyBytes, Arc<str>>,
}

impl Index {
    /// Whether `owner` may have `key`.
    pub(super) fn check_key(
        &self,
        key: &PreSharedKey,
        owner: &Arc<str>,
    ) -> Result<(), RegistryError> {
        if is_weak(key.expose()) {
            return Err(RegistryError::WeakKey {
                name: owner.clone(),
            });
        }
        // RFC 9200 Section 6.3: no secret is shared by more than two parties.
        match self.owners.get(&KeyBytes(key.clone())) {
            Some(other) if other != owner => Err(RegistryError::KeyInUse {
                name: owner.clone(),
                owner: other.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Whether the record `name` may have this credential.
    pub(super) fn check_credential(
        &self,
        credential: &DeviceCredential,
        name: &Arc<str>,
    ) -> Result<(), RegistryError> {
        if let DeviceCredential::PreSharedKey { identity, key } = credential {
            check_identity(name, identity)?;
            self.check_key(key, name)?;
        }
        let others = |party: Option<&Party>| party.is_some_and(|party| party.name() != name);
        match credential.shown() {
            // RFC 7925 Section 4.2: identities are bytes, so two parties must differ in them.
            Shown::Identity(identity) if others(self.by_identity.get(identity)) => {
                Err(RegistryError::IdentityInUse { name: name.clone() })
            }
            Shown::PublicKey(None) => Err(RegistryError::UnusablePublicKey { name: name.clone() }),
            Shown::PublicKey(Some(info)) if others(self.by_public_key.get(&info)) => {
                Err(RegistryError::PublicKeyInUse { name: name.clone() })
            }
            Shown::Certificate(thumbprint) if others(self.by_certificate.get(thumbprint)) => {
                Err(RegistryError::CertificateInUse { name: name.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Whether the record `name` may have this audience.
    pub(super) fn check_audience(
        &self,
        audience: &Arc<str>,
        name: &Arc<str>,
    ) -> Result<(), RegistryError> {
        let owner = match self.by_audience.get(audience) {
            None => return Ok(()),
            Some(Audience::One(record)) => &record.name,
            Some(Audience::Many { group, .. }) => &group.audience,
        };
        if owner == name {
            Ok(())
        } else {
            Err(RegistryError::AudienceInUse {
                audience: audience.clone(),
            })
        }
    }

    /// Puts a checked record in the place of the one with the same name.
    pub(super) fn put(&mut self, name: Arc<str>, entry: Entry) {
        self.take(&name);
        match &entry {
            Entry::Device(device) => self.put_credential(&Party::Device(device.clone())),
            Entry::ResourceServer(record) => {
                self.by_audience
                    .insert(record.audience.clone(), Audience::One(record.clone()));
                for key in record.secrets_of_tokens() {
                    self.owners.insert(KeyBytes(key.clone()), name.clone());
                }
                self.put_credential(&Party::ResourceServer(record.clone()));
            }
            Entry::Group(_) => {}
        }
        let refresh = !matches!(entry, Entry::Device(_));
        self.by_name.insert(name, entry);
        if refresh {
            self.refresh_groups();
        }
    }

    /// Removes a record and the groups that would be left with an unknown member.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let Some(entry) = self.take(name) else {
            return false;
        };
        if matches!(entry, Entry::ResourceServer(_)) {
            self.refresh_groups();
        }
        true
    }

    /// Takes a record out of all maps.
    fn take(&mut self, name: &str) -> Option<Entry> {
        let entry = self.by_name.remove(name)?;
        match &entry {
            Entry::Device(device) => self.take_credential(&device.credential),
            Entry::ResourceServer(record) => {
                self.by_audience.remove(&record.audience);
                for key in record.secrets_of_tokens() {
                    self.owners.remove(&KeyBytes(key.clone()));
                }
                if let Some(credential) = &record.credential {
                    self.take_credential(credential);
                }
            }
            Entry::Group(group) => {
                self.by_audience.remove(&group.audience);
            }
        }
        Some(entry)
    }

    fn put_credential(&mut self, party: &Party) {
        let Some(credential) = party.credential() else {
            return;
        };
        if let DeviceCredential::PreSharedKey { key, .. } = credential {
            self.owners
                .insert(KeyBytes(key.clone()), party.name().clone());
        }
        match credential.shown() {
            Shown::Identity(identity) => {
                self.by_identity.insert(identity.to_vec(), party.clone());
            }
            Shown::PublicKey(info) => {
                if let Some(info) = info {
                    self.by_public_key.insert(info, party.clone());
                }
            }
            Shown::Certificate(thumbprint) => {
                self.by_certificate.insert(*thumbprint, party.clone());
            }
        }
    }

    fn take_credential(&mut self, credential: &DeviceCredential) {
        if let DeviceCredential::PreSharedKey { key, .. } = credential {
            self.owners.remove(&KeyBytes(key.clone()));
        }
        match credential.shown() {
            Shown::Identity(identity) => self.by_identity.remove(identity),
            Shown::PublicKey(info) => info.and_then(|info| self.by_public_key.remove(&info)),
            Shown::Certificate(thumbprint) => self.by_certificate.remove(thumbprint),
        };
    }

    /// Points every group at the present records of its members; a group with a missing member is dropped.
    fn refresh_groups(&mut self) {
        let groups: Vec<_> = self
            .by_name
            .values()
            .filter_map(|entry| match entry {
                Entry::Group(group) => Some(group.clone()),
                _ => None,
            })
            .collect();
        for group in groups {
            let members: Option<Vec<_>> = group
                .members
                .iter()
                .map(|member| match self.by_name.get(member) {
                    Some(Entry::ResourceServer(record)) => Some(record.clone()),
                    _ => None,
                })
                .collect();
            match members {
                Some(members) => {
                    self.by_audience
                        .insert(group.audience.clone(), Audience::Many { group, members });
                }
                None => {
                    self.take(&group.audience);
                }
            }
        }
    }
}

/// Catches what people type when they should roll dice: too short, a pattern repeated, a plain sequence.
fn is_weak(key: &[u8]) -> bool {
    if key.len() < SHORTEST_SHARED_KEY {
        return true;
    }
    let repeats = |period: usize| {
        key.iter()
            .zip(key.iter().skip(period))
            .all(|(one, other)| one == other)
    };
    let mut steps = key
        .iter()
        .zip(key.iter().skip(1))
        .map(|(one, other)| other.wrapping_sub(*one));
    let first = steps.next();
    // A random key of 16 bytes repeats its first half once in 2^64 keys.
    (1..=key.len() / 2).any(repeats) || steps.all(|step| Some(step) == first)
}
