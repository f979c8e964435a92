//! The public key or certificate of this device, as token requests name it.

use motekey_coap::dtls::{CertifiedKey, KeyPair};
use motekey_cose::confirmation::{CertificateHash, Confirmation};
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::CoseKey;

use crate::error::Error;

/// What tokens can be bound to: the public key of a key pair of this device, or its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OwnKey {
    /// A raw public key.
    Public {
        /// SubjectPublicKeyInfo, DER.
        info: Vec<u8>,
        /// What the authorization server knows the key by.
        key_id: Option<Vec<u8>>,
        by_value: CoseKey,
    },
    /// A certificate.
    Certificate(CertificateHash),
}

impl OwnKey {
    /// # Errors
    /// [`Error::Configuration`]: not a key that the profile can use.
    pub(crate) fn new(pair: &KeyPair, key_id: Option<&[u8]>) -> Result<Self, Error> {
        let info = pair.public_key_info().to_vec();
        let by_value = CoseKey::from_public_key_info(&PROVIDER, &info, key_id).map_err(|_| {
            Error::Configuration(
                "the public key of this device is neither on P-256 nor an Ed25519 key".into(),
            )
        })?;
        Ok(Self::Public {
            info,
            key_id: key_id.map(<[u8]>::to_vec),
            by_value,
        })
    }

    /// # Errors
    /// [`Error::Configuration`]: there is no certificate.
    pub(crate) fn of_certificate(own: &CertifiedKey) -> Result<Self, Error> {
        certificate_hash(own)
            .map(Self::Certificate)
            .ok_or_else(|| Error::Configuration("the certificate of this device is missing".into()))
    }

    /// SubjectPublicKeyInfo of a raw public key.
    pub(crate) fn info(&self) -> Option<&[u8]> {
        match self {
            Self::Public { info, .. } => Some(info),
            Self::Certificate(_) => None,
        }
    }

    /// What the authorization server knows a raw public key by.
    pub(crate) fn key_id(&self) -> Option<&[u8]> {
        match self {
            Self::Public { key_id, .. } => key_id.as_deref(),
            Self::Certificate(_) => None,
        }
    }

    /// The certificate.
    pub(crate) fn certificate(&self) -> Option<CertificateHash> {
        match self {
            Self::Public { .. } => None,
            Self::Certificate(hash) => Some(*hash),
        }
    }

    /// `req_cnf`: by its identifier if the authorization server has one, else by value. A certificate is named by its
    /// hash: the authorization server sees it in the handshake.
    pub(crate) fn requested(&self) -> Confirmation {
        match self {
            // RFC 9202 Section 3.2.1: the public key, or an identifier that the authorization server knows.
            Self::Public {
                key_id: Some(key_id),
                ..
            } => Confirmation::KeyId(key_id.clone()),
            Self::Public { by_value, .. } => Confirmation::Key(by_value.clone()),
            // draft-ietf-ace-authcred-dtls-profile-04 Section 3: x5t for a certificate by reference.
            Self::Certificate(hash) => Confirmation::CertificateHash(*hash),
        }
    }
}

/// The hash of the end-entity certificate.
pub(crate) fn certificate_hash(own: &CertifiedKey) -> Option<CertificateHash> {
    let first = own.chain.first()?;
    Some(CertificateHash::of_certificate(&PROVIDER, first))
}
