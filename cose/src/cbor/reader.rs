//! Reading items that passed the pre-pass.

use core::fmt;

use minicbor::{Decoder, decode};

use super::{CborError, Kind, Label, Limits, check};

/// The name of a member that the table of names does not have.
const UNNAMED: &str = "member";

/// One checked item: its bytes, and the label under which it stood in its map.
#[derive(Clone, Copy)]
pub struct Value<'b> {
    bytes: &'b [u8],
    label: Option<Label>,
}

/// A number of CBOR: integer or floating point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer.
    Integer(i64),
    /// A floating-point number of any width, as the widest.
    Float(f64),
}

impl<'b> Value<'b> {
    /// Runs the pre-pass over `bytes` and gives the item.
    ///
    /// # Errors
    /// Those of [`check`].
    pub fn parse(bytes: &'b [u8], limits: Limits) -> Result<Self, CborError> {
        check(bytes, limits)?;
        Ok(Self { bytes, label: None })
    }

    /// The encoded item.
    #[must_use]
    pub const fn as_encoded(&self) -> &'b [u8] {
        self.bytes
    }

    /// The label under which the item stood in its map.
    #[must_use]
    pub const fn label(&self) -> Option<Label> {
        self.label
    }

    /// What the item is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Decoder::new(self.bytes)
            .datatype()
            .map_or(Kind::Simple, Kind::of)
    }

    /// A text string.
    ///
    /// # Errors
    /// [`CborError::WrongType`].
    pub fn text(&self) -> Result<&'b str, CborError> {
        self.read(&[Kind::Text], "a text string", Decoder::str)
    }

    /// A byte string.
    ///
    /// # Errors
    /// [`CborError::WrongType`].
    pub fn bytes(&self) -> Result<&'b [u8], CborError> {
        self.read(&[Kind::Bytes], "a byte string", Decoder::bytes)
    }

    /// An unsigned integer.
    ///
    /// # Errors
    /// [`CborError::WrongType`].
    pub fn unsigned(&self) -> Result<u64, CborError> {
        self.read(&[Kind::Unsigned], "an unsigned integer", Decoder::u64)
    }

    /// An integer.
    ///
    /// # Errors
    /// [`CborError::WrongType`]; [`CborError::OutOfRange`] outside the range of `i64`.
    pub fn integer(&self) -> Result<i64, CborError> {
        self.integer_for("an integer")
    }

    /// An integer or a floating-point number.
    ///
    /// # Errors
    /// [`CborError::WrongType`]; [`CborError::OutOfRange`] for an integer outside the range of `i64`.
    pub fn number(&self) -> Result<Number, CborError> {
        let wanted = "a number without a tag";
        if self.kind() == Kind::Float {
            self.read(&[Kind::Float], wanted, Decoder::f64)
                .map(Number::Float)
        } else {
            self.integer_for(wanted).map(Number::Integer)
        }
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// [`CborError::WrongType`].
    pub fn boolean(&self) -> Result<bool, CborError> {
        self.read(&[Kind::Boolean], "a boolean", Decoder::bool)
    }

    /// Whether the item is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.kind() == Kind::Null
    }

    /// A map. `names` are used in errors about its members.
    ///
    /// # Errors
    /// [`CborError::WrongType`].
    pub fn map(&self, names: &'static [Label]) -> Result<MapReader<'b>, CborError> {
        self.read(&[Kind::Map], "a map", |decoder| {
            let left = decoder.map()?.unwrap_or_default();
            let items = Items(decoder.clone());
            Ok(MapReader { items, left, names })
        })
    }

    /// An array.
    ///
    /// # Errors
    /// [`CborError::WrongType`].
    pub fn array(&self) -> Result<ArrayReader<'b>, CborError> {
        let label = self.label;
        self.read(&[Kind::Array], "an array", |decoder| {
            let left = decoder.array()?.unwrap_or_default();
            let items = Items(decoder.clone());
            Ok(ArrayReader { items, left, label })
        })
    }

    /// The error that tells what stands here and what was wanted.
    #[must_use]
    pub fn unwanted(&self, wanted: &'static str) -> CborError {
        CborError::WrongType {
            label: self.label,
            got: self.kind(),
            wanted,
        }
    }

    fn integer_for(&self, wanted: &'static str) -> Result<i64, CborError> {
        let integer = self.read(&[Kind::Unsigned, Kind::Negative], wanted, Decoder::int)?;
        i64::try_from(integer).map_err(|_| CborError::OutOfRange { label: self.label })
    }

    /// Reads the item if it is of one of `kinds`.
    fn read<T>(
        &self,
        kinds: &[Kind],
        wanted: &'static str,
        read: impl FnOnce(&mut Decoder<'b>) -> Result<T, decode::Error>,
    ) -> Result<T, CborError> {
        if kinds.contains(&self.kind()) {
            read(&mut Decoder::new(self.bytes)).map_err(|error| CborError::of_decoder(&error, 0))
        } else {
            Err(self.unwanted(wanted))
        }
    }
}

