use alloc::string::String;
use alloc::vec::Vec;

use super::{MessageError, names};
use crate::cbor::{Limits, MapReader, MapWriter};
use crate::registry::hint;
use crate::scope::Scope;

/// AS Request Creation Hints (RFC 9200 Section 5.3): what a resource server tells to a client that it refused. The
/// client does not trust them: it decides by itself which authorization server may speak for this resource server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestCreationHints {
    /// `AS` (1): absolute URI of the token endpoint.
    pub authorization_server: Option<String>,
    /// `kid` (2): the key of the token that the resource server has already.
    pub kid: Option<Vec<u8>>,
    /// `audience` (5): what to ask for.
    pub audience: Option<String>,
    /// `scope` (9): what to ask for.
    pub scope: Option<Scope>,
    /// `cnonce` (39): to be copied unchanged to the token request (RFC 9200 Section 5.3.1).
    pub cnonce: Option<Vec<u8>>,
}

impl RequestCreationHints {
    /// Reads hints. Unknown members are skipped.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut members = MapReader::parse(bytes, Limits::DEFAULT, names::HINTS)?;
        let mut hints = Self::default();
        while let Some((label, value)) = members.next_member()? {
            match label {
                hint::AS => hints.authorization_server = Some(value.text()?.into()),
                hint::KID => hints.kid = Some(value.bytes()?.into()),
                hint::AUDIENCE => hints.audience = Some(value.text()?.into()),
                hint::SCOPE => hints.scope = Some(Scope::read(&value)?),
                hint::CNONCE => hints.cnonce = Some(value.bytes()?.into()),
                _ => {}
            }
        }
        Ok(hints)
    }

    /// The encoded hints.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut map = MapWriter::with_capacity(CAPACITY);
        map.text(hint::AS, self.authorization_server.as_deref());
        map.bytes(hint::KID, self.kid.as_deref());
        map.text(hint::AUDIENCE, self.audience.as_deref());
        Scope::write(self.scope.as_ref(), hint::SCOPE, &mut map);
        map.bytes(hint::CNONCE, self.cnonce.as_deref());
        map.finish()
    }
}

/// Room for two names, a scope and a nonce.
const CAPACITY: usize = 128;

#[cfg(test)]
mod tests;
