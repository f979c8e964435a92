//! Reading items that passed the pre-pass.

use core::fmt;

use super::head::{Cursor, Head, Major};
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
        Cursor::new(self.bytes)
            .head()
            .map_or(Kind::Simple, |head| head.kind())
    }

    /// A text string.
    ///
    /// # Errors
    /// [`CborError::WrongType`].
    pub fn text(&self) -> Result<&'b str, CborError> {
        let bytes = self.string(Major::Text, "a text string")?;
        core::str::from_utf8(bytes).map_err(|_| CborError::NotUtf8 { at: 0 })
    }

    /// A byte string.
    ///
    /// # Errors
    /// [`CborError::WrongType`].
    pub fn bytes(&self) -> Result<&'b [u8], CborError> {
        self.string(Major::Bytes, "a byte string")
    }

    /// An unsigned integer.
    ///
    /// # Errors
    /// [`CborError::WrongType`].
    pub fn unsigned(&self) -> Result<u64, CborError> {
        let head = Cursor::new(self.bytes).head()?;
        match head.major {
            Major::Unsigned => Ok(head.argument),
            _ => Err(self.wrong_type(&head, "an unsigned integer")),
        }
    }

    /// An integer.
    ///
    /// # Errors
    /// [`CborError::WrongType`]; [`CborError::OutOfRange`] outside the range of `i64`.
    pub fn integer(&self) -> Result<i64, CborError> {
        let head = Cursor::new(self.bytes).head()?;
        match integer_of(&head) {
            Some(integer) => integer.ok_or(CborError::OutOfRange { label: self.label }),
            None => Err(self.wrong_type(&head, "an integer")),
        }
    }

    /// An integer or a floating-point number.
    ///
    /// # Errors
    /// [`CborError::WrongType`]; [`CborError::OutOfRange`] for an integer outside the range of `i64`.
    pub fn number(&self) -> Result<Number, CborError> {
        let head = Cursor::new(self.bytes).head()?;
        if let Some(integer) = integer_of(&head) {
            return integer
                .map(Number::Integer)
                .ok_or(CborError::OutOfRange { label: self.label });
        }
        float_of(&head)
            .map(Number::Float)
            .ok_or_else(|| self.wrong_type(&head, "a number without a tag"))
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// [`CborError::WrongType`].
    pub fn boolean(&self) -> Result<bool, CborError> {
        let head = Cursor::new(self.bytes).head()?;
        match (head.kind(), head.information) {
            (Kind::Boolean, information) => Ok(information == 21),
            _ => Err(self.wrong_type(&head, "a boolean")),
        }
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
        let mut cursor = Cursor::new(self.bytes);
        let head = cursor.head()?;
        match head.major {
            Major::Map => Ok(MapReader {
                cursor,
                left: head.argument,
                names,
            }),
            _ => Err(self.wrong_type(&head, "a map")),
        }
    }

    /// An array.
    ///
    /// # Errors
    /// [`CborError::WrongType`].
    pub fn array(&self) -> Result<ArrayReader<'b>, CborError> {
        let mut cursor = Cursor::new(self.bytes);
        let head = cursor.head()?;
        match head.major {
            Major::Array => Ok(ArrayReader {
                cursor,
                left: head.argument,
                label: self.label,
            }),
            _ => Err(self.wrong_type(&head, "an array")),
        }
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

    fn string(&self, major: Major, wanted: &'static str) -> Result<&'b [u8], CborError> {
        let mut cursor = Cursor::new(self.bytes);
        let head = cursor.head()?;
        if head.major == major {
            cursor.take(head.argument)
        } else {
            Err(self.wrong_type(&head, wanted))
        }
    }

    fn wrong_type(&self, head: &Head, wanted: &'static str) -> CborError {
        CborError::WrongType {
            label: self.label,
            got: head.kind(),
            wanted,
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
    cursor: Cursor<'b>,
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
            let mut key = self.cursor;
            self.cursor.skip()?;
            let start = self.cursor.position();
            self.cursor.skip()?;
            let bytes = self.cursor.since(start);
            if let Some(Some(number)) = integer_of(&key.head()?) {
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
    cursor: Cursor<'b>,
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
        let start = self.cursor.position();
        self.cursor.skip()?;
        Ok(Some(Value {
            bytes: self.cursor.since(start),
            label: self.label,
        }))
    }
}

/// The integer of a head: `None` if it is none, `Some(None)` if `i64` cannot hold it.
fn integer_of(head: &Head) -> Option<Option<i64>> {
    match head.major {
        Major::Unsigned => Some(i64::try_from(head.argument).ok()),
        // RFC 8949 Section 3.1: the value is -1 minus the argument, which is the complement of its bits.
        Major::Negative => Some(i64::try_from(head.argument).ok().map(|argument| !argument)),
        _ => None,
    }
}

fn float_of(head: &Head) -> Option<f64> {
    match (head.major, head.information) {
        (Major::Simple, 25) => u16::try_from(head.argument).ok().map(half),
        (Major::Simple, 26) => u32::try_from(head.argument)
            .ok()
            .map(|bits| f64::from(f32::from_bits(bits))),
        (Major::Simple, 27) => Some(f64::from_bits(head.argument)),
        _ => None,
    }
}

/// A half-precision number (RFC 8949 Appendix D), without arithmetic beyond exact products.
fn half(bits: u16) -> f64 {
    let exponent = u64::from((bits >> 10) & 0x1f);
    let mantissa = u64::from(bits & 0x3ff);
    let magnitude = match exponent {
        // Subnormal: the mantissa in units of 2^-24.
        0 => f64::from(bits & 0x3ff) * f64::from_bits((1023 - 24) << 52),
        31 => f64::from_bits((0x7ff << 52) | (mantissa << 42)),
        _ => f64::from_bits(((exponent + 1023 - 15) << 52) | (mantissa << 42)),
    };
    if bits & 0x8000 == 0 {
        magnitude
    } else {
        -magnitude
    }
}
