//! The Authorization Information Format (RFC 9237) in its REST-specific model.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::path;
use super::{Method, MethodSet};
use crate::cbor::{CborError, Limits, Value, Writer};

/// An allow list: methods for each URI-local-part (path and query on the server for which the scope is meant).
///
/// No path is listed twice. The order of first mention is kept.
// RFC 9237 Section 2: what is not listed is not allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aif {
    entries: Vec<(String, MethodSet)>,
}

/// The answer to "may this method be used on that resource?". The variants are the answers of RFC 9200 Section 5.10.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Yes.
    Allowed,
    /// The resource is listed, the method is not: 4.05.
    MethodNotCovered,
    /// The resource is not listed: 4.03.
    PathNotCovered,
}

/// Why a scope is no AIF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScopeError {
    /// The scope is text.
    NotBinary,
    /// The bytes are not the CBOR that is wanted.
    Cbor(CborError),
    /// An entry is not a pair.
    NotAPair {
        /// How many elements it has.
        elements: u64,
    },
}

impl fmt::Display for ScopeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBinary => {
                formatter.write_str("scope: got a text string, wanted an AIF in a byte string")
            }
            Self::Cbor(error) => write!(formatter, "scope: {error}"),
            Self::NotAPair { elements } => {
                write!(
                    formatter,
                    "scope: got an array of {elements}, wanted a pair of path and methods"
                )
            }
        }
    }
}

impl core::error::Error for ScopeError {}

impl From<CborError> for ScopeError {
    fn from(error: CborError) -> Self {
        Self::Cbor(error)
    }
}

impl Aif {
    /// An AIF with these entries. Methods of equal paths are put together.
    pub fn new<P: Into<String>>(entries: impl IntoIterator<Item = (P, MethodSet)>) -> Self {
        let mut merged: Vec<(String, MethodSet)> = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for (path, methods) in entries {
            let path = path.into();
            // RFC 9237 Section 3: entries with one URI-local-part become one with the union of their methods.
            let place = places.get(&path).and_then(|place| merged.get_mut(*place));
            if let Some((_, known)) = place {
                *known = known.union(methods);
            } else {
                places.insert(path.clone(), merged.len());
                merged.push((path, methods));
            }
        }
        Self { entries: merged }
    }

    /// Reads an encoded AIF.
    ///
    /// # Errors
    /// Whatever is not an array of pairs of text and unsigned integer (RFC 9237 Section 3).
    pub fn decode(bytes: &[u8]) -> Result<Self, ScopeError> {
        let mut array = Value::parse(bytes, Limits::DEFAULT)?.array()?;
        let mut entries = Vec::new();
        while let Some(element) = array.next_element()? {
            let mut pair = element.array()?;
            let elements = pair.len();
            match (elements, pair.next_element()?, pair.next_element()?) {
                (2, Some(path), Some(methods)) => {
                    entries.push((path.text()?, MethodSet::from_bits(methods.unsigned()?)));
                }
                _ => return Err(ScopeError::NotAPair { elements }),
            }
        }
        Ok(Self::new(entries))
    }

    /// The encoded AIF: definite, shortest form, entries in their order.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(self.entries.len());
        for (path, methods) in &self.entries {
            writer.array(2);
            writer.text(path);
            writer.unsigned(methods.bits());
        }
        writer.finish()
    }

    /// Whether `method` may be used on `target`, a path with its query as [`local_part`](super::local_part) writes it.
    ///
    /// The match is exact on path segments and queries after percent-decoding.
    #[must_use]
    pub fn permits(&self, target: &str, method: Method) -> Permission {
        // RFC 9237 Section 2.1: path and query together are the object. Section 6: bits that are not understood allow
        // nothing, because only the bit of `method` itself is looked at.
        let mut listed = self
            .entries
            .iter()
            .filter(|(path, _)| path::same(target, path))
            .peekable();
        if listed.peek().is_none() {
            Permission::PathNotCovered
        } else if listed.any(|(_, methods)| methods.contains(method)) {
            Permission::Allowed
        } else {
            Permission::MethodNotCovered
        }
    }

    /// The entries in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, MethodSet)> {
        self.entries
            .iter()
            .map(|(path, methods)| (path.as_str(), *methods))
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is allowed: no entry has a bit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.iter().all(|(_, methods)| methods.is_empty())
    }

    /// The methods listed for exactly this text; the empty set if it is not listed.
    #[must_use]
    pub fn methods(&self, path: &str) -> MethodSet {
        let listed = self.entries.iter().find(|(listed, _)| listed == path);
        listed.map_or(MethodSet::EMPTY, |(_, methods)| *methods)
    }

    /// What both allow, in the order of `self`; paths without a method in common are left out. A policy narrows a
    /// requested scope with it. Paths are compared as texts.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let known = other.index();
        let narrowed = self.entries.iter().filter_map(|(path, methods)| {
            let methods =
                methods.intersection(known.get(path.as_str()).copied().unwrap_or_default());
            (!methods.is_empty()).then(|| (path.clone(), methods))
        });
        Self {
            entries: narrowed.collect(),
        }
    }

    /// What either allows, in the order of `self`, then of `other`.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::new(self.entries.iter().chain(&other.entries).cloned())
    }

    /// Whether `other` allows everything that `self` allows, bits without a meaning here included.
    #[must_use]
    pub fn is_subset_of(&self, other: &Self) -> bool {
        let known = other.index();
        self.entries.iter().all(|(path, methods)| {
            methods.is_subset_of(known.get(path.as_str()).copied().unwrap_or_default())
        })
    }

    /// Without the bits that this crate does not act on.
    // RFC 9237 Section 6: an implementation without the dynamic model applies only what it understands.
    #[must_use]
    pub fn understood(&self) -> Self {
        let entries = self
            .entries
            .iter()
            .map(|(path, methods)| (path.clone(), methods.understood()));
        Self {
            entries: entries.filter(|(_, methods)| !methods.is_empty()).collect(),
        }
    }

    fn index(&self) -> BTreeMap<&str, MethodSet> {
        self.iter().collect()
    }
}

impl fmt::Display for Aif {
    /// `GET|PUT /a/led, GET /s/temp`; an empty one as `nothing`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries.is_empty() {
            return formatter.write_str("nothing");
        }
        for (index, (path, methods)) in self.entries.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(formatter, "{separator}{methods} {path}")?;
        }
        Ok(())
    }
}
