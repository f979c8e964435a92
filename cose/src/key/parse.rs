//! Reading a COSE_Key. The map is parsed by coset; what coset leaves open is checked here.

use alloc::{string::ToString, vec::Vec};

use coset::{
    Algorithm, CborSerializable, KeyType, Label, RegisteredLabel,
    cbor::value::Value,
    iana::{self, EnumI64},
};
use zeroize::{Zeroize, Zeroizing};

use super::{
    CoseKey, Ec2Key, KeyAttributes, KeyError, KeyOperation, OkpKey, SymmetricKey, YCoordinate,
};
use crate::{
    cbor::{self, Limits},
    registry::key as label,
};

impl CoseKey {
    /// Reads a COSE_Key. Members with unknown labels are ignored. A public point is checked to be on its curve when
    /// the key is prepared, or by [`CoseKey::check_point`]: that needs a provider.
    ///
    /// # Errors
    /// [`KeyError`]: malformed or unsupported, or not all members that the key type needs.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, KeyError> {
        cbor::check(bytes, Limits::DEFAULT).map_err(KeyError::Cbor)?;
        let mut map = coset::CoseKey::from_slice(bytes)
            .map_err(|error| KeyError::Malformed(error.to_string()))?;
        let key = from_map(&map);
        for (_, value) in &mut map.params {
            if let Value::Bytes(bytes) = value {
                bytes.zeroize();
            }
        }
        key
    }
}

fn from_map(map: &coset::CoseKey) -> Result<CoseKey, KeyError> {
    let attributes = attributes(map)?;
    match map.kty {
        KeyType::Assigned(iana::KeyType::Symmetric) => {
            symmetric(map, attributes).map(CoseKey::Symmetric)
        }
        KeyType::Assigned(iana::KeyType::EC2) => ec2(map, attributes).map(CoseKey::Ec2),
        KeyType::Assigned(iana::KeyType::OKP) => okp(map, attributes).map(CoseKey::Okp),
        _ => Err(KeyError::UnsupportedKeyType),
    }
}

fn attributes(map: &coset::CoseKey) -> Result<KeyAttributes, KeyError> {
    let alg = match &map.alg {
        None => None,
        Some(Algorithm::Assigned(algorithm)) => Some(algorithm.to_i64()),
        Some(Algorithm::PrivateUse(number)) => Some(*number),
        Some(Algorithm::Text(_)) => return Err(KeyError::UnsupportedValue { label: label::ALG }),
    };
    let mut operations = Vec::new();
    for operation in &map.key_ops {
        let number = match operation {
            RegisteredLabel::Assigned(operation) => operation.to_i64(),
            RegisteredLabel::Text(_) => {
                return Err(KeyError::UnsupportedValue {
                    label: label::KEY_OPS,
                });
            }
        };
        let operation = KeyOperation::from_cose(number);
        operations.push(operation.ok_or(KeyError::UnsupportedValue {
            label: label::KEY_OPS,
        })?);
    }
    Ok(KeyAttributes {
        kid: Some(map.key_id.clone()).filter(|kid| !kid.is_empty()),
        alg,
        // RFC 9052 Section 7.1: key_ops, when present, has at least one operation; coset refuses an empty array.
        key_ops: Some(operations).filter(|operations| !operations.is_empty()),
    })
}

fn symmetric(map: &coset::CoseKey, attributes: KeyAttributes) -> Result<SymmetricKey, KeyError> {
    let value = match member(map, label::K) {
        None => None,
        Some(Value::Bytes(bytes)) if !bytes.is_empty() => Some(Zeroizing::new(bytes.clone())),
        Some(_) => {
            return Err(KeyError::WrongMember {
                label: label::K,
                wanted: "a byte string, not empty",
            });
        }
    };
    if value.is_none() && attributes.kid.is_none() {
        return Err(KeyError::MissingMember { label: label::K });
    }
    let base_iv = Some(map.base_iv.clone()).filter(|iv| !iv.is_empty());
    Ok(SymmetricKey {
        attributes,
        value,
        base_iv,
    })
}

fn ec2(map: &coset::CoseKey, attributes: KeyAttributes) -> Result<Ec2Key, KeyError> {
    check_curve(map, label::CRV_P256)?;
    let x = octets(map, label::X)?.ok_or(KeyError::MissingMember { label: label::X })?;
    let y = match member(map, label::Y) {
        Some(Value::Bool(odd)) => YCoordinate::SignBit(*odd),
        _ => YCoordinate::Value(
            octets(map, label::Y)?.ok_or(KeyError::MissingMember { label: label::Y })?,
        ),
    };
    Ok(Ec2Key {
        attributes,
        x,
        y,
        private: octets(map, label::D)?.map(Zeroizing::new),
    })
}

fn okp(map: &coset::CoseKey, attributes: KeyAttributes) -> Result<OkpKey, KeyError> {
    check_curve(map, label::CRV_ED25519)?;
    let x = octets(map, label::X)?.ok_or(KeyError::MissingMember { label: label::X })?;
    Ok(OkpKey {
        attributes,
        x,
        private: octets(map, label::D)?.map(Zeroizing::new),
    })
}

fn check_curve(map: &coset::CoseKey, wanted: i64) -> Result<(), KeyError> {
    match member(map, label::CRV) {
        None => Err(KeyError::MissingMember { label: label::CRV }),
        Some(Value::Integer(curve)) if *curve == wanted.into() => Ok(()),
        Some(_) => Err(KeyError::UnsupportedCurve),
    }
}

/// A coordinate or private part. RFC 9053 Section 7.1.1: leading zeros are kept, so the length is fixed.
fn octets(map: &coset::CoseKey, label: i64) -> Result<Option<[u8; 32]>, KeyError> {
    match member(map, label) {
        None => Ok(None),
        Some(Value::Bytes(bytes)) => match bytes.as_slice().try_into() {
            Ok(octets) => Ok(Some(octets)),
            Err(_) => Err(KeyError::WrongMember {
                label,
                wanted: "a byte string of 32 bytes",
            }),
        },
        Some(_) => Err(KeyError::WrongMember {
            label,
            wanted: "a byte string of 32 bytes",
        }),
    }
}

fn member(map: &coset::CoseKey, label: i64) -> Option<&Value> {
    map.params
        .iter()
        .find(|(name, _)| *name == Label::Int(label))
        .map(|(_, value)| value)
}
