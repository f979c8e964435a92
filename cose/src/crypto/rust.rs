//! The pure Rust provider: ed25519-dalek, p256 and the RustCrypto hashes and ciphers. `no_std`.

use alloc::{boxed::Box, vec::Vec};

use aes::{Aes128, Aes192};
use aes_gcm::{Aes128Gcm, Aes256Gcm, AesGcm};
use ccm::{
    Ccm, KeyInit,
    aead::{AeadInOut, Nonce},
    consts::{U8, U12, U13, U16},
};
use ed25519_dalek::Signer as _;
use hmac::{Hmac, Mac as _};
use p256::ecdsa::signature::Verifier as _;
use sha2::{Digest as _, Sha256};

use super::{
    AeadAlgorithm, AeadKey, AeadProvider, CryptoError, CryptoProvider, KdfProvider, MacKey,
    MacProvider, SignatureAlgorithm, SignatureProvider, Signer, Verifier,
};

/// The provider.
pub const PROVIDER: CryptoProvider = CryptoProvider {
    name: "rust-crypto",
    signature: &RustCrypto,
    mac: &RustCrypto,
    aead: &RustCrypto,
    kdf: &RustCrypto,
};

/// All parts of the pure Rust provider.
#[derive(Debug, Clone, Copy)]
pub struct RustCrypto;

type Ccm8 = Ccm<Aes128, U8, U13>;
type Ccm16 = Ccm<Aes128, U16, U13>;
type Aes192Gcm = AesGcm<Aes192, U12>;

impl SignatureProvider for RustCrypto {
    fn signer(
        &self,
        algorithm: SignatureAlgorithm,
        private_key: &[u8],
    ) -> Result<Box<dyn Signer>, CryptoError> {
        Ok(match algorithm {
            SignatureAlgorithm::EdDsa => Box::new(Ed25519Signer(ed25519_private(private_key)?)),
            SignatureAlgorithm::Es256 => Box::new(P256Signer(p256_private(private_key)?)),
        })
    }

    fn verifier(
        &self,
        algorithm: SignatureAlgorithm,
        public_key: &[u8],
    ) -> Result<Box<dyn Verifier>, CryptoError> {
        Ok(match algorithm {
            SignatureAlgorithm::EdDsa => Box::new(Ed25519Verifier(ed25519_public(public_key)?)),
            SignatureAlgorithm::Es256 => Box::new(P256Verifier(p256_public(public_key)?)),
        })
    }

    fn public_key(
        &self,
        algorithm: SignatureAlgorithm,
        private_key: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        Ok(match algorithm {
            SignatureAlgorithm::EdDsa => ed25519_private(private_key)?
                .verifying_key()
                .as_bytes()
                .to_vec(),
            SignatureAlgorithm::Es256 => p256_private(private_key)?
                .verifying_key()
                .to_sec1_point(false)
                .as_bytes()
                .to_vec(),
        })
    }

    fn p256_point(&self, sec1: &[u8]) -> Result<Vec<u8>, CryptoError> {
        Ok(p256_public(sec1)?.to_sec1_point(false).as_bytes().to_vec())
    }
}

struct Ed25519Signer(ed25519_dalek::SigningKey);

impl Signer for Ed25519Signer {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EdDsa
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], CryptoError> {
        Ok(self
            .0
            .try_sign(message)
            .map_err(|_| CryptoError::Failed)?
            .to_bytes())
    }
}

struct P256Signer(p256::ecdsa::SigningKey);

impl Signer for P256Signer {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::Es256
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], CryptoError> {
        let signature: p256::ecdsa::Signature =
            self.0.try_sign(message).map_err(|_| CryptoError::Failed)?;
        Ok(signature.to_bytes().into())
    }
}

struct Ed25519Verifier(ed25519_dalek::VerifyingKey);

impl Verifier for Ed25519Verifier {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EdDsa
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let bytes: &[u8; 64] = signature
            .try_into()
            .map_err(|_| CryptoError::SignatureLength {
                got: signature.len(),
            })?;
        let signature = ed25519_dalek::Signature::from_bytes(bytes);
        self.0
            .verify_strict(message, &signature)
            .map_err(|_| CryptoError::NotAuthentic)
    }
}

struct P256Verifier(p256::ecdsa::VerifyingKey);

impl Verifier for P256Verifier {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::Es256
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        // RFC 9053 Section 2.1: r and s have the length of the key each, so 64 bytes together.
        if signature.len() != 64 {
            return Err(CryptoError::SignatureLength {
                got: signature.len(),
            });
        }
        let signature =
            p256::ecdsa::Signature::from_slice(signature).map_err(|_| CryptoError::NotAuthentic)?;
        self.0
            .verify(message, &signature)
            .map_err(|_| CryptoError::NotAuthentic)
    }
}

impl MacProvider for RustCrypto {
    fn hmac_sha256(&self, key: &[u8]) -> Result<Box<dyn MacKey>, CryptoError> {
        if key.is_empty() {
            return Err(CryptoError::KeyLength { got: 0, wanted: 32 });
        }
        let state =
            <Hmac<Sha256> as KeyInit>::new_from_slice(key).map_err(|_| CryptoError::InvalidKey)?;
        Ok(Box::new(HmacKey(state)))
    }
}

