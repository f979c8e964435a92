//! The messages of the ACE framework in `application/ace+cbor` (RFC 9200 Section 5, RFC 9201): one CBOR map each.
//!
//! Decoding is strict: what the pre-pass of [`crate::cbor`] refuses, a known member of the wrong type and a missing
//! necessary member are errors that say which member, what stands there and what was wanted. Members that are not
//! known are skipped. Encoding is definite, shortest and in ascending order of the labels.
//!
//! The token endpoint and the introspection endpoint have two number spaces, in which one label can mean two things
//! (RFC 9200 Tables 5 and 6): each message knows only its own.

mod codes;
mod error_response;
mod hints;
mod introspection_request;
mod introspection_response;
mod names;
mod psk_identity;
mod secret;
mod token_request;
mod token_response;

use core::fmt;

pub use codes::{ErrorCode, GrantType, TokenType};
pub use error_response::ErrorResponse;
pub use hints::RequestCreationHints;
pub use introspection_request::IntrospectionRequest;
pub use introspection_response::IntrospectionResponse;
pub use psk_identity::PskIdentity;
pub use secret::Secret;
pub use token_request::{ProfileRequest, TokenRequest};
pub use token_response::TokenResponse;

use crate::cbor::{CborError, Label, Value};
use crate::claims::ClaimsError;
use crate::confirmation::{Confirmation, ConfirmationError};

/// Why bytes are not the message that was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageError {
    /// Not the CBOR that is wanted; the error names the member.
    Cbor(CborError),
    /// A confirmation that is refused.
    Confirmation {
        /// The member in which it stands.
        label: Option<Label>,
        /// Why it is refused. A key of an unsupported kind is told apart from a malformed one.
        error: ConfirmationError,
    },
    /// A member that the message must have is not there.
    Missing {
        /// The member.
        label: Label,
    },
}

impl fmt::Display for MessageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cbor(error) => error.fmt(formatter),
            Self::Confirmation {
                label: Some(label),
                error,
            } => write!(formatter, "{label}: {error}"),
            Self::Confirmation { label: None, error } => error.fmt(formatter),
            Self::Missing { label } => write!(formatter, "{label} is missing"),
        }
    }
}

impl core::error::Error for MessageError {}

impl From<CborError> for MessageError {
    fn from(error: CborError) -> Self {
        Self::Cbor(error)
    }
}

fn read_confirmation(value: &Value<'_>) -> Result<Option<Confirmation>, MessageError> {
    match Confirmation::read(value) {
        Ok(confirmation) => Ok(Some(confirmation)),
        Err(ConfirmationError::Cbor(error)) => Err(MessageError::Cbor(error)),
        Err(error) => Err(MessageError::Confirmation {
            label: value.label(),
            error,
        }),
    }
}

fn from_claims_error(error: ClaimsError, value: &Value<'_>) -> MessageError {
    match error {
        ClaimsError::Cbor(error) => MessageError::Cbor(error),
        ClaimsError::Confirmation(error) => MessageError::Confirmation {
            label: value.label(),
            error,
        },
    }
}

/// How many bytes an opaque value has: what `Debug` shows of tokens.
struct Length(usize);

impl fmt::Debug for Length {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{} bytes]", self.0)
    }
}

#[cfg(test)]
mod tests;
