//! Writing a COSE_Key: definite lengths, shortest forms, members in the order 1, 2, 3, 4, 5, -1, -2, -3, -4.

use alloc::vec::Vec;
use core::convert::Infallible;

use minicbor::{Encoder, encode};

use super::{CoseKey, KeyAttributes, YCoordinate};
use crate::registry::key as label;

type Written = Result<(), encode::Error<Infallible>>;

impl CoseKey {
    /// The COSE_Key with every part that this value has, secrets included.
    #[must_use]
    pub fn to_cbor(&self) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::with_capacity(96));
        // A growing vector takes every byte, so there is no error to report.
        let _ = self.write(&mut encoder);
        encoder.into_writer()
    }

    /// The COSE_Key of [`CoseKey::public`]: no private part, no symmetric value.
    #[must_use]
    pub fn to_cbor_public(&self) -> Option<Vec<u8>> {
        self.public().map(|key| key.to_cbor())
    }

    fn write(&self, encoder: &mut Encoder<Vec<u8>>) -> Written {
        let attributes = self.attributes();
        let members = 1
            + u64::from(attributes.kid.is_some())
            + u64::from(attributes.alg.is_some())
            + u64::from(attributes.key_ops.is_some());
        match self {
            Self::Symmetric(key) => {
                encoder.map(
                    members + u64::from(key.base_iv.is_some()) + u64::from(key.value.is_some()),
                )?;
                self.write_attributes(encoder, attributes)?;
                if let Some(base_iv) = &key.base_iv {
                    encoder.i64(label::BASE_IV)?.bytes(base_iv)?;
                }
                if let Some(value) = &key.value {
                    encoder.i64(label::K)?.bytes(value)?;
                }
            }
            Self::Ec2(key) => {
                encoder.map(members + 3 + u64::from(key.private.is_some()))?;
                self.write_attributes(encoder, attributes)?;
                encoder
                    .i64(label::CRV)?
                    .i64(label::CRV_P256)?
                    .i64(label::X)?
                    .bytes(&key.x)?;
                match key.y {
                    YCoordinate::Value(y) => encoder.i64(label::Y)?.bytes(&y)?,
                    YCoordinate::SignBit(odd) => encoder.i64(label::Y)?.bool(odd)?,
                };
                write_private(encoder, key.private.as_deref())?;
            }
            Self::Okp(key) => {
                encoder.map(members + 2 + u64::from(key.private.is_some()))?;
                self.write_attributes(encoder, attributes)?;
                encoder
                    .i64(label::CRV)?
                    .i64(label::CRV_ED25519)?
                    .i64(label::X)?
                    .bytes(&key.x)?;
                write_private(encoder, key.private.as_deref())?;
            }
        }
        Ok(())
    }

    fn write_attributes(
        &self,
        encoder: &mut Encoder<Vec<u8>>,
        attributes: &KeyAttributes,
    ) -> Written {
        encoder.i64(label::KTY)?.i64(self.kty())?;
        if let Some(kid) = &attributes.kid {
            encoder.i64(label::KID)?.bytes(kid)?;
        }
        if let Some(alg) = attributes.alg {
            encoder.i64(label::ALG)?.i64(alg)?;
        }
        if let Some(operations) = &attributes.key_ops {
            encoder
                .i64(label::KEY_OPS)?
                .array(operations.len() as u64)?;
            for operation in operations {
                encoder.i64(operation.to_cose())?;
            }
        }
        Ok(())
    }
}

fn write_private(encoder: &mut Encoder<Vec<u8>>, private: Option<&[u8; 32]>) -> Written {
    if let Some(private) = private {
        encoder.i64(label::D)?.bytes(private)?;
    }
    Ok(())
}
