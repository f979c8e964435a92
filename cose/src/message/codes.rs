//! Values that are numbers in CBOR and words in OAuth.

use core::fmt;

/// `grant_type` (RFC 9200 Section 5.8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GrantType {
    /// 0, `password`.
    Password,
    /// 1, `authorization_code`.
    AuthorizationCode,
    /// 2, `client_credentials`: what a request without `grant_type` means.
    ClientCredentials,
    /// 3, `refresh_token`.
    RefreshToken,
    /// A number that is not registered; the answer is `unsupported_grant_type`.
    Other(u64),
}

impl GrantType {
    /// The grant type with that number.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        match number {
            0 => Self::Password,
            1 => Self::AuthorizationCode,
            2 => Self::ClientCredentials,
            3 => Self::RefreshToken,
            other => Self::Other(other),
        }
    }

    /// The number.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        match self {
            Self::Password => 0,
            Self::AuthorizationCode => 1,
            Self::ClientCredentials => 2,
            Self::RefreshToken => 3,
            Self::Other(number) => number,
        }
    }

    /// The word of OAuth; `other` for a number that is not registered.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
            Self::Other(_) => "other",
        }
    }
}

/// `token_type` (RFC 9200 Section 5.8.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenType {
    /// 1, `Bearer`.
    Bearer,
    /// 2, `PoP`: what a response without `token_type` means.
    Pop,
    /// Another number.
    Other(i64),
}

impl TokenType {
    /// The token type with that number.
    #[must_use]
    pub const fn from_i64(number: i64) -> Self {
        match number {
            1 => Self::Bearer,
            2 => Self::Pop,
            other => Self::Other(other),
        }
    }

    /// The number.
    #[must_use]
    pub const fn to_i64(self) -> i64 {
        match self {
            Self::Bearer => 1,
            Self::Pop => 2,
            Self::Other(number) => number,
        }
    }

    /// The name of RFC 9200 Section 8.7; `other` for another number.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Pop => "PoP",
            Self::Other(_) => "other",
        }
    }
}

/// `error` (RFC 9200 Table 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// 1: a parameter is malformed, missing or repeated.
    InvalidRequest,
    /// 2: the client was not authenticated.
    InvalidClient,
    /// 3: the grant or refresh token is not valid.
    InvalidGrant,
    /// 4: the client may not use this grant.
    UnauthorizedClient,
    /// 5: the grant type is not supported.
    UnsupportedGrantType,
    /// 6: the scope is not known, malformed, or more than may be granted.
    InvalidScope,
    /// 7: the key cannot be used with the resource server.
    UnsupportedPopKey,
    /// 8: client and resource server have no profile in common.
    IncompatibleAceProfiles,
    /// Another number.
    Other(i64),
}

impl ErrorCode {
    /// The code with that number.
    #[must_use]
    pub const fn from_i64(number: i64) -> Self {
        match number {
            1 => Self::InvalidRequest,
            2 => Self::InvalidClient,
            3 => Self::InvalidGrant,
            4 => Self::UnauthorizedClient,
            5 => Self::UnsupportedGrantType,
            6 => Self::InvalidScope,
            7 => Self::UnsupportedPopKey,
            8 => Self::IncompatibleAceProfiles,
            other => Self::Other(other),
        }
    }

    /// The number.
    #[must_use]
    pub const fn to_i64(self) -> i64 {
        match self {
            Self::InvalidRequest => 1,
            Self::InvalidClient => 2,
            Self::InvalidGrant => 3,
            Self::UnauthorizedClient => 4,
            Self::UnsupportedGrantType => 5,
            Self::InvalidScope => 6,
            Self::UnsupportedPopKey => 7,
            Self::IncompatibleAceProfiles => 8,
            Self::Other(number) => number,
        }
    }

    /// The word of OAuth; `other` for another number.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::UnsupportedPopKey => "unsupported_pop_key",
            Self::IncompatibleAceProfiles => "incompatible_ace_profiles",
            Self::Other(_) => "other",
        }
    }
}

impl fmt::Display for GrantType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.name(), self.to_u64())
    }
}

impl fmt::Display for TokenType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.name(), self.to_i64())
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.name(), self.to_i64())
    }
}
