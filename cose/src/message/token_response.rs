use alloc::vec::Vec;
use core::fmt;

use super::{Length, MessageError, Secret, TokenType, names, read_confirmation};
use crate::cbor::{Limits, MapReader, MapWriter};
use crate::confirmation::Confirmation;
use crate::registry::parameter;
use crate::scope::Scope;

/// A token with what the client needs to use it (RFC 9200 Section 5.8.2, RFC 9201 Section 3.2).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TokenResponse {
    /// `access_token` (1): opaque to the client.
    pub access_token: Vec<u8>,
    /// `expires_in` (2): lifetime in seconds from now on.
    pub expires_in: Option<u64>,
    /// `cnf` (8): the key that the token is bound to. Necessary if the authorization server chose a symmetric key.
    pub cnf: Option<Confirmation>,
    /// `scope` (9): what was granted, if it differs from what was asked for.
    pub scope: Option<Scope>,
    /// `token_type` (34); absent means PoP.
    pub token_type: Option<TokenType>,
    /// `refresh_token` (37).
    pub refresh_token: Option<Secret>,
    /// `ace_profile` (38): number of the profile to be used.
    pub ace_profile: Option<i64>,
    /// `rs_cnf` (41): the public key of the resource server.
    pub rs_cnf: Option<Confirmation>,
}

impl TokenResponse {
    /// Reads a response.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut members = MapReader::parse(bytes, Limits::DEFAULT, names::TOKEN)?;
        let mut response = Self::default();
        let mut access_token = None;
        while let Some((label, value)) = members.next_member()? {
            match label {
                parameter::ACCESS_TOKEN => access_token = Some(value.bytes()?.into()),
                parameter::EXPIRES_IN => response.expires_in = Some(value.unsigned()?),
                parameter::CNF => response.cnf = read_confirmation(&value)?,
                parameter::SCOPE => response.scope = Some(Scope::read(&value)?),
                // RFC 9200 Section 5.8.4.2: the number.
                parameter::TOKEN_TYPE => {
                    response.token_type = Some(TokenType::from_i64(value.integer()?));
                }
                parameter::REFRESH_TOKEN => response.refresh_token = Some(value.bytes()?.into()),
                // RFC 9200 Section 5.8.4.3: the number, never the name.
                parameter::ACE_PROFILE => response.ace_profile = Some(value.integer()?),
                parameter::RS_CNF => response.rs_cnf = read_confirmation(&value)?,
                // RFC 6749 Section 5.1: unrecognized members are ignored.
                _ => {}
            }
        }
        // RFC 6749 Section 5.1: access_token is REQUIRED.
        response.access_token = access_token.ok_or(MessageError::Missing {
            label: names::ACCESS_TOKEN,
        })?;
        Ok(response)
    }

    /// The encoded response. It has the bytes of a symmetric key in `cnf`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // Enough room for all, so that no outgrown buffer with the key is left behind.
        let mut map = MapWriter::with_capacity(CAPACITY.saturating_add(self.access_token.len()));
        map.bytes(parameter::ACCESS_TOKEN, Some(&self.access_token));
        map.unsigned(parameter::EXPIRES_IN, self.expires_in);
        Confirmation::write(self.cnf.as_ref(), parameter::CNF, &mut map);
        Scope::write(self.scope.as_ref(), parameter::SCOPE, &mut map);
        map.integer(
            parameter::TOKEN_TYPE,
            self.token_type.map(TokenType::to_i64),
        );
        map.bytes(
            parameter::REFRESH_TOKEN,
            self.refresh_token.as_ref().map(Secret::expose),
        );
        map.integer(parameter::ACE_PROFILE, self.ace_profile);
        Confirmation::write(self.rs_cnf.as_ref(), parameter::RS_CNF, &mut map);
        map.finish()
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TokenResponse")
            .field("access_token", &Length(self.access_token.len()))
            .field("expires_in", &self.expires_in)
            .field("cnf", &self.cnf)
            .field("scope", &self.scope)
            .field("token_type", &self.token_type)
            .field("refresh_token", &self.refresh_token)
            .field("ace_profile", &self.ace_profile)
            .field("rs_cnf", &self.rs_cnf)
            .finish()
    }
}

/// Room for everything but the access token: two keys, a scope, a refresh token.
const CAPACITY: usize = 384;
