//! Keys prepared for one algorithm and one direction. Making one is the only way to use a [`CoseKey`], and it is
//! here that RFC 9052 Section 7.1 is obeyed: the type fits the algorithm, `alg` and `key_ops` allow the use.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use super::{CoseKey, KeyError, KeyOperation, SymmetricKey};
use crate::{
    crypto::{
        AeadAlgorithm, AeadKey, CryptoError, CryptoProvider, MacAlgorithm, MacKey,
        SignatureAlgorithm, Signer, Verifier,
    },
    registry::key as number,
};

/// A private key that signs, with the `kid` that its signatures carry.
pub struct SigningKey {
    pub(crate) signer: Box<dyn Signer>,
    kid: Option<Vec<u8>>,
}

/// A public key that verifies signatures.
pub struct VerifyingKey {
    pub(crate) verifier: Box<dyn Verifier>,
    kid: Option<Vec<u8>>,
}

/// A symmetric key that creates MACs.
pub struct MacCreationKey {
    algorithm: MacAlgorithm,
    pub(crate) key: Box<dyn MacKey>,
    kid: Option<Vec<u8>>,
}

/// A symmetric key that verifies MACs.
pub struct MacVerificationKey {
    algorithm: MacAlgorithm,
    pub(crate) key: Box<dyn MacKey>,
    kid: Option<Vec<u8>>,
}

/// A symmetric key that encrypts.
pub struct EncryptionKey {
    pub(crate) key: Box<dyn AeadKey>,
    kid: Option<Vec<u8>>,
}

/// A symmetric key that decrypts.
pub struct DecryptionKey {
    pub(crate) key: Box<dyn AeadKey>,
    pub(crate) base_iv: Option<Vec<u8>>,
    kid: Option<Vec<u8>>,
}

impl CoseKey {
    /// Prepares the key to sign with `algorithm`.
    ///
    /// # Errors
    /// [`KeyError`] when the key does not fit, may not sign, has no private part, or is no pair.
    pub fn signing_key(
        &self,
        provider: &CryptoProvider,
        algorithm: SignatureAlgorithm,
    ) -> Result<SigningKey, KeyError> {
        self.permit(
            signature_kty(algorithm),
            algorithm.to_cose(),
            KeyOperation::Sign,
        )?;
        let private = match self {
            Self::Ec2(key) => key.private.as_ref(),
            Self::Okp(key) => key.private.as_ref(),
            Self::Symmetric(_) => None,
        };
        let private = private.ok_or(KeyError::NoSecret)?;
        if provider
            .signature
            .public_key(algorithm, private.as_slice())?
            != self.public_octets(provider)?
        {
            return Err(KeyError::PairMismatch);
        }
        let signer = provider.signature.signer(algorithm, private.as_slice())?;
        Ok(SigningKey {
            signer,
            kid: self.attributes().kid.clone(),
        })
    }

    /// Prepares the key to verify signatures of `algorithm`.
    ///
    /// # Errors
    /// [`KeyError`] when the key does not fit, may not verify, or its point is not on the curve.
    pub fn verifying_key(
        &self,
        provider: &CryptoProvider,
        algorithm: SignatureAlgorithm,
    ) -> Result<VerifyingKey, KeyError> {
        self.permit(
            signature_kty(algorithm),
            algorithm.to_cose(),
            KeyOperation::Verify,
        )?;
        let verifier = match provider
            .signature
            .verifier(algorithm, &self.public_octets(provider)?)
        {
            Err(CryptoError::InvalidKey) => return Err(KeyError::NotAPoint),
            other => other?,
        };
        Ok(VerifyingKey {
            verifier,
            kid: self.attributes().kid.clone(),
        })
    }

    /// Prepares the key to create MACs.
    ///
    /// # Errors
    /// [`KeyError`] when the key does not fit, may not create MACs, or is shorter than 32 bytes.
    pub fn mac_creation_key(
        &self,
        provider: &CryptoProvider,
        algorithm: MacAlgorithm,
    ) -> Result<MacCreationKey, KeyError> {
        let key = self.mac_key(provider, algorithm, KeyOperation::MacCreate)?;
        Ok(MacCreationKey {
            algorithm,
            key,
            kid: self.attributes().kid.clone(),
        })
    }

    /// Prepares the key to verify MACs.
    ///
    /// # Errors
    /// [`KeyError`] when the key does not fit, may not verify MACs, or is shorter than 32 bytes.
    pub fn mac_verification_key(
        &self,
        provider: &CryptoProvider,
        algorithm: MacAlgorithm,
    ) -> Result<MacVerificationKey, KeyError> {
        let key = self.mac_key(provider, algorithm, KeyOperation::MacVerify)?;
        Ok(MacVerificationKey {
            algorithm,
            key,
            kid: self.attributes().kid.clone(),
        })
    }

    /// Prepares the key to encrypt.
    ///
    /// # Errors
    /// [`KeyError`] when the key does not fit, may not encrypt, or has the wrong length.
    pub fn encryption_key(
        &self,
        provider: &CryptoProvider,
        algorithm: AeadAlgorithm,
    ) -> Result<EncryptionKey, KeyError> {
        let (_, value) = self.symmetric_for(algorithm.to_cose(), KeyOperation::Encrypt)?;
        Ok(EncryptionKey {
            key: provider.aead.key(algorithm, value)?,
            kid: self.attributes().kid.clone(),
        })
    }

