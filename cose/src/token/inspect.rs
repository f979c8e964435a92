//! Looking at a token without believing it.

use super::{TokenTags, read_envelope};
use crate::{
    claims::{ClaimsError, ClaimsSet},
    envelope::{EnvelopeError, EnvelopeKind, Headers},
};

/// What a token looks like. **Nothing here has been verified**: anybody can have written it.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Its size in bytes.
    pub size: usize,
    /// The tags in front of it.
    pub tags: TokenTags,
    /// Its structure.
    pub kind: EnvelopeKind,
    /// Its header parameters.
    pub headers: Headers,
    /// Its claims, if it is not encrypted; an error if the content is no claims set.
    pub claims_unverified: Option<Result<ClaimsSet, ClaimsError>>,
}

/// Shows the structure of a token to a human. Verifies nothing: the result must never decide about access.
///
/// # Errors
/// [`EnvelopeError`] when the bytes are no token.
pub fn inspect(token: &[u8]) -> Result<Inspection, EnvelopeError> {
    let (tags, envelope) = read_envelope(token)?;
    let readable = envelope.kind() != EnvelopeKind::Encrypt0;
    Ok(Inspection {
        size: token.len(),
        tags,
        kind: envelope.kind(),
        headers: envelope.headers().clone(),
        claims_unverified: readable.then(|| ClaimsSet::decode(envelope.content_unverified())),
    })
}
