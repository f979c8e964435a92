use alloc::string::String;
use core::fmt;

use super::KeyOperation;
use crate::{cbor::CborError, crypto::CryptoError};

/// Why a COSE_Key cannot be read or used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes are not one well-formed CBOR item within the limits.
    Cbor(CborError),
    /// The bytes are no COSE_Key map; the text says where reading stopped.
    Malformed(String),
    /// A key type other than 1, 2 and 4.
    UnsupportedKeyType,
    /// A curve other than Ed25519 for OKP and P-256 for EC2.
    UnsupportedCurve,
    /// An operation in `key_ops`, or an `alg`, that is no registered number.
    UnsupportedValue {
        /// Label of the member.
        label: i64,
    },
    /// A member that the key type needs is absent.
    MissingMember {
        /// Label of the member.
        label: i64,
    },
    /// A member has the wrong type or length.
    WrongMember {
        /// Label of the member.
        label: i64,
        /// What stands at this label.
        wanted: &'static str,
    },
    /// The public point is not on the curve.
    NotAPoint,
    /// The private part does not belong to the public part.
    PairMismatch,
    /// The key has no private part, or no symmetric value.
    NoSecret,
    /// The key type does not fit the algorithm.
    WrongKeyType {
        /// Key type of the key.
        got: i64,
        /// Key type that the algorithm takes.
        wanted: i64,
    },
    /// The key may be used with another algorithm only.
    WrongAlgorithm {
        /// `alg` of the key.
        got: i64,
        /// The algorithm asked for.
        wanted: i64,
    },
    /// `key_ops` of the key does not have the operation.
    OperationNotAllowed(KeyOperation),
    /// The cryptographic provider refused the key.
    Crypto(CryptoError),
}

impl From<CryptoError> for KeyError {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cbor(error) => error.fmt(f),
            Self::Malformed(reason) => write!(f, "not a COSE_Key: {reason}"),
            Self::UnsupportedKeyType => {
                f.write_str("key type is not 1 (OKP), 2 (EC2) or 4 (Symmetric)")
            }
            Self::UnsupportedCurve => f.write_str("curve is not Ed25519 or P-256"),
            Self::UnsupportedValue { label } => {
                write!(f, "value of COSE_Key member {label} is not supported")
            }
            Self::MissingMember { label } => write!(f, "COSE_Key member {label} is missing"),
            Self::WrongMember { label, wanted } => {
                write!(f, "COSE_Key member {label} is not {wanted}")
            }
            Self::NotAPoint => f.write_str("public point is not on the curve"),
            Self::PairMismatch => f.write_str("private part does not belong to the public part"),
            Self::NoSecret => f.write_str("key has no secret part"),
            Self::WrongKeyType { got, wanted } => write!(f, "key type {got}, wanted {wanted}"),
            Self::WrongAlgorithm { got, wanted } => {
                write!(f, "key is for algorithm {got}, wanted {wanted}")
            }
            Self::OperationNotAllowed(operation) => {
                write!(f, "key_ops does not have {operation:?}")
            }
            Self::Crypto(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for KeyError {}
