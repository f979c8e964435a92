//! Writing a COSE_Key: definite lengths, shortest forms, members in the order 1, 2, 3, 4, 5, -1, -2, -3, -4.

use alloc::vec::Vec;

use super::{CoseKey, YCoordinate};
use crate::{
    cbor::{MapWriter, Writer},
    registry::key as label,
};

impl CoseKey {
    /// The COSE_Key with every part that this value has, secrets included: the caller keeps or overwrites them.
    #[must_use]
    pub fn to_cbor(&self) -> Vec<u8> {
        // Room for every member, so that no secret is left behind in a buffer that was outgrown.
        let mut map = MapWriter::with_capacity(self.size_bound());
        self.write_attributes(&mut map);
        match self {
            Self::Symmetric(key) => {
                map.bytes(label::BASE_IV, key.base_iv.as_deref());
                map.bytes(label::K, key.value.as_ref().map(|value| value.as_slice()));
            }
            Self::Ec2(key) => {
                map.integer(label::CRV, Some(label::CRV_P256));
                map.bytes(label::X, Some(&key.x));
                match key.y {
                    YCoordinate::Value(y) => map.bytes(label::Y, Some(&y)),
                    YCoordinate::SignBit(odd) => map.entry(label::Y).boolean(odd),
                }
                map.bytes(label::D, key.private.as_ref().map(|value| value.as_slice()));
            }
            Self::Okp(key) => {
                map.integer(label::CRV, Some(label::CRV_ED25519));
                map.bytes(label::X, Some(&key.x));
                map.bytes(label::D, key.private.as_ref().map(|value| value.as_slice()));
            }
        }
        map.finish()
    }

    /// The COSE_Key of [`CoseKey::public`]: no private part, no symmetric value.
    #[must_use]
    pub fn to_cbor_public(&self) -> Option<Vec<u8>> {
        self.public().map(|key| key.to_cbor())
    }

    fn write_attributes(&self, map: &mut MapWriter) {
        let attributes = self.attributes();
        map.integer(label::KTY, Some(self.kty()));
        map.bytes(label::KID, attributes.kid.as_deref());
        map.integer(label::ALG, attributes.alg);
        if let Some(operations) = &attributes.key_ops {
            write_operations(
                map.entry(label::KEY_OPS),
                operations.iter().map(|operation| operation.to_cose()),
            );
        }
    }

    /// An upper bound of the encoded size: 5 bytes of head for each variable member, 160 for all fixed ones.
    fn size_bound(&self) -> usize {
        let attributes = self.attributes();
        let variable = match self {
            Self::Symmetric(key) => {
                let value = key.value.as_ref().map_or(0, |value| value.len());
                value.saturating_add(key.base_iv.as_ref().map_or(0, Vec::len))
            }
            Self::Ec2(_) | Self::Okp(_) => 0,
        };
        let operations = attributes.key_ops.as_ref().map_or(0, Vec::len);
        variable
            .saturating_add(attributes.kid.as_ref().map_or(0, Vec::len))
            .saturating_add(operations)
            .saturating_add(160)
    }
}

fn write_operations(writer: &mut Writer, operations: impl ExactSizeIterator<Item = i64>) {
    writer.array(operations.len());
    for operation in operations {
        writer.integer(operation);
    }
}
