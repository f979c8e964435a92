//! COSE_Key (RFC 9052 Section 7, RFC 9053 Section 7): symmetric keys, EC2 on P-256, OKP with Ed25519.
//!
//! A [`CoseKey`] is data. It becomes usable by being prepared for one algorithm and one direction, for instance by
//! [`CoseKey::signing_key`]; there the key's type, `alg` and `key_ops` are obeyed. No `Debug` output has key bytes,
//! and secrets are overwritten when dropped.

mod derivation;
mod error;
mod parse;
mod prepared;
mod public_key_info;
mod secret;
#[cfg(all(test, feature = "rust-crypto"))]
mod tests;
mod write;

use alloc::{borrow::ToOwned, vec::Vec};

use zeroize::Zeroizing;

pub use derivation::{DERIVED_KEY, derive_proof_key};
pub use error::KeyError;
pub use prepared::{
    DecryptionKey, EncryptionKey, MacCreationKey, MacVerificationKey, SigningKey, VerifyingKey,
};

use crate::{crypto::CryptoProvider, registry::key as number};

/// A COSE_Key of one of the supported types.
#[derive(Clone, PartialEq, Eq)]
pub enum CoseKey {
    /// Key type 4.
    Symmetric(SymmetricKey),
    /// Key type 2 with curve P-256.
    Ec2(Ec2Key),
    /// Key type 1 with curve Ed25519.
    Okp(OkpKey),
}

/// Members that every key type has (RFC 9052 Section 7.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyAttributes {
    /// `kid` (2), not empty.
    pub kid: Option<Vec<u8>>,
    /// `alg` (3) as COSE number: the only algorithm that the key may be used with.
    pub alg: Option<i64>,
    /// `key_ops` (4): the only operations that the key may be used for.
    pub key_ops: Option<Vec<KeyOperation>>,
}

/// Values of `key_ops` (RFC 9052 Table 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyOperation {
    /// Create signatures.
    Sign,
    /// Verify signatures.
    Verify,
    /// Encrypt.
    Encrypt,
    /// Decrypt.
    Decrypt,
    /// Wrap keys.
    WrapKey,
    /// Unwrap keys.
    UnwrapKey,
    /// Derive keys.
    DeriveKey,
    /// Derive bits that are not a key.
    DeriveBits,
    /// Create MACs.
    MacCreate,
    /// Verify MACs.
    MacVerify,
}

impl KeyOperation {
    const ALL: [Self; 10] = [
        Self::Sign,
        Self::Verify,
        Self::Encrypt,
        Self::Decrypt,
        Self::WrapKey,
        Self::UnwrapKey,
        Self::DeriveKey,
        Self::DeriveBits,
        Self::MacCreate,
        Self::MacVerify,
    ];

    /// The operation of a COSE number 1 to 10.
    #[must_use]
    pub fn from_cose(value: i64) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.to_cose() == value)
    }

    /// The COSE number.
    #[must_use]
    pub fn to_cose(self) -> i64 {
        match self {
            Self::Sign => 1,
            Self::Verify => 2,
            Self::Encrypt => 3,
            Self::Decrypt => 4,
            Self::WrapKey => 5,
            Self::UnwrapKey => 6,
            Self::DeriveKey => 7,
            Self::DeriveBits => 8,
            Self::MacCreate => 9,
            Self::MacVerify => 10,
        }
    }
}

/// A symmetric key.
#[derive(Clone)]
pub struct SymmetricKey {
    /// `kid`, `alg`, `key_ops`.
    pub attributes: KeyAttributes,
    /// `k` (-1). Absent when the key is only named, by its `kid` (RFC 9202 Section 3.3.1).
    pub value: Option<Zeroizing<Vec<u8>>>,
    /// `Base IV` (5), combined with a Partial IV (RFC 9052 Section 3.1).
    pub base_iv: Option<Vec<u8>>,
}

