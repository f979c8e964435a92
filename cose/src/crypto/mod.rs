//! Cryptography as a value: a [`CryptoProvider`] is a struct of parts that the caller chooses and passes on. No
//! part is chosen by a Cargo feature, and none keeps state.
//!
//! Keys are prepared once ([`Signer`], [`Verifier`], [`MacKey`], [`AeadKey`]) and used many times, so that the
//! expansion of a key is not paid for each message. A hardware module joins in by implementing [`Signer`].

mod algorithm;
#[cfg(feature = "aws-lc")]
pub mod aws_lc;
#[cfg(feature = "rust-crypto")]
pub mod rust;
#[cfg(all(test, feature = "rust-crypto"))]
mod tests;

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

pub use algorithm::{AeadAlgorithm, MacAlgorithm, SignatureAlgorithm};

/// The parts of one implementation of the algorithms. Parts of different implementations may be combined.
#[derive(Clone, Copy)]
pub struct CryptoProvider {
    /// Name for logs and benchmarks.
    pub name: &'static str,
    /// Signatures and public points.
    pub signature: &'static dyn SignatureProvider,
    /// Message authentication codes.
    pub mac: &'static dyn MacProvider,
    /// Authenticated encryption.
    pub aead: &'static dyn AeadProvider,
    /// Hash and key derivation.
    pub kdf: &'static dyn KdfProvider,
}

impl fmt::Debug for CryptoProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CryptoProvider")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A source of random bytes, passed as an argument wherever keys or nonces are made.
pub trait RandomSource {
    /// Fills `bytes` with unpredictable bytes.
    ///
    /// # Errors
    /// [`RandomError`] when the source has none to give; nothing may then be made from `bytes`.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError>;
}

/// The source of random bytes failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomError;

impl fmt::Display for RandomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the source of random bytes failed")
    }
}

impl core::error::Error for RandomError {}

/// Prepares signature keys.
pub trait SignatureProvider: Send + Sync {
    /// Expands a private key: the 32-byte seed of Ed25519, or the 32-byte scalar of P-256.
    ///
    /// # Errors
    /// [`CryptoError::KeyLength`], [`CryptoError::InvalidKey`].
    fn signer(
        &self,
        algorithm: SignatureAlgorithm,
        private_key: &[u8],
    ) -> Result<Box<dyn Signer>, CryptoError>;

    /// Prepares a public key: 32 bytes of Ed25519, or a P-256 point as SEC1 octets (33 bytes compressed, 65 not).
    /// A point that is not on the curve, or of small order, is refused.
    ///
    /// # Errors
    /// [`CryptoError::KeyLength`], [`CryptoError::InvalidKey`].
    fn verifier(
        &self,
        algorithm: SignatureAlgorithm,
        public_key: &[u8],
    ) -> Result<Box<dyn Verifier>, CryptoError>;

    /// The public key of a private one, in the form that [`SignatureProvider::verifier`] takes (P-256: 65 bytes).
    ///
    /// # Errors
    /// [`CryptoError::KeyLength`], [`CryptoError::InvalidKey`].
    fn public_key(
        &self,
        algorithm: SignatureAlgorithm,
        private_key: &[u8],
    ) -> Result<Vec<u8>, CryptoError>;

    /// Checks that SEC1 octets are a point of P-256 and returns it uncompressed, 65 bytes.
    ///
    /// # Errors
    /// [`CryptoError::InvalidKey`] for anything else.
    fn p256_point(&self, sec1: &[u8]) -> Result<Vec<u8>, CryptoError>;
}

/// A private key ready to sign, in memory or in a hardware module.
pub trait Signer: Send + Sync {
    /// The one algorithm that this key is used with.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// Signs `message`. Both algorithms give 64 bytes; ES256 as r | s (RFC 9053 Section 2.1).
    ///
    /// # Errors
    /// [`CryptoError::Failed`] when the key cannot be reached.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], CryptoError>;
}

/// A public key ready to verify.
pub trait Verifier: Send + Sync {
    /// The one algorithm that this key is used with.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// Verifies `signature` over `message`.
    ///
    /// # Errors
    /// [`CryptoError::SignatureLength`] when it is not 64 bytes, [`CryptoError::NotAuthentic`] when it is wrong.
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), CryptoError>;
}

