use core::fmt;

use crate::{
    claims::ClaimsError, confirmation::ConfirmationError, crypto::CryptoError,
    envelope::EnvelopeError, key::KeyError,
};

/// The check of RFC 9200 Section 5.10.1.1 at which a token was refused. When several fail, the first in the order of
/// that section is reported. In brackets: the response code of authz-info.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// The bytes are no token (4.00).
    NotAToken(EnvelopeError),
    /// The protection is not of a trusted issuer (4.01).
    Protection(ProtectionError),
    /// The protection is good, and what it protects is no claims set (4.00).
    Claims(ClaimsError),
    /// The content is a COSE structure in a place where none is processed (4.00).
    Nesting,
    /// `iss` is not the issuer whose key protects the token (4.01).
    Issuer,
    /// `exp` is not in the future (4.01).
    Expired,
    /// `nbf` is in the future (4.01).
    NotYetValid,
    /// `aud` is not this resource server, or absent in a token that is only signed (4.03).
    Audience,
    /// The key of `cnf` cannot be used (4.00).
    ConfirmationKey(KeyError),
    /// The Encrypted_COSE_Key of `cnf` cannot be opened (4.00).
    EncryptedKey(ProtectionError),
    /// `cnf` has a symmetric key in clear (4.00).
    ClearSymmetricKey,
}

/// Why the protection of a token, or of an Encrypted_COSE_Key, is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtectionError {
    /// `alg` is not protected.
    AlgorithmNotProtected,
    /// No trusted issuer has a key with this `kid` and algorithm.
    NoKey,
    /// More keys could fit than are tried for one token.
    TooManyKeys,
    /// It is not processed, or none of the keys that could fit does; the error of the last.
    Refused(EnvelopeError),
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAToken(error) => write!(f, "not a token: {error}"),
            Self::Protection(error) => write!(f, "protection: {error}"),
            Self::Claims(error) => write!(f, "claims: {error}"),
            Self::Nesting => f.write_str("nested in a way that is not processed"),
            Self::Issuer => f.write_str("iss is not the issuer of the key"),
            Self::Expired => f.write_str("exp is not in the future"),
            Self::NotYetValid => f.write_str("nbf is in the future"),
            Self::Audience => f.write_str("aud is not this resource server"),
            Self::ConfirmationKey(error) => write!(f, "cnf: {error}"),
            Self::EncryptedKey(error) => write!(f, "cnf, Encrypted_COSE_Key: {error}"),
            Self::ClearSymmetricKey => f.write_str("cnf has a symmetric key in clear"),
        }
    }
}

impl core::error::Error for TokenError {}

impl fmt::Display for ProtectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlgorithmNotProtected => f.write_str("alg is not protected"),
            Self::NoKey => f.write_str("no trusted key fits"),
            Self::TooManyKeys => f.write_str("too many trusted keys could fit"),
            Self::Refused(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ProtectionError {}

/// Sorts what is wrong with an envelope: bytes that are no token, or a token whose protection is not processed.
impl From<EnvelopeError> for TokenError {
    fn from(error: EnvelopeError) -> Self {
        match error {
            // RFC 9200 Section 5.10.1.1: a security wrapper that cannot be verified.
            EnvelopeError::UnsupportedAlgorithm(_)
            | EnvelopeError::MissingAlgorithm
            | EnvelopeError::WrongKind { .. }
            | EnvelopeError::CriticalNotProtected
            | EnvelopeError::CriticalAbsent(_)
            | EnvelopeError::CriticalNotUnderstood(_) => {
                Self::Protection(ProtectionError::Refused(error))
            }
            _ => Self::NotAToken(error),
        }
    }
}

impl From<ClaimsError> for TokenError {
    fn from(error: ClaimsError) -> Self {
        match error {
            ClaimsError::Confirmation(ConfirmationError::Key(error)) => {
                Self::ConfirmationKey(error)
            }
            error => Self::Claims(error),
        }
    }
}

/// Why no token was made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MintError {
    /// `cnf` has a symmetric key in clear and the token would not be encrypted.
    ClearSymmetricKey,
    /// `cnf` has the private part of a key pair.
    PrivateKey,
    /// The token is for several resource servers and would not be signed.
    SharedSecretAudience,
    /// The key could not be used, or the nonce has the wrong length.
    Crypto(CryptoError),
    /// The envelope could not be made.
    Envelope(EnvelopeError),
}

impl From<EnvelopeError> for MintError {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::Crypto(error) => Self::Crypto(error),
            error => Self::Envelope(error),
        }
    }
}

impl fmt::Display for MintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClearSymmetricKey => {
                f.write_str("a symmetric key in cnf asks for an encrypted token")
            }
            Self::PrivateKey => f.write_str("cnf has a private key"),
            Self::SharedSecretAudience => {
                f.write_str("a token for several resource servers has to be signed")
            }
            Self::Crypto(error) => error.fmt(f),
            Self::Envelope(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for MintError {}
