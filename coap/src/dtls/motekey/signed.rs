//! Key pairs, certificates and their checks in the words of `motekey-dtls`.

use std::sync::Arc;

#[cfg(feature = "aws-lc")]
use motekey_dtls::crypto::aws_lc::P256Key;
use motekey_dtls::crypto::rust::Ed25519Key;
#[cfg(not(feature = "aws-lc"))]
use motekey_dtls::crypto::rust::P256Key;
use motekey_dtls::crypto::{CryptoError, SigningKey};
use motekey_dtls::x509::{Clock, VerifierError, WebPkiVerifier};

use super::FASTEST;
use crate::dtls::{
    CertificateCheck, CertificateError, CertificateVerifier, CertifiedKey, CredentialSource,
    KeyPair, SignatureScheme, Signer, SigningError,
};

impl KeyPair {
    /// The P-256 key pair of a scalar, 32 bytes, big-endian. The private key is kept in memory; with the feature
    /// `aws-lc` it signs by AWS-LC.
    ///
    /// # Errors
    /// Zero, or not below the order of the group.
    pub fn p256(scalar: &[u8; 32]) -> Result<Self, SigningError> {
        P256Key::new(scalar)
            .map(|key| Self::new(Local(key)))
            .map_err(|CryptoError| SigningError)
    }

    /// The Ed25519 key pair of a seed (RFC 8032 Section 5.1.5). The private key is kept in memory.
    pub fn ed25519(seed: &[u8; 32]) -> Self {
        Self::new(Local(Ed25519Key::new(seed)))
    }
}

impl CertificateCheck {
    /// For a server: accepts chains of clients (extended key usage clientAuth, if there is one) to one of the
    /// anchors (DER). `clock` gives seconds since 1970-01-01 UTC; without the time no chain is accepted. Which of
    /// these clients may connect, [`CredentialSource::certificate`] says.
    ///
    /// # Errors
    /// An anchor is not a certificate.
    pub fn of_clients(anchors: &[&[u8]], clock: Clock) -> Result<Self, VerifierError> {
        WebPkiVerifier::clients(FASTEST, anchors, clock)
            .map(|verifier| Self::new(Validation(verifier)))
    }

    /// For a client: accepts chains of the server `name`, a DNS name or an IP address, to one of the anchors (DER).
    /// `clock` as in [`CertificateCheck::of_clients`].
    ///
    /// # Errors
    /// An anchor is not a certificate, or the name is none.
    pub fn of_server(anchors: &[&[u8]], name: &str, clock: Clock) -> Result<Self, VerifierError> {
        WebPkiVerifier::server(FASTEST, anchors, name, clock)
            .map(|verifier| Self::new(Validation(verifier)))
    }
}

/// A key in memory, for the seam.
struct Local<K>(K);

impl<K: SigningKey> Signer for Local<K> {
    fn scheme(&self) -> SignatureScheme {
        match self.0.scheme() {
            motekey_dtls::crypto::SignatureScheme::EcdsaSecp256r1Sha256 => {
                SignatureScheme::EcdsaP256
            }
            motekey_dtls::crypto::SignatureScheme::Ed25519 => SignatureScheme::Ed25519,
        }
    }

    fn public_key_info(&self) -> &[u8] {
        self.0.public_key_info()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        self.0.sign(message).map_err(|CryptoError| SigningError)
    }
}

/// A key pair of the seam, for `motekey-dtls`.
struct Foreign(KeyPair);

impl SigningKey for Foreign {
    fn scheme(&self) -> motekey_dtls::crypto::SignatureScheme {
        match self.0.scheme() {
            SignatureScheme::EcdsaP256 => {
                motekey_dtls::crypto::SignatureScheme::EcdsaSecp256r1Sha256
            }
            SignatureScheme::Ed25519 => motekey_dtls::crypto::SignatureScheme::Ed25519,
        }
    }

    fn public_key_info(&self) -> &[u8] {
        self.0.public_key_info()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.0.sign(message).map_err(|SigningError| CryptoError)
    }
}

pub(super) fn signing_key(key: &KeyPair) -> Arc<dyn SigningKey> {
    Arc::new(Foreign(key.clone()))
}

pub(super) fn certified_key(own: &CertifiedKey) -> motekey_dtls::CertifiedKey {
    motekey_dtls::CertifiedKey {
        chain: own.chain.clone(),
        key: signing_key(&own.key),
    }
}

/// A verifier of `motekey-dtls`, for the seam.
struct Validation(WebPkiVerifier);

impl CertificateVerifier for Validation {
    fn verify(&self, chain: &[&[u8]]) -> Result<Vec<u8>, CertificateError> {
        motekey_dtls::CertificateVerifier::verify(&self.0, chain).map_err(|error| match error {
            motekey_dtls::CertificateError::Bad => CertificateError::Bad,
            motekey_dtls::CertificateError::Expired => CertificateError::Expired,
            motekey_dtls::CertificateError::UnknownAuthority => CertificateError::UnknownAuthority,
            motekey_dtls::CertificateError::NotAcceptable => CertificateError::NotAcceptable,
        })
    }
}

/// The check of a server's chain, for `motekey-dtls`.
pub(super) struct ServerCheck(pub(super) CertificateCheck);

impl motekey_dtls::CertificateVerifier for ServerCheck {
    fn verify(&self, chain: &[&[u8]]) -> Result<Vec<u8>, motekey_dtls::CertificateError> {
        self.0.verify(chain).map_err(certificate_error)
    }
}

/// The check of a client's chain, and whether this client may connect.
pub(super) struct ClientCheck {
    pub(super) check: CertificateCheck,
    pub(super) credentials: Arc<dyn CredentialSource>,
}

impl motekey_dtls::CertificateVerifier for ClientCheck {
    fn verify(&self, chain: &[&[u8]]) -> Result<Vec<u8>, motekey_dtls::CertificateError> {
        let public_key_info = self.check.verify(chain).map_err(certificate_error)?;
        if self.credentials.certificate(chain) {
            Ok(public_key_info)
        } else {
            Err(motekey_dtls::CertificateError::NotAcceptable)
        }
    }
}

const fn certificate_error(error: CertificateError) -> motekey_dtls::CertificateError {
    match error {
        CertificateError::Bad => motekey_dtls::CertificateError::Bad,
        CertificateError::Expired => motekey_dtls::CertificateError::Expired,
        CertificateError::UnknownAuthority => motekey_dtls::CertificateError::UnknownAuthority,
        CertificateError::NotAcceptable => motekey_dtls::CertificateError::NotAcceptable,
    }
}
