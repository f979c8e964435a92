use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{ErrorCode, MessageError, names};
use crate::cbor::{Limits, MapReader, MapWriter};
use crate::registry::parameter;

/// A refusal by the token endpoint or the introspection endpoint (RFC 9200 Sections 5.8.3 and 5.9.3). The members have
/// the same numbers at both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    /// `error` (30).
    pub error: ErrorCode,
    /// `error_description` (31): for the developer of the client.
    pub description: Option<String>,
    /// `error_uri` (32): a page about the error.
    pub uri: Option<String>,
}

impl ErrorResponse {
    /// A response with nothing but the code.
    #[must_use]
    pub const fn new(error: ErrorCode) -> Self {
        Self {
            error,
            description: None,
            uri: None,
        }
    }

    /// A response with a description.
    pub fn with_description(error: ErrorCode, description: impl Into<String>) -> Self {
        Self {
            error,
            description: Some(description.into()),
            uri: None,
        }
    }

    /// Reads a response.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut members = MapReader::parse(bytes, Limits::DEFAULT, names::TOKEN)?;
        let (mut error, mut description, mut uri) = (None, None, None);
        while let Some((label, value)) = members.next_member()? {
            match label {
                // RFC 9200 Section 5.8.3: the number of Table 3.
                parameter::ERROR => error = Some(ErrorCode::from_i64(value.integer()?)),
                parameter::ERROR_DESCRIPTION => description = Some(value.text()?.into()),
                parameter::ERROR_URI => uri = Some(value.text()?.into()),
                _ => {}
            }
        }
        let error = error.ok_or(MessageError::Missing {
            label: names::ERROR,
        })?;
        Ok(Self {
            error,
            description,
            uri,
        })
    }

    /// The encoded response.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut map = MapWriter::with_capacity(CAPACITY);
        map.integer(parameter::ERROR, Some(self.error.to_i64()));
        map.text(parameter::ERROR_DESCRIPTION, self.description.as_deref());
        map.text(parameter::ERROR_URI, self.uri.as_deref());
        map.finish()
    }
}

impl fmt::Display for ErrorResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.error)?;
        self.description
            .iter()
            .try_for_each(|description| write!(formatter, ": {description}"))
    }
}

/// Room for a code and a sentence.
const CAPACITY: usize = 64;
