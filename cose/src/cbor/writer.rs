//! Writing CBOR: definite lengths, shortest heads, keys of maps in ascending order (RFC 8949 Section 4.2.1).

use alloc::vec::Vec;
use core::fmt;

/// Appends items to a buffer. The caller writes as many items as the heads of arrays and maps announce.
#[derive(Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty writer.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// An empty writer with room for `capacity` bytes. Enough room keeps secrets from being left behind in buffers
    /// that were outgrown.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(capacity),
        }
    }

    /// What was written.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// An unsigned integer.
    pub fn unsigned(&mut self, value: u64) {
        self.head(0, value);
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) {
        if value < 0 {
            self.head(1, (!value).unsigned_abs())
        } else {
            self.head(0, value.unsigned_abs())
        }
    }

    /// A byte string.
    pub fn bytes(&mut self, value: &[u8]) {
        self.head(2, length(value.len()));
        self.bytes.extend_from_slice(value);
    }

    /// A text string.
    pub fn text(&mut self, value: &str) {
        self.head(3, length(value.len()));
        self.bytes.extend_from_slice(value.as_bytes());
    }

    /// The head of an array of `elements` elements.
    pub fn array(&mut self, elements: usize) {
        self.head(4, length(elements));
    }

    /// The head of a map of `entries` entries. [`MapWriter`] counts them by itself.
    pub fn map(&mut self, entries: usize) {
        self.head(5, length(entries));
    }

    /// A tag; the tagged item follows.
    pub fn tag(&mut self, number: u64) {
        self.head(6, number);
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, value: bool) {
        self.bytes.push(if value { 0xf5 } else { 0xf4 });
    }

    /// `null`.
    pub fn null(&mut self) {
        self.bytes.push(0xf6);
    }

    /// A floating-point number, in four bytes if they hold the value, else in eight.
    pub fn float(&mut self, value: f64) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the next line looks whether anything was lost"
        )]
        let narrow = value as f32;
        if f64::from(narrow).to_bits() == value.to_bits() {
            self.bytes.push(0xfa);
            self.bytes
                .extend_from_slice(&narrow.to_bits().to_be_bytes());
        } else {
            self.bytes.push(0xfb);
            self.bytes.extend_from_slice(&value.to_bits().to_be_bytes());
        }
    }

    /// One item that is encoded already.
    pub fn encoded(&mut self, item: &[u8]) {
        self.bytes.extend_from_slice(item);
    }

    // RFC 9052 Section 9, RFC 8949 Section 4.2.1: the shortest head that holds the argument.
    fn head(&mut self, major: u8, argument: u64) {
        let major = major << 5;
        let [.., b3, b2, b1, b0] = argument.to_be_bytes();
        match argument {
            0..=23 => self.bytes.push(major | b0),
            24..=0xff => self.bytes.extend_from_slice(&[major | 24, b0]),
            0x100..=0xffff => self.bytes.extend_from_slice(&[major | 25, b1, b0]),
            0x1_0000..=0xffff_ffff => self.bytes.extend_from_slice(&[major | 26, b3, b2, b1, b0]),
            _ => {
                self.bytes.push(major | 27);
                self.bytes.extend_from_slice(&argument.to_be_bytes());
            }
        }
    }
}

impl fmt::Debug for Writer {
    /// Without the bytes: a key may be among them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Writer({} bytes)", self.bytes.len())
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
        let Self {
            entries: Writer { mut bytes },
            count,
            ..
        } = self;
        let mut head = Writer::new();
        head.map(count);
        match (head.bytes.as_slice(), bytes.first_mut()) {
            ([one], Some(first)) => *first = *one,
            (many, _) => {
                bytes.splice(..1, many.iter().copied());
            }
        }
        bytes
    }
}

/// A length in memory always fits 64 bits.
fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
