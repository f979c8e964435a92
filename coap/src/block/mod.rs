//! Block-wise transfers (RFC 7959).

mod assembly;
mod bodies;
mod budget;
mod operation;
#[cfg(test)]
mod tests;

use core::fmt;

pub(crate) use assembly::{Assemblies, Part, Progress};
pub(crate) use bodies::Bodies;
pub(crate) use budget::{Budget, Reservation};
pub(crate) use operation::Operation;

/// The size of a block: 16 to 1024 bytes in powers of two.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockSize(u8);

impl BlockSize {
    /// 16 bytes.
    pub const B16: Self = Self(0);
    /// 32 bytes.
    pub const B32: Self = Self(1);
    /// 64 bytes.
    pub const B64: Self = Self(2);
    /// 128 bytes.
    pub const B128: Self = Self(3);
    /// 256 bytes.
    pub const B256: Self = Self(4);
    /// 512 bytes.
    pub const B512: Self = Self(5);
    /// 1024 bytes.
    pub const B1024: Self = Self(6);

    /// The largest block that is not larger than `bytes`; at least 16.
    pub const fn at_most(bytes: usize) -> Self {
        match bytes {
            0..32 => Self::B16,
            32..64 => Self::B32,
            64..128 => Self::B64,
            128..256 => Self::B128,
            256..512 => Self::B256,
            512..1024 => Self::B512,
            _ => Self::B1024,
        }
    }

    /// The size in bytes.
    pub const fn bytes(self) -> usize {
        16 << self.0
    }
}

impl fmt::Debug for BlockSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes", self.bytes())
    }
}

/// The size exponent 7, which RFC 7959 Section 2.2 reserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReservedSize;

/// The value of a Block1 or Block2 option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) number: u32,
    pub(crate) more: bool,
    pub(crate) size: BlockSize,
}

impl Block {
    pub(crate) fn from_value(value: u32) -> Result<Self, ReservedSize> {
        let exponent = (value & 0b111) as u8;
        // RFC 7959 Section 2.2: the exponent 7 is reserved, "MUST lead to a 4.00 Bad Request".
        if exponent == 7 {
            return Err(ReservedSize);
        }
        Ok(Self {
            number: value >> 4,
            more: value & 0b1000 != 0,
            size: BlockSize(exponent),
        })
    }

    pub(crate) const fn value(self) -> u32 {
        self.number << 4 | (self.more as u32) << 3 | self.size.0 as u32
    }

    /// Where the block begins in the body.
    pub(crate) const fn offset(self) -> usize {
        self.number as usize * self.size.bytes()
    }
}
