//! The algorithms in use, with their COSE numbers and sizes (RFC 9053).

use subtle::ConstantTimeEq;

use super::{CryptoError, MacKey};
use crate::registry::algorithm as number;

/// Signature algorithms (RFC 9053 Section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// EdDSA with Ed25519.
    EdDsa,
    /// ECDSA with SHA-256 on P-256, r | s in 64 bytes.
    Es256,
}

impl SignatureAlgorithm {
    /// The algorithm of a COSE number, if it is one of these.
    #[must_use]
    pub fn from_cose(value: i64) -> Option<Self> {
        match value {
            number::EDDSA => Some(Self::EdDsa),
            number::ES256 => Some(Self::Es256),
            _ => None,
        }
    }

    /// The COSE number.
    #[must_use]
    pub fn to_cose(self) -> i64 {
        match self {
            Self::EdDsa => number::EDDSA,
            Self::Es256 => number::ES256,
        }
    }
}

/// Message authentication codes (RFC 9053 Section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MacAlgorithm {
    /// HMAC SHA-256 truncated to 8 bytes.
    Hmac256_64,
    /// HMAC SHA-256, 32 bytes.
    Hmac256_256,
}

impl MacAlgorithm {
    /// The algorithm of a COSE number, if it is one of these.
    #[must_use]
    pub fn from_cose(value: i64) -> Option<Self> {
        match value {
            number::HMAC_256_64 => Some(Self::Hmac256_64),
            number::HMAC_256_256 => Some(Self::Hmac256_256),
            _ => None,
        }
    }

    /// The COSE number.
    #[must_use]
    pub fn to_cose(self) -> i64 {
        match self {
            Self::Hmac256_64 => number::HMAC_256_64,
            Self::Hmac256_256 => number::HMAC_256_256,
        }
    }

    /// Bytes of a key: 32 for both (RFC 9053 Section 3.1).
    #[must_use]
    pub fn key_length(self) -> usize {
        32
    }

    /// Bytes of a tag.
    #[must_use]
    pub fn tag_length(self) -> usize {
        match self {
            Self::Hmac256_64 => 8,
            Self::Hmac256_256 => 32,
        }
    }

    /// Compares `tag` with the tag of `message` in constant time.
    ///
    /// # Errors
    /// [`CryptoError::NotAuthentic`] when they differ, also in length.
    pub fn verify(self, key: &dyn MacKey, message: &[u8], tag: &[u8]) -> Result<(), CryptoError> {
        let whole = key.tag(message);
        let expected = whole.get(..self.tag_length()).unwrap_or(&whole);
        // RFC 9052 Section 6.3: compared in constant time, so that a forger learns nothing from the time.
        if bool::from(expected.ct_eq(tag)) {
            Ok(())
        } else {
            Err(CryptoError::NotAuthentic)
        }
    }
}

/// Authenticated encryption (RFC 9053 Section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AeadAlgorithm {
    /// AES-CCM, 128-bit key, 13-byte nonce, 8-byte tag.
    AesCcm16_64_128,
    /// AES-CCM, 128-bit key, 13-byte nonce, 16-byte tag.
    AesCcm16_128_128,
    /// AES-GCM, 128-bit key.
    A128Gcm,
    /// AES-GCM, 192-bit key.
    A192Gcm,
    /// AES-GCM, 256-bit key.
    A256Gcm,
}

impl AeadAlgorithm {
    /// Every algorithm, in the order of the declaration.
    pub const ALL: [Self; 5] = [
        Self::AesCcm16_64_128,
        Self::AesCcm16_128_128,
        Self::A128Gcm,
        Self::A192Gcm,
        Self::A256Gcm,
    ];

    /// The algorithm of a COSE number, if it is one of these.
    #[must_use]
    pub fn from_cose(value: i64) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.to_cose() == value)
    }

    /// The COSE number.
    #[must_use]
    pub fn to_cose(self) -> i64 {
        match self {
            Self::AesCcm16_64_128 => number::AES_CCM_16_64_128,
            Self::AesCcm16_128_128 => number::AES_CCM_16_128_128,
            Self::A128Gcm => number::A128GCM,
            Self::A192Gcm => number::A192GCM,
            Self::A256Gcm => number::A256GCM,
        }
    }

    /// Bytes of a key.
    #[must_use]
    pub fn key_length(self) -> usize {
        match self {
            Self::AesCcm16_64_128 | Self::AesCcm16_128_128 | Self::A128Gcm => 16,
            Self::A192Gcm => 24,
            Self::A256Gcm => 32,
        }
    }

    /// Bytes of a nonce: 13 for AES-CCM with 16-bit lengths, 12 for AES-GCM.
    #[must_use]
    pub fn nonce_length(self) -> usize {
        match self {
            Self::AesCcm16_64_128 | Self::AesCcm16_128_128 => 13,
            Self::A128Gcm | Self::A192Gcm | Self::A256Gcm => 12,
        }
    }

    /// Bytes of a tag.
    #[must_use]
    pub fn tag_length(self) -> usize {
        match self {
            Self::AesCcm16_64_128 => 8,
            _ => 16,
        }
    }

    /// Checks a key's length.
    ///
    /// # Errors
    /// [`CryptoError::KeyLength`].
    pub fn check_key(self, key: &[u8]) -> Result<(), CryptoError> {
        match (key.len(), self.key_length()) {
            (got, wanted) if got != wanted => Err(CryptoError::KeyLength { got, wanted }),
            _ => Ok(()),
        }
    }

    /// Checks a nonce's length.
    ///
    /// # Errors
    /// [`CryptoError::NonceLength`].
    pub fn check_nonce(self, nonce: &[u8]) -> Result<(), CryptoError> {
        match (nonce.len(), self.nonce_length()) {
            (got, wanted) if got != wanted => Err(CryptoError::NonceLength { got, wanted }),
            _ => Ok(()),
        }
    }
}
