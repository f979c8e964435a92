//! Why handshakes fail and sessions end. What the peer is told is chosen in one place, apart from what is logged.

use core::fmt;

use crate::codec::alert::AlertDescription;
use crate::codec::handshake::HandshakeType;
use crate::codec::{DecodeError, TooLong};
use crate::credentials::CertificateError;
use crate::crypto::{CryptoError, RandomError};

/// Why a handshake failed here. For logs; the peer gets [`HandshakeError::alert`] and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// A message of the peer is malformed.
    Decode(DecodeError),
    /// A message of the peer came at a time when it may not come.
    Unexpected {
        /// The message.
        got: HandshakeType,
        /// What was expected, in words.
        wanted: &'static str,
    },
    /// The peer does not speak DTLS 1.2.
    Version {
        /// What it speaks.
        got: u16,
    },
    /// No cipher suite in common.
    NoCommonSuite,
    /// The peer does not do the extended master secret (RFC 7627).
    NoExtendedMasterSecret,
    /// The peer chose or sent what it may not.
    Illegal(&'static str),
    /// The peer used an extension that was not offered.
    UnofferedExtension,
    /// The PSK identity selects no valid access token (RFC 9202 Section 3.3.2).
    IdentityRefused,
    /// The look-up of a PSK identity was not answered in time ([`crate::config::Lookups::limit`]).
    LookupTimeout,
    /// As many look-ups as may wait were under way ([`crate::config::Lookups::waiting`]).
    TooManyLookups,
    /// No certificate type in common (RFC 7250 Section 4.2).
    NoCommonCertificateType,
    /// The peer showed no certificate.
    NoCertificate,
    /// The peer's raw public key is not known.
    UnknownKey,
    /// The peer's certificate chain is not accepted.
    Certificate(CertificateError),
    /// A signature did not verify.
    Signature,
    /// A Finished did not verify.
    Finished,
    /// A computation failed.
    Crypto,
    /// No randomness to be had.
    Random,
    /// A value of our own does not fit its field.
    TooLong,
}