impl fmt::Debug for Value<'_> {
    /// Without the content: it may be a key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Value")
            .field("label", &self.label)
            .field("kind", &self.kind())
            .field("encoded_length", &self.bytes.len())
            .finish()
    }
}

/// The members of a checked map whose labels are integers, in the order of the bytes. Members with other labels are
/// skipped: every map of ACE and COSE that is read here ignores what it does not know.
#[derive(Clone, Debug)]
pub struct MapReader<'b> {
    items: Items<'b>,
    left: u64,
    names: &'static [Label],
}

impl<'b> MapReader<'b> {
    /// Runs the pre-pass over `bytes` and opens the map.
    ///
    /// # Errors
    /// Those of [`check`]; [`CborError::WrongType`] if the item is not a map.
    pub fn parse(
        bytes: &'b [u8],
        limits: Limits,
        names: &'static [Label],
    ) -> Result<Self, CborError> {
        Value::parse(bytes, limits)?.map(names)
    }

    /// The next member with its label; `None` at the end.
    ///
    /// # Errors
    /// None for bytes that passed the pre-pass.
    pub fn next_member(&mut self) -> Result<Option<(i64, Value<'b>)>, CborError> {
        while self.left > 0 {
            self.left -= 1;
            let number = self.items.label()?;
            let bytes = self.items.next()?;
            if let Some(number) = number {
                let label = Some(self.label(number));
                return Ok(Some((number, Value { bytes, label })));
            }
        }
        Ok(None)
    }

    fn label(&self, number: i64) -> Label {
        let named = self.names.iter().find(|label| label.number == number);
        named.copied().unwrap_or(Label {
            number,
            name: UNNAMED,
        })
    }
}

/// The elements of a checked array.
#[derive(Clone, Debug)]
pub struct ArrayReader<'b> {
    items: Items<'b>,
    left: u64,
    label: Option<Label>,
}

impl<'b> ArrayReader<'b> {
    /// How many elements are left.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.left
    }

    /// Whether no element is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// The next element; `None` at the end. Errors about it name the member in which the array stands.
    ///
    /// # Errors
    /// None for bytes that passed the pre-pass.
    pub fn next_element(&mut self) -> Result<Option<Value<'b>>, CborError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let (bytes, label) = (self.items.next()?, self.label);
        Ok(Some(Value { bytes, label }))
    }
}

/// Checked items one behind the other.
#[derive(Clone)]
struct Items<'b>(Decoder<'b>);

impl<'b> Items<'b> {
    /// The next item, if it is an integer of 64 bits; else it is skipped.
    fn label(&mut self) -> Result<Option<i64>, CborError> {
        match self.0.datatype().map(Kind::of) {
            Ok(Kind::Unsigned | Kind::Negative) => {
                let at = self.0.position();
                let label = self.0.int();
                let label = label.map_err(|error| CborError::of_decoder(&error, at))?;
                Ok(i64::try_from(label).ok())
            }
            _ => self.next().map(|_| None),
        }
    }

    /// The bytes of the next item.
    fn next(&mut self) -> Result<&'b [u8], CborError> {
        let start = self.0.position();
        let skipped = self.0.skip();
        skipped.map_err(|error| CborError::of_decoder(&error, start))?;
        let bytes = self.0.input().get(start..self.0.position());
        bytes.ok_or(CborError::Truncated)
    }
}

impl fmt::Debug for Items<'_> {
    /// Without the bytes: a key may be among them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (position, length) = (self.0.position(), self.0.input().len());
        write!(formatter, "byte {position} of {length}")
    }
}
