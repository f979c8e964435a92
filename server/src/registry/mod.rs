//! Who is registered at the authorization server: devices, resource servers, groups. A [`Registry`] is one consistent
//! snapshot in memory; it refuses records that the RFCs or common sense forbid, wherever they come from.

mod audience;
mod device;
mod index;
mod party;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

pub use audience::{Audience, Group, PopKeyKinds, ResourceServerRecord, ScopeKind, SharedKey};
pub use device::{AccessRule, Device, DeviceCredential, ScopeRule};
use index::{Entry, Index};
pub use party::Party;

/// Shortest shared key that is accepted, in bytes: 128 bits of strength need as many random bits.
pub const SHORTEST_SHARED_KEY: usize = 16;

/// Longest PSK identity of a device, in bytes (RFC 4279 Section 5.3 asks for at least 128).
pub const LONGEST_IDENTITY: usize = 128;

/// Longest name of a device, resource server or group, in bytes.
pub const LONGEST_NAME: usize = 128;

/// A snapshot of everything registered. Copying shares the records.
#[derive(Clone, Default)]
pub struct Registry {
    index: Index,
}

impl Registry {
    /// A registry without any record: every request is refused.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who proves itself with this PSK identity. Compared byte by byte (RFC 7925 Section 4.2).
    pub fn party_by_identity(&self, identity: &[u8]) -> Option<&Party> {
        self.index.by_identity.get(identity)
    }

    /// Who proves itself with this SubjectPublicKeyInfo (RFC 7250), DER.
    pub fn party_by_public_key(&self, subject_public_key_info: &[u8]) -> Option<&Party> {
        self.index.by_public_key.get(subject_public_key_info)
    }

    /// Who proves itself with the certificate that has this SHA-256.
    pub fn party_by_certificate(&self, thumbprint: &[u8; 32]) -> Option<&Party> {
        self.index.by_certificate.get(thumbprint)
    }

    /// The device that proves itself with this PSK identity.
    pub fn device_by_identity(&self, identity: &[u8]) -> Option<&Arc<Device>> {
        match self.party_by_identity(identity) {
            Some(Party::Device(device)) => Some(device),
            _ => None,
        }
    }

    /// The device with this name.
    pub fn device(&self, name: &str) -> Option<&Arc<Device>> {
        match self.index.by_name.get(name) {
            Some(Entry::Device(device)) => Some(device),
            _ => None,
        }
    }

    /// Whom an audience names.
    pub fn audience(&self, audience: &str) -> Option<&Audience> {
        self.index.by_audience.get(audience)
    }

    /// The audiences that the resource server of this name belongs to: its own, and those of its groups.
    pub fn audiences_of(&self, name: &str) -> Vec<&str> {
        let audiences = self.index.by_audience.iter();
        audiences
            .filter(|(_, audience)| {
                let members = audience.resource_servers();
                members.iter().any(|record| *record.name == *name)
            })
            .map(|(name, _)| &**name)
            .collect()
    }

    /// The resource server with this name.
    pub fn resource_server(&self, name: &str) -> Option<&Arc<ResourceServerRecord>> {
        match self.index.by_name.get(name) {
            Some(Entry::ResourceServer(record)) => Some(record),
            _ => None,
        }
    }

    /// All devices, in no particular order.
    pub fn devices(&self) -> impl Iterator<Item = &Arc<Device>> {
        self.index.by_name.values().filter_map(|entry| match entry {
            Entry::Device(device) => Some(device),
            _ => None,
        })
    }

    /// All resource servers, in no particular order.
    pub fn resource_servers(&self) -> impl Iterator<Item = &Arc<ResourceServerRecord>> {
        self.index.by_name.values().filter_map(|entry| match entry {
            Entry::ResourceServer(record) => Some(record),
            _ => None,
        })
    }

