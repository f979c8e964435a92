use alloc::string::String;
use core::fmt;

use super::EnvelopeKind;
use crate::{cbor::CborError, crypto::CryptoError};

/// A header label: integer or text (RFC 9052 Section 1.5).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeaderLabel {
    /// An integer label.
    Integer(i64),
    /// A text label.
    Text(String),
}

impl fmt::Display for HeaderLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(label) => label.fmt(f),
            Self::Text(label) => write!(f, "{label:?}"),
        }
    }
}

/// Why an envelope was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The bytes, or those of the protected header, are not one well-formed CBOR item within the limits.
    Cbor(CborError),
    /// The item is not the array that the structure asks for; the text says where.
    Malformed(String),
    /// A tag that is not 16, 17 or 18, or not the one that this place asks for.
    WrongTag {
        /// The tag.
        got: u64,
    },
    /// Another structure than the key is for.
    WrongKind {
        /// The structure.
        got: EnvelopeKind,
        /// The structure of the key's algorithm.
        wanted: EnvelopeKind,
    },
    /// The content is detached (null).
    DetachedContent,
    /// No `alg` header parameter.
    MissingAlgorithm,
    /// `alg` is not supported, or not for this structure.
    UnsupportedAlgorithm(HeaderLabel),
    /// The key is for another algorithm.
    WrongAlgorithm {
        /// COSE number in the header.
        got: i64,
        /// COSE number of the key.
        wanted: i64,
    },
    /// A label is in both header buckets.
    DuplicateLabel(HeaderLabel),
    /// `crit` is in the unprotected bucket.
    CriticalNotProtected,
    /// `crit` is not an array of at least one label.
    CriticalMalformed,
    /// `crit` lists a label that is not in the protected bucket.
    CriticalAbsent(HeaderLabel),
    /// `crit` lists a label that is not understood.
    CriticalNotUnderstood(HeaderLabel),
    /// IV and Partial IV are both there.
    IvAndPartialIv,
    /// Neither IV, nor a Partial IV that fits a Base IV of the key.
    MissingIv,
    /// The signature, MAC or ciphertext is wrong for the key, or its length is.
    Crypto(CryptoError),
    /// The decrypted bytes are not a COSE_Key.
    Key(crate::key::KeyError),
}

impl From<CborError> for EnvelopeError {
    fn from(error: CborError) -> Self {
        Self::Cbor(error)
    }
}

impl From<CryptoError> for EnvelopeError {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cbor(error) => error.fmt(f),
            Self::Malformed(reason) => write!(f, "not a COSE structure: {reason}"),
            Self::WrongTag { got } => write!(f, "tag {got} is not the tag wanted here"),
            Self::WrongKind { got, wanted } => {
                write!(f, "got COSE_{got:?}, wanted COSE_{wanted:?}")
            }
            Self::DetachedContent => f.write_str("detached content is not supported"),
            Self::MissingAlgorithm => f.write_str("no algorithm in the headers"),
            Self::UnsupportedAlgorithm(label) => {
                write!(f, "algorithm {label} is not supported here")
            }
            Self::WrongAlgorithm { got, wanted } => {
                write!(f, "algorithm {got}, the key is for {wanted}")
            }
            Self::DuplicateLabel(label) => write!(f, "header {label} is in both buckets"),
            Self::CriticalNotProtected => f.write_str("crit is not protected"),
            Self::CriticalMalformed => f.write_str("crit is not an array of labels"),
            Self::CriticalAbsent(label) => {
                write!(f, "critical header {label} is not in the protected bucket")
            }
            Self::CriticalNotUnderstood(label) => {
                write!(f, "critical header {label} is not understood")
            }
            Self::IvAndPartialIv => f.write_str("IV and Partial IV together"),
            Self::MissingIv => f.write_str("no usable IV"),
            Self::Crypto(error) => error.fmt(f),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for EnvelopeError {}
