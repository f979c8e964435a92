//! Handshake headers and fragments (RFC 6347 Section 4.2.2).
//!
//! ```text
//! msg_type(1) length(3) message_seq(2) fragment_offset(3) fragment_length(3) fragment
//! ```

use alloc::vec::Vec;

use super::{DecodeError, Reader};

/// Bytes of a handshake header.
pub const HEADER: usize = 12;

/// A `HandshakeType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HandshakeType(pub u8);

impl HandshakeType {
    /// hello_request
    pub const HELLO_REQUEST: Self = Self(0);
    /// client_hello
    pub const CLIENT_HELLO: Self = Self(1);
    /// server_hello
    pub const SERVER_HELLO: Self = Self(2);
    /// hello_verify_request
    pub const HELLO_VERIFY_REQUEST: Self = Self(3);
    /// certificate
    pub const CERTIFICATE: Self = Self(11);
    /// server_key_exchange
    pub const SERVER_KEY_EXCHANGE: Self = Self(12);
    /// certificate_request
    pub const CERTIFICATE_REQUEST: Self = Self(13);
    /// server_hello_done
    pub const SERVER_HELLO_DONE: Self = Self(14);
    /// certificate_verify
    pub const CERTIFICATE_VERIFY: Self = Self(15);
    /// client_key_exchange
    pub const CLIENT_KEY_EXCHANGE: Self = Self(16);
    /// finished
    pub const FINISHED: Self = Self(20);
}

/// A part of a handshake message, or the whole of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Type of the message.
    pub kind: HandshakeType,
    /// Length of the whole message body in bytes.
    pub length: u32,
    /// Number of the message.
    pub message_sequence: u16,
    /// Where in the body this part begins.
    pub offset: u32,
    /// The part.
    pub data: &'a [u8],
}

impl<'a> Fragment<'a> {
    /// Reads one fragment from the front of a record; several may follow one another.
    ///
    /// # Errors
    /// The record ends too early, or the part does not lie within the message.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let kind = HandshakeType(reader.u8()?);
        let length = reader.u24()?;
        let message_sequence = reader.u16()?;
        let offset = reader.u24()?;
        let data = reader.vec24()?;
        let end = u64::from(offset).saturating_add(data.len() as u64);
        if end > u64::from(length) {
            return Err(DecodeError::IllegalLength {
                got: data.len(),
                wanted: "a fragment within its message",
            });
        }
        Ok(Self {
            kind,
            length,
            message_sequence,
            offset,
            data,
        })
    }

    /// Whether this is the whole message.
    pub fn is_whole(&self) -> bool {
        self.data.len() as u64 == u64::from(self.length)
    }

    /// Appends header and part.
    pub fn put(&self, out: &mut Vec<u8>) {
        let data = u32::try_from(self.data.len()).unwrap_or(u32::MAX);
        let [[_, a, b, c], [_, d, e, f], [_, g, h, i]] =
            [self.length, self.offset, data].map(u32::to_be_bytes);
        let [high, low] = self.message_sequence.to_be_bytes();
        out.extend_from_slice(&[self.kind.0, a, b, c, high, low, d, e, f, g, h, i]);
        out.extend_from_slice(self.data);
    }
}

/// The header that a message has in the transcript: as if it had come in one fragment (RFC 6347 Section 4.2.6).
pub fn transcript_header(kind: HandshakeType, length: u32, message_sequence: u16) -> [u8; HEADER] {
    let [_, a, b, c] = length.to_be_bytes();
    let [high, low] = message_sequence.to_be_bytes();
    [kind.0, a, b, c, high, low, 0, 0, 0, a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_is_written_and_read() {
        let fragment = Fragment {
            kind: HandshakeType::CLIENT_KEY_EXCHANGE,
            length: 300,
            message_sequence: 2,
            offset: 258,
            data: b"abc",
        };
        let mut out = Vec::new();
        fragment.put(&mut out);
        assert_eq!(
            out,
            [16, 0, 1, 44, 0, 2, 0, 1, 2, 0, 0, 3, b'a', b'b', b'c']
        );
        let mut reader = Reader::new(&out);
        assert_eq!(Fragment::read(&mut reader), Ok(fragment));
        assert!(reader.is_empty());
        assert!(!fragment.is_whole());
    }

    #[test]
    fn fragments_outside_of_their_message_are_refused() {
        for (bytes, why) in [
            (
                &[16, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3][..],
                "longer than the message",
            ),
            (
                &[16, 0, 0, 3, 0, 0, 0, 0, 1, 0, 0, 3, 1, 2, 3],
                "ends behind the message",
            ),
            (
                &[16, 0, 0, 3, 0, 0, 0xff, 0xff, 0xff, 0, 0, 1, 1],
                "begins behind the message",
            ),
            (&[16, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2], "truncated"),
            (&[16, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0], "truncated header"),
        ] {
            assert!(Fragment::read(&mut Reader::new(bytes)).is_err(), "{why}");
        }
    }
}
