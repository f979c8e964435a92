//! A faster provider on aws-lc-rs, for servers: needs `std` and a C compiler. Key exchange and signatures are those
//! of AWS-LC; hash, PRF and AEAD are those of the pure Rust provider, which are faster on short records.

use alloc::boxed::Box;
use alloc::vec::Vec;

use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ED25519};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair};
use zeroize::Zeroizing;

use super::rust;
use super::{
    CryptoError, CryptoProvider, ED25519_PREFIX, EphemeralKey, KeyExchangeProvider, NamedGroup,
    P256_PREFIX, RandomSource, SignatureScheme, SignatureVerifier, SigningKey,
};

/// The provider.
pub const PROVIDER: CryptoProvider = CryptoProvider {
    name: "aws-lc",
    key_exchange: &AwsLcKeyExchange,
    signature: &AwsLcSignature,
    ..rust::PROVIDER
};

/// Ephemeral keys by AWS-LC, from randomness of the caller.
#[derive(Debug)]
pub struct AwsLcKeyExchange;

/// How often a scalar is drawn: one in 2^32 is not below the order of P-256.
const ATTEMPTS: usize = 8;

const fn algorithm(group: NamedGroup) -> &'static agreement::Algorithm {
    match group {
        NamedGroup::Secp256r1 => &ECDH_P256,
        NamedGroup::X25519 => &X25519,
    }
}

impl KeyExchangeProvider for AwsLcKeyExchange {
    fn generate(
        &self,
        group: NamedGroup,
        random: &mut dyn RandomSource,
    ) -> Result<Box<dyn EphemeralKey>, CryptoError> {
        let mut secret = Zeroizing::new([0; 32]);
        for _ in 0..ATTEMPTS {
            random.fill(&mut *secret).map_err(|_| CryptoError)?;
            if let Ok(key) = PrivateKey::from_private_key(algorithm(group), &*secret) {
                let public = key
                    .compute_public_key()
                    .map_err(|_| CryptoError)?
                    .as_ref()
                    .to_vec();
                return Ok(Box::new(Ephemeral { group, key, public }));
            }
        }
        Err(CryptoError)
    }
}

struct Ephemeral {
    group: NamedGroup,
    key: PrivateKey,
    public: Vec<u8>,
}

impl EphemeralKey for Ephemeral {
    fn public(&self) -> &[u8] {
        &self.public
    }

    fn agree(self: Box<Self>, peer: &[u8]) -> Result<Zeroizing<[u8; 32]>, CryptoError> {
        // RFC 8422 Section 5.1.2: uncompressed points only; Section 5.11: AWS-LC checks that they are on the curve,
        // and that the shared secret of X25519 is not zero.
        if self.group == NamedGroup::Secp256r1 && peer.first() != Some(&4) {
            return Err(CryptoError);
        }
        let peer = UnparsedPublicKey::new(algorithm(self.group), peer);
        agreement::agree(&self.key, peer, CryptoError, |shared| {
            let mut bytes = Zeroizing::new([0; 32]);
            if shared.len() != bytes.len() {
                return Err(CryptoError);
            }
            bytes.copy_from_slice(shared);
            Ok(bytes)
        })
    }
}

/// Signatures of peers, verified by AWS-LC. Keys are taken in exactly the form that DER gives them.
#[derive(Debug)]
pub struct AwsLcSignature;

impl SignatureVerifier for AwsLcSignature {
    fn verify(
        &self,
        scheme: SignatureScheme,
        public_key_info: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        let (algorithm, prefix, length): (&dyn signature::VerificationAlgorithm, &[u8], usize) =
            match scheme {
                SignatureScheme::EcdsaSecp256r1Sha256 => {
                    (&ECDSA_P256_SHA256_ASN1, &P256_PREFIX, 65)
                }
                SignatureScheme::Ed25519 => (&ED25519, &ED25519_PREFIX, 32),
            };
        let key = public_key_info
            .strip_prefix(prefix)
            .filter(|key| key.len() == length)
            .ok_or(CryptoError)?;
        algorithm
            .verify_sig(key, message, signature)
            .map_err(|_| CryptoError)
    }
}

/// A P-256 key that signs by AWS-LC; nonces come from its random generator.
pub struct P256Key {
    key: EcdsaKeyPair,
    public_key_info: Vec<u8>,
}

impl P256Key {
    /// The key of a scalar, 32 bytes, big-endian.
    ///
    /// # Errors
    /// Zero, or not below the order of the group.
    pub fn new(scalar: &[u8; 32]) -> Result<Self, CryptoError> {
        let public_key_info = rust::P256Key::new(scalar)?.public_key_info().to_vec();
        let point = public_key_info
            .strip_prefix(&P256_PREFIX)
            .ok_or(CryptoError)?;
        let key = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_ASN1_SIGNING,
            scalar,
            point,
        );
        Ok(Self {
            key: key.map_err(|_| CryptoError)?,
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
        let signature = self
            .key
            .sign(&SystemRandom::new(), message)
            .map_err(|_| CryptoError)?;
        Ok(signature.as_ref().to_vec())
    }
}

/// An Ed25519 key that signs by AWS-LC.
pub struct Ed25519Key {
    key: Ed25519KeyPair,
    public_key_info: Vec<u8>,
}

impl Ed25519Key {
    /// The key of a seed of 32 bytes (RFC 8032 Section 5.1.5).
    ///
    /// # Errors
    /// AWS-LC refuses it.
    pub fn new(seed: &[u8; 32]) -> Result<Self, CryptoError> {
        let key = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| CryptoError)?;
        let public = signature::KeyPair::public_key(&key).as_ref().to_vec();
        let public_key_info = [&ED25519_PREFIX[..], &public].concat();
        Ok(Self {
            key,
            public_key_info,
        })
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
        Ok(self.key.sign(message).as_ref().to_vec())
    }
}
