//! Comparing keys in constant time, and showing them without their secrets.

use core::fmt;

use subtle::ConstantTimeEq;

use super::{CoseKey, Ec2Key, KeyAttributes, OkpKey, SymmetricKey};

fn same_secret(a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.ct_eq(b).into(),
        (None, None) => true,
        _ => false,
    }
}

impl PartialEq for SymmetricKey {
    fn eq(&self, other: &Self) -> bool {
        self.attributes == other.attributes
            && self.base_iv == other.base_iv
            && same_secret(
                self.value.as_ref().map(|value| value.as_slice()),
                other.value.as_ref().map(|value| value.as_slice()),
            )
    }
}

impl Eq for SymmetricKey {}

impl PartialEq for Ec2Key {
    fn eq(&self, other: &Self) -> bool {
        self.attributes == other.attributes
            && self.x == other.x
            && self.y == other.y
            && same_secret(
                self.private.as_ref().map(|value| value.as_slice()),
                other.private.as_ref().map(|value| value.as_slice()),
            )
    }
}

impl Eq for Ec2Key {}

impl PartialEq for OkpKey {
    fn eq(&self, other: &Self) -> bool {
        self.attributes == other.attributes
            && self.x == other.x
            && same_secret(
                self.private.as_ref().map(|value| value.as_slice()),
                other.private.as_ref().map(|value| value.as_slice()),
            )
    }
}

impl Eq for OkpKey {}

impl fmt::Debug for CoseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Symmetric(key) => key.fmt(f),
            Self::Ec2(key) => key.fmt(f),
            Self::Okp(key) => key.fmt(f),
        }
    }
}

impl fmt::Debug for SymmetricKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.value.is_some() {
            "hidden"
        } else {
            "absent"
        };
        f.debug_struct("SymmetricKey")
            .field("attributes", &self.attributes)
            .field("value", &value)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Ec2Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_pair(f, "Ec2Key", &self.attributes, self.private.is_some())
    }
}

impl fmt::Debug for OkpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_pair(f, "OkpKey", &self.attributes, self.private.is_some())
    }
}

fn debug_pair(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    attributes: &KeyAttributes,
    private: bool,
) -> fmt::Result {
    let private = if private { "hidden" } else { "absent" };
    f.debug_struct(name)
        .field("attributes", attributes)
        .field("private", &private)
        .finish_non_exhaustive()
}
