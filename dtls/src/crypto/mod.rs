//! Cryptography as a value: a [`CryptoProvider`] is a struct of parts that the caller puts into its configuration.

use alloc::boxed::Box;
use core::fmt;

#[cfg(feature = "rust-crypto")]
pub mod rust;

/// The parts that a session computes with.
#[derive(Clone, Copy)]
pub struct CryptoProvider {
    /// Name for logs and tables.
    pub name: &'static str,
    /// SHA-256, HMAC and the PRF.
    pub hash: &'static dyn HashProvider,
    /// Authenticated encryption.
    pub aead: &'static dyn AeadProvider,
}

impl fmt::Debug for CryptoProvider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CryptoProvider({})", self.name)
    }
}

/// A computation that did not succeed: a forged record, a key of wrong length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CryptoError;

impl fmt::Display for CryptoError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the cryptographic operation failed")
    }
}

impl core::error::Error for CryptoError {}

/// Where randomness comes from. It must be unpredictable: keys are made of it.
pub trait RandomSource {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// The source has none to give.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError>;
}

/// No randomness to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomError;

impl fmt::Display for RandomError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the random source failed")
    }
}

impl core::error::Error for RandomError {}

/// SHA-256 and what TLS 1.2 builds on it: the hash of all suites of this crate.
pub trait HashProvider: Send + Sync {
    /// Begins a hash.
    fn start(&self) -> Box<dyn HashContext>;

    /// HMAC-SHA-256 (RFC 2104) over the parts one after the other.
    fn hmac(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32];

    /// `PRF(secret, label, seed)` (RFC 5246 Section 5), the seed in parts; fills `output`.
    fn prf(&self, secret: &[u8], label: &[u8], seed: &[&[u8]], output: &mut [u8]);
}

/// A SHA-256 under way.
pub trait HashContext: Send {
    /// Takes more bytes.
    fn update(&mut self, bytes: &[u8]);

    /// The hash of what came so far; more may follow.
    fn current(&self) -> [u8; 32];
}

/// The AEAD algorithms of the supported suites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AeadAlgorithm {
    /// AEAD_AES_128_CCM_8 (RFC 6655 Section 4).
    Aes128Ccm8,
    /// AEAD_AES_128_GCM (RFC 5288 Section 3).
    Aes128Gcm,
    /// AEAD_CHACHA20_POLY1305 (RFC 7905 Section 2).
    ChaCha20Poly1305,
}

impl AeadAlgorithm {
    /// Bytes of the key.
    pub const fn key_length(self) -> usize {
        match self {
            Self::Aes128Ccm8 | Self::Aes128Gcm => 16,
            Self::ChaCha20Poly1305 => 32,
        }
    }

    /// Bytes of the write IV in the key block (RFC 6655 Section 3, RFC 5288 Section 3, RFC 7905 Section 2).
    pub const fn fixed_iv_length(self) -> usize {
        match self {
            Self::Aes128Ccm8 | Self::Aes128Gcm => 4,
            Self::ChaCha20Poly1305 => 12,
        }
    }

    /// Bytes of nonce in each record.
    pub const fn explicit_nonce_length(self) -> usize {
        match self {
            Self::Aes128Ccm8 | Self::Aes128Gcm => 8,
            Self::ChaCha20Poly1305 => 0,
        }
    }

    /// Bytes of the tag.
    pub const fn tag_length(self) -> usize {
        match self {
            Self::Aes128Ccm8 => 8,
            Self::Aes128Gcm | Self::ChaCha20Poly1305 => 16,
        }
    }

    /// Bytes by which a record grows.
    pub const fn overhead(self) -> usize {
        self.explicit_nonce_length() + self.tag_length()
    }
}

/// Bytes of every nonce.
pub const NONCE: usize = 12;

/// Authenticated encryption in place. Keys are expanded anew for each record, so that an idle session keeps nothing
/// but their bytes.
pub trait AeadProvider: Send + Sync {
    /// Encrypts `buffer` and returns the tag in the first [`AeadAlgorithm::tag_length`] bytes.
    ///
    /// # Errors
    /// A key of wrong length, or a message that is too long.
    fn seal(
        &self,
        algorithm: AeadAlgorithm,
        key: &[u8],
        nonce: &[u8; NONCE],
        additional: &[u8],
        buffer: &mut [u8],
    ) -> Result<[u8; 16], CryptoError>;

    /// Verifies and decrypts `buffer`.
    ///
    /// # Errors
    /// The tag does not verify; what is in `buffer` then must not be used.
    fn open(
        &self,
        algorithm: AeadAlgorithm,
        key: &[u8],
        nonce: &[u8; NONCE],
        additional: &[u8],
        buffer: &mut [u8],
        tag: &[u8],
    ) -> Result<(), CryptoError>;
}
