//! Why a resource server could not be made.

use std::fmt;

use motekey_cose::key::KeyError;

/// Why a resource server could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildError {
    /// No authorization server is trusted: every token would be refused.
    NoIssuer,
    /// A shared key cannot be used.
    SharedKey {
        /// Whose.
        issuer: String,
        /// Why.
        error: KeyError,
    },
    /// Two authorization servers have one key, or one key has two uses.
    KeyInUse {
        /// The second.
        issuer: String,
    },
    /// The system gave no randomness.
    Random,
}

impl fmt::Display for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoIssuer => {
                formatter.write_str("no trusted authorization server: every token would be refused")
            }
            Self::SharedKey { issuer, error } => {
                write!(formatter, "key shared with {issuer}: {error}")
            }
            Self::KeyInUse { issuer } => {
                write!(
                    formatter,
                    "the key shared with {issuer} has another use, or is shared with another authorization server too"
                )
            }
            Self::Random => formatter.write_str("the system gave no randomness"),
        }
    }
}

impl std::error::Error for BuildError {}
