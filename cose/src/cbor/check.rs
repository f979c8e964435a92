//! The strict pre-pass.

use alloc::vec::Vec;

use super::CborError;
use super::head::{Cursor, Major};

/// Bounds of the pre-pass. They bound time, stack and memory that bytes from the network can cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The greatest number of bytes of the whole input. Default 65,535: no message of ACE needs more.
    pub bytes: usize,
    /// The deepest nesting of arrays, maps and tags. Default 8: a nested COSE structure in a `cnf` needs 6.
    pub depth: usize,
    /// The greatest number of items, map keys included. Default 2,048: an AIF of 680 entries.
    pub items: usize,
    /// The greatest number of entries of one map. Default 64: twice the parameters that are registered.
    pub map_entries: usize,
}

impl Limits {
    /// The bounds that are used unless the caller says otherwise.
    pub const DEFAULT: Self = Self {
        bytes: 65_535,
        depth: 8,
        items: 2_048,
        map_entries: 64,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Checks that `bytes` are exactly one well-formed CBOR item within `limits`: definite lengths, no key twice in a map
/// at any level, text in UTF-8, nothing behind it.
///
/// Two keys are the same if they are the same integer, text or byte string however long their heads are; other keys
/// if their bytes are the same. The contents of byte strings are not looked at.
///
/// # Errors
/// The first fault in the order of the bytes.
pub fn check(bytes: &[u8], limits: Limits) -> Result<(), CborError> {
    if bytes.len() > limits.bytes {
        return Err(CborError::TooLarge {
            limit: limits.bytes,
        });
    }
    let mut checker = Checker {
        cursor: Cursor::new(bytes),
        limits,
        items: 0,
        keys: Vec::new(),
    };
    checker.item(0)?;
    match checker.cursor.remaining() {
        0 => Ok(()),
        count => Err(CborError::TrailingBytes { count }),
    }
}

/// What tells one map key from another.
#[derive(PartialEq)]
enum Key<'b> {
    Unsigned(u64),
    Negative(u64),
    Bytes(&'b [u8]),
    Text(&'b [u8]),
    Other(&'b [u8]),
}

struct Checker<'b> {
    cursor: Cursor<'b>,
    limits: Limits,
    items: usize,
    /// The keys of all maps that are open, innermost last.
    keys: Vec<Key<'b>>,
}

impl<'b> Checker<'b> {
    /// Checks one item that stands inside `depth` others.
    fn item(&mut self, depth: usize) -> Result<Key<'b>, CborError> {
        self.items = self.items.saturating_add(1);
        if self.items > self.limits.items {
            return Err(CborError::TooManyItems {
                limit: self.limits.items,
            });
        }
        let at = self.cursor.position();
        let head = self.cursor.head()?;
        match head.major {
            Major::Unsigned => return Ok(Key::Unsigned(head.argument)),
            Major::Negative => return Ok(Key::Negative(head.argument)),
            Major::Bytes => return Ok(Key::Bytes(self.cursor.take(head.argument)?)),
            Major::Text => {
                let text = self.cursor.take(head.argument)?;
                // RFC 8949 Section 3.1: a text string that is not UTF-8 is invalid.
                core::str::from_utf8(text).map_err(|_| CborError::NotUtf8 { at })?;
                return Ok(Key::Text(text));
            }
            Major::Array => {
                let depth = self.descend(depth)?;
                for _ in 0..head.argument {
                    self.item(depth)?;
                }
            }
            Major::Map => {
                let depth = self.descend(depth)?;
                self.map(head.argument, depth)?;
            }
            Major::Tag => {
                let depth = self.descend(depth)?;
                self.item(depth)?;
            }
            Major::Simple => {}
        }
        Ok(Key::Other(self.cursor.since(at)))
    }

    fn descend(&self, depth: usize) -> Result<usize, CborError> {
        let limit = self.limits.depth;
        if depth >= limit {
            Err(CborError::TooDeep { limit })
        } else {
            Ok(depth.saturating_add(1))
        }
    }

    fn map(&mut self, entries: u64, depth: usize) -> Result<(), CborError> {
        let limit = self.limits.map_entries;
        if u64::try_from(limit).is_ok_and(|limit| entries > limit) {
            return Err(CborError::TooManyEntries { limit });
        }
        let first = self.keys.len();
        for _ in 0..entries {
            let at = self.cursor.position();
            let key = self.item(depth)?;
            // RFC 9052 Section 3: a label occurs once in a map; RFC 8949 Section 5.6: so does every key.
            if self
                .keys
                .get(first..)
                .is_some_and(|seen| seen.contains(&key))
            {
                return Err(CborError::DuplicateKey {
                    at,
                    key: key.integer(),
                });
            }
            self.keys.push(key);
            self.item(depth)?;
        }
        self.keys.truncate(first);
        Ok(())
    }
}

impl Key<'_> {
    fn integer(&self) -> Option<i64> {
        match self {
            Self::Unsigned(value) => i64::try_from(*value).ok(),
            Self::Negative(value) => i64::try_from(*value).ok().map(|value| !value),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