/// An elliptic curve key on P-256.
#[derive(Clone)]
pub struct Ec2Key {
    /// `kid`, `alg`, `key_ops`.
    pub attributes: KeyAttributes,
    /// `x` (-2), big-endian.
    pub x: [u8; 32],
    /// `y` (-3).
    pub y: YCoordinate,
    /// `d` (-4), the private part.
    pub private: Option<Zeroizing<[u8; 32]>>,
}

/// The two forms of `y` (RFC 9053 Section 7.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YCoordinate {
    /// The coordinate, big-endian.
    Value([u8; 32]),
    /// The sign bit of a compressed point: true for odd.
    SignBit(bool),
}

/// An octet key pair of Ed25519.
#[derive(Clone)]
pub struct OkpKey {
    /// `kid`, `alg`, `key_ops`.
    pub attributes: KeyAttributes,
    /// `x` (-2), the public key.
    pub x: [u8; 32],
    /// `d` (-4), the private seed.
    pub private: Option<Zeroizing<[u8; 32]>>,
}

impl CoseKey {
    /// A symmetric key with a value.
    #[must_use]
    pub fn symmetric(value: &[u8], kid: Option<&[u8]>) -> Self {
        let attributes = KeyAttributes {
            kid: kid.map(<[u8]>::to_owned),
            ..KeyAttributes::default()
        };
        Self::Symmetric(SymmetricKey {
            attributes,
            value: Some(Zeroizing::new(value.to_owned())),
            base_iv: None,
        })
    }

    /// A symmetric key that is only named.
    #[must_use]
    pub fn symmetric_name(kid: &[u8]) -> Self {
        let attributes = KeyAttributes {
            kid: Some(kid.to_owned()),
            ..KeyAttributes::default()
        };
        Self::Symmetric(SymmetricKey {
            attributes,
            value: None,
            base_iv: None,
        })
    }

    /// The Ed25519 key pair of a private seed.
    ///
    /// # Errors
    /// [`KeyError::Crypto`].
    pub fn ed25519(
        provider: &CryptoProvider,
        seed: &[u8; 32],
        kid: Option<&[u8]>,
    ) -> Result<Self, KeyError> {
        use crate::crypto::SignatureAlgorithm::EdDsa;
        let public = provider.signature.public_key(EdDsa, seed)?;
        let x = public
            .as_slice()
            .try_into()
            .map_err(|_| KeyError::NotAPoint)?;
        let attributes = KeyAttributes {
            kid: kid.map(<[u8]>::to_owned),
            ..KeyAttributes::default()
        };
        Ok(Self::Okp(OkpKey {
            attributes,
            x,
            private: Some(Zeroizing::new(*seed)),
        }))
    }

    /// The P-256 key pair of a private scalar.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] when the scalar is zero or not below the order of the group.
    pub fn p256(
        provider: &CryptoProvider,
        scalar: &[u8; 32],
        kid: Option<&[u8]>,
    ) -> Result<Self, KeyError> {
        use crate::crypto::SignatureAlgorithm::Es256;
        let point = provider.signature.public_key(Es256, scalar)?;
        let (x, y) = split_point(&point)?;
        let attributes = KeyAttributes {
            kid: kid.map(<[u8]>::to_owned),
            ..KeyAttributes::default()
        };
        let private = Some(Zeroizing::new(*scalar));
        Ok(Self::Ec2(Ec2Key {
            attributes,
            x,
            y: YCoordinate::Value(y),
            private,
        }))
    }

    /// `kid`, `alg`, `key_ops`.
    #[must_use]
    pub fn attributes(&self) -> &KeyAttributes {
        match self {
            Self::Symmetric(key) => &key.attributes,
            Self::Ec2(key) => &key.attributes,
            Self::Okp(key) => &key.attributes,
        }
    }

    /// `kid`, `alg`, `key_ops`, to be changed.
    pub fn attributes_mut(&mut self) -> &mut KeyAttributes {
        match self {
            Self::Symmetric(key) => &mut key.attributes,
            Self::Ec2(key) => &mut key.attributes,
            Self::Okp(key) => &mut key.attributes,
        }
    }

