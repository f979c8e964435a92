//! Protection of records by an AEAD (RFC 5246 Section 6.2.3.3, RFC 6655 Section 3, RFC 7905 Section 2) with and
//! without Connection ID (RFC 9146 Sections 4 and 5.3).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::codec::DTLS_1_2;
use crate::codec::record::{ContentType, Record, put_header};
use crate::crypto::{AeadAlgorithm, CryptoError, CryptoProvider, NONCE};

/// A Connection ID of ours; at most [`ConnectionId::MAX`] bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct ConnectionId {
    length: u8,
    bytes: [u8; ConnectionId::MAX],
}

impl ConnectionId {
    /// Longest Connection ID that is given out.
    pub(crate) const MAX: usize = 20;

    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        let mut own = [0; Self::MAX];
        own.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self {
            length: u8::try_from(bytes.len()).ok()?,
            bytes: own,
        })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes()
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Most plaintext of a record (RFC 5246 Section 6.2.1); with a Connection ID its real type and padding count, too
/// (RFC 9146 Section 5).
pub(crate) const MAX_PLAINTEXT: usize = 1 << 14;

/// Key and IV of one direction. Those of AES-128, which nearly every session of a device has, stand in 24 bytes.
#[derive(Clone)]
pub(crate) enum TrafficKey {
    /// Of AES-128.
    Short(Key<16, 4>),
    /// Longer ones, elsewhere.
    Long(Box<Key<32, NONCE>>),
}

/// A key of `K` bytes and an IV of `I`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Key<const K: usize, const I: usize> {
    #[zeroize(skip)]
    algorithm: AeadAlgorithm,
    key: [u8; K],
    iv: [u8; I],
}

impl<const K: usize, const I: usize> Key<K, I> {
    fn new(algorithm: AeadAlgorithm, key: &[u8], iv: &[u8]) -> Self {
        let mut own = Self {
            algorithm,
            key: [0; K],
            iv: [0; I],
        };
        own.key
            .iter_mut()
            .zip(key)
            .for_each(|(to, from)| *to = *from);
        own.iv.iter_mut().zip(iv).for_each(|(to, from)| *to = *from);
        own
    }
}

impl fmt::Debug for TrafficKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TrafficKey({:?})", self.algorithm())
    }
}

/// What to protect.
pub(crate) struct Protected<'a> {
    pub(crate) content_type: ContentType,
    pub(crate) epoch: u16,
    pub(crate) sequence: u64,
    pub(crate) connection_id: &'a [u8],
    pub(crate) content: &'a [u8],
}

/// What a verified record holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) content_type: ContentType,
    pub(crate) content: Vec<u8>,
}

/// Why a record was not opened; all are discarded silently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// Too short for this suite.
    TooShort,
    /// More plaintext than a record may have.
    TooLong,
    /// The tag does not verify.
    Forged,
    /// The record verified, but there is no content type in it (RFC 9146 Section 4).
    NoContentType,
    /// There are no keys yet.
    NoKeys,
    /// Without the Connection ID that was agreed on, or with one that was not.
    WrongConnectionId,
    /// Of another epoch, or it came before.
    Replayed,
}

impl TrafficKey {
    pub(crate) fn new(algorithm: AeadAlgorithm, key: &[u8], iv: &[u8]) -> Self {
        match algorithm {
            AeadAlgorithm::Aes128Ccm8 | AeadAlgorithm::Aes128Gcm => {
                Self::Short(Key::new(algorithm, key, iv))
            }
            AeadAlgorithm::ChaCha20Poly1305 => Self::Long(Box::new(Key::new(algorithm, key, iv))),
        }
    }

    pub(crate) const fn algorithm(&self) -> AeadAlgorithm {
        match self {
            Self::Short(key) => key.algorithm,
            Self::Long(key) => key.algorithm,
        }
    }

    /// Key and IV, to export a session.
    pub(crate) fn bytes(&self) -> (&[u8], &[u8]) {
        match self {
            Self::Short(Key { key, iv, .. }) => (key, iv),
            Self::Long(key) => (&key.key, &key.iv),
        }
    }

