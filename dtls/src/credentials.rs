//! Who the two ends are and how they show it.

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

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
    /// The identity selects no valid access token: the handshake ends with `illegal_parameter`
    /// (RFC 9202 Section 3.3.2).
    IllegalParameter,
}

/// The credentials that a server accepts. Called inside a handshake: answers from memory, at once.
pub trait CredentialSource: Send + Sync {
    /// The key of a PSK identity. Identities are bytes and compared as such (RFC 7925 Section 4.2).
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer;

    /// The identity hint, sent in clear before the peer names itself; none by default (RFC 4279 Section 5.2).
    fn identity_hint(&self) -> Option<Vec<u8>> {
        None
    }
}

/// What a client shows to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCredential {
    /// Identity and key of a PSK handshake.
    PreSharedKey {
        /// Sent in clear; at most [`MAX_IDENTITY`] bytes.
        identity: Vec<u8>,
        /// The shared key.
        key: PreSharedKey,
    },
}

/// Longest PSK identity that is sent or accepted: a whole access token (RFC 9202 Section 3.3.2).
pub const MAX_IDENTITY: usize = 2048;

/// Who the peer proved to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PeerIdentity {
    /// The PSK identity, byte for byte.
    PreSharedKey(Vec<u8>),
}
