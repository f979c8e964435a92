//! Writing CBOR: definite lengths, shortest heads, keys of maps in ascending order (RFC 8949 Section 4.2.1).

use alloc::vec::Vec;
use core::fmt;

use minicbor::{
    Encoder,
    data::Tag,
    encode::{self, write::Cursor},
};

/// Appends items to a buffer. The caller writes as many items as the heads of arrays and maps announce.
pub struct Writer {
    encoder: Encoder<Vec<u8>>,
}

impl Writer {
    /// An empty writer.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// An empty writer with room for `capacity` bytes. Enough room keeps secrets from being left behind in buffers
    /// that were outgrown.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            encoder: Encoder::new(Vec::with_capacity(capacity)),
        }
    }

    /// What was written.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.encoder.into_writer()
    }

    /// An unsigned integer.
    pub fn unsigned(&mut self, value: u64) {
        written(self.encoder.u64(value));
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) {
        written(self.encoder.i64(value));
    }

    /// A byte string.
    pub fn bytes(&mut self, value: &[u8]) {
        written(self.encoder.bytes(value));
    }

    /// A text string.
    pub fn text(&mut self, value: &str) {
        written(self.encoder.str(value));
    }

    /// The head of an array of `elements` elements.
    pub fn array(&mut self, elements: usize) {
        written(self.encoder.array(length(elements)));
    }

    /// The head of a map of `entries` entries. [`MapWriter`] counts them by itself.
    pub fn map(&mut self, entries: usize) {
        written(self.encoder.map(length(entries)));
    }

    /// A tag; the tagged item follows.
    pub fn tag(&mut self, number: u64) {
        written(self.encoder.tag(Tag::new(number)));
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, value: bool) {
        written(self.encoder.bool(value));
    }

    /// `null`.
    pub fn null(&mut self) {
        written(self.encoder.null());
    }

    /// A floating-point number, in four bytes if they hold the value, else in eight.
    pub fn float(&mut self, value: f64) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the next line looks whether anything was lost"
        )]
        let narrow = value as f32;
        written(if f64::from(narrow).to_bits() == value.to_bits() {
            self.encoder.f32(narrow)
        } else {
            self.encoder.f64(value)
        });
    }

    /// One item that is encoded already.
    pub fn encoded(&mut self, item: &[u8]) {
        self.encoder.writer_mut().extend_from_slice(item);
    }
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Writer {
    /// Without the bytes: a key may be among them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Writer({} bytes)", self.encoder.writer().len())
    }
}

/// Writes one map with integer labels, and counts its entries. Labels are given in ascending order: 0, 1, 2 and so on,
/// then -1, -2 and so on.
#[derive(Debug)]
pub struct MapWriter {
    entries: Writer,
    count: usize,
    last: Option<(bool, u64)>,
}

impl MapWriter {
    /// A map without entries, with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        let mut entries = Writer::with_capacity(capacity);
        // The place of the head, which `finish` sets.
        entries.map(0);
        Self {
            entries,
            count: 0,
            last: None,
        }
    }

    /// The label of the next entry; its value is to be written to the writer that is returned. With debug assertions a
    /// label out of order panics; labels are never taken from the network.
    pub fn entry(&mut self, label: i64) -> &mut Writer {
        let order = (
            label < 0,
            if label < 0 {
                (!label).unsigned_abs()
            } else {
                label.unsigned_abs()
            },
        );
        // RFC 8949 Section 4.2.1: keys in the order of their encoded bytes.
        debug_assert!(
            self.last.is_none_or(|last| last < order),
            "label {label} is out of order"
        );
        self.last = Some(order);
        self.count = self.count.saturating_add(1);
        self.entries.integer(label);
        &mut self.entries
    }

    /// An unsigned integer under `label`, if there is one.
    pub fn unsigned(&mut self, label: i64, value: Option<u64>) {
        if let Some(value) = value {
            self.entry(label).unsigned(value);
        }
    }

    /// An integer under `label`, if there is one.
    pub fn integer(&mut self, label: i64, value: Option<i64>) {
        if let Some(value) = value {
            self.entry(label).integer(value);
        }
    }

    /// A byte string under `label`, if there is one.
    pub fn bytes(&mut self, label: i64, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.entry(label).bytes(value);
        }
    }

    /// A text string under `label`, if there is one.
    pub fn text(&mut self, label: i64, value: Option<&str>) {
        if let Some(value) = value {
            self.entry(label).text(value);
        }
    }

    /// The encoded map.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let mut head = Encoder::new(Cursor::new([0; LONGEST_HEAD]));
        written(head.map(length(self.count)));
        let head = head.into_writer();
        let head = head.get_ref().iter().take(head.position());
        let mut bytes = self.entries.finish();
        bytes.splice(..1, head.copied());
        bytes
    }
}

/// The longest head of an item: initial byte and argument.
const LONGEST_HEAD: usize = 9;

/// A buffer that grows, or is as long as what is written to it, takes everything.
fn written<T, E>(result: Result<T, encode::Error<E>>) {
    debug_assert!(result.is_ok(), "a write to memory failed");
}

/// A length in memory always fits 64 bits.
fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
