//! CBOR Web Tokens (RFC 8392): made by [`mint`](mint()), and believed only after [`verify`](verify()), the one maker
//! of a [`VerifiedToken`]. [`inspect`](inspect()) shows a token to a human and verifies nothing.

mod error;
mod inspect;
mod issuers;
mod mint;
#[cfg(all(test, feature = "rust-crypto"))]
mod tests;
mod verify;

use minicbor::{Decoder, data::Type};

pub use error::{MintError, ProtectionError, TokenError};
pub use inspect::{Inspection, inspect};
pub use issuers::{MAXIMUM_TRIES, TrustedIssuer, TrustedIssuers, VerificationKey};
pub use mint::{ProtectionKey, mint};
pub use verify::{Protection, VerifiedToken, verify};

use crate::{
    cbor::{self, CborError, Limits},
    envelope::{Envelope, EnvelopeError, HeaderPlacement},
    registry::tag,
};

/// How tokens for one resource server are written: deployed readers differ in what they take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenStyle {
    /// Tags in front of the token.
    pub tags: TokenTags,
    /// Where `kid` and `IV` are written.
    pub headers: HeaderPlacement,
}

impl TokenStyle {
    /// The style in which a token can be revoked: both tags, every header parameter protected (RFC 9770 Section 3).
    pub const REVOCABLE: Self = Self {
        tags: TokenTags::CwtAndCose,
        headers: HeaderPlacement::Protected,
    };
}

/// Tags in front of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenTags {
    /// None: the bare array.
    None,
    /// The tag of the COSE structure.
    #[default]
    Cose,
    /// The CWT tag (61) and the tag of the COSE structure, as token revocation (RFC 9770) asks for.
    CwtAndCose,
}

/// Reads the envelope of a token with its tags.
fn read_envelope(token: &[u8]) -> Result<(TokenTags, Envelope), EnvelopeError> {
    cbor::check(token, Limits::DEFAULT)?;
    let mut decoder = Decoder::new(token);
    let first = if decoder.datatype().is_ok_and(|kind| kind == Type::Tag) {
        decoder.tag().ok()
    } else {
        None
    };
    if first.is_none_or(|first| first.as_u64() != tag::CWT) {
        let envelope = Envelope::parse(token)?;
        let tags = if envelope.is_tagged() {
            TokenTags::Cose
        } else {
            TokenTags::None
        };
        return Ok((tags, envelope));
    }
    let tagged = token
        .get(decoder.position()..)
        .ok_or(CborError::Truncated)?;
    let envelope = Envelope::parse(tagged)?;
    // RFC 8392 Section 6: the CWT tag is followed by a COSE tag.
    if !envelope.is_tagged() {
        return Err(EnvelopeError::WrongTag { got: tag::CWT });
    }
    Ok((TokenTags::CwtAndCose, envelope))
}
