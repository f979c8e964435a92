//! Confirmation of possession of a key: the value of `cnf`, `req_cnf` and `rs_cnf` (RFC 8747 Section 3.1).

mod certificate;

use alloc::vec::Vec;
use core::fmt;

pub use certificate::CertificateHash;

use crate::cbor::{CborError, Kind, Label, MapReader, MapWriter, Value};
use crate::crypto::CryptoProvider;
use crate::key::{CoseKey, KeyError};
use crate::registry::confirmation as number;

const NAMES: &[Label] = &[
    Label {
        number: number::COSE_KEY,
        name: "COSE_Key",
    },
    Label {
        number: number::ENCRYPTED_COSE_KEY,
        name: "Encrypted_COSE_Key",
    },
    Label {
        number: number::KID,
        name: "kid",
    },
    Label {
        number: number::X5T,
        name: "x5t",
    },
    Label {
        number: number::X5CHAIN,
        name: "x5chain",
    },
];

/// One proof-of-possession key.
// RFC 8747 Section 3.1: it represents a single key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// The key itself. A symmetric value stands only where everything around it is encrypted (RFC 8747 Section 3.2).
    Key(CoseKey),
    /// The key, encrypted: an encoded COSE_Encrypt0 or COSE_Encrypt, as it was received (RFC 8747 Section 3.3).
    Encrypted(Vec<u8>),
    /// The identifier of a key that both sides know (RFC 8747 Section 3.4). Identifiers can collide.
    KeyId(Vec<u8>),
    /// X.509 certificates by value, DER: the key is that of the first, the end entity (`x5chain` of
    /// draft-ietf-ace-authcred-dtls-profile-04 Section 3). One to eight, none empty.
    CertificateChain(Vec<Vec<u8>>),
    /// An X.509 certificate by its hash (`x5t`, as above).
    CertificateHash(CertificateHash),
}

/// Why a confirmation is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfirmationError {
    /// Not the CBOR that is wanted.
    Cbor(CborError),
    /// The COSE_Key cannot be read, or is of a kind that is not supported.
    Key(KeyError),
    /// No member that is understood.
    NoKey,
    /// More than one member that names a key.
    SeveralKeys,
    /// The hash of `x5t` is by another algorithm than SHA-256.
    UnsupportedHash,
    /// The hash of `x5t` has not the length of its algorithm.
    HashLength,
    /// `x5chain` has no certificate, an empty one, one in an array, or too many.
    ChainLength,
}

impl fmt::Display for ConfirmationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cbor(error) => error.fmt(formatter),
            Self::Key(error) => write!(formatter, "COSE_Key (1): {error}"),
            Self::NoKey => formatter.write_str(
                "no COSE_Key (1), Encrypted_COSE_Key (2), kid (3), x5t (6) or x5chain (24)",
            ),
            Self::SeveralKeys => formatter.write_str(
                "more than one of COSE_Key (1), Encrypted_COSE_Key (2), kid (3), x5t (6) and x5chain (24)",
            ),
            Self::UnsupportedHash => {
                formatter.write_str("x5t (6): a hash by another algorithm than SHA-256")
            }
            Self::HashLength => {
                formatter.write_str("x5t (6): the hash has not the length of its algorithm")
            }
            Self::ChainLength => {
                formatter.write_str("x5chain (24): wanted one certificate, or an array of 2 to 8")
            }
        }
    }
}

impl core::error::Error for ConfirmationError {}

impl From<CborError> for ConfirmationError {
    fn from(error: CborError) -> Self {
        Self::Cbor(error)
    }
}

impl From<KeyError> for ConfirmationError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

