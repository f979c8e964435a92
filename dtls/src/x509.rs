//! Validation of X.509 chains (RFC 5280) by rustls-webpki: against given anchors, a name and a time. Signatures are
//! verified by the crypto provider: ECDSA with P-256 and SHA-256, and Ed25519. Revocation lists are not looked at.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, ServerName,
    SignatureVerificationAlgorithm, TrustAnchor, UnixTime, alg_id,
};
use webpki::{EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};

use crate::credentials::{CertificateError, CertificateVerifier};
use crate::crypto::{CryptoProvider, ED25519_PREFIX, P256_PREFIX, SignatureScheme};

/// Seconds since 1970-01-01 UTC, as the caller knows them; `None` if it does not know the time, and then no
/// certificate is accepted.
pub type Clock = Box<dyn Fn() -> Option<u64> + Send + Sync>;

/// Whom a chain must belong to.
#[derive(Debug, Clone)]
enum Subject {
    Client,
    Server(ServerName<'static>),
}

/// A verifier with fixed anchors.
pub struct WebPkiVerifier {
    provider: &'static CryptoProvider,
    anchors: Vec<TrustAnchor<'static>>,
    subject: Subject,
    clock: Clock,
}

/// Why a verifier cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifierError {
    /// An anchor is not a certificate.
    Anchor {
        /// Which one, from 0.
        index: usize,
    },
    /// The name is neither a DNS name nor an IP address.
    Name,
}

impl fmt::Display for VerifierError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anchor { index } => write!(formatter, "anchor {index} is not a certificate"),
            Self::Name => formatter.write_str("neither a DNS name nor an IP address"),
        }
    }
}

impl core::error::Error for VerifierError {}

impl WebPkiVerifier {
    /// For a server: accepts chains of clients (extended key usage clientAuth, if there is one) to one of the
    /// anchors (DER). Whether a client of this name may connect is not looked at: see
    /// [`crate::PeerIdentity::Certificate`].
    ///
    /// # Errors
    /// [`VerifierError::Anchor`].
    pub fn clients(
        provider: &'static CryptoProvider,
        anchors: &[&[u8]],
        clock: Clock,
    ) -> Result<Self, VerifierError> {
        Ok(Self {
            provider,
            anchors: parse(anchors)?,
            subject: Subject::Client,
            clock,
        })
    }

    /// For a client: accepts chains of the server `name`, a DNS name or an IP address, to one of the anchors (DER).
    ///
    /// # Errors
    /// See [`VerifierError`].
    pub fn server(
        provider: &'static CryptoProvider,
        anchors: &[&[u8]],
        name: &str,
        clock: Clock,
    ) -> Result<Self, VerifierError> {
        let name = ServerName::try_from(name)
            .map_err(|_| VerifierError::Name)?
            .to_owned();
        Ok(Self {
            provider,
            anchors: parse(anchors)?,
            subject: Subject::Server(name),
            clock,
        })
    }
}

fn parse(anchors: &[&[u8]]) -> Result<Vec<TrustAnchor<'static>>, VerifierError> {
    let parse = |(index, der): (usize, &&[u8])| {
        let certificate = CertificateDer::from(*der);
        let anchor =
            anchor_from_trusted_cert(&certificate).map_err(|_| VerifierError::Anchor { index })?;
        Ok(anchor.to_owned())
    };
    anchors.iter().enumerate().map(parse).collect()
}

impl CertificateVerifier for WebPkiVerifier {
    fn verify(&self, chain: &[&[u8]]) -> Result<Vec<u8>, CertificateError> {
        let (first, rest) = chain.split_first().ok_or(CertificateError::Bad)?;
        let first = CertificateDer::from(*first);
        let intermediates: Vec<_> = rest.iter().map(|der| CertificateDer::from(*der)).collect();
        let certificate = EndEntityCert::try_from(&first).map_err(reason)?;
        let now = (self.clock)().ok_or(CertificateError::Expired)?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let algorithms = SignatureScheme::ALL.map(|scheme| Algorithm {
            scheme,
            provider: self.provider,
        });
        let [ecdsa, ed25519] = &algorithms;
        let algorithms: [&dyn SignatureVerificationAlgorithm; 2] = [ecdsa, ed25519];
        let usage = match self.subject {
            Subject::Client => KeyUsage::client_auth(),
            Subject::Server(_) => KeyUsage::server_auth(),
        };
        certificate
            .verify_for_usage(
                &algorithms,
                &self.anchors,
                &intermediates,
                now,
                usage,
                None,
                None,
            )
            .map_err(reason)?;
        if let Subject::Server(name) = &self.subject {
            // RFC 7925 Section 4.4.1: the name must be that of the server.
            certificate
                .verify_is_valid_for_subject_name(name)
                .map_err(reason)?;
        }
        Ok(certificate.subject_public_key_info().to_vec())
    }
}

fn reason(error: Error) -> CertificateError {
    match error {
        Error::CertExpired { .. } | Error::CertNotValidYet { .. } => CertificateError::Expired,
        Error::UnknownIssuer => CertificateError::UnknownAuthority,
        Error::CertNotValidForName(_) | Error::RequiredEkuNotFoundContext(_) => {
            CertificateError::NotAcceptable
        }
        _ => CertificateError::Bad,
    }
}

/// A scheme of the provider, as rustls-webpki wants it.
#[derive(Debug)]
struct Algorithm {
    scheme: SignatureScheme,
    provider: &'static CryptoProvider,
}

impl SignatureVerificationAlgorithm for Algorithm {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let prefix: &[u8] = match self.scheme {
            SignatureScheme::EcdsaSecp256r1Sha256 => &P256_PREFIX,
            SignatureScheme::Ed25519 => &ED25519_PREFIX,
        };
        let public_key_info = [prefix, public_key].concat();
        let verified =
            self.provider
                .signature
                .verify(self.scheme, &public_key_info, message, signature);
        verified.map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        match self.scheme {
            SignatureScheme::EcdsaSecp256r1Sha256 => alg_id::ECDSA_P256,
            SignatureScheme::Ed25519 => alg_id::ED25519,
        }
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        match self.scheme {
            SignatureScheme::EcdsaSecp256r1Sha256 => alg_id::ECDSA_SHA256,
            SignatureScheme::Ed25519 => alg_id::ED25519,
        }
    }
}

impl fmt::Debug for WebPkiVerifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "WebPkiVerifier({} anchors, {:?})",
            self.anchors.len(),
            self.subject
        )
    }
}
