//! Scopes: what a token allows. A scope is text, of which this crate knows only the splitting into words (RFC 6749
//! Section 3.3), or bytes (RFC 9200 Section 5.8.1), of which it knows one form: AIF (RFC 9237).

mod aif;
mod method;
mod path;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

pub use aif::{Aif, Permission, ScopeError};
pub use method::{Method, MethodSet};
pub use path::local_part;

use crate::cbor::{CborError, Kind, MapWriter, Value};

/// A scope as it stands in messages and claims.
// RFC 9200 Section 5.8.1: a text string, or a byte string whose form is the application's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Words with single spaces between them.
    Text(String),
    /// Bytes: an encoded [`Aif`], or a form that the application knows.
    Binary(Vec<u8>),
}

impl Scope {
    /// The words of a text scope, without empty ones and in their order; none for a binary scope.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        let text = match self {
            Self::Text(text) => text.as_str(),
            Self::Binary(_) => "",
        };
        text.split(' ').filter(|word| !word.is_empty())
    }

    /// The AIF in a binary scope.
    ///
    /// # Errors
    /// [`ScopeError::NotBinary`] for a text scope; the others if the bytes are no AIF.
    pub fn aif(&self) -> Result<Aif, ScopeError> {
        match self {
            Self::Text(_) => Err(ScopeError::NotBinary),
            Self::Binary(bytes) => Aif::decode(bytes),
        }
    }

    pub(crate) fn read(value: &Value<'_>) -> Result<Self, CborError> {
        match value.kind() {
            Kind::Text => Ok(Self::Text(value.text()?.into())),
            Kind::Bytes => Ok(Self::Binary(value.bytes()?.into())),
            _ => Err(value.unwanted("a text string or a byte string")),
        }
    }

    pub(crate) fn write(scope: Option<&Self>, label: i64, map: &mut MapWriter) {
        match scope {
            Some(Self::Text(text)) => map.text(label, Some(text)),
            Some(Self::Binary(bytes)) => map.bytes(label, Some(bytes)),
            None => {}
        }
    }
}

impl From<&Aif> for Scope {
    fn from(aif: &Aif) -> Self {
        Self::Binary(aif.encode())
    }
}

impl fmt::Display for Scope {
    /// Text as it is; AIF in its readable form; other bytes in hexadecimal.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.aif()) {
            (Self::Text(text), _) => formatter.write_str(text),
            (Self::Binary(_), Ok(aif)) => aif.fmt(formatter),
            (Self::Binary(bytes), Err(_)) => {
                formatter.write_str("0x")?;
                bytes
                    .iter()
                    .try_for_each(|byte| write!(formatter, "{byte:02x}"))
            }
        }
    }
}

#[cfg(test)]
mod tests;