    /// Adds a device, or replaces the device of the same name.
    ///
    /// # Errors
    /// The name or credential is unusable or belongs to another; nothing has changed then.
    pub fn put_device(&mut self, device: Device) -> Result<(), RegistryError> {
        let name = device.name.clone();
        check_name(&name)?;
        self.check_kind(&name, |entry| matches!(entry, Entry::Device(_)))?;
        self.index.check_credential(&device.credential, &name)?;
        self.index.put(name, Entry::Device(Arc::new(device)));
        Ok(())
    }

    /// Adds a resource server, or replaces the one of the same name.
    ///
    /// # Errors
    /// As [`Registry::put_device`].
    pub fn put_resource_server(
        &mut self,
        record: ResourceServerRecord,
    ) -> Result<(), RegistryError> {
        let name = record.name.clone();
        check_name(&name)?;
        check_name(&record.audience)?;
        self.check_kind(&name, |entry| matches!(entry, Entry::ResourceServer(_)))?;
        audience::check(&record)?;
        if let Some(shared) = &record.shared_key {
            self.index.check_key(&shared.key, &name)?;
        }
        if let Some(key) = &record.derivation_key {
            // RFC 9202 Section 3.3.1: unique for each pair of authorization server and resource server.
            self.index.check_key(key, &name)?;
        }
        if let Some(credential) = &record.credential {
            self.index.check_credential(credential, &name)?;
        }
        self.index.check_audience(&record.audience, &name)?;
        self.index
            .put(name, Entry::ResourceServer(Arc::new(record)));
        Ok(())
    }

    /// Adds a group audience, or replaces the group of the same audience.
    ///
    /// # Errors
    /// A member is not a registered resource server, or the audience belongs to a resource server.
    pub fn put_group(&mut self, group: Group) -> Result<(), RegistryError> {
        let name = group.audience.clone();
        check_name(&name)?;
        self.check_kind(&name, |entry| matches!(entry, Entry::Group(_)))?;
        self.index.check_audience(&name, &name)?;
        if group.members.is_empty() {
            return Err(RegistryError::EmptyGroup { group: name });
        }
        if let Some(member) = group
            .members
            .iter()
            .find(|member| self.resource_server(member).is_none())
        {
            return Err(RegistryError::UnknownMember {
                group: name,
                member: member.clone(),
            });
        }
        self.index.put(name, Entry::Group(Arc::new(group)));
        Ok(())
    }

    /// Removes the record of this name; `false` if there is none. Groups that name a removed resource server go too.
    pub fn remove(&mut self, name: &str) -> bool {
        self.index.remove(name)
    }

