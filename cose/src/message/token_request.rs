use alloc::string::String;
use alloc::vec::Vec;

use super::{GrantType, MessageError, Secret, names, read_confirmation};
use crate::cbor::{CborError, Limits, MapReader, MapWriter, Value};
use crate::confirmation::Confirmation;
use crate::registry::parameter;
use crate::scope::Scope;

/// A request to the token endpoint (RFC 9200 Section 5.8.1, RFC 9201 Section 3.1). Every member is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenRequest {
    /// `req_cnf` (4): the key that the token is to be bound to.
    pub req_cnf: Option<Confirmation>,
    /// `audience` (5): the resource server or servers.
    pub audience: Option<String>,
    /// `scope` (9): the rights that are asked for.
    pub scope: Option<Scope>,
    /// `client_id` (24).
    pub client_id: Option<String>,
    /// `client_secret` (25).
    pub client_secret: Option<Secret>,
    /// `grant_type` (33); absent means `client_credentials`, see [`TokenRequest::effective_grant_type`].
    pub grant_type: Option<GrantType>,
    /// `refresh_token` (37).
    pub refresh_token: Option<Secret>,
    /// `ace_profile` (38).
    pub ace_profile: Option<ProfileRequest>,
    /// `cnonce` (39): the nonce of the hints, copied.
    pub cnonce: Option<Vec<u8>>,
}

/// `ace_profile` of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileRequest {
    /// Null: the client asks to be told the profile (RFC 9200 Section 5.8.1).
    Ask,
    /// The number of a profile.
    Use(i64),
}

impl TokenRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// [`MessageError`]: the answer is `invalid_request`, or `unsupported_pop_key` if `req_cnf` has a key of an
    /// unsupported kind.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut members = MapReader::parse(bytes, Limits::DEFAULT, names::TOKEN)?;
        let mut request = Self::default();
        while let Some((label, value)) = members.next_member()? {
            match label {
                parameter::REQ_CNF => request.req_cnf = read_confirmation(&value)?,
                parameter::AUDIENCE => request.audience = Some(value.text()?.into()),
                // RFC 9200 Section 5.8.1: a text string or a byte string.
                parameter::SCOPE => request.scope = Some(Scope::read(&value)?),
                parameter::CLIENT_ID => request.client_id = Some(value.text()?.into()),
                parameter::CLIENT_SECRET => request.client_secret = Some(value.bytes()?.into()),
                // RFC 9200 Section 5.8.4.1: the number, not the word.
                parameter::GRANT_TYPE => {
                    request.grant_type = Some(GrantType::from_u64(value.unsigned()?));
                }
                parameter::REFRESH_TOKEN => request.refresh_token = Some(value.bytes()?.into()),
                parameter::ACE_PROFILE => request.ace_profile = Some(ProfileRequest::read(&value)?),
                parameter::CNONCE => request.cnonce = Some(value.bytes()?.into()),
                // RFC 6749 Section 3.2: unrecognized parameters are ignored.
                _ => {}
            }
        }
        Ok(request)
    }

    /// The encoded request.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut map = MapWriter::with_capacity(CAPACITY);
        Confirmation::write(self.req_cnf.as_ref(), parameter::REQ_CNF, &mut map);
        map.text(parameter::AUDIENCE, self.audience.as_deref());
        Scope::write(self.scope.as_ref(), parameter::SCOPE, &mut map);
        map.text(parameter::CLIENT_ID, self.client_id.as_deref());
        map.bytes(
            parameter::CLIENT_SECRET,
            self.client_secret.as_ref().map(Secret::expose),
        );
        map.unsigned(
            parameter::GRANT_TYPE,
            self.grant_type.map(GrantType::to_u64),
        );
        map.bytes(
            parameter::REFRESH_TOKEN,
            self.refresh_token.as_ref().map(Secret::expose),
        );
        match self.ace_profile {
            Some(ProfileRequest::Ask) => map.entry(parameter::ACE_PROFILE).null(),
            Some(ProfileRequest::Use(profile)) => {
                map.entry(parameter::ACE_PROFILE).integer(profile)
            }
            None => {}
        }
        map.bytes(parameter::CNONCE, self.cnonce.as_deref());
        map.finish()
    }

    /// The grant type, also if it was left out.
    #[must_use]
    pub fn effective_grant_type(&self) -> GrantType {
        // RFC 9200 Section 5.8.1: without grant_type it is client_credentials.
        self.grant_type.unwrap_or(GrantType::ClientCredentials)
    }

    /// Whether the response must have `ace_profile`.
    #[must_use]
    pub fn asks_for_profile(&self) -> bool {
        self.ace_profile == Some(ProfileRequest::Ask)
    }
}

impl ProfileRequest {
    fn read(value: &Value<'_>) -> Result<Self, CborError> {
        if value.is_null() {
            return Ok(Self::Ask);
        }
        // RFC 9200 Section 5.8.4.3: in CBOR a profile is named by its number only.
        value.integer().map(Self::Use).map_err(|error| match error {
            CborError::WrongType { .. } => value.unwanted("an integer or null"),
            other => other,
        })
    }
}

/// Room for a request with a public key.
const CAPACITY: usize = 192;
