//! Appending big-endian numbers and length-prefixed vectors.

use alloc::vec::Vec;
use core::fmt;

/// More bytes than the length field of a vector can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong {
    /// Bytes given.
    pub got: usize,
    /// Bytes that the length field can tell.
    pub limit: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} bytes, the field takes {}",
            self.got, self.limit
        )
    }
}

impl core::error::Error for TooLong {}

/// Writes the presentation language of RFC 5246 Section 4.
pub trait Writer {
    /// A `uint16`.
    fn put_u16(&mut self, value: u16);
    /// The low 24 bits of a number.
    fn put_u24(&mut self, value: u32);
    /// The low 48 bits of a number.
    fn put_u48(&mut self, value: u64);
    /// A vector with a length of one byte.
    ///
    /// # Errors
    /// More than 255 bytes.
    fn put_vec8(&mut self, bytes: &[u8]) -> Result<(), TooLong>;
    /// A vector with a length of two bytes.
    ///
    /// # Errors
    /// More than 65,535 bytes.
    fn put_vec16(&mut self, bytes: &[u8]) -> Result<(), TooLong>;
    /// A vector with a length of three bytes.
    ///
    /// # Errors
    /// More than 16,777,215 bytes.
    fn put_vec24(&mut self, bytes: &[u8]) -> Result<(), TooLong>;
}

impl Writer for Vec<u8> {
    fn put_u16(&mut self, value: u16) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    fn put_u24(&mut self, value: u32) {
        let [_, a, b, c] = value.to_be_bytes();
        self.extend_from_slice(&[a, b, c]);
    }

    fn put_u48(&mut self, value: u64) {
        let [_, _, bytes @ ..] = value.to_be_bytes();
        self.extend_from_slice(&bytes);
    }

    fn put_vec8(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        let length = u8::try_from(bytes.len()).map_err(|_| TooLong {
            got: bytes.len(),
            limit: 0xff,
        })?;
        self.push(length);
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn put_vec16(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        let length = u16::try_from(bytes.len()).map_err(|_| TooLong {
            got: bytes.len(),
            limit: 0xffff,
        })?;
        self.put_u16(length);
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn put_vec24(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        let limit = 0x00ff_ffff;
        let length = u32::try_from(bytes.len())
            .ok()
            .filter(|length| *length <= limit);
        self.put_u24(length.ok_or(TooLong {
            got: bytes.len(),
            limit: limit as usize,
        })?);
        self.extend_from_slice(bytes);
        Ok(())
    }
}
