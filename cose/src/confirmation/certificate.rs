//! X.509 certificates in confirmations: by value (`x5chain`) and by hash (`x5t`), with the semantics of RFC 9360
//! Section 2. A certificate that is meant so is a hint: whoever uses it validates it as any other.

use alloc::vec::Vec;
use core::fmt;

use super::ConfirmationError;
use crate::cbor::{Kind, Value, Writer};
use crate::crypto::CryptoProvider;
use crate::registry::algorithm;

/// Most certificates of a chain.
const LONGEST_CHAIN: u64 = 8;

/// The hash of a certificate (COSE_CertHash of RFC 9360 Section 2): SHA-256, whole or its first 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CertificateHash(Hash);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Hash {
    Whole([u8; 32]),
    Truncated([u8; 8]),
}

impl CertificateHash {
    /// SHA-256 of a certificate (DER).
    #[must_use]
    pub fn of_certificate(provider: &CryptoProvider, certificate: &[u8]) -> Self {
        Self::of_digest(provider.kdf.sha256(certificate))
    }

    /// The hash with this digest.
    #[must_use]
    pub const fn of_digest(digest: [u8; 32]) -> Self {
        Self(Hash::Whole(digest))
    }

    /// Reads the bytes of a hash: 32 of SHA-256, or 8 of the truncated one; `None` for any other length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let whole = bytes.try_into().map(Hash::Whole);
        let hash = whole.or_else(|_| bytes.try_into().map(Hash::Truncated));
        hash.ok().map(Self)
    }

    /// The bytes of the hash, 32 or 8.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Hash::Whole(bytes) => bytes,
            Hash::Truncated(bytes) => bytes,
        }
    }

    /// The first 64 bits, which both forms have.
    #[must_use]
    pub fn truncated(&self) -> Self {
        let mut bytes = [0; 8];
        bytes
            .iter_mut()
            .zip(self.as_bytes())
            .for_each(|(place, byte)| *place = *byte);
        Self(Hash::Truncated(bytes))
    }

    /// Whether this is the hash of a certificate (DER).
    #[must_use]
    pub fn is_of(&self, provider: &CryptoProvider, certificate: &[u8]) -> bool {
        self.agrees_with(&Self::of_certificate(provider, certificate))
    }

    /// Whether both can be of one certificate: a whole and a truncated hash are compared by what they share.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Hash::Whole(one), Hash::Whole(other)) => one == other,
            _ => self.truncated() == other.truncated(),
        }
    }

    pub(super) fn read(value: &Value<'_>) -> Result<Self, ConfirmationError> {
        let mut array = value.array()?;
        let wanted = "an array of hash algorithm and hash";
        let (Some(algorithm), Some(hash), None) = (
            array.next_element()?,
            array.next_element()?,
            array.next_element()?,
        ) else {
            return Err(value.unwanted(wanted).into());
        };
        // RFC 9360 Section 2: the algorithm is a number or a text; every one with a text is unknown here.
        if algorithm.kind() == Kind::Text {
            return Err(ConfirmationError::UnsupportedHash);
        }
        let bytes = hash.bytes()?;
        let hash = match algorithm.integer()? {
            algorithm::SHA_256 => bytes.try_into().map(Hash::Whole),
            algorithm::SHA_256_64 => bytes.try_into().map(Hash::Truncated),
            _ => return Err(ConfirmationError::UnsupportedHash),
        };
        hash.map(Self).map_err(|_| ConfirmationError::HashLength)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.array(2);
        writer.integer(match &self.0 {
            Hash::Whole(_) => algorithm::SHA_256,
            Hash::Truncated(_) => algorithm::SHA_256_64,
        });
        writer.bytes(self.as_bytes());
    }
}

impl fmt::Debug for CertificateHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CertificateHash(")?;
        self.as_bytes()
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))?;
        formatter.write_str(")")
    }
}

/// A chain as RFC 9360 Section 2 has it: one certificate alone, or an array of two and more.
pub(super) fn read_chain(value: &Value<'_>) -> Result<Vec<Vec<u8>>, ConfirmationError> {
    if value.kind() == Kind::Bytes {
        return certificate(value).map(|certificate| Vec::from([certificate]));
    }
    if value.kind() != Kind::Array {
        return Err(value.unwanted("a certificate or an array of them").into());
    }
    let mut array = value.array()?;
    if !(2..=LONGEST_CHAIN).contains(&array.len()) {
        return Err(ConfirmationError::ChainLength);
    }
    let mut chain = Vec::new();
    while let Some(element) = array.next_element()? {
        chain.push(certificate(&element)?);
    }
    Ok(chain)
}

fn certificate(value: &Value<'_>) -> Result<Vec<u8>, ConfirmationError> {
    match value.bytes()? {
        [] => Err(ConfirmationError::ChainLength),
        bytes => Ok(bytes.to_vec()),
    }
}

pub(super) fn write_chain(chain: &[Vec<u8>], writer: &mut Writer) {
    if let [only] = chain {
        writer.bytes(only);
        return;
    }
    writer.array(chain.len());
    chain
        .iter()
        .for_each(|certificate| writer.bytes(certificate));
}