/// The state after both pads were hashed; cloned for each message.
struct HmacKey(Hmac<Sha256>);

impl MacKey for HmacKey {
    fn tag(&self, message: &[u8]) -> [u8; 32] {
        let mut state = self.0.clone();
        state.update(message);
        state.finalize().into_bytes().into()
    }
}

impl AeadProvider for RustCrypto {
    fn key(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
        algorithm.check_key(key)?;
        Ok(match algorithm {
            AeadAlgorithm::AesCcm16_64_128 => Box::new(Cipher {
                algorithm,
                cipher: expand::<Ccm8>(key)?,
            }),
            AeadAlgorithm::AesCcm16_128_128 => Box::new(Cipher {
                algorithm,
                cipher: expand::<Ccm16>(key)?,
            }),
            AeadAlgorithm::A128Gcm => Box::new(Cipher {
                algorithm,
                cipher: expand::<Aes128Gcm>(key)?,
            }),
            AeadAlgorithm::A192Gcm => Box::new(Cipher {
                algorithm,
                cipher: expand::<Aes192Gcm>(key)?,
            }),
            AeadAlgorithm::A256Gcm => Box::new(Cipher {
                algorithm,
                cipher: expand::<Aes256Gcm>(key)?,
            }),
        })
    }
}

struct Cipher<C> {
    algorithm: AeadAlgorithm,
    cipher: C,
}

impl<C: AeadInOut + Send + Sync> AeadKey for Cipher<C> {
    fn algorithm(&self) -> AeadAlgorithm {
        self.algorithm
    }

    fn seal(
        &self,
        nonce: &[u8],
        associated_data: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<(), CryptoError> {
        let nonce = self.nonce(nonce)?;
        self.cipher
            .encrypt_in_place(nonce, associated_data, buffer)
            .map_err(|_| CryptoError::TooLong)
    }

    fn open(
        &self,
        nonce: &[u8],
        associated_data: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<(), CryptoError> {
        let nonce = self.nonce(nonce)?;
        self.cipher
            .decrypt_in_place(nonce, associated_data, buffer)
            .map_err(|_| CryptoError::NotAuthentic)
    }
}

impl<C: AeadInOut> Cipher<C> {
    fn nonce<'a>(&self, nonce: &'a [u8]) -> Result<&'a Nonce<C>, CryptoError> {
        self.algorithm.check_nonce(nonce)?;
        nonce.try_into().map_err(|_| CryptoError::NonceLength {
            got: nonce.len(),
            wanted: self.algorithm.nonce_length(),
        })
    }
}

impl KdfProvider for RustCrypto {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        Sha256::digest(data).into()
    }

    fn hkdf_sha256(
        &self,
        key_material: &[u8],
        salt: &[u8],
        info: &[u8],
        out: &mut [u8],
    ) -> Result<(), CryptoError> {
        hkdf::Hkdf::<Sha256>::new(Some(salt), key_material)
            .expand(info, out)
            .map_err(|_| CryptoError::TooLong)
    }
}

/// Refuses small-order points, which verify for more than one message (RFC 8032 Section 5.1.7 leaves it open).
pub(super) fn ed25519_public(bytes: &[u8]) -> Result<ed25519_dalek::VerifyingKey, CryptoError> {
    let bytes = bytes.try_into().map_err(|_| CryptoError::KeyLength {
        got: bytes.len(),
        wanted: 32,
    })?;
    let key =
        ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| CryptoError::InvalidKey)?;
    if key.is_weak() {
        Err(CryptoError::InvalidKey)
    } else {
        Ok(key)
    }
}

fn ed25519_private(bytes: &[u8]) -> Result<ed25519_dalek::SigningKey, CryptoError> {
    let bytes = bytes.try_into().map_err(|_| CryptoError::KeyLength {
        got: bytes.len(),
        wanted: 32,
    })?;
    Ok(ed25519_dalek::SigningKey::from_bytes(bytes))
}

fn p256_public(sec1: &[u8]) -> Result<p256::ecdsa::VerifyingKey, CryptoError> {
    match sec1.len() {
        33 | 65 => {
            p256::ecdsa::VerifyingKey::from_sec1_bytes(sec1).map_err(|_| CryptoError::InvalidKey)
        }
        got => Err(CryptoError::KeyLength { got, wanted: 65 }),
    }
}

fn p256_private(bytes: &[u8]) -> Result<p256::ecdsa::SigningKey, CryptoError> {
    if bytes.len() != 32 {
        return Err(CryptoError::KeyLength {
            got: bytes.len(),
            wanted: 32,
        });
    }
    p256::ecdsa::SigningKey::from_slice(bytes).map_err(|_| CryptoError::InvalidKey)
}

fn expand<C: KeyInit>(key: &[u8]) -> Result<C, CryptoError> {
    C::new_from_slice(key).map_err(|_| CryptoError::KeyLength {
        got: key.len(),
        wanted: C::key_size(),
    })
}
