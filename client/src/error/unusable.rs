//! Why a token response must not be used.

use std::fmt;

/// Why a token response must not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// The payload is not a map of `application/ace+cbor`; the text says where.
    Malformed(String),
    /// The Content-Format is not 19 (RFC 9200 Section 5).
    ContentFormat(Option<u16>),
    /// The token is not a proof-of-possession token (RFC 9200 Section 5.8.2).
    TokenType(i64),
    /// `ace_profile` names a profile that this client does not have (RFC 9200 Section 5.8.2).
    Profile(i64),
    /// `ace_profile` was asked for and is missing.
    ProfileMissing,
    /// Neither `expires_in` nor a provisioned lifetime (RFC 9200 Section 5.10.4).
    NoLifetime,
    /// The token ended before it arrived.
    Expired,
    /// `cnf` is missing, or holds no key that this profile can use; the text says why (RFC 9201 Section 5).
    Key(String),
    /// The answer to an update of rights is bound to another key than the running session (RFC 9202 Section 4).
    OtherKey,
    /// More bytes than this client keeps for one token.
    TooLong {
        /// Bytes received.
        got: usize,
        /// Bytes kept at most.
        limit: usize,
    },
}

impl fmt::Display for Unusable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(detail) => write!(formatter, "it is not a valid ACE map: {detail}"),
            Self::ContentFormat(Some(got)) => {
                write!(formatter, "its Content-Format is {got}, wanted 19")
            }
            Self::ContentFormat(None) => formatter.write_str("it has no Content-Format, wanted 19"),
            Self::TokenType(got) => write!(
                formatter,
                "token_type is {got}, wanted 2 (proof of possession)"
            ),
            Self::Profile(number) => write!(
                formatter,
                "ace_profile is {number}, which this client does not have"
            ),
            Self::ProfileMissing => formatter.write_str("ace_profile was asked for and is missing"),
            Self::NoLifetime => {
                formatter.write_str("expires_in is missing and no lifetime is provisioned")
            }
            Self::Expired => formatter.write_str("the token ended before it arrived"),
            Self::Key(detail) => write!(formatter, "its key cannot be used: {detail}"),
            Self::OtherKey => {
                formatter.write_str("it is bound to another key than the running session")
            }
            Self::TooLong { got, limit } => write!(
                formatter,
                "the token has {got} bytes, this client keeps {limit}"
            ),
        }
    }
}
