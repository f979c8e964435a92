//! Cryptography as a value: a [`CryptoProvider`] is a struct of parts that the caller puts into its configuration.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

#[cfg(feature = "aws-lc")]
pub mod aws_lc;
#[cfg(feature = "rust-crypto")]
pub mod rust;
#[cfg(feature = "rust-crypto")]
#[cfg(test)]
mod tests;

/// The parts that a session computes with.
#[derive(Clone, Copy)]
pub struct CryptoProvider {
    /// Name for logs and tables.
    pub name: &'static str,
    /// SHA-256, HMAC and the PRF.
    pub hash: &'static dyn HashProvider,
    /// Authenticated encryption.
    pub aead: &'static dyn AeadProvider,
    /// Ephemeral keys.
    pub key_exchange: &'static dyn KeyExchangeProvider,
    /// Signatures of peers. Own keys sign themselves: see [`SigningKey`].
    pub signature: &'static dyn SignatureVerifier,
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

/// A group for ephemeral keys (IANA "TLS Supported Groups", 2026-11-23).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum NamedGroup {
    /// secp256r1 (RFC 8422 Section 5.1.1)
    Secp256r1 = 23,
    /// x25519 (RFC 8422 Section 5.1.1)
    X25519 = 29,
}

impl NamedGroup {
    /// All that are supported, the preferred first.
    pub const ALL: [Self; 2] = [Self::X25519, Self::Secp256r1];

    /// Its number.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The group of a number.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.number() == number)
    }
}

/// Makes ephemeral keys.
pub trait KeyExchangeProvider: Send + Sync {
    /// A new key pair.
    ///
    /// # Errors
    /// No randomness, or a group that the provider lacks.
    fn generate(
        &self,
        group: NamedGroup,
        random: &mut dyn RandomSource,
    ) -> Result<Box<dyn EphemeralKey>, CryptoError>;
}

/// An ephemeral key pair, for one use.
pub trait EphemeralKey: Send {
    /// The public key as TLS encodes it: an uncompressed point (RFC 8422 Section 5.4.1), or 32 bytes of X25519.
    fn public(&self) -> &[u8];

    /// The shared secret: the x coordinate (RFC 8422 Section 5.10), or the 32 bytes of X25519.
    ///
    /// # Errors
    /// The peer's key is not a point of the group, or the secret would be zero (RFC 8422 Section 5.11).
    fn agree(self: Box<Self>, peer: &[u8]) -> Result<Zeroizing<[u8; 32]>, CryptoError>;
}

/// SubjectPublicKeyInfo of a P-256 key before its uncompressed point (RFC 5480 Section 2).
pub(crate) const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// SubjectPublicKeyInfo of an Ed25519 key before its 32 bytes (RFC 8410 Section 4).
pub(crate) const ED25519_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// A signature scheme (IANA "TLS SignatureScheme", 2026-11-23).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum SignatureScheme {
    /// ECDSA with SHA-256 on P-256; in TLS 1.2 the pair (sha256, ecdsa).
    EcdsaSecp256r1Sha256 = 0x0403,
    /// Ed25519 (RFC 8422 Section 5.1.3).
    Ed25519 = 0x0807,
}

impl SignatureScheme {
    /// All that are supported.
    pub const ALL: [Self; 2] = [Self::EcdsaSecp256r1Sha256, Self::Ed25519];

    /// Its number.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The scheme of a number.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.number() == number)
    }
}

/// Verifies signatures.
pub trait SignatureVerifier: Send + Sync {
    /// Verifies `signature` over `message` with the key of a SubjectPublicKeyInfo (DER).
    ///
    /// # Errors
    /// It does not verify, or the key is not of the scheme.
    fn verify(
        &self,
        scheme: SignatureScheme,
        public_key_info: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError>;
}

/// A long-term key of ours; may live in a hardware module.
pub trait SigningKey: Send + Sync {
    /// How it signs.
    fn scheme(&self) -> SignatureScheme;

    /// Its public key as SubjectPublicKeyInfo (DER).
    fn public_key_info(&self) -> &[u8];

    /// Signs a message; ECDSA signatures are DER (RFC 8422 Section 5.4).
    ///
    /// # Errors
    /// The key is out of reach.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError>;
}

impl fmt::Debug for dyn SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({:?})", self.scheme())
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
