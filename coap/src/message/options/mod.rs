//! The options of a message: an ordered list of numbers and values with typed access.

pub(crate) mod known;
pub mod number;

use super::ContentFormat;
use crate::block::{Block, ReservedSize};

/// Options in the order of their numbers; those of one number keep the order in which they were added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Options(Vec<(u16, Vec<u8>)>);

impl Options {
    /// No options.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// All options in order.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &[u8])> {
        self.0
            .iter()
            .map(|(number, value)| (*number, value.as_slice()))
    }

    /// The values of one option, in order.
    pub fn values(&self, number: u16) -> impl Iterator<Item = &[u8]> {
        self.iter()
            .filter(move |(candidate, _)| *candidate == number)
            .map(|(_, value)| value)
    }

    /// The first value of an option.
    pub fn first(&self, number: u16) -> Option<&[u8]> {
        self.values(number).next()
    }

    /// The first value as an unsigned integer (RFC 7252 Section 3.2); `None` if absent or longer than four bytes.
    pub fn integer(&self, number: u16) -> Option<u32> {
        let value = self.first(number)?;
        (value.len() <= 4).then(|| {
            value
                .iter()
                .fold(0, |sum, byte| sum << 8 | u32::from(*byte))
        })
    }

    /// Adds a value after those of the same number.
    pub fn add(&mut self, number: u16, value: &[u8]) {
        let position = self
            .0
            .partition_point(|(candidate, _)| *candidate <= number);
        self.0.insert(position, (number, value.to_vec()));
    }

    /// Adds a value whose number is not below that of any other.
    pub(super) fn push(&mut self, number: u16, value: &[u8]) {
        self.0.push((number, value.to_vec()));
    }

    /// Replaces all values of an option by one.
    pub fn set(&mut self, number: u16, value: &[u8]) {
        self.remove(number);
        self.add(number, value);
    }

    /// Replaces all values of an option by one unsigned integer in its shortest form.
    pub fn set_integer(&mut self, number: u16, value: u32) {
        let bytes = value.to_be_bytes();
        let start = bytes.iter().take_while(|byte| **byte == 0).count();
        self.set(number, bytes.get(start..).unwrap_or(&[]));
    }

    /// Removes all values of an option.
    pub fn remove(&mut self, number: u16) {
        self.0.retain(|(candidate, _)| *candidate != number);
    }

    /// Keeps the options for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(u16, &[u8]) -> bool) {
        self.0.retain(|(number, value)| keep(*number, value));
    }

    /// The path segments, percent-free; a segment that is not UTF-8 is shown with replacement characters.
    pub fn uri_path(&self) -> Vec<String> {
        self.texts(number::URI_PATH)
    }

    /// The query arguments, `name=value`, percent-free.
    pub fn uri_query(&self) -> Vec<String> {
        self.texts(number::URI_QUERY)
    }

    /// The segments of Location-Path.
    pub fn location_path(&self) -> Vec<String> {
        self.texts(number::LOCATION_PATH)
    }

    /// Uri-Host, if it is UTF-8.
    pub fn uri_host(&self) -> Option<&str> {
        core::str::from_utf8(self.first(number::URI_HOST)?).ok()
    }

    /// Content-Format.
    pub fn content_format(&self) -> Option<ContentFormat> {
        self.short(number::CONTENT_FORMAT).map(ContentFormat)
    }

    /// Accept.
    pub fn accept(&self) -> Option<ContentFormat> {
        self.short(number::ACCEPT).map(ContentFormat)
    }

    /// Max-Age in seconds, if present. Absent means 60 (RFC 7252 Section 5.10.5).
    pub fn max_age(&self) -> Option<u32> {
        self.integer(number::MAX_AGE)
    }

    /// The first ETag.
    pub fn etag(&self) -> Option<&[u8]> {
        self.first(number::ETAG)
    }

    /// Observe: in a request 0 registers and 1 deregisters, in a response it is the sequence number (RFC 7641).
    pub fn observe(&self) -> Option<u32> {
        self.integer(number::OBSERVE)
    }

    /// Echo (RFC 9175).
    pub fn echo(&self) -> Option<&[u8]> {
        self.first(number::ECHO)
    }

    /// Request-Tag (RFC 9175): all values, since the option may be repeated.
    pub fn request_tag(&self) -> Vec<&[u8]> {
        self.values(number::REQUEST_TAG).collect()
    }

    /// Sets Content-Format.
    pub fn set_content_format(&mut self, format: ContentFormat) {
        self.set_integer(number::CONTENT_FORMAT, u32::from(format.0));
    }

    /// Adds Location-Path segments from a path such as `/a/b`.
    pub fn set_location_path(&mut self, path: &str) {
        self.remove(number::LOCATION_PATH);
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            self.add(number::LOCATION_PATH, segment.as_bytes());
        }
    }

    pub(crate) fn block(&self, number: u16) -> Option<Result<Block, ReservedSize>> {
        self.integer(number).map(Block::from_value)
    }

    pub(crate) fn set_block(&mut self, number: u16, block: Block) {
        self.set_integer(number, block.value());
    }

    fn texts(&self, number: u16) -> Vec<String> {
        self.values(number)
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    fn short(&self, number: u16) -> Option<u16> {
        self.integer(number)
            .and_then(|value| u16::try_from(value).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, number};

    #[test]
    fn options_stay_in_order_of_number_and_of_addition() {
        let mut options = Options::new();
        for (number, value) in [(11, "b"), (4, "e"), (11, "a"), (60, "s"), (4, "d")] {
            options.add(number, value.as_bytes());
        }
        let order: Vec<_> = options
            .iter()
            .map(|(number, value)| (number, value[0]))
            .collect();
        assert_eq!(
            order,
            [(4, b'e'), (4, b'd'), (11, b'b'), (11, b'a'), (60, b's')]
        );
    }

    #[test]
    fn integers_use_their_shortest_form() {
        for (value, bytes) in [
            (0, &[][..]),
            (1, &[1]),
            (256, &[1, 0]),
            (0x0100_0000, &[1, 0, 0, 0]),
        ] {
            let mut options = Options::new();
            options.set_integer(number::MAX_AGE, value);
            assert_eq!(options.first(number::MAX_AGE), Some(bytes));
            assert_eq!(options.max_age(), Some(value));
        }
    }
}
