//! Who can open a session with the authorization server, and how it proves who it is.

use std::sync::Arc;

use super::{Device, DeviceCredential, ResourceServerRecord};
use crate::public_key::subject_public_key_info;

/// A registered party that has a credential at the authorization server.
#[derive(Debug, Clone)]
pub enum Party {
    /// A device: it asks for tokens.
    Device(Arc<Device>),
    /// A resource server: it introspects tokens and follows the revocation list.
    ResourceServer(Arc<ResourceServerRecord>),
}

impl Party {
    /// The name of its record.
    pub fn name(&self) -> &Arc<str> {
        match self {
            Self::Device(device) => &device.name,
            Self::ResourceServer(record) => &record.name,
        }
    }

    /// What it proves itself with.
    pub fn credential(&self) -> Option<&DeviceCredential> {
        match self {
            Self::Device(device) => Some(&device.credential),
            Self::ResourceServer(record) => record.credential.as_ref(),
        }
    }

    /// Whether it is kept out.
    pub fn is_disabled(&self) -> bool {
        match self {
            Self::Device(device) => device.disabled,
            Self::ResourceServer(_) => false,
        }
    }
}

/// The bytes that a peer shows of a credential.
pub(super) enum Shown<'a> {
    Identity(&'a [u8]),
    PublicKey(Option<Vec<u8>>),
    Certificate(&'a [u8; 32]),
}

impl DeviceCredential {
    pub(super) fn shown(&self) -> Shown<'_> {
        match self {
            Self::PreSharedKey { identity, .. } => Shown::Identity(identity),
            Self::RawPublicKey(key) => Shown::PublicKey(subject_public_key_info(key)),
            Self::Certificate(thumbprint) => Shown::Certificate(thumbprint),
        }
    }
}
