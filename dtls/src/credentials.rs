//! Who the two ends are and how they show it.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::crypto::SigningKey;

/// A pre-shared key. Wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PreSharedKey(Zeroizing<Vec<u8>>);

impl PreSharedKey {
    /// Takes the key bytes, up to 65,535 (RFC 4279 Section 5.3 wants 64).
    pub fn new(key: Vec<u8>) -> Self {
        Self(Zeroizing::new(key))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PreSharedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PreSharedKey({} bytes)", self.0.len())
    }
}

/// What a credential source says to a PSK identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PskAnswer {
    /// The key of this identity.
    Key(PreSharedKey),
    /// Nobody is known by this identity. The handshake goes on with a random key, so that the peer cannot tell this
    /// from a wrong key (RFC 4279 Section 2).
    Unknown,
    /// The answer comes later: the session reports [`crate::Event::KeyWanted`], holds up no other, and goes on with
    /// [`crate::Connection::answer_pre_shared_key`]. Bounded by [`crate::config::Lookups`]. Who must not learn by
    /// the time of an answer which identities are in memory says this to all of them. A session to resume whose
    /// identity gets this answer is not resumed.
    Pending,
    /// The identity selects no valid access token: the handshake ends with `illegal_parameter`
    /// (RFC 9202 Section 3.3.2).
    IllegalParameter,
}

/// The credentials that a server accepts. Called inside a handshake: answers from memory, at once, if only
/// [`PskAnswer::Pending`].
pub trait CredentialSource: Send + Sync {
    /// The key of a PSK identity. Identities are bytes and compared as such (RFC 7925 Section 4.2).
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer;

    /// Whether the owner of a raw public key may connect, by its SubjectPublicKeyInfo (RFC 7250 Section 4.4: the key
    /// says nothing by itself). Nobody by default.
    fn raw_public_key(&self, public_key_info: &[u8]) -> bool {
        let _ = public_key_info;
        false
    }

    /// The identity hint, sent in clear before the peer names itself; none by default (RFC 4279 Section 5.2).
    fn identity_hint(&self) -> Option<Vec<u8>> {
        None
    }
}

/// What a client shows to a server.
#[derive(Debug, Clone)]
pub enum ClientCredential {
    /// Identity and key of a PSK handshake.
    PreSharedKey {
        /// Sent in clear; at most [`MAX_IDENTITY`] bytes.
        identity: Vec<u8>,
        /// The shared key.
        key: PreSharedKey,
    },
    /// A raw public key (RFC 7250), and the one that the server must show.
    RawPublicKey {
        /// Our key.
        key: Arc<dyn SigningKey>,
        /// SubjectPublicKeyInfo of the server, known by other means: from `rs_cnf` or by configuration (RFC 7250
        /// Section 4.4, RFC 9202 Section 3.2).
        server: Vec<u8>,
    },
    /// An X.509 certificate, and how to check the server's.
    Certificate {
        /// Our chain and key.
        own: CertifiedKey,
        /// Checks the server's chain, its name included.
        server: Arc<dyn CertificateVerifier>,
    },
}

/// An X.509 chain and the key of its first certificate.
#[derive(Debug, Clone)]
pub struct CertifiedKey {
    /// DER, end entity first; without the trust anchor.
    pub chain: Vec<Vec<u8>>,
    /// The key.
    pub key: Arc<dyn SigningKey>,
}

/// Why a certificate chain is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateError {
    /// Malformed, or a signature in the chain does not verify.
    Bad,
    /// Expired, or not valid yet.
    Expired,
    /// It leads to no known authority.
    UnknownAuthority,
    /// It is valid, but not for this use or name.
    NotAcceptable,
}

/// Checks X.509 chains: against its own anchors, names and clock.
pub trait CertificateVerifier: Send + Sync {
    /// Checks a chain (DER, end entity first, not empty) and returns the SubjectPublicKeyInfo of its first
    /// certificate (DER).
    ///
    /// # Errors
    /// Why it is not accepted.
    fn verify(&self, chain: &[&[u8]]) -> Result<Vec<u8>, CertificateError>;
}

impl fmt::Debug for dyn CertificateVerifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CertificateVerifier")
    }
}

/// Longest PSK identity that is sent or accepted: a whole access token (RFC 9202 Section 3.3.2).
pub const MAX_IDENTITY: usize = 2048;

/// Who the peer proved to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PeerIdentity {
    /// The PSK identity, byte for byte.
    PreSharedKey(Vec<u8>),
    /// The SubjectPublicKeyInfo of a raw public key (RFC 7250), DER.
    RawPublicKey(Vec<u8>),
    /// A validated certificate chain, end entity first, DER.
    Certificate(Vec<Vec<u8>>),
}