impl HandshakeError {
    /// What the peer is told (RFC 5246 Section 7.2.2).
    pub const fn alert(&self) -> AlertDescription {
        match self {
            Self::Decode(
                DecodeError::IllegalValue { .. } | DecodeError::DuplicateExtension { .. },
            ) => AlertDescription::ILLEGAL_PARAMETER,
            Self::Decode(_) => AlertDescription::DECODE_ERROR,
            Self::Unexpected { .. } => AlertDescription::UNEXPECTED_MESSAGE,
            Self::Version { .. } => AlertDescription::PROTOCOL_VERSION,
            // RFC 7627 Section 5.2: abort with handshake_failure, or go on at one's own risk. We do not go on.
            Self::NoCommonSuite | Self::NoExtendedMasterSecret => {
                AlertDescription::HANDSHAKE_FAILURE
            }
            // RFC 9202 Section 3.3.2: "illegal_parameter".
            Self::Illegal(_) | Self::IdentityRefused => AlertDescription::ILLEGAL_PARAMETER,
            Self::UnofferedExtension => AlertDescription::UNSUPPORTED_EXTENSION,
            // RFC 7250 Section 4.2: unsupported_certificate.
            Self::NoCommonCertificateType => AlertDescription::UNSUPPORTED_CERTIFICATE,
            // RFC 5246 Section 7.4.6: handshake_failure.
            Self::NoCertificate => AlertDescription::HANDSHAKE_FAILURE,
            // RFC 7925 Section 6: the alerts about certificates MUST NOT be used with raw public keys.
            Self::UnknownKey => AlertDescription::HANDSHAKE_FAILURE,
            Self::Certificate(CertificateError::Bad) => AlertDescription::BAD_CERTIFICATE,
            Self::Certificate(CertificateError::Expired) => AlertDescription::CERTIFICATE_EXPIRED,
            Self::Certificate(CertificateError::UnknownAuthority) => AlertDescription::UNKNOWN_CA,
            Self::Certificate(CertificateError::NotAcceptable) => {
                AlertDescription::CERTIFICATE_UNKNOWN
            }
            Self::Signature | Self::Finished => AlertDescription::DECRYPT_ERROR,
            // Whether the identity is known must not show: this happens to both.
            Self::LookupTimeout | Self::TooManyLookups => AlertDescription::INTERNAL_ERROR,
            Self::Crypto | Self::Random | Self::TooLong => AlertDescription::INTERNAL_ERROR,
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(error) => write!(formatter, "malformed message: {error}"),
            Self::Unexpected { got, wanted } => {
                write!(formatter, "handshake message {}, wanted {wanted}", got.0)
            }
            Self::Version { got } => write!(formatter, "version {got:#06x}, wanted DTLS 1.2"),
            Self::NoCommonSuite => formatter.write_str("no cipher suite in common"),
            Self::NoExtendedMasterSecret => {
                formatter.write_str("the peer does not do the extended master secret")
            }
            Self::Illegal(detail) => formatter.write_str(detail),
            Self::UnofferedExtension => formatter.write_str("an extension that was not offered"),
            Self::IdentityRefused => {
                formatter.write_str("the PSK identity selects no valid access token")
            }
            Self::LookupTimeout => {
                formatter.write_str("the look-up of the PSK identity was not answered in time")
            }
            Self::TooManyLookups => formatter.write_str("too many look-ups were under way"),
            Self::NoCommonCertificateType => formatter.write_str("no certificate type in common"),
            Self::NoCertificate => formatter.write_str("the peer showed no certificate"),
            Self::UnknownKey => formatter.write_str("the peer's raw public key is not known"),
            Self::Certificate(error) => write!(
                formatter,
                "the peer's certificate is not accepted: {error:?}"
            ),
            Self::Signature => formatter.write_str("a signature does not verify"),
            Self::Finished => formatter.write_str("Finished does not verify"),
            Self::Crypto => formatter.write_str("a cryptographic operation failed"),
            Self::Random => formatter.write_str("the random source failed"),
            Self::TooLong => formatter.write_str("a value does not fit its field"),
        }
    }
}

impl core::error::Error for HandshakeError {}

impl From<DecodeError> for HandshakeError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<TooLong> for HandshakeError {
    fn from(_: TooLong) -> Self {
        Self::TooLong
    }
}

impl From<CryptoError> for HandshakeError {
    fn from(_: CryptoError) -> Self {
        Self::Crypto
    }
}

impl From<RandomError> for HandshakeError {
    fn from(_: RandomError) -> Self {
        Self::Random
    }
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// We closed it.
    Local,
    /// The peer sent close_notify.
    Peer,
    /// The handshake did not end within its time limit.
    HandshakeTimeout,
    /// The peer sent a fatal alert.
    Alert(AlertDescription),
    /// The handshake failed here.
    HandshakeFailed(HandshakeError),
}

impl fmt::Display for CloseReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => formatter.write_str("closed here"),
            Self::Peer => formatter.write_str("closed by the peer"),
            Self::HandshakeTimeout => {
                formatter.write_str("the handshake did not end within its time limit")
            }
            Self::Alert(alert) => write!(formatter, "the peer sent a fatal alert ({})", alert.0),
            Self::HandshakeFailed(error) => write!(formatter, "the handshake failed: {error}"),
        }
    }
}

/// Why data could not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError {
    /// The handshake has not ended yet.
    NotConnected,
    /// The session has ended, or has used up its sequence numbers.
    Closed,
    /// More than one record takes.
    TooLarge,
}

impl fmt::Display for SendError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotConnected => "the handshake has not ended yet",
            Self::Closed => "the session has ended",
            Self::TooLarge => "more data than one record takes",
        })
    }
}

impl core::error::Error for SendError {}
