//! Records (RFC 6347 Section 4.1, RFC 9146 Section 4).
//!
//! ```text
//! type(1) version(2) epoch(2) sequence(6) [connection id, type 25 only] length(2) fragment
//! ```

use alloc::vec::Vec;

use super::{DTLS_1_0, DTLS_1_2, Reader, Writer};

/// What a record carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ContentType {
    /// Marks the change of epoch.
    ChangeCipherSpec = 20,
    /// An alert.
    Alert = 21,
    /// Handshake fragments.
    Handshake = 22,
    /// Application data.
    ApplicationData = 23,
    /// A protected record with a Connection ID; the true type is inside (RFC 9146 Section 4).
    Tls12Cid = 25,
}

impl ContentType {
    /// The type of a number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            20 => Some(Self::ChangeCipherSpec),
            21 => Some(Self::Alert),
            22 => Some(Self::Handshake),
            23 => Some(Self::ApplicationData),
            25 => Some(Self::Tls12Cid),
            _ => None,
        }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// Bytes of a record header without Connection ID.
pub const HEADER: usize = 13;

/// Bytes before the Connection ID, if there is one.
const BEFORE_CONNECTION_ID: usize = 11;

/// One record as received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// What it carries.
    pub content_type: ContentType,
    /// Its version field.
    pub version: u16,
    /// Its epoch.
    pub epoch: u16,
    /// Its sequence number, 48 bits.
    pub sequence: u64,
    /// Its Connection ID; empty unless the type is [`ContentType::Tls12Cid`].
    pub connection_id: &'a [u8],
    /// The fragment: plaintext in epoch 0, ciphertext later.
    pub fragment: &'a [u8],
}

/// The records of one datagram, in order. Records of unknown type or version are skipped, and a record that does
/// not end within the datagram ends the iteration.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    reader: Reader<'a>,
    connection_id_length: usize,
}

impl<'a> Records<'a> {
    /// The records of `datagram`; Connection IDs have the length that this end chose for its own.
    pub const fn new(datagram: &'a [u8], connection_id_length: usize) -> Self {
        Self {
            reader: Reader::new(datagram),
            connection_id_length,
        }
    }

    /// From here on, Connection IDs have this length.
    pub const fn set_connection_id_length(&mut self, length: usize) {
        self.connection_id_length = length;
    }

    /// One step: `None` at the end, `Some(None)` for a record to skip.
    fn step(&mut self) -> Option<Option<Record<'a>>> {
        let number = self.reader.u8().ok()?;
        let version = self.reader.u16().ok()?;
        let epoch = self.reader.u16().ok()?;
        let sequence = self.reader.u48().ok()?;
        let content_type = ContentType::from_number(number);
        let connection_id = match content_type {
            Some(ContentType::Tls12Cid) => self.reader.take(self.connection_id_length).ok()?,
            _ => &[],
        };
        let fragment = self.reader.vec16().ok()?;
        // RFC 6347 Section 4.1.2.7: invalid records are discarded silently.
        let known = content_type.filter(|_| version == DTLS_1_2 || version == DTLS_1_0);
        Some(known.map(|content_type| Record {
            content_type,
            version,
            epoch,
            sequence,
            connection_id,
            fragment,
        }))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        loop {
            if let Some(record) = self.step()? {
                return Some(record);
            }
        }
    }
}

/// Appends a record header.
pub fn put_header(
    out: &mut Vec<u8>,
    content_type: ContentType,
    version: u16,
    epoch: u16,
    sequence: u64,
    connection_id: &[u8],
    length: u16,
) {
    let [[a, b], [c, d]] = [version, epoch].map(u16::to_be_bytes);
    let [_, _, e, f, g, h, i, j] = sequence.to_be_bytes();
    out.extend_from_slice(&[content_type.number(), a, b, c, d, e, f, g, h, i, j]);
    out.extend_from_slice(connection_id);
    out.put_u16(length);
}

/// The Connection ID of a datagram, if its first record carries one: `length` is what the receiver gave out
/// (RFC 9146 Section 4: it is not on the wire).
pub fn connection_id(datagram: &[u8], length: usize) -> Option<&[u8]> {
    let (first, _) = datagram.split_first()?;
    if *first != ContentType::Tls12Cid.number() || length == 0 {
        return None;
    }
    datagram.get(BEFORE_CONNECTION_ID..BEFORE_CONNECTION_ID.checked_add(length)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn record(content_type: ContentType, connection_id: &[u8], fragment: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let length = u16::try_from(fragment.len()).unwrap();
        put_header(
            &mut out,
            content_type,
            DTLS_1_2,
            1,
            0x0102_0304_0506,
            connection_id,
            length,
        );
        out.extend_from_slice(fragment);
        out
    }

    #[test]
    fn header_bytes_are_those_of_the_rfcs() {
        assert_eq!(
            record(ContentType::ApplicationData, &[], b"ab"),
            [23, 0xfe, 0xfd, 0, 1, 1, 2, 3, 4, 5, 6, 0, 2, b'a', b'b']
        );
        assert_eq!(
            record(ContentType::Tls12Cid, &[9, 8], b"a"),
            [25, 0xfe, 0xfd, 0, 1, 1, 2, 3, 4, 5, 6, 9, 8, 0, 1, b'a']
        );
    }

    #[test]
    fn a_datagram_of_several_records_is_taken_apart() {
        let mut datagram = record(ContentType::Handshake, &[], b"one");
        datagram.extend(record(ContentType::Tls12Cid, &[7; 4], b"two"));
        let records: Vec<_> = Records::new(&datagram, 4).collect();
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].fragment, b"one");
        assert_eq!(
            (records[1].connection_id, records[1].fragment),
            (&[7; 4][..], &b"two"[..])
        );
        assert_eq!(
            (records[1].epoch, records[1].sequence),
            (1, 0x0102_0304_0506)
        );
    }

    #[test]
    fn unknown_types_and_versions_are_skipped_and_truncation_ends() {
        let mut datagram = record(ContentType::Handshake, &[], b"x");
        datagram[0] = 99;
        let mut other = record(ContentType::Alert, &[], b"x");
        other[1] = 3;
        datagram.extend(other);
        datagram.extend(record(ContentType::Alert, &[], b"y"));
        datagram.extend(&record(ContentType::Alert, &[], b"zz")[..14]);
        let fragments: Vec<_> = Records::new(&datagram, 0)
            .map(|record| record.fragment)
            .collect();
        assert_eq!(fragments, vec![b"y"]);
    }

    #[test]
    fn l08_the_connection_id_of_a_datagram_is_found_only_where_it_is() {
        let datagram = record(ContentType::Tls12Cid, &[1, 2, 3], b"x");
        assert_eq!(connection_id(&datagram, 3), Some(&[1, 2, 3][..]));
        assert_eq!(connection_id(&datagram, 0), None);
        assert_eq!(connection_id(&datagram[..12], 3), None);
        assert_eq!(
            connection_id(&record(ContentType::ApplicationData, &[], b"abc"), 3),
            None
        );
    }
}