    /// Prepares the key to decrypt.
    ///
    /// # Errors
    /// [`KeyError`] when the key does not fit, may not decrypt, or has the wrong length.
    pub fn decryption_key(
        &self,
        provider: &CryptoProvider,
        algorithm: AeadAlgorithm,
    ) -> Result<DecryptionKey, KeyError> {
        let (key, value) = self.symmetric_for(algorithm.to_cose(), KeyOperation::Decrypt)?;
        Ok(DecryptionKey {
            key: provider.aead.key(algorithm, value)?,
            base_iv: key.base_iv.clone(),
            kid: self.attributes().kid.clone(),
        })
    }

    /// Checks that the key may be used for `operation` with the COSE algorithm `algorithm`, whose keys have type
    /// `kty`.
    ///
    /// # Errors
    /// [`KeyError::WrongKeyType`], [`KeyError::WrongAlgorithm`], [`KeyError::OperationNotAllowed`].
    pub fn permit(
        &self,
        kty: i64,
        algorithm: i64,
        operation: KeyOperation,
    ) -> Result<(), KeyError> {
        // RFC 9052 Section 7.1: the key type fits the algorithm.
        if self.kty() != kty {
            return Err(KeyError::WrongKeyType {
                got: self.kty(),
                wanted: kty,
            });
        }
        // RFC 9052 Section 7.1: a key with alg is used with that algorithm only.
        match self.attributes().alg {
            Some(got) if got != algorithm => {
                return Err(KeyError::WrongAlgorithm {
                    got,
                    wanted: algorithm,
                });
            }
            _ => {}
        }
        // RFC 9052 Section 7.1: key_ops restricts the operations.
        match &self.attributes().key_ops {
            Some(allowed) if !allowed.contains(&operation) => {
                Err(KeyError::OperationNotAllowed(operation))
            }
            _ => Ok(()),
        }
    }

    fn mac_key(
        &self,
        provider: &CryptoProvider,
        algorithm: MacAlgorithm,
        operation: KeyOperation,
    ) -> Result<Box<dyn MacKey>, KeyError> {
        let (_, value) = self.symmetric_for(algorithm.to_cose(), operation)?;
        if value.len() < algorithm.key_length() {
            let (got, wanted) = (value.len(), algorithm.key_length());
            return Err(CryptoError::KeyLength { got, wanted }.into());
        }
        Ok(provider.mac.hmac_sha256(value)?)
    }

    fn symmetric_for(
        &self,
        algorithm: i64,
        operation: KeyOperation,
    ) -> Result<(&SymmetricKey, &[u8]), KeyError> {
        self.permit(number::KTY_SYMMETRIC, algorithm, operation)?;
        match self {
            Self::Symmetric(key) => Ok((
                key,
                key.value.as_ref().ok_or(KeyError::NoSecret)?.as_slice(),
            )),
            _ => Err(KeyError::WrongKeyType {
                got: self.kty(),
                wanted: number::KTY_SYMMETRIC,
            }),
        }
    }

    /// The public key as providers take it.
    fn public_octets(&self, provider: &CryptoProvider) -> Result<Vec<u8>, KeyError> {
        match self {
            Self::Symmetric(_) => Err(KeyError::WrongKeyType {
                got: self.kty(),
                wanted: number::KTY_EC2,
            }),
            Self::Ec2(key) => key.point(provider),
            Self::Okp(key) => Ok(key.x.to_vec()),
        }
    }
}

fn signature_kty(algorithm: SignatureAlgorithm) -> i64 {
    match algorithm {
        SignatureAlgorithm::EdDsa => number::KTY_OKP,
        SignatureAlgorithm::Es256 => number::KTY_EC2,
    }
}

impl SigningKey {
    /// A key that somebody else holds, for instance a hardware module.
    #[must_use]
    pub fn from_signer(signer: Box<dyn Signer>, kid: Option<Vec<u8>>) -> Self {
        Self { signer, kid }
    }

    /// The algorithm of the signatures.
    #[must_use]
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.signer.algorithm()
    }
}

impl VerifyingKey {
    /// The algorithm of the signatures.
    #[must_use]
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.verifier.algorithm()
    }
}

impl MacCreationKey {
    /// The algorithm of the MACs.
    #[must_use]
    pub fn algorithm(&self) -> MacAlgorithm {
        self.algorithm
    }
}

impl MacVerificationKey {
    /// The algorithm of the MACs.
    #[must_use]
    pub fn algorithm(&self) -> MacAlgorithm {
        self.algorithm
    }
}

impl EncryptionKey {
    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> AeadAlgorithm {
        self.key.algorithm()
    }
}

impl DecryptionKey {
    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> AeadAlgorithm {
        self.key.algorithm()
    }
}

/// `kid` and a `Debug` without key bytes for every prepared key.
macro_rules! prepared {
    ($($name:ident),*) => {$(
        impl $name {
            /// The key identifier.
            #[must_use]
            pub fn kid(&self) -> Option<&[u8]> {
                self.kid.as_deref()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("algorithm", &self.algorithm())
                    .field("kid", &self.kid)
                    .finish_non_exhaustive()
            }
        }
    )*};
}

prepared!(
    SigningKey,
    VerifyingKey,
    MacCreationKey,
    MacVerificationKey,
    EncryptionKey,
    DecryptionKey
);
