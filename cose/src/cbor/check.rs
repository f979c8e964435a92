//! The strict pre-pass.

use alloc::vec::Vec;

use minicbor::{
    Decoder,
    data::{Int, Type},
};

use super::{CborError, Kind};

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
        decoder: Decoder::new(bytes),
        limits,
        items: 0,
        keys: Vec::new(),
    };
    checker.item(0)?;
    match bytes.len().saturating_sub(checker.decoder.position()) {
        0 => Ok(()),
        count => Err(CborError::TrailingBytes { count }),
    }
}

/// What tells one map key from another.
#[derive(PartialEq)]
enum Key<'b> {
    Integer(Int),
    Bytes(&'b [u8]),
    Text(&'b str),
    Other(&'b [u8]),
}

/// The decoder reads the items one by one; what it lets through is refused here.
struct Checker<'b> {
    decoder: Decoder<'b>,
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
        let at = self.decoder.position();
        let kind = self.kind(at)?;
        let fault = |error| CborError::of_decoder(&error, at);
        let decoder = &mut self.decoder;
        match kind {
            Kind::Unsigned | Kind::Negative => {
                return decoder.int().map(Key::Integer).map_err(fault);
            }
            Kind::Bytes => return decoder.bytes().map(Key::Bytes).map_err(fault),
            // RFC 8949 Section 3.1: a text string that is not UTF-8 is invalid.
            Kind::Text => return decoder.str().map(Key::Text).map_err(fault),
            Kind::Array => {
                let elements = decoder.array().map_err(fault)?.unwrap_or_default();
                let depth = self.descend(depth)?;
                for _ in 0..elements {
                    self.item(depth)?;
                }
            }
            Kind::Map => {
                let entries = decoder.map().map_err(fault)?.unwrap_or_default();
                let depth = self.descend(depth)?;
                self.map(entries, depth)?;
            }
            Kind::Tag => {
                decoder.tag().map_err(fault)?;
                let depth = self.descend(depth)?;
                self.item(depth)?;
            }
            Kind::Boolean | Kind::Null | Kind::Float | Kind::Simple => {
                decoder.skip().map_err(fault)?;
                // RFC 8949 Section 3.3: the two-byte form of simple values below 32 is not well-formed.
                if matches!(self.since(at), [_, 0..32]) {
                    return Err(CborError::Reserved { at });
                }
            }
        }
        Ok(Key::Other(self.since(at)))
    }

    /// The kind of the item at `at`, which is next.
    fn kind(&self, at: usize) -> Result<Kind, CborError> {
        let datatype = self.decoder.datatype();
        match datatype.map_err(|error| CborError::of_decoder(&error, at))? {
            Type::BytesIndef | Type::StringIndef | Type::ArrayIndef | Type::MapIndef => {
                Err(CborError::Indefinite { at })
            }
            // RFC 8949 Section 3: additional information 28 to 30 is reserved. A "break" outside of an indefinite item
            // is not well-formed.
            Type::Break | Type::Unknown(_) => Err(CborError::Reserved { at }),
            definite => Ok(Kind::of(definite)),
        }
    }

    /// The bytes from `start` up to here.
    fn since(&self, start: usize) -> &'b [u8] {
        let input = self.decoder.input();
        input
            .get(start..self.decoder.position())
            .unwrap_or_default()
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
            let at = self.decoder.position();
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
            Self::Integer(value) => i64::try_from(*value).ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