impl Confirmation {
    /// Reads an encoded confirmation.
    ///
    /// # Errors
    /// [`ConfirmationError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ConfirmationError> {
        Self::read(&Value::parse(bytes, crate::cbor::Limits::DEFAULT)?)
    }

    /// The encoded confirmation, with every part that the key has: for a key pair give its public part.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut map = MapWriter::with_capacity(CAPACITY);
        match self {
            Self::Key(key) => {
                let key = zeroize::Zeroizing::new(key.to_cbor());
                map.entry(number::COSE_KEY).encoded(&key);
            }
            Self::Encrypted(object) => map.entry(number::ENCRYPTED_COSE_KEY).encoded(object),
            Self::KeyId(kid) => map.bytes(number::KID, Some(kid)),
            Self::CertificateHash(hash) => hash.write(map.entry(number::X5T)),
            Self::CertificateChain(chain) => {
                certificate::write_chain(chain, map.entry(number::X5CHAIN));
            }
        }
        map.finish()
    }

    /// The key identifier, alone or in the key; `None` if the key has none or is encrypted.
    #[must_use]
    pub fn kid(&self) -> Option<&[u8]> {
        match self {
            Self::Key(key) => key.kid(),
            Self::Encrypted(_) | Self::CertificateChain(_) | Self::CertificateHash(_) => None,
            Self::KeyId(kid) => Some(kid),
        }
    }

    /// The key, if it stands here in clear.
    #[must_use]
    pub const fn key(&self) -> Option<&CoseKey> {
        match self {
            Self::Key(key) => Some(key),
            _ => None,
        }
    }

    /// The hash of the certificate that is meant: the end entity, whether it stands here or its hash does.
    // draft-ietf-ace-authcred-dtls-profile-04 Section 3: the authentication credential is the end-entity certificate.
    #[must_use]
    pub fn certificate(&self, provider: &CryptoProvider) -> Option<CertificateHash> {
        match self {
            Self::CertificateHash(hash) => Some(*hash),
            Self::CertificateChain(chain) => chain
                .first()
                .map(|first| CertificateHash::of_certificate(provider, first)),
            Self::Key(_) | Self::Encrypted(_) | Self::KeyId(_) => None,
        }
    }

    /// Whether the bytes of a symmetric key stand here in clear. A request with them is to be refused (RFC 9201
    /// Section 3.1); a token with them is to be encrypted (RFC 8747 Section 3.2).
    #[must_use]
    pub fn has_symmetric_value(&self) -> bool {
        self.key()
            .is_some_and(|key| key.is_symmetric() && key.has_secret())
    }

    pub(crate) fn read(value: &Value<'_>) -> Result<Self, ConfirmationError> {
        let mut members: MapReader<'_> = value.map(NAMES)?;
        let mut found = None;
        while let Some((label, value)) = members.next_member()? {
            let confirmation = match label {
                number::COSE_KEY => match value.kind() {
                    Kind::Map => Self::Key(CoseKey::from_cbor(value.as_encoded())?),
                    _ => return Err(value.unwanted("a map").into()),
                },
                number::ENCRYPTED_COSE_KEY => match value.kind() {
                    Kind::Array | Kind::Tag => Self::Encrypted(value.as_encoded().into()),
                    _ => return Err(value.unwanted("a COSE_Encrypt0 or COSE_Encrypt").into()),
                },
                number::KID => Self::KeyId(value.bytes()?.into()),
                number::X5T => Self::CertificateHash(CertificateHash::read(&value)?),
                number::X5CHAIN => Self::CertificateChain(certificate::read_chain(&value)?),
                // RFC 8747 Section 3.1: members that are not understood are ignored.
                _ => continue,
            };
            // RFC 8747 Section 3.1: a single key, and never COSE_Key and Encrypted_COSE_Key together.
            if found.replace(confirmation).is_some() {
                return Err(ConfirmationError::SeveralKeys);
            }
        }
        found.ok_or(ConfirmationError::NoKey)
    }

    pub(crate) fn write(confirmation: Option<&Self>, label: i64, map: &mut MapWriter) {
        if let Some(confirmation) = confirmation {
            let encoded = zeroize::Zeroizing::new(confirmation.encode());
            map.entry(label).encoded(&encoded);
        }
    }
}

/// Room for a public key on P-256 with an identifier of 16 bytes.
const CAPACITY: usize = 112;

#[cfg(test)]
mod tests;