    fn check_kind(
        &self,
        name: &Arc<str>,
        same_kind: impl Fn(&Entry) -> bool,
    ) -> Result<(), RegistryError> {
        match self.index.by_name.get(name) {
            Some(entry) if !same_kind(entry) => {
                Err(RegistryError::NameInUse { name: name.clone() })
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Registry({} records)", self.index.by_name.len())
    }
}

/// Why a record is not registered. Names whom it concerns, never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryError {
    /// The name is empty, too long, or holds control characters.
    UnusableName,
    /// The name belongs to a record of another kind.
    NameInUse {
        /// The name.
        name: Arc<str>,
    },
    /// The PSK identity is empty or longer than [`LONGEST_IDENTITY`].
    UnusableIdentity {
        /// Whose.
        name: Arc<str>,
        /// Its length in bytes.
        got: usize,
    },
    /// Another device has this PSK identity.
    IdentityInUse {
        /// Who asked for it.
        name: Arc<str>,
    },
    /// The key is shorter than [`SHORTEST_SHARED_KEY`] or its bytes are all the same or a plain sequence.
    WeakKey {
        /// Whose.
        name: Arc<str>,
    },
    /// The key has not the length of its algorithm.
    KeyLength {
        /// Whose.
        name: Arc<str>,
        /// Bytes given.
        got: usize,
        /// Bytes of the algorithm.
        wanted: usize,
    },
    /// Another party has this key (RFC 9200 Section 6.3).
    KeyInUse {
        /// Who asked for it.
        name: Arc<str>,
        /// Who has it.
        owner: Arc<str>,
    },
    /// One key for two of: the tokens of a resource server, its sessions, and the derivation of keys.
    KeyUsedTwice {
        /// Whose.
        name: Arc<str>,
    },
    /// The public key is of a kind that is not supported.
    UnusablePublicKey {
        /// Whose.
        name: Arc<str>,
    },
    /// Another device has this public key.
    PublicKeyInUse {
        /// Who asked for it.
        name: Arc<str>,
    },
    /// Another party has this certificate.
    CertificateInUse {
        /// Who asked for it.
        name: Arc<str>,
    },
    /// The resource server has two public keys of one algorithm (RFC 9201 Section 7).
    TwoKeysOfOneAlgorithm {
        /// Whose.
        name: Arc<str>,
    },
    /// Another record has this audience.
    AudienceInUse {
        /// The audience.
        audience: Arc<str>,
    },
    /// A lifetime of zero seconds, or of more than ten years.
    UnusableLifetime {
        /// Whose.
        name: Arc<str>,
    },
    /// A group names a resource server that is not registered.
    UnknownMember {
        /// The group.
        group: Arc<str>,
        /// The member.
        member: Arc<str>,
    },
    /// A group without members.
    EmptyGroup {
        /// The group.
        group: Arc<str>,
    },
}

impl fmt::Display for RegistryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnusableName => {
                write!(
                    formatter,
                    "a name has 1 to {LONGEST_NAME} bytes and no control characters"
                )
            }
            Self::NameInUse { name } => write!(
                formatter,
                "{name}: the name belongs to a record of another kind"
            ),
            Self::UnusableIdentity { name, got } => {
                write!(
                    formatter,
                    "{name}: PSK identity of {got} bytes, 1 to {LONGEST_IDENTITY} are possible"
                )
            }
            Self::IdentityInUse { name } => {
                write!(formatter, "{name}: another device has this PSK identity")
            }
            Self::WeakKey { name } => {
                write!(
                    formatter,
                    "{name}: weak key, {SHORTEST_SHARED_KEY} or more random bytes are needed"
                )
            }
            Self::KeyLength { name, got, wanted } => {
                write!(
                    formatter,
                    "{name}: key of {got} bytes, the algorithm takes {wanted}"
                )
            }
            Self::KeyInUse { name, owner } => {
                write!(
                    formatter,
                    "{name}: the key is in use by {owner}; every party needs its own"
                )
            }
            Self::KeyUsedTwice { name } => {
                write!(
                    formatter,
                    "{name}: tokens, sessions and derivation need a key each, not the same one"
                )
            }
            Self::UnusablePublicKey { name } => {
                write!(formatter, "{name}: public keys are P-256 or Ed25519 points")
            }
            Self::PublicKeyInUse { name } => {
                write!(formatter, "{name}: another device has this public key")
            }
            Self::CertificateInUse { name } => {
                write!(formatter, "{name}: another party has this certificate")
            }
            Self::TwoKeysOfOneAlgorithm { name } => {
                write!(
                    formatter,
                    "{name}: at most one public key for each algorithm"
                )
            }
            Self::AudienceInUse { audience } => write!(
                formatter,
                "the audience {audience} belongs to another record"
            ),
            Self::UnusableLifetime { name } => {
                write!(
                    formatter,
                    "{name}: a token lives between one second and ten years"
                )
            }
            Self::UnknownMember { group, member } => {
                write!(
                    formatter,
                    "{group}: the member {member} is not a registered resource server"
                )
            }
            Self::EmptyGroup { group } => {
                write!(formatter, "{group}: a group has at least one member")
            }
        }
    }
}

impl std::error::Error for RegistryError {}

fn check_name(name: &str) -> Result<(), RegistryError> {
    if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(RegistryError::UnusableName);
    }
    Ok(())
}

fn check_identity(name: &Arc<str>, identity: &[u8]) -> Result<(), RegistryError> {
    if identity.is_empty() || identity.len() > LONGEST_IDENTITY {
        return Err(RegistryError::UnusableIdentity {
            name: name.clone(),
            got: identity.len(),
        });
    }
    Ok(())
}
