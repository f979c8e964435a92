//! The pure Rust provider: RustCrypto.

mod ccm;
mod curve;
mod signature;

use alloc::boxed::Box;

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit, consts::U12};
use chacha20poly1305::ChaCha20Poly1305;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use super::{
    AeadAlgorithm, AeadProvider, CryptoError, CryptoProvider, HashContext, HashProvider, NONCE,
};

pub use curve::RustKeyExchange;
pub use signature::{Ed25519Key, P256Key, RustSignature};

/// The provider.
pub const PROVIDER: CryptoProvider = CryptoProvider {
    name: "rust",
    hash: &RustHash,
    aead: &RustAead,
    key_exchange: &RustKeyExchange,
    signature: &RustSignature,
};

type HmacSha256 = Hmac<Sha256>;

/// SHA-256 by `sha2`, HMAC by `hmac`.
#[derive(Debug)]
pub struct RustHash;

#[derive(Clone)]
struct Context(Sha256);

impl HashContext for Context {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn current(&self) -> [u8; 32] {
        self.0.clone().finalize().into()
    }
}

impl HashProvider for RustHash {
    fn start(&self) -> Box<dyn HashContext> {
        Box::new(Context(Sha256::new()))
    }

    fn hmac(&self, key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        tag(keyed(key), parts)
    }

    fn prf(&self, secret: &[u8], label: &[u8], seed: &[&[u8]], output: &mut [u8]) {
        // RFC 5246 Section 5: P_hash(secret, seed) = HMAC(secret, A(1) + seed) + HMAC(secret, A(2) + seed) + ..,
        // A(0) = label + seed, A(i) = HMAC(secret, A(i-1)). The keyed state is computed once.
        let keyed = keyed(secret);
        let mut chain = tag_labelled(keyed.clone(), &[], label, seed);
        let mut blocks = output.chunks_mut(32).peekable();
        while let Some(block) = blocks.next() {
            let mut bytes = tag_labelled(keyed.clone(), &chain, label, seed);
            block
                .iter_mut()
                .zip(bytes)
                .for_each(|(to, from)| *to = from);
            bytes.zeroize();
            if blocks.peek().is_some() {
                chain = tag(keyed.clone(), &[&chain]);
            }
        }
        chain.zeroize();
    }
}

/// HMAC takes keys of any length: longer ones are hashed (RFC 2104 Section 2).
fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).unwrap_or_else(|_| HmacSha256::new(&Default::default()))
}

fn tag(mut hmac: HmacSha256, parts: &[&[u8]]) -> [u8; 32] {
    parts.iter().for_each(|part| hmac.update(part));
    hmac.finalize().into_bytes().into()
}

fn tag_labelled(mut hmac: HmacSha256, chain: &[u8], label: &[u8], seed: &[&[u8]]) -> [u8; 32] {
    hmac.update(chain);
    hmac.update(label);
    tag(hmac, seed)
}

/// AES-CCM on the blocks of `aes`, AES-GCM by `aes-gcm`, ChaCha20-Poly1305 by `chacha20poly1305`.
#[derive(Debug)]
pub struct RustAead;

impl AeadProvider for RustAead {
    fn seal(
        &self,
        algorithm: AeadAlgorithm,
        key: &[u8],
        nonce: &[u8; NONCE],
        additional: &[u8],
        buffer: &mut [u8],
    ) -> Result<[u8; 16], CryptoError> {
        match algorithm {
            AeadAlgorithm::Aes128Ccm8 => ccm::seal(key, nonce, additional, buffer),
            AeadAlgorithm::Aes128Gcm => seal::<Aes128Gcm>(key, nonce, additional, buffer),
            AeadAlgorithm::ChaCha20Poly1305 => {
                seal::<ChaCha20Poly1305>(key, nonce, additional, buffer)
            }
        }
    }

    fn open(
        &self,
        algorithm: AeadAlgorithm,
        key: &[u8],
        nonce: &[u8; NONCE],
        additional: &[u8],
        buffer: &mut [u8],
        tag: &[u8],
    ) -> Result<(), CryptoError> {
        match algorithm {
            AeadAlgorithm::Aes128Ccm8 => ccm::open(key, nonce, additional, buffer, tag),
            AeadAlgorithm::Aes128Gcm => open::<Aes128Gcm>(key, nonce, additional, buffer, tag),
            AeadAlgorithm::ChaCha20Poly1305 => {
                open::<ChaCha20Poly1305>(key, nonce, additional, buffer, tag)
            }
        }
    }
}

fn seal<A>(
    key: &[u8],
    nonce: &[u8; NONCE],
    additional: &[u8],
    buffer: &mut [u8],
) -> Result<[u8; 16], CryptoError>
where
    A: KeyInit + AeadInOut<NonceSize = U12>,
{
    let aead = A::new_from_slice(key).map_err(|_| CryptoError)?;
    let tag = aead
        .encrypt_inout_detached(nonce.into(), additional, buffer.into())
        .map_err(|_| CryptoError)?;
    let mut bytes = [0; 16];
    bytes
        .iter_mut()
        .zip(tag.as_slice())
        .for_each(|(to, from)| *to = *from);
    Ok(bytes)
}

fn open<A>(
    key: &[u8],
    nonce: &[u8; NONCE],
    additional: &[u8],
    buffer: &mut [u8],
    tag: &[u8],
) -> Result<(), CryptoError>
where
    A: KeyInit + AeadInOut<NonceSize = U12>,
{
    let aead = A::new_from_slice(key).map_err(|_| CryptoError)?;
    let tag = tag.try_into().map_err(|_| CryptoError)?;
    aead.decrypt_inout_detached(nonce.into(), additional, buffer.into(), tag)
        .map_err(|_| CryptoError)
}
