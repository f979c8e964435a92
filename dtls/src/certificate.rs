//! Certificate messages of either end: types, own keys, the peer's.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::codec::key_exchange::{Signed, certificate_chain, raw_public_key};
use crate::codec::{TooLong, Writer};
use crate::credentials::{CertificateVerifier, CertifiedKey, PeerIdentity};
use crate::crypto::{CryptoError, CryptoProvider, SignatureScheme, SigningKey};
use crate::error::HandshakeError;
use crate::schedule::Randoms;

/// Longest chain that is taken; RFC 7925 Section 4.4.4 wants three at the least.
const MAX_CHAIN: usize = 8;

/// A `CertificateType` (RFC 7250 Section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum CertificateType {
    X509 = 0,
    RawPublicKey = 2,
}

impl CertificateType {
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }

    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::X509),
            2 => Some(Self::RawPublicKey),
            _ => None,
        }
    }

    /// The types in a ServerHello extension: one byte; X.509 if there is none (RFC 7250 Section 4.2).
    pub(crate) fn selected(extension: Option<&[u8]>) -> Result<Self, HandshakeError> {
        match extension {
            None => Ok(Self::X509),
            Some([number]) => Self::from_number(*number).ok_or(HandshakeError::Illegal(
                "a certificate type that was not offered",
            )),
            Some(_) => Err(HandshakeError::Illegal(
                "a certificate type of wrong length",
            )),
        }
    }
}

/// What we show, and the key that proves it.
#[derive(Clone)]
pub(crate) struct OwnCertificate {
    pub(crate) kind: CertificateType,
    pub(crate) key: Arc<dyn SigningKey>,
    chain: Vec<Vec<u8>>,
}

impl OwnCertificate {
    pub(crate) fn raw(key: &Arc<dyn SigningKey>) -> Self {
        Self {
            kind: CertificateType::RawPublicKey,
            key: Arc::clone(key),
            chain: Vec::new(),
        }
    }

    pub(crate) fn x509(own: &CertifiedKey) -> Self {
        Self {
            kind: CertificateType::X509,
            key: Arc::clone(&own.key),
            chain: own.chain.clone(),
        }
    }

    /// The body of a Certificate message (RFC 7250 Section 3, RFC 5246 Section 7.4.2).
    pub(crate) fn body(&self) -> Result<Vec<u8>, TooLong> {
        let mut body = Vec::new();
        match self.kind {
            // RFC 7250 Section 3: the payload MUST be the DER encoding of SubjectPublicKeyInfo.
            CertificateType::RawPublicKey => body.put_vec24(self.key.public_key_info())?,
            CertificateType::X509 => {
                let mut list = Vec::new();
                self.chain
                    .iter()
                    .try_for_each(|certificate| list.put_vec24(certificate))?;
                body.put_vec24(&list)?;
            }
        }
        Ok(body)
    }

    /// Signs, and appends scheme and signature.
    pub(crate) fn sign(&self, message: &[u8], body: &mut Vec<u8>) -> Result<(), HandshakeError> {
        let signature = self.key.sign(message)?;
        Signed {
            scheme: self.key.scheme().number(),
            signature: &signature,
        }
        .put(body)?;
        Ok(())
    }
}

/// The peer, as it showed itself; not proved before its signature verifies.
pub(crate) struct Shown {
    pub(crate) identity: PeerIdentity,
    public_key_info: Vec<u8>,
}

impl Shown {
    /// Reads a Certificate message. A raw public key must satisfy `known`, a chain the verifier.
    pub(crate) fn read(
        kind: CertificateType,
        body: &[u8],
        known: impl FnOnce(&[u8]) -> bool,
        verifier: Option<&dyn CertificateVerifier>,
    ) -> Result<Self, HandshakeError> {
        match kind {
            CertificateType::RawPublicKey => {
                let public_key_info = raw_public_key(body)?;
                if public_key_info.is_empty() {
                    return Err(HandshakeError::NoCertificate);
                }
                // RFC 7250 Section 4.4: the key is accepted only after a check outside of this protocol.
                if !known(public_key_info) {
                    return Err(HandshakeError::UnknownKey);
                }
                let public_key_info = public_key_info.to_vec();
                Ok(Self {
                    identity: PeerIdentity::RawPublicKey(public_key_info.clone()),
                    public_key_info,
                })
            }
            CertificateType::X509 => {
                let chain = certificate_chain(body, MAX_CHAIN)?;
                if chain.is_empty() {
                    return Err(HandshakeError::NoCertificate);
                }
                let verifier = verifier.ok_or(HandshakeError::NoCommonCertificateType)?;
                let public_key_info = verifier
                    .verify(&chain)
                    .map_err(HandshakeError::Certificate)?;
                let chain = chain
                    .iter()
                    .map(|certificate| certificate.to_vec())
                    .collect();
                Ok(Self {
                    identity: PeerIdentity::Certificate(chain),
                    public_key_info,
                })
            }
        }
    }

    /// Verifies a signature of the peer over `message`.
    pub(crate) fn verify(
        &self,
        provider: &CryptoProvider,
        signed: &Signed<'_>,
        message: &[u8],
    ) -> Result<(), HandshakeError> {
        let scheme = SignatureScheme::from_number(signed.scheme);
        let scheme = scheme.ok_or(HandshakeError::Illegal(
            "a signature scheme that was not offered",
        ))?;
        let verified =
            provider
                .signature
                .verify(scheme, &self.public_key_info, message, signed.signature);
        verified.map_err(|CryptoError| HandshakeError::Signature)
    }
}

/// What the server signs: both randoms and its ephemeral key (RFC 8422 Section 5.4).
pub(crate) fn signed_parameters(randoms: &Randoms, parameters: &[u8]) -> Vec<u8> {
    [&randoms.client[..], &randoms.server, parameters].concat()
}
