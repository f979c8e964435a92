use alloc::string::String;
use alloc::vec::Vec;

use super::{MessageError, TokenType, from_claims_error, names};
use crate::cbor::{Limits, MapReader, MapWriter};
use crate::claims::ClaimsSet;
use crate::registry::introspection;

/// What the authorization server says about a token (RFC 9200 Section 5.9.2, RFC 9201 Section 4), with the numbers of
/// RFC 9200 Table 6. The claims have the same numbers here as in a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntrospectionResponse {
    /// `active` (10): whether the token may be used.
    pub active: bool,
    /// `iss` (1) to `scope` (9), `ace_profile` (38), `cnonce` (39) and `exi` (40).
    pub claims: ClaimsSet,
    /// `client_id` (24): to whom the token was issued.
    pub client_id: Option<String>,
    /// `token_type` (34).
    pub token_type: Option<TokenType>,
    /// `username` (35): the resource owner.
    pub username: Option<String>,
}

impl IntrospectionResponse {
    /// The whole answer about a token that is expired, revoked, unknown, or none.
    // RFC 7662 Section 2.2: nothing but active.
    #[must_use]
    pub fn inactive() -> Self {
        Self::default()
    }

    /// The answer about a token that may be used.
    #[must_use]
    pub fn active(claims: ClaimsSet) -> Self {
        Self {
            active: true,
            claims,
            ..Self::default()
        }
    }

    /// Reads a response.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut members = MapReader::parse(bytes, Limits::DEFAULT, names::INTROSPECTION)?;
        let mut response = Self::default();
        let mut active = None;
        while let Some((label, value)) = members.next_member()? {
            match label {
                introspection::ACTIVE => active = Some(value.boolean()?),
                introspection::CLIENT_ID => response.client_id = Some(value.text()?.into()),
                introspection::TOKEN_TYPE => {
                    response.token_type = Some(TokenType::from_i64(value.integer()?));
                }
                introspection::USERNAME => response.username = Some(value.text()?.into()),
                // RFC 7662 Section 2.2: members that are not known are ignored.
                _ => {
                    let read = response.claims.read_claim(label, &value);
                    read.map_err(|error| from_claims_error(error, &value))?;
                }
            }
        }
        // RFC 7662 Section 2.2: active is REQUIRED.
        response.active = active.ok_or(MessageError::Missing {
            label: names::ACTIVE,
        })?;
        Ok(response)
    }

    /// The encoded response.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut map = MapWriter::with_capacity(CAPACITY);
        self.claims.write_identity(&mut map);
        self.claims.write_rights(&mut map);
        map.entry(introspection::ACTIVE).boolean(self.active);
        map.text(introspection::CLIENT_ID, self.client_id.as_deref());
        map.integer(
            introspection::TOKEN_TYPE,
            self.token_type.map(TokenType::to_i64),
        );
        map.text(introspection::USERNAME, self.username.as_deref());
        map.integer(introspection::ACE_PROFILE, self.claims.ace_profile);
        map.bytes(introspection::CNONCE, self.claims.cnonce.as_deref());
        map.unsigned(introspection::EXI, self.claims.exi);
        map.finish()
    }
}

/// Room for the claims of a usual token.
const CAPACITY: usize = 384;

#[cfg(test)]
mod tests;
