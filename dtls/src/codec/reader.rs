//! A cursor over received bytes.

use core::fmt;

/// Why bytes are not the structure that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// Fewer bytes than the structure needs.
    Truncated,
    /// Bytes behind the end of the structure.
    TrailingBytes {
        /// How many.
        left: usize,
    },
    /// A length outside the range that the structure allows.
    IllegalLength {
        /// Bytes or entries received.
        got: usize,
        /// What the structure allows, in words.
        wanted: &'static str,
    },
    /// A value that the structure does not allow.
    IllegalValue {
        /// The value received.
        got: u32,
        /// What the structure allows, in words.
        wanted: &'static str,
    },
    /// An extension came twice (RFC 5246 Section 7.4.1.4).
    DuplicateExtension {
        /// Its number.
        number: u16,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => formatter.write_str("the bytes end too early"),
            Self::TrailingBytes { left } => write!(formatter, "{left} bytes behind the end"),
            Self::IllegalLength { got, wanted } => {
                write!(formatter, "length {got}, wanted {wanted}")
            }
            Self::IllegalValue { got, wanted } => write!(formatter, "value {got}, wanted {wanted}"),
            Self::DuplicateExtension { number } => {
                write!(formatter, "extension {number} came twice")
            }
        }
    }
}

impl core::error::Error for DecodeError {}

/// Reads big-endian numbers and length-prefixed vectors (RFC 5246 Section 4) from the front of a slice.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads from the beginning of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What is not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Whether everything is read.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`], as for all that follow.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self
            .0
            .split_at_checked(count)
            .ok_or(DecodeError::Truncated)?;
        self.0 = tail;
        Ok(head)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// See [`Reader::take`].
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        let (head, tail) = self
            .0
            .split_first_chunk::<N>()
            .ok_or(DecodeError::Truncated)?;
        self.0 = tail;
        Ok(head)
    }

    /// A `uint8`.
    ///
    /// # Errors
    /// See [`Reader::take`].
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| *byte)
    }

    /// A `uint16`.
    ///
    /// # Errors
    /// See [`Reader::take`].
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(|bytes| u16::from_be_bytes(*bytes))
    }

    /// A `uint24`.
    ///
    /// # Errors
    /// See [`Reader::take`].
    pub fn u24(&mut self) -> Result<u32, DecodeError> {
        self.array()
            .map(|[a, b, c]| u32::from_be_bytes([0, *a, *b, *c]))
    }

    /// A `uint48`.
    ///
    /// # Errors
    /// See [`Reader::take`].
    pub fn u48(&mut self) -> Result<u64, DecodeError> {
        self.array()
            .map(|[a, b, c, d, e, f]| u64::from_be_bytes([0, 0, *a, *b, *c, *d, *e, *f]))
    }

    /// A vector with a length of one byte.
    ///
    /// # Errors
    /// See [`Reader::take`].
    pub fn vec8(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.u8()?;
        self.take(usize::from(length))
    }

    /// A vector with a length of two bytes.
    ///
    /// # Errors
    /// See [`Reader::take`].
    pub fn vec16(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    /// A vector with a length of three bytes.
    ///
    /// # Errors
    /// See [`Reader::take`].
    pub fn vec24(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.u24()?;
        self.take(usize::try_from(length).map_err(|_| DecodeError::Truncated)?)
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// [`DecodeError::TrailingBytes`].
    pub const fn finish(self) -> Result<(), DecodeError> {
        match self.0.len() {
            0 => Ok(()),
            left => Err(DecodeError::TrailingBytes { left }),
        }
    }
}
