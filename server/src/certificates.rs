//! X.509 certificates in handshakes: what a server shows, and whom it believes.

use motekey_coap::dtls::{CertificateCheck, CertifiedKey};
use motekey_cose::confirmation::{CertificateHash, Confirmation};
use motekey_cose::crypto::rust::PROVIDER;

/// What a server needs for sessions with certificates at both ends.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// Its own chain and key pair.
    pub own: CertifiedKey,
    /// How it validates the chains of its peers: against its own anchors, which nothing that a peer or a token says
    /// changes.
    pub peers: CertificateCheck,
}

/// SHA-256 of a certificate (DER): what `openssl x509 -fingerprint -sha256` prints.
pub fn thumbprint(certificate: &[u8]) -> [u8; 32] {
    PROVIDER.kdf.sha256(certificate)
}

/// The certificate in the form that `model` has: by value or by hash.
// draft-ietf-ace-authcred-dtls-profile-04 Section 3: x5chain by value, x5t by reference; the end-entity certificate alone.
pub(crate) fn in_the_form_of(model: &Confirmation, certificate: &[u8]) -> Confirmation {
    match model {
        Confirmation::CertificateChain(_) => {
            Confirmation::CertificateChain(vec![certificate.to_vec()])
        }
        _ => Confirmation::CertificateHash(CertificateHash::of_digest(thumbprint(certificate))),
    }
}
