//! What can be wrong with CBOR from the network, and the words for it.

use core::{error::Error as _, fmt};

use minicbor::{data::Type, decode};

/// The kind of a CBOR item, for "got, wanted" in errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// An unsigned integer.
    Unsigned,
    /// A negative integer.
    Negative,
    /// A byte string.
    Bytes,
    /// A text string.
    Text,
    /// An array.
    Array,
    /// A map.
    Map,
    /// A tagged item.
    Tag,
    /// `true` or `false`.
    Boolean,
    /// `null`.
    Null,
    /// A floating-point number.
    Float,
    /// `undefined` or an unassigned simple value.
    Simple,
}

impl Kind {
    /// The kind of what the decoder has found.
    pub(super) const fn of(datatype: Type) -> Self {
        match datatype {
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => Self::Unsigned,
            Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::Int => Self::Negative,
            Type::Bytes | Type::BytesIndef => Self::Bytes,
            Type::String | Type::StringIndef => Self::Text,
            Type::Array | Type::ArrayIndef => Self::Array,
            Type::Map | Type::MapIndef => Self::Map,
            Type::Tag => Self::Tag,
            Type::Bool => Self::Boolean,
            Type::Null => Self::Null,
            Type::F16 | Type::F32 | Type::F64 => Self::Float,
            Type::Undefined | Type::Simple | Type::Break | Type::Unknown(_) => Self::Simple,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unsigned => "an unsigned integer",
            Self::Negative => "a negative integer",
            Self::Bytes => "a byte string",
            Self::Text => "a text string",
            Self::Array => "an array",
            Self::Map => "a map",
            Self::Tag => "a tagged item",
            Self::Boolean => "a boolean",
            Self::Null => "null",
            Self::Float => "a floating-point number",
            Self::Simple => "a simple value",
        })
    }
}

/// The label of a map member with its name in the RFC, for errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// The integer label.
    pub number: i64,
    /// Its name, for example `audience`.
    pub name: &'static str,
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.name, self.number)
    }
}

/// Why bytes are not the CBOR item that was wanted. Offsets count bytes from the beginning of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CborError {
    /// The input ends inside an item, or is empty.
    Truncated,
    /// Bytes follow the item.
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// An item of indefinite length.
    Indefinite {
        /// Where it begins.
        at: usize,
    },
    /// A map has a key twice.
    DuplicateKey {
        /// Where the second one begins.
        at: usize,
        /// The key, if it is an integer.
        key: Option<i64>,
    },
    /// Arrays, maps and tags are nested too deeply.
    TooDeep {
        /// The deepest nesting that is accepted.
        limit: usize,
    },
    /// The input has too many bytes.
    TooLarge {
        /// The greatest number of bytes that is accepted.
        limit: usize,
    },
    /// The input has too many items.
    TooManyItems {
        /// The greatest number of items that is accepted.
        limit: usize,
    },
    /// A map has too many entries.
    TooManyEntries {
        /// The greatest number of entries that is accepted.
        limit: usize,
    },
    /// A text string is not UTF-8.
    NotUtf8 {
        /// Where the string begins.
        at: usize,
    },
    /// A head that RFC 8949 reserves or calls not well-formed.
    Reserved {
        /// Where it stands.
        at: usize,
    },
    /// An item of the wrong kind.
    WrongType {
        /// The member of the map; `None` if it is the outermost item or an element of an array.
        label: Option<Label>,
        /// What stands there.
        got: Kind,
        /// What the definition asks for.
        wanted: &'static str,
    },
    /// A number outside the range that its type here can hold.
    OutOfRange {
        /// The member of the map, if it is one.
        label: Option<Label>,
    },
}

impl CborError {
    /// What an error of the decoder says about the item at `at`, whose kind was looked at before it was read.
    pub(super) fn of_decoder(error: &decode::Error, at: usize) -> Self {
        // The decoder names a source for text that is not UTF-8 and for nothing else. What is left is the end of the
        // input, and a length that no input can have.
        if error.source().is_some() {
            Self::NotUtf8 { at }
        } else {
            Self::Truncated
        }
    }
}

impl fmt::Display for CborError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => write!(formatter, "the input ends inside an item"),
            Self::TrailingBytes { count } => write!(formatter, "{count} bytes follow the item"),
            Self::Indefinite { at } => write!(formatter, "indefinite length at byte {at}"),
            Self::DuplicateKey { at, key: Some(key) } => {
                write!(formatter, "map key {key} again at byte {at}")
            }
            Self::DuplicateKey { at, key: None } => {
                write!(formatter, "a map key again at byte {at}")
            }
            Self::TooDeep { limit } => write!(formatter, "nested deeper than {limit}"),
            Self::TooLarge { limit } => write!(formatter, "more than {limit} bytes"),
            Self::TooManyItems { limit } => write!(formatter, "more than {limit} items"),
            Self::TooManyEntries { limit } => {
                write!(formatter, "a map with more than {limit} entries")
            }
            Self::NotUtf8 { at } => write!(formatter, "the text at byte {at} is not UTF-8"),
            Self::Reserved { at } => write!(formatter, "reserved head at byte {at}"),
            Self::WrongType {
                label: Some(label),
                got,
                wanted,
            } => {
                write!(formatter, "{label}: got {got}, wanted {wanted}")
            }
            Self::WrongType {
                label: None,
                got,
                wanted,
            } => write!(formatter, "got {got}, wanted {wanted}"),
            Self::OutOfRange { label: Some(label) } => {
                write!(formatter, "{label}: number out of range")
            }
            Self::OutOfRange { label: None } => write!(formatter, "number out of range"),
        }
    }
}

impl core::error::Error for CborError {}
