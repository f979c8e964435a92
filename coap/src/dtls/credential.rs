//! Who a peer is and how it proves it: pre-shared keys, identities, and where a server finds them.

use core::fmt;

use zeroize::Zeroizing;

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

/// The credentials that a server accepts. Called inside a handshake: answers from memory, at once.
pub trait CredentialSource: Send + Sync {
    /// The key of a PSK identity. Identities are bytes: compared as such, never as text (RFC 7925 Section 4.2).
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer;

    /// The identity hint that is sent before the peer names itself; none by default.
    fn identity_hint(&self) -> Option<Vec<u8>> {
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
}