    /// Appends the protected record.
    pub(crate) fn seal(
        &self,
        provider: &CryptoProvider,
        record: &Protected<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoError> {
        let algorithm = self.algorithm();
        // RFC 9146 Section 3: with a Connection ID that is not empty, records MUST have type tls12_cid and its
        // additional data; otherwise they MUST be those of RFC 6347.
        let with_id = !record.connection_id.is_empty();
        let outer = if with_id {
            ContentType::Tls12Cid
        } else {
            record.content_type
        };
        let plain = record.content.len().saturating_add(usize::from(with_id));
        // RFC 5246 Section 6.2.1, RFC 9146 Section 5: the length MUST NOT exceed 2^14.
        if plain > MAX_PLAINTEXT {
            return Err(CryptoError);
        }
        let length = plain.saturating_add(algorithm.overhead());
        // RFC 7925 Appendix B: the explicit nonce MUST be epoch and sequence number; none is used twice, as no
        // sequence number is.
        let number = sequence_number(record.epoch, record.sequence);
        let id = record.connection_id;
        let header_length = u16::try_from(length).map_err(|_| CryptoError)?;
        put_header(
            out,
            outer,
            DTLS_1_2,
            record.epoch,
            record.sequence,
            id,
            header_length,
        );
        if algorithm.explicit_nonce_length() != 0 {
            out.extend_from_slice(&number);
        }
        let from = out.len();
        out.extend_from_slice(record.content);
        if with_id {
            // RFC 9146 Section 4: DTLSInnerPlaintext is content, real type, no padding.
            out.push(record.content_type.number());
        }
        let additional = Additional::new(outer, DTLS_1_2, &number, id, plain);
        let buffer = out.get_mut(from..).ok_or(CryptoError)?;
        let (key, nonce) = (self.key(), self.nonce(&number));
        let tag = provider
            .aead
            .seal(algorithm, key, &nonce, additional.as_bytes(), buffer)?;
        out.extend_from_slice(tag.get(..algorithm.tag_length()).unwrap_or_default());
        Ok(())
    }

    /// Verifies and decrypts a record.
    pub(crate) fn open(
        &self,
        provider: &CryptoProvider,
        record: &Record<'_>,
    ) -> Result<Opened, OpenError> {
        let algorithm = self.algorithm();
        let explicit = algorithm.explicit_nonce_length();
        let (explicit_nonce, rest) = record
            .fragment
            .split_at_checked(explicit)
            .ok_or(OpenError::TooShort)?;
        let plain = rest
            .len()
            .checked_sub(algorithm.tag_length())
            .ok_or(OpenError::TooShort)?;
        // RFC 5246 Section 6.2.1, RFC 9146 Section 5: the length MUST NOT exceed 2^14.
        if plain > MAX_PLAINTEXT {
            return Err(OpenError::TooLong);
        }
        let (ciphertext, tag) = rest.split_at(plain);
        let number = sequence_number(record.epoch, record.sequence);
        let mut nonce = self.nonce(&number);
        // RFC 6655 Section 3, RFC 5288 Section 3: the receiver takes the nonce that the record carries; a sender
        // may choose it otherwise than we do.
        nonce
            .iter_mut()
            .skip(NONCE - explicit)
            .zip(explicit_nonce)
            .for_each(|(to, from)| *to = *from);
        let additional = Additional::new(
            record.content_type,
            record.version,
            &number,
            record.connection_id,
            plain,
        );
        let mut content = ciphertext.to_vec();
        provider
            .aead
            .open(
                algorithm,
                self.key(),
                &nonce,
                additional.as_bytes(),
                &mut content,
                tag,
            )
            .map_err(|CryptoError| OpenError::Forged)?;
        let content_type = match record.content_type {
            ContentType::Tls12Cid => inner_type(&mut content).ok_or(OpenError::NoContentType)?,
            outer => outer,
        };
        Ok(Opened {
            content_type,
            content,
        })
    }

    fn key(&self) -> &[u8] {
        self.bytes().0
    }

    fn nonce(&self, number: &[u8; 8]) -> [u8; NONCE] {
        let mut nonce = [0; NONCE];
        nonce
            .iter_mut()
            .zip(self.bytes().1)
            .for_each(|(to, from)| *to = *from);
        // RFC 7905 Section 2: the padded sequence number, XORed with the IV. RFC 6655 Section 3 and RFC 5288
        // Section 3: salt and explicit nonce; the bytes of the IV behind the salt are zero here.
        nonce
            .iter_mut()
            .skip(4)
            .zip(number)
            .for_each(|(to, from)| *to ^= *from);
        nonce
    }
}

/// Strips padding and takes the real type off (RFC 9146 Section 4).
fn inner_type(content: &mut Vec<u8>) -> Option<ContentType> {
    while let Some(last) = content.pop() {
        if last != 0 {
            return ContentType::from_number(last).filter(|inner| *inner != ContentType::Tls12Cid);
        }
    }
    None
}

/// Epoch and sequence number as one number of 64 bits (RFC 6347 Section 4.1).
fn sequence_number(epoch: u16, sequence: u64) -> [u8; 8] {
    (u64::from(epoch) << 48 | sequence & 0xffff_ffff_ffff).to_be_bytes()
}

/// The additional data of a record, on the stack.
struct Additional {
    bytes: [u8; Additional::MAX],
    length: usize,
}

impl Additional {
    /// RFC 9146 Section 5.3, with a Connection ID of 255 bytes.
    const MAX: usize = 8 + 1 + 1 + 1 + 2 + 8 + 255 + 2;

    fn new(outer: ContentType, version: u16, number: &[u8; 8], id: &[u8], plain: usize) -> Self {
        let mut additional = Self {
            bytes: [0; Self::MAX],
            length: 0,
        };
        let length = u16::try_from(plain).unwrap_or(u16::MAX).to_be_bytes();
        let version = version.to_be_bytes();
        let outer_number = outer.number();
        if outer == ContentType::Tls12Cid {
            // RFC 9146 Section 5.3: placeholder, tls12_cid, cid_length, tls12_cid, version, epoch,
            // sequence_number, cid, length_of_DTLSInnerPlaintext.
            additional.put(&[0xff; 8]);
            additional.put(&[
                outer_number,
                u8::try_from(id.len()).unwrap_or(u8::MAX),
                outer_number,
            ]);
            additional.put(&version);
            additional.put(number);
            additional.put(id);
        } else {
            // RFC 5246 Section 6.2.3.3: seq_num + type + version + length.
            additional.put(number);
            additional.put(&[outer_number]);
            additional.put(&version);
        }
        additional.put(&length);
        additional
    }

    fn put(&mut self, bytes: &[u8]) {
        let end = self.length.saturating_add(bytes.len());
        if let Some(target) = self.bytes.get_mut(self.length..end) {
            target.copy_from_slice(bytes);
            self.length = end;
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

#[cfg(feature = "rust-crypto")]
#[cfg(test)]
mod tests;
