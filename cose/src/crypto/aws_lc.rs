//! A faster provider on aws-lc-rs, for servers: needs `std` and a C compiler. AES-CCM and AES-192-GCM, which
//! aws-lc-rs does not offer with these sizes, are taken from [`rust`](super::rust).
//!
//! ES256 signatures of this provider take their nonce from the random generator of AWS-LC.

use alloc::{boxed::Box, vec::Vec};

use aws_lc_rs::{
    aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    digest, hkdf, hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
        Ed25519KeyPair, ParsedPublicKey,
    },
};

use super::{
    AeadAlgorithm, AeadKey, AeadProvider, CryptoError, CryptoProvider, KdfProvider, MacKey,
    MacProvider, SignatureAlgorithm, SignatureProvider, Signer, Verifier,
    rust::{RustCrypto, ed25519_public},
};

/// The provider.
pub const PROVIDER: CryptoProvider = CryptoProvider {
    name: "aws-lc",
    signature: &AwsLc,
    mac: &AwsLc,
    aead: &AwsLc,
    kdf: &AwsLc,
};

/// All parts of the aws-lc-rs provider.
#[derive(Debug, Clone, Copy)]
pub struct AwsLc;

impl SignatureProvider for AwsLc {
    fn signer(
        &self,
        algorithm: SignatureAlgorithm,
        private_key: &[u8],
    ) -> Result<Box<dyn Signer>, CryptoError> {
        let public_key = RustCrypto.public_key(algorithm, private_key)?;
        Ok(match algorithm {
            SignatureAlgorithm::EdDsa => Box::new(Ed25519Signer(
                Ed25519KeyPair::from_seed_and_public_key(private_key, &public_key)
                    .map_err(|_| CryptoError::InvalidKey)?,
            )),
            SignatureAlgorithm::Es256 => Box::new(P256Signer(
                EcdsaKeyPair::from_private_key_and_public_key(
                    &ECDSA_P256_SHA256_FIXED_SIGNING,
                    private_key,
                    &public_key,
                )
                .map_err(|_| CryptoError::InvalidKey)?,
            )),
        })
    }

    fn verifier(
        &self,
        algorithm: SignatureAlgorithm,
        public_key: &[u8],
    ) -> Result<Box<dyn Verifier>, CryptoError> {
        let parsed = match algorithm {
            SignatureAlgorithm::EdDsa => {
                ParsedPublicKey::new(&ED25519, ed25519_public(public_key)?.as_bytes())
            }
            SignatureAlgorithm::Es256 => {
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.p256_point(public_key)?)
            }
        };
        Ok(Box::new(AwsVerifier {
            algorithm,
            key: parsed.map_err(|_| CryptoError::InvalidKey)?,
        }))
    }

    fn public_key(
        &self,
        algorithm: SignatureAlgorithm,
        private_key: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        RustCrypto.public_key(algorithm, private_key)
    }

    fn p256_point(&self, sec1: &[u8]) -> Result<Vec<u8>, CryptoError> {
        RustCrypto.p256_point(sec1)
    }
}

struct Ed25519Signer(Ed25519KeyPair);

impl Signer for Ed25519Signer {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EdDsa
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], CryptoError> {
        let signature = self.0.try_sign(message).map_err(|_| CryptoError::Failed)?;
        signature
            .as_ref()
            .try_into()
            .map_err(|_| CryptoError::Failed)
    }
}

struct P256Signer(EcdsaKeyPair);

impl Signer for P256Signer {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::Es256
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], CryptoError> {
        let signature = self
            .0
            .sign(&SystemRandom::new(), message)
            .map_err(|_| CryptoError::Failed)?;
        signature
            .as_ref()
            .try_into()
            .map_err(|_| CryptoError::Failed)
    }
}

struct AwsVerifier {
    algorithm: SignatureAlgorithm,
    key: ParsedPublicKey,
}

impl Verifier for AwsVerifier {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        // RFC 9053 Section 2.1 and RFC 8032 Section 5.1.7: 64 bytes for both algorithms.
        if signature.len() != 64 {
            return Err(CryptoError::SignatureLength {
                got: signature.len(),
            });
        }
        if self.algorithm == SignatureAlgorithm::EdDsa {
            // The other provider refuses an R of small order; no answer may depend on the provider.
            let commitment = signature.get(..32).ok_or(CryptoError::NotAuthentic)?;
            ed25519_public(commitment).map_err(|_| CryptoError::NotAuthentic)?;
        }
        self.key
            .verify_sig(message, signature)
            .map_err(|_| CryptoError::NotAuthentic)
    }
}

impl MacProvider for AwsLc {
    fn hmac_sha256(&self, key: &[u8]) -> Result<Box<dyn MacKey>, CryptoError> {
        if key.is_empty() {
            return Err(CryptoError::KeyLength { got: 0, wanted: 32 });
        }
        Ok(Box::new(AwsMac(hmac::Key::new(hmac::HMAC_SHA256, key))))
    }
}

struct AwsMac(hmac::Key);

impl MacKey for AwsMac {
    fn tag(&self, message: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(&self.0, message);
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        out
    }
}

impl AeadProvider for AwsLc {
    fn key(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
        algorithm.check_key(key)?;
        let gcm = match algorithm {
            AeadAlgorithm::A128Gcm => &AES_128_GCM,
            AeadAlgorithm::A256Gcm => &AES_256_GCM,
            _ => return RustCrypto.key(algorithm, key),
        };
        let key = UnboundKey::new(gcm, key).map_err(|_| CryptoError::InvalidKey)?;
        Ok(Box::new(Gcm {
            algorithm,
            key: LessSafeKey::new(key),
        }))
    }
}

struct Gcm {
    algorithm: AeadAlgorithm,
    key: LessSafeKey,
}

impl AeadKey for Gcm {
    fn algorithm(&self) -> AeadAlgorithm {
        self.algorithm
    }

    fn seal(
        &self,
        nonce: &[u8],
        associated_data: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<(), CryptoError> {
        self.algorithm.check_nonce(nonce)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CryptoError::Failed)?;
        self.key
            .seal_in_place_append_tag(nonce, Aad::from(associated_data), buffer)
            .map_err(|_| CryptoError::TooLong)
    }

    fn open(
        &self,
        nonce: &[u8],
        associated_data: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<(), CryptoError> {
        self.algorithm.check_nonce(nonce)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CryptoError::Failed)?;
        let length = self
            .key
            .open_in_place(nonce, Aad::from(associated_data), buffer)
            .map_err(|_| CryptoError::NotAuthentic)?
            .len();
        buffer.truncate(length);
        Ok(())
    }
}

impl KdfProvider for AwsLc {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        let hash = digest::digest(&digest::SHA256, data);
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(hash.as_ref()) {
            *to = *from;
        }
        out
    }

    fn hkdf_sha256(
        &self,
        key_material: &[u8],
        salt: &[u8],
        info: &[u8],
        out: &mut [u8],
    ) -> Result<(), CryptoError> {
        let length = OutputLength(out.len());
        let key = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(key_material);
        key.expand(&[info], length)
            .and_then(|material| material.fill(out))
            .map_err(|_| CryptoError::TooLong)
    }
}

struct OutputLength(usize);

impl hkdf::KeyType for OutputLength {
    fn len(&self) -> usize {
        self.0
    }
}
