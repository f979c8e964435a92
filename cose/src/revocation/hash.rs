use alloc::vec::Vec;
use core::fmt;

use super::base64url;
use crate::crypto::CryptoProvider;

/// The name of a token in the list (RFC 9770 Section 4): the hash function, then its digest.
// RFC 9770 Section 4.4, RFC 6920 Section 6: one byte for the function, then the whole digest. sha-256 is mandatory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash([u8; Self::LENGTH]);

impl TokenHash {
    /// Bytes of a hash with sha-256.
    pub const LENGTH: usize = 33;

    /// sha-256 in the Named Information Hash Algorithm Registry.
    pub const SHA_256: u8 = 1;

    /// The hash of the bytes of `access_token`, of a response in CBOR.
    // RFC 9770 Section 4.2.1: the input is the base64url text of the bytes, without padding.
    #[must_use]
    pub fn of_token(provider: &CryptoProvider, token: &[u8]) -> Self {
        Self::of_text(provider, base64url::encode(token).as_bytes())
    }

    /// The hash of a token that is text already: the `access_token` of a response in JSON (RFC 9770 Section 4.2.2).
    #[must_use]
    pub fn of_text(provider: &CryptoProvider, text: &[u8]) -> Self {
        Self::of_digest(provider.kdf.sha256(text))
    }

    /// The hash with this digest.
    #[must_use]
    pub fn of_digest(digest: [u8; 32]) -> Self {
        let mut bytes = [Self::SHA_256; Self::LENGTH];
        bytes
            .iter_mut()
            .skip(1)
            .zip(digest)
            .for_each(|(place, byte)| *place = byte);
        Self(bytes)
    }

    /// Reads a hash; `None` if it is of another function or length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; Self::LENGTH] = bytes.try_into().ok()?;
        (bytes.first() == Some(&Self::SHA_256)).then_some(Self(bytes))
    }

    /// The bytes as they stand in the list.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TokenHash({self})")
    }
}

/// The bytes of a token that came as base64url text; `None` if what came is something else.
///
/// A CWT never looks like text: its first byte is the head of a tag or of an array.
// RFC 9770 Section 4.3.1: the client may have had the token in JSON.
#[must_use]
pub fn decode_text_form(received: &[u8]) -> Option<Vec<u8>> {
    if received.is_empty() {
        return None;
    }
    base64url::decode(received)
}
