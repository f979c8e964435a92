//! The one parser of item heads (RFC 8949 Section 3), used by the pre-pass and by the reader.

use core::fmt;

use super::{CborError, Kind};

/// The head of an item: initial byte and argument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) major: Major,
    /// The low five bits of the initial byte.
    pub(super) information: u8,
    pub(super) argument: u64,
}

/// Major types (RFC 8949 Section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Major {
    Unsigned,
    Negative,
    Bytes,
    Text,
    Array,
    Map,
    Tag,
    Simple,
}

impl Head {
    pub(super) const fn kind(&self) -> Kind {
        match self.major {
            Major::Unsigned => Kind::Unsigned,
            Major::Negative => Kind::Negative,
            Major::Bytes => Kind::Bytes,
            Major::Text => Kind::Text,
            Major::Array => Kind::Array,
            Major::Map => Kind::Map,
            Major::Tag => Kind::Tag,
            Major::Simple => match self.information {
                20 | 21 => Kind::Boolean,
                22 => Kind::Null,
                25..=27 => Kind::Float,
                _ => Kind::Simple,
            },
        }
    }
}

/// A place in the input.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'b> {
    bytes: &'b [u8],
    position: usize,
}

impl<'b> Cursor<'b> {
    pub(super) const fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    pub(super) const fn position(&self) -> usize {
        self.position
    }

    pub(super) const fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.position)
    }

    /// The bytes from `start` up to here.
    pub(super) fn since(&self, start: usize) -> &'b [u8] {
        self.bytes.get(start..self.position).unwrap_or_default()
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: u64) -> Result<&'b [u8], CborError> {
        let count = usize::try_from(count).map_err(|_| CborError::Truncated)?;
        let end = self
            .position
            .checked_add(count)
            .ok_or(CborError::Truncated)?;
        let taken = self
            .bytes
            .get(self.position..end)
            .ok_or(CborError::Truncated)?;
        self.position = end;
        Ok(taken)
    }

    /// The next head. Refuses what is not well-formed, and indefinite lengths.
    pub(super) fn head(&mut self) -> Result<Head, CborError> {
        let at = self.position;
        let initial = *self.bytes.get(at).ok_or(CborError::Truncated)?;
        self.position = at.saturating_add(1);
        let major = match initial >> 5 {
            0 => Major::Unsigned,
            1 => Major::Negative,
            2 => Major::Bytes,
            3 => Major::Text,
            4 => Major::Array,
            5 => Major::Map,
            6 => Major::Tag,
            _ => Major::Simple,
        };
        let information = initial & 0x1f;
        let argument = match information {
            0..=23 => u64::from(information),
            24..=27 => {
                let argument = self.take(1 << (information - 24))?;
                argument
                    .iter()
                    .fold(0, |value, byte| (value << 8) | u64::from(*byte))
            }
            // RFC 8949 Section 3.2: only strings, arrays and maps have an indefinite form.
            31 if matches!(
                major,
                Major::Bytes | Major::Text | Major::Array | Major::Map
            ) =>
            {
                return Err(CborError::Indefinite { at });
            }
            // RFC 8949 Section 3: additional information 28 to 30 is reserved. A "break" outside of an indefinite item
            // is not well-formed.
            _ => return Err(CborError::Reserved { at }),
        };
        // RFC 8949 Section 3.3: the two-byte form of simple values below 32 is not well-formed.
        if major == Major::Simple && information == 24 && argument < 32 {
            return Err(CborError::Reserved { at });
        }
        Ok(Head {
            major,
            information,
            argument,
        })
    }

    /// Moves behind one item that was checked before. Takes no stack, however deep the item is.
    pub(super) fn skip(&mut self) -> Result<(), CborError> {
        let mut pending: u64 = 1;
        while pending > 0 {
            let head = self.head()?;
            pending -= 1;
            let inner = match head.major {
                Major::Unsigned | Major::Negative | Major::Simple => 0,
                Major::Bytes | Major::Text => {
                    self.take(head.argument)?;
                    0
                }
                Major::Array => head.argument,
                Major::Map => head.argument.saturating_mul(2),
                Major::Tag => 1,
            };
            pending = pending.saturating_add(inner);
        }
        Ok(())
    }
}

impl fmt::Debug for Cursor<'_> {
    /// Without the bytes: a key may be among them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "byte {} of {}", self.position, self.bytes.len())
    }
}
