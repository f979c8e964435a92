//! Writing envelopes by hand: it costs a tenth of building the values of a generic encoder.

use alloc::{borrow::ToOwned, vec::Vec};

use super::{EnvelopeError, EnvelopeKind, HeaderPlacement, structure};
use crate::{
    cbor::Writer,
    crypto::SignatureAlgorithm,
    key::{EncryptionKey, MacCreationKey, SigningKey},
    registry::header,
};

/// How an envelope is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Where `kid` and `IV` go.
    pub headers: HeaderPlacement,
    /// Whether the COSE tag is written. Default true.
    pub tagged: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            headers: HeaderPlacement::default(),
            tagged: true,
        }
    }
}

/// Makes a COSE_Sign1.
///
/// # Errors
/// [`EnvelopeError::Crypto`] when the key cannot be used.
pub fn sign1(
    payload: &[u8],
    key: &SigningKey,
    external_aad: &[u8],
    layout: Layout,
) -> Result<Vec<u8>, EnvelopeError> {
    let unsigned = UnsignedSign1::new(payload, key.algorithm(), key.kid(), layout);
    let signature = key.signer.sign(&unsigned.to_be_signed(external_aad))?;
    Ok(unsigned.finish(&signature))
}

/// A COSE_Sign1 that waits for its signature, for a key that only signs bytes and is somewhere else.
#[derive(Debug, Clone)]
pub struct UnsignedSign1 {
    protected: Vec<u8>,
    unprotected: Vec<u8>,
    payload: Vec<u8>,
    tagged: bool,
}

impl UnsignedSign1 {
    /// Fixes everything but the signature.
    #[must_use]
    pub fn new(
        payload: &[u8],
        algorithm: SignatureAlgorithm,
        kid: Option<&[u8]>,
        layout: Layout,
    ) -> Self {
        let (protected, unprotected) = header_maps(algorithm.to_cose(), kid, None, layout.headers);
        Self {
            protected,
            unprotected,
            payload: payload.to_owned(),
            tagged: layout.tagged,
        }
    }

    /// The bytes to sign: the Sig_structure of RFC 9052 Section 4.4.
    #[must_use]
    pub fn to_be_signed(&self, external_aad: &[u8]) -> Vec<u8> {
        structure(
            EnvelopeKind::Sign1,
            &self.protected,
            external_aad,
            Some(&self.payload),
        )
    }

    /// The envelope with its signature; for ES256 r | s.
    #[must_use]
    pub fn finish(self, signature: &[u8; 64]) -> Vec<u8> {
        let tag = self.tagged.then_some(EnvelopeKind::Sign1);
        write_envelope(
            tag,
            &self.protected,
            &self.unprotected,
            &self.payload,
            Some(signature),
        )
    }
}

/// Makes a COSE_Mac0.
#[must_use]
pub fn mac0(payload: &[u8], key: &MacCreationKey, external_aad: &[u8], layout: Layout) -> Vec<u8> {
    let (protected, unprotected) =
        header_maps(key.algorithm().to_cose(), key.kid(), None, layout.headers);
    let tag = key.key.tag(&structure(
        EnvelopeKind::Mac0,
        &protected,
        external_aad,
        Some(payload),
    ));
    // RFC 9053 Section 3.1: HMAC 256/64 is the left part of the tag.
    let tag = tag.get(..key.algorithm().tag_length()).unwrap_or(&tag);
    let kind = layout.tagged.then_some(EnvelopeKind::Mac0);
    write_envelope(kind, &protected, &unprotected, payload, Some(tag))
}

/// Makes a COSE_Encrypt0 under `nonce`, which the caller never uses again with this key (RFC 9053 Section 4.2.1).
///
/// # Errors
/// [`EnvelopeError::Crypto`] for a nonce of the wrong length or a plaintext that is too long.
pub fn encrypt0(
    plaintext: &[u8],
    key: &EncryptionKey,
    nonce: &[u8],
    external_aad: &[u8],
    layout: Layout,
) -> Result<Vec<u8>, EnvelopeError> {
    let algorithm = key.algorithm();
    let (protected, unprotected) =
        header_maps(algorithm.to_cose(), key.kid(), Some(nonce), layout.headers);
    // Room for the tag, so that the plaintext is not left behind in a buffer that was outgrown.
    let mut buffer = Vec::with_capacity(plaintext.len().saturating_add(algorithm.tag_length()));
    buffer.extend_from_slice(plaintext);
    let additional = structure(EnvelopeKind::Encrypt0, &protected, external_aad, None);
    key.key.seal(nonce, &additional, &mut buffer)?;
    let kind = layout.tagged.then_some(EnvelopeKind::Encrypt0);
    Ok(write_envelope(
        kind,
        &protected,
        &unprotected,
        &buffer,
        None,
    ))
}

/// The encoded protected and unprotected maps.
fn header_maps(
    algorithm: i64,
    kid: Option<&[u8]>,
    iv: Option<&[u8]>,
    placement: HeaderPlacement,
) -> (Vec<u8>, Vec<u8>) {
    let others = usize::from(kid.is_some()).saturating_add(usize::from(iv.is_some()));
    let mut protected = Writer::with_capacity(64);
    let mut unprotected = Writer::with_capacity(64);
    let (in_protected, in_unprotected) = match placement {
        HeaderPlacement::Protected => (others, 0),
        HeaderPlacement::Unprotected => (0, others),
    };
    protected.map(in_protected.saturating_add(1));
    unprotected.map(in_unprotected);
    // RFC 9052 Section 3.1: alg is authenticated, so it is protected.
    protected.integer(header::ALG);
    protected.integer(algorithm);
    let target = match placement {
        HeaderPlacement::Protected => &mut protected,
        HeaderPlacement::Unprotected => &mut unprotected,
    };
    if let Some(kid) = kid {
        target.integer(header::KID);
        target.bytes(kid);
    }
    if let Some(iv) = iv {
        target.integer(header::IV);
        target.bytes(iv);
    }
    (protected.finish(), unprotected.finish())
}

fn write_envelope(
    tag: Option<EnvelopeKind>,
    protected: &[u8],
    unprotected: &[u8],
    content: &[u8],
    authenticator: Option<&[u8]>,
) -> Vec<u8> {
    let size = protected
        .len()
        .saturating_add(unprotected.len())
        .saturating_add(content.len());
    let mut writer = Writer::with_capacity(size.saturating_add(96));
    if let Some(kind) = tag {
        writer.tag(kind.tag());
    }
    writer.array(if authenticator.is_some() { 4 } else { 3 });
    writer.bytes(protected);
    writer.encoded(unprotected);
    writer.bytes(content);
    if let Some(authenticator) = authenticator {
        writer.bytes(authenticator);
    }
    writer.finish()
}