/// Prepares keys of message authentication codes.
pub trait MacProvider: Send + Sync {
    /// Prepares an HMAC-SHA-256 key of any length from 1 byte on.
    ///
    /// # Errors
    /// [`CryptoError::KeyLength`] for an empty key.
    fn hmac_sha256(&self, key: &[u8]) -> Result<Box<dyn MacKey>, CryptoError>;
}

/// An HMAC-SHA-256 key ready for use.
pub trait MacKey: Send + Sync {
    /// The whole tag of 32 bytes over `message`; truncation and comparison are the caller's
    /// ([`MacAlgorithm::verify`]).
    fn tag(&self, message: &[u8]) -> [u8; 32];
}

/// Prepares keys of authenticated encryption.
pub trait AeadProvider: Send + Sync {
    /// Expands a key.
    ///
    /// # Errors
    /// [`CryptoError::KeyLength`] when the length is not [`AeadAlgorithm::key_length`].
    fn key(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError>;
}

/// An expanded key of authenticated encryption.
pub trait AeadKey: Send + Sync {
    /// The one algorithm that this key is used with.
    fn algorithm(&self) -> AeadAlgorithm;

    /// Encrypts `buffer` in place and appends the tag. The caller never uses a nonce twice under one key
    /// (RFC 9053 Section 4).
    ///
    /// # Errors
    /// [`CryptoError::NonceLength`], or [`CryptoError::TooLong`] for a message beyond the algorithm's bound.
    fn seal(
        &self,
        nonce: &[u8],
        associated_data: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<(), CryptoError>;

    /// Checks the tag at the end of `buffer`, decrypts in place and cuts the tag off. On an error the content of
    /// `buffer` has no meaning.
    ///
    /// # Errors
    /// [`CryptoError::NonceLength`], [`CryptoError::NotAuthentic`].
    fn open(
        &self,
        nonce: &[u8],
        associated_data: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<(), CryptoError>;
}

/// Hash and key derivation.
pub trait KdfProvider: Send + Sync {
    /// SHA-256.
    fn sha256(&self, data: &[u8]) -> [u8; 32];

    /// HKDF with SHA-256, extract and expand (RFC 5869). An empty `salt` is the absent salt of the RFC.
    ///
    /// # Errors
    /// [`CryptoError::TooLong`] when `out` is longer than 255 * 32 bytes.
    fn hkdf_sha256(
        &self,
        key_material: &[u8],
        salt: &[u8],
        info: &[u8],
        out: &mut [u8],
    ) -> Result<(), CryptoError>;
}

/// Why an operation failed. Says nothing about key or message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CryptoError {
    /// A key of the wrong length for its algorithm.
    KeyLength {
        /// Bytes given.
        got: usize,
        /// Bytes that the algorithm takes.
        wanted: usize,
    },
    /// A scalar out of range, a point off the curve or of small order.
    InvalidKey,
    /// A nonce of the wrong length for its algorithm.
    NonceLength {
        /// Bytes given.
        got: usize,
        /// Bytes that the algorithm takes.
        wanted: usize,
    },
    /// A signature that is not 64 bytes long.
    SignatureLength {
        /// Bytes given.
        got: usize,
    },
    /// Signature or tag do not fit the message and the key.
    NotAuthentic,
    /// Message or output longer than the algorithm allows.
    TooLong,
    /// The key could not be used, for instance because a hardware module is away.
    Failed,
}

impl fmt::Display for CryptoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyLength { got, wanted } => write!(f, "key of {got} bytes, wanted {wanted}"),
            Self::InvalidKey => f.write_str("the key is not valid for its algorithm"),
            Self::NonceLength { got, wanted } => write!(f, "nonce of {got} bytes, wanted {wanted}"),
            Self::SignatureLength { got } => write!(f, "signature of {got} bytes, wanted 64"),
            Self::NotAuthentic => f.write_str("signature or tag is wrong"),
            Self::TooLong => f.write_str("message or output is too long for the algorithm"),
            Self::Failed => f.write_str("the key could not be used"),
        }
    }
}

impl core::error::Error for CryptoError {}
