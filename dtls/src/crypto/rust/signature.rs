//! Signatures: ECDSA by `p256`, Ed25519 by `ed25519-dalek`.

use alloc::vec::Vec;

use ed25519_dalek::Signer as _;
use p256::ecdsa::signature::Verifier as _;

use crate::crypto::{
    CryptoError, ED25519_PREFIX, P256_PREFIX, SignatureScheme, SignatureVerifier, SigningKey,
};

/// The verifier. Keys are taken in exactly the form that DER gives them.
#[derive(Debug)]
pub struct RustSignature;

impl SignatureVerifier for RustSignature {
    fn verify(
        &self,
        scheme: SignatureScheme,
        public_key_info: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        match scheme {
            SignatureScheme::EcdsaSecp256r1Sha256 => {
                let point = public_key_info
                    .strip_prefix(&P256_PREFIX)
                    .filter(|point| point.len() == 65);
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point.ok_or(CryptoError)?);
                let signature =
                    p256::ecdsa::Signature::from_der(signature).map_err(|_| CryptoError)?;
                key.map_err(|_| CryptoError)?
                    .verify(message, &signature)
                    .map_err(|_| CryptoError)
            }
            SignatureScheme::Ed25519 => {
                let key = public_key_info
                    .strip_prefix(&ED25519_PREFIX)
                    .ok_or(CryptoError)?;
                let key = key.try_into().map_err(|_| CryptoError)?;
                let key = ed25519_dalek::VerifyingKey::from_bytes(key).map_err(|_| CryptoError)?;
                let signature =
                    ed25519_dalek::Signature::from_slice(signature).map_err(|_| CryptoError)?;
                key.verify_strict(message, &signature)
                    .map_err(|_| CryptoError)
            }
        }
    }
}

/// A P-256 key that signs with ECDSA (deterministic, RFC 6979).
pub struct P256Key {
    key: p256::ecdsa::SigningKey,
    public_key_info: Vec<u8>,
}

impl P256Key {
    /// The key of a scalar, 32 bytes, big-endian.
    ///
    /// # Errors
    /// Zero, or not below the order of the group.
    pub fn new(scalar: &[u8; 32]) -> Result<Self, CryptoError> {
        let key = p256::ecdsa::SigningKey::from_slice(scalar).map_err(|_| CryptoError)?;
        let point = key.verifying_key().to_sec1_point(false);
        let public_key_info = [&P256_PREFIX[..], point.as_bytes()].concat();
        Ok(Self {
            key,
            public_key_info,
        })
    }
}

impl SigningKey for P256Key {
    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::EcdsaSecp256r1Sha256
    }

    fn public_key_info(&self) -> &[u8] {
        &self.public_key_info
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let signature: p256::ecdsa::Signature =
            self.key.try_sign(message).map_err(|_| CryptoError)?;
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

/// An Ed25519 key.
pub struct Ed25519Key {
    key: ed25519_dalek::SigningKey,
    public_key_info: Vec<u8>,
}

impl Ed25519Key {
    /// The key of a seed of 32 bytes (RFC 8032 Section 5.1.5).
    pub fn new(seed: &[u8; 32]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public_key_info = [&ED25519_PREFIX[..], key.verifying_key().as_bytes()].concat();
        Self {
            key,
            public_key_info,
        }
    }
}

impl SigningKey for Ed25519Key {
    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::Ed25519
    }

    fn public_key_info(&self) -> &[u8] {
        &self.public_key_info
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        Ok(self
            .key
            .try_sign(message)
            .map_err(|_| CryptoError)?
            .to_bytes()
            .to_vec())
    }
}
