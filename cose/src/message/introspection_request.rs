use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{Length, MessageError, names};
use crate::cbor::{CborError, Kind, Limits, MapReader, MapWriter, Value};
use crate::registry::introspection;

/// A question about a token (RFC 9200 Section 5.9.1), with the numbers of RFC 9200 Table 6.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct IntrospectionRequest {
    /// `token` (11): the token, as the resource server received it.
    pub token: Vec<u8>,
    /// `client_id` (24): from whom it was received.
    pub client_id: Option<String>,
    /// `token_type_hint` (33): a word. A number, which RFC 9200 Figure 9 shows, is read and dropped: a server may
    /// ignore the hint (RFC 7662 Section 2.1).
    pub token_type_hint: Option<String>,
}

impl IntrospectionRequest {
    /// A request with nothing but the token.
    #[must_use]
    pub const fn new(token: Vec<u8>) -> Self {
        Self {
            token,
            client_id: None,
            token_type_hint: None,
        }
    }

    /// Reads a request.
    ///
    /// # Errors
    /// [`MessageError`]: the answer is `invalid_request`.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut members = MapReader::parse(bytes, Limits::DEFAULT, names::INTROSPECTION)?;
        let mut request = Self::default();
        let mut token = None;
        while let Some((label, value)) = members.next_member()? {
            match label {
                introspection::TOKEN => token = Some(value.bytes()?.into()),
                introspection::CLIENT_ID => request.client_id = Some(value.text()?.into()),
                introspection::TOKEN_TYPE_HINT => request.token_type_hint = read_hint(&value)?,
                // RFC 7662 Section 2.1, RFC 6749 Section 3.2: unrecognized parameters are ignored.
                _ => {}
            }
        }
        // RFC 9200 Section 5.9.1, RFC 7662 Section 2.1: token is REQUIRED.
        request.token = token.ok_or(MessageError::Missing {
            label: names::INTROSPECTED_TOKEN,
        })?;
        Ok(request)
    }

    /// The encoded request.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut map = MapWriter::with_capacity(CAPACITY.saturating_add(self.token.len()));
        map.bytes(introspection::TOKEN, Some(&self.token));
        map.text(introspection::CLIENT_ID, self.client_id.as_deref());
        map.text(
            introspection::TOKEN_TYPE_HINT,
            self.token_type_hint.as_deref(),
        );
        map.finish()
    }
}

fn read_hint(value: &Value<'_>) -> Result<Option<String>, CborError> {
    match value.kind() {
        Kind::Text => Ok(Some(value.text()?.into())),
        Kind::Unsigned | Kind::Negative => Ok(None),
        _ => Err(value.unwanted("a text string")),
    }
}

impl fmt::Debug for IntrospectionRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("IntrospectionRequest")
            .field("token", &Length(self.token.len()))
            .field("client_id", &self.client_id)
            .field("token_type_hint", &self.token_type_hint)
            .finish()
    }
}

/// Room for everything but the token.
const CAPACITY: usize = 64;
