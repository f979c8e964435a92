//! COSE envelopes with one implicit key: COSE_Sign1, COSE_Mac0 and COSE_Encrypt0 (RFC 9052).
//!
//! [`Envelope::parse`] reads one without believing it; [`Envelope::verify_signature`], [`Envelope::verify_mac`] and
//! [`Envelope::decrypt`] are the only ways to content that may be believed. Protected bytes are kept as received and
//! never encoded again before a check. The functions [`sign1`], [`mac0`] and [`encrypt0`] write an envelope in
//! definite lengths and shortest forms; for a key that is elsewhere, [`UnsignedSign1`] gives the bytes to sign.
//!
//! The envelopes with recipients (COSE_Sign, COSE_Mac, COSE_Encrypt) and detached content are refused.

mod create;
mod encrypted_key;
mod error;
mod headers;
mod parse;
#[cfg(all(test, feature = "rust-crypto"))]
mod tests;

use alloc::vec::Vec;

pub use create::{Layout, UnsignedSign1, encrypt0, mac0, sign1};
pub use encrypted_key::{open_key, seal_key};
pub use error::{EnvelopeError, HeaderLabel};
pub use headers::{Algorithm, HeaderPlacement, Headers};

use crate::{
    cbor::Writer,
    key::{DecryptionKey, MacVerificationKey, VerifyingKey},
    registry::tag,
};

/// The structures that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EnvelopeKind {
    /// COSE_Sign1: one signature.
    Sign1,
    /// COSE_Mac0: one MAC, the key known to both sides.
    Mac0,
    /// COSE_Encrypt0: encrypted, the key known to both sides.
    Encrypt0,
}

impl EnvelopeKind {
    /// The CBOR tag (RFC 9052 Section 2).
    #[must_use]
    pub fn tag(self) -> u64 {
        match self {
            Self::Sign1 => tag::SIGN1,
            Self::Mac0 => tag::MAC0,
            Self::Encrypt0 => tag::ENCRYPT0,
        }
    }

    /// The context string of the structure that is signed, MACed or authenticated.
    fn context(self) -> &'static str {
        match self {
            Self::Sign1 => "Signature1",
            Self::Mac0 => "MAC0",
            Self::Encrypt0 => "Encrypt0",
        }
    }
}

/// An envelope that was read and not yet checked.
#[derive(Debug, Clone)]
pub struct Envelope {
    kind: EnvelopeKind,
    tagged: bool,
    headers: Headers,
    /// As received.
    protected: Vec<u8>,
    /// Payload, or ciphertext with its tag.
    content: Vec<u8>,
    /// Signature or MAC; empty for COSE_Encrypt0.
    authenticator: Vec<u8>,
}

impl Envelope {
    /// Which structure it is: from the tag, else from the number of elements and the algorithm.
    #[must_use]
    pub fn kind(&self) -> EnvelopeKind {
        self.kind
    }

    /// True if the envelope came with its COSE tag.
    #[must_use]
    pub fn is_tagged(&self) -> bool {
        self.tagged
    }

    /// The header parameters. Nothing has been checked: they say which key to try, no more.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The content as it came: a payload that nobody has verified, or a ciphertext.
    #[must_use]
    pub fn content_unverified(&self) -> &[u8] {
        &self.content
    }

    /// The bytes that are signed, MACed, or authenticated beside the ciphertext: Sig_structure, MAC_structure,
    /// Enc_structure.
    #[must_use]
    pub fn authenticated_bytes(&self, external_aad: &[u8]) -> Vec<u8> {
        // RFC 9052 Section 3: a protected header without parameters is the zero-length string in the structures,
        // also when it came as an encoded empty map.
        let protected = if self.headers.protected_is_empty() {
            &[]
        } else {
            self.protected.as_slice()
        };
        let payload = match self.kind {
            EnvelopeKind::Encrypt0 => None,
            EnvelopeKind::Sign1 | EnvelopeKind::Mac0 => Some(self.content.as_slice()),
        };
        structure(self.kind, protected, external_aad, payload)
    }

    /// Verifies a COSE_Sign1 and gives its payload.
    ///
    /// # Errors
    /// [`EnvelopeError::WrongKind`], [`EnvelopeError::WrongAlgorithm`], [`EnvelopeError::Crypto`].
    pub fn verify_signature(
        &self,
        key: &VerifyingKey,
        external_aad: &[u8],
    ) -> Result<&[u8], EnvelopeError> {
        self.expect(EnvelopeKind::Sign1, Algorithm::Signature(key.algorithm()))?;
        key.verifier
            .verify(&self.authenticated_bytes(external_aad), &self.authenticator)?;
        Ok(&self.content)
    }

    /// Verifies a COSE_Mac0 and gives its payload.
    ///
    /// # Errors
    /// [`EnvelopeError::WrongKind`], [`EnvelopeError::WrongAlgorithm`], [`EnvelopeError::Crypto`].
    pub fn verify_mac(
        &self,
        key: &MacVerificationKey,
        external_aad: &[u8],
    ) -> Result<&[u8], EnvelopeError> {
        self.expect(EnvelopeKind::Mac0, Algorithm::Mac(key.algorithm()))?;
        let message = self.authenticated_bytes(external_aad);
        key.algorithm()
            .verify(key.key.as_ref(), &message, &self.authenticator)?;
        Ok(&self.content)
    }

    /// Decrypts a COSE_Encrypt0 and gives its plaintext. A Partial IV is completed with the key's Base IV.
    ///
    /// # Errors
    /// [`EnvelopeError::WrongKind`], [`EnvelopeError::WrongAlgorithm`], [`EnvelopeError::MissingIv`],
    /// [`EnvelopeError::Crypto`].
    pub fn decrypt(
        &self,
        key: &DecryptionKey,
        external_aad: &[u8],
    ) -> Result<Vec<u8>, EnvelopeError> {
        self.expect(EnvelopeKind::Encrypt0, Algorithm::Aead(key.algorithm()))?;
        let nonce = self.headers.nonce(key.base_iv.as_deref())?;
        let mut buffer = self.content.clone();
        key.key
            .open(&nonce, &self.authenticated_bytes(external_aad), &mut buffer)?;
        Ok(buffer)
    }

    fn expect(&self, kind: EnvelopeKind, algorithm: Algorithm) -> Result<(), EnvelopeError> {
        if self.kind != kind {
            return Err(EnvelopeError::WrongKind {
                got: self.kind,
                wanted: kind,
            });
        }
        match self.headers.algorithm {
            got if got != algorithm => Err(EnvelopeError::WrongAlgorithm {
                got: got.to_cose(),
                wanted: algorithm.to_cose(),
            }),
            _ => Ok(()),
        }
    }
}

/// RFC 9052 Sections 4.4, 5.3 and 6.3: the three structures differ in their context and in having a payload.
fn structure(
    kind: EnvelopeKind,
    protected: &[u8],
    external_aad: &[u8],
    payload: Option<&[u8]>,
) -> Vec<u8> {
    let size = protected
        .len()
        .saturating_add(external_aad.len())
        .saturating_add(payload.map_or(0, <[u8]>::len));
    let mut writer = Writer::with_capacity(size.saturating_add(32));
    writer.array(if payload.is_some() { 4 } else { 3 });
    writer.text(kind.context());
    writer.bytes(protected);
    writer.bytes(external_aad);
    if let Some(payload) = payload {
        writer.bytes(payload);
    }
    writer.finish()
}
