//! Who a peer is and how it proves it: pre-shared keys, public keys, and where a server finds them.

use core::fmt;

use zeroize::Zeroizing;

use super::key_pair::{CertificateCheck, CertifiedKey, KeyPair};

/// A pre-shared key. Wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PreSharedKey(Zeroizing<Vec<u8>>);

impl PreSharedKey {
    /// Takes the key bytes (RFC 4279 Section 5.3: at least 64 bytes are supported).
    pub fn new(key: Vec<u8>) -> Self {
        Self(Zeroizing::new(key))
    }

    /// The key bytes, for the DTLS implementation only.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PreSharedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PreSharedKey({} bytes)", self.0.len())
    }
}

/// Who the peer proved to be in the handshake.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PeerIdentity {
    /// The PSK identity, byte for byte (RFC 7925 Section 4.2). It can be a whole access token.
    PreSharedKey(Vec<u8>),
    /// The SubjectPublicKeyInfo of a raw public key (RFC 7250), DER.
    RawPublicKey(Vec<u8>),
    /// A validated certificate chain, end entity first, DER.
    Certificate(Vec<Vec<u8>>),
}

/// What a credential source says to a PSK identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PskAnswer {
    /// The key of this identity.
    Key(PreSharedKey),
    /// Nobody is known by this identity.
    Unknown,
    /// The identity selects no valid access token: the handshake ends with `illegal_parameter`
    /// (RFC 9202 Section 3.3.2).
    IllegalParameter,
}

/// The credentials of a server and those that it accepts, of all kinds at once. Called inside a handshake: answers
/// from memory, at once.
pub trait CredentialSource: Send + Sync {
    /// The key of a PSK identity. Identities are bytes: compared as such, never as text (RFC 7925 Section 4.2).
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer;

    /// The identity hint that is sent before the peer names itself; none by default.
    fn identity_hint(&self) -> Option<Vec<u8>> {
        None
    }

    /// Whether the owner of a raw public key may connect, by its SubjectPublicKeyInfo, DER. The handshake proves that
    /// the peer owns it, and no more (RFC 7250 Section 4.4). Nobody by default.
    fn raw_public_key(&self, public_key_info: &[u8]) -> bool {
        let _ = public_key_info;
        false
    }

    /// Whether the owner of a certificate may connect, whose chain (DER, end entity first) is valid by
    /// [`CredentialSource::client_certificates`]. Peers may send their authority along, so the first certificate counts.
    /// Nobody by default.
    fn certificate(&self, chain: &[&[u8]]) -> bool {
        let _ = chain;
        false
    }

    /// The key pair that the server shows as raw public key (RFC 7250); none by default. Asked once, when the backend
    /// is made.
    fn key_pair(&self) -> Option<KeyPair> {
        None
    }

    /// The certificate that the server shows; none by default. Asked once, when the backend is made.
    fn own_certificate(&self) -> Option<CertifiedKey> {
        None
    }

    /// Checks certificates of clients; by default none are taken. Asked once, when the backend is made.
    fn client_certificates(&self) -> Option<CertificateCheck> {
        None
    }
}

/// What a client shows to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCredential {
    /// Identity and key of a PSK handshake.
    PreSharedKey {
        /// Sent in clear as `psk_identity`; up to 2 kB.
        identity: Vec<u8>,
        /// The shared key.
        key: PreSharedKey,
    },
    /// A raw public key (RFC 7250), and the one that the server must show.
    RawPublicKey {
        /// Our key pair.
        key: KeyPair,
        /// SubjectPublicKeyInfo of the server, DER, known by other means: from `rs_cnf` or by configuration
        /// (RFC 7250 Section 4.4, RFC 9202 Section 3.2).
        server: Vec<u8>,
    },
    /// An X.509 certificate, and how to check the server's.
    Certificate {
        /// Our chain and its key pair.
        own: CertifiedKey,
        /// Checks the server's chain, its name included.
        server: CertificateCheck,
    },
}

impl ClientCredential {
    /// The PSK identity; `None` for the other kinds.
    pub fn identity(&self) -> Option<&[u8]> {
        match self {
            Self::PreSharedKey { identity, .. } => Some(identity),
            Self::RawPublicKey { .. } | Self::Certificate { .. } => None,
        }
    }

    /// The pre-shared key; `None` for the other kinds.
    pub fn pre_shared_key(&self) -> Option<&PreSharedKey> {
        match self {
            Self::PreSharedKey { key, .. } => Some(key),
            Self::RawPublicKey { .. } | Self::Certificate { .. } => None,
        }
    }

    /// The key pair; `None` for a pre-shared key.
    pub fn key_pair(&self) -> Option<&KeyPair> {
        match self {
            Self::PreSharedKey { .. } => None,
            Self::RawPublicKey { key, .. } => Some(key),
            Self::Certificate { own, .. } => Some(&own.key),
        }
    }
}