    /// The key identifier.
    #[must_use]
    pub fn kid(&self) -> Option<&[u8]> {
        self.attributes().kid.as_deref()
    }

    /// True for key type 4.
    #[must_use]
    pub fn is_symmetric(&self) -> bool {
        matches!(self, Self::Symmetric(_))
    }

    /// True if there is something that only the holder may know: a symmetric value, or a private part.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        match self {
            Self::Symmetric(key) => key.value.is_some(),
            Self::Ec2(key) => key.private.is_some(),
            Self::Okp(key) => key.private.is_some(),
        }
    }

    /// The bytes of a symmetric key.
    #[must_use]
    pub fn symmetric_value(&self) -> Option<&[u8]> {
        match self {
            Self::Symmetric(key) => key.value.as_ref().map(|value| value.as_slice()),
            _ => None,
        }
    }

    /// The key without its secret: an asymmetric key without its private part, a symmetric one by name only, and
    /// nothing for a symmetric key without `kid`.
    #[must_use]
    pub fn public(&self) -> Option<Self> {
        let mut key = self.clone();
        match &mut key {
            Self::Symmetric(key) => {
                key.attributes.kid.as_ref()?;
                key.value = None;
                key.base_iv = None;
            }
            Self::Ec2(key) => key.private = None,
            Self::Okp(key) => key.private = None,
        }
        Some(key)
    }

    /// Checks what needs arithmetic: that a public point is on its curve. Every `*_key` method does this too.
    ///
    /// # Errors
    /// [`KeyError::NotAPoint`].
    pub fn check_point(&self, provider: &CryptoProvider) -> Result<(), KeyError> {
        use crate::crypto::SignatureAlgorithm::EdDsa;
        match self {
            Self::Symmetric(_) => Ok(()),
            Self::Ec2(key) => key.point(provider).map(|_| ()),
            Self::Okp(key) => provider
                .signature
                .verifier(EdDsa, &key.x)
                .map(|_| ())
                .map_err(|_| KeyError::NotAPoint),
        }
    }

    fn kty(&self) -> i64 {
        match self {
            Self::Symmetric(_) => number::KTY_SYMMETRIC,
            Self::Ec2(_) => number::KTY_EC2,
            Self::Okp(_) => number::KTY_OKP,
        }
    }
}

impl Ec2Key {
    /// The public point as 65 uncompressed SEC1 octets, after a check that it is on the curve.
    ///
    /// # Errors
    /// [`KeyError::NotAPoint`].
    pub fn point(&self, provider: &CryptoProvider) -> Result<Vec<u8>, KeyError> {
        let mut sec1 = Vec::with_capacity(65);
        match self.y {
            YCoordinate::Value(y) => {
                sec1.push(4);
                sec1.extend_from_slice(&self.x);
                sec1.extend_from_slice(&y);
            }
            YCoordinate::SignBit(odd) => {
                // RFC 9053 Section 7.1.1: y may be given as its sign bit.
                sec1.push(if odd { 3 } else { 2 });
                sec1.extend_from_slice(&self.x);
            }
        }
        // RFC 9053 Section 7.1.1 and RFC 9053 Section 2.1: the point is checked to be on the curve.
        provider
            .signature
            .p256_point(&sec1)
            .map_err(|_| KeyError::NotAPoint)
    }
}

/// x and y of 65 uncompressed SEC1 octets.
fn split_point(sec1: &[u8]) -> Result<([u8; 32], [u8; 32]), KeyError> {
    let coordinates = sec1
        .split_first()
        .map(|(_, rest)| rest)
        .filter(|rest| rest.len() == 64);
    let (x, y) = coordinates.ok_or(KeyError::NotAPoint)?.split_at(32);
    match (x.try_into(), y.try_into()) {
        (Ok(x), Ok(y)) => Ok((x, y)),
        _ => Err(KeyError::NotAPoint),
    }
}
