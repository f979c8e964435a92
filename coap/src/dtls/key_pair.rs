//! Key pairs and certificates of ours, and the check of the peer's certificate: what signed handshakes need.

use core::fmt;
use std::sync::Arc;

/// How a key pair signs. Both are implemented by every party of RFC 9202 Section 3.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureScheme {
    /// ECDSA on P-256 with SHA-256.
    EcdsaP256,
    /// Ed25519.
    Ed25519,
}

/// The key could not sign: a hardware module is out of reach, or a private key is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SigningError;

impl fmt::Display for SigningError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the private key cannot be used")
    }
}

impl std::error::Error for SigningError {}

/// A long-term private key of ours; may live in a hardware module. Called inside a handshake: answers at once.
pub trait Signer: Send + Sync {
    /// How it signs.
    fn scheme(&self) -> SignatureScheme;

    /// Its public key as SubjectPublicKeyInfo, DER (RFC 7250 Section 3).
    fn public_key_info(&self) -> &[u8];

    /// Signs a message; ECDSA signatures are DER (RFC 8422 Section 5.4).
    ///
    /// # Errors
    /// The key is out of reach.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError>;
}

/// A handle on a key pair. Two are equal if their public keys are; the private key is never printed.
#[derive(Clone)]
pub struct KeyPair(Arc<dyn Signer>);

impl KeyPair {
    /// The key pair of a signer.
    pub fn new(signer: impl Signer + 'static) -> Self {
        Self(Arc::new(signer))
    }

    /// How it signs.
    pub fn scheme(&self) -> SignatureScheme {
        self.0.scheme()
    }

    /// The public key as SubjectPublicKeyInfo, DER.
    pub fn public_key_info(&self) -> &[u8] {
        self.0.public_key_info()
    }

    /// Signs a message, for the DTLS implementation only.
    ///
    /// # Errors
    /// The key is out of reach.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        self.0.sign(message)
    }
}

impl PartialEq for KeyPair {
    fn eq(&self, other: &Self) -> bool {
        self.public_key_info() == other.public_key_info()
    }
}

impl Eq for KeyPair {}

impl fmt::Debug for KeyPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyPair({:?})", self.scheme())
    }
}

/// An X.509 chain and the key pair of its first certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertifiedKey {
    /// DER, end entity first; without the trust anchor.
    pub chain: Vec<Vec<u8>>,
    /// The key pair.
    pub key: KeyPair,
}

/// Why a certificate chain is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateError {
    /// Malformed, or a signature in the chain does not verify.
    Bad,
    /// Expired, or not valid yet, or the time is not known.
    Expired,
    /// It leads to no known authority.
    UnknownAuthority,
    /// It is valid, but not for this use or name.
    NotAcceptable,
}

/// Checks X.509 chains: against its own anchors, names and clock. Called inside a handshake.
pub trait CertificateVerifier: Send + Sync {
    /// Checks a chain (DER, end entity first, not empty) and returns the SubjectPublicKeyInfo of its first
    /// certificate (DER).
    ///
    /// # Errors
    /// Why it is not accepted.
    fn verify(&self, chain: &[&[u8]]) -> Result<Vec<u8>, CertificateError>;
}

/// A handle on a [`CertificateVerifier`]. Two are equal if they are handles on the same.
#[derive(Clone)]
pub struct CertificateCheck(Arc<dyn CertificateVerifier>);

impl CertificateCheck {
    /// The check of a verifier.
    pub fn new(verifier: impl CertificateVerifier + 'static) -> Self {
        Self(Arc::new(verifier))
    }

    /// As [`CertificateVerifier::verify`].
    ///
    /// # Errors
    /// Why the chain is not accepted.
    pub fn verify(&self, chain: &[&[u8]]) -> Result<Vec<u8>, CertificateError> {
        self.0.verify(chain)
    }
}

impl PartialEq for CertificateCheck {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for CertificateCheck {}

impl fmt::Debug for CertificateCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CertificateCheck")
    }
}
