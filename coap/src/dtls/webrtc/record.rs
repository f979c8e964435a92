//! Records and handshake fragments of DTLS 1.2 as they stand in a datagram (RFC 6347 Sections 4.1 and 4.2.2).
//!
//! Views on borrowed bytes. Nothing here panics or allocates, whatever the bytes are.

/// Bytes of a record header.
pub(crate) const HEADER: usize = 13;
/// Bytes of a handshake message header.
pub(crate) const HANDSHAKE_HEADER: usize = 12;
/// DTLS 1.2 on the wire.
pub(crate) const VERSION: [u8; 2] = [0xfe, 0xfd];
/// DTLS 1.0, which a first ClientHello may carry in its record header (RFC 6347 Section 4.2.1).
pub(crate) const VERSION_1_0: [u8; 2] = [0xfe, 0xff];

/// Content types (RFC 5246 Section 6.2.1).
pub(crate) mod content {
    pub(crate) const CHANGE_CIPHER_SPEC: u8 = 20;
    pub(crate) const ALERT: u8 = 21;
    pub(crate) const HANDSHAKE: u8 = 22;
    pub(crate) const APPLICATION_DATA: u8 = 23;
}

/// Handshake message types (RFC 5246 Section 7.4, RFC 6347 Section 4.3.2).
pub(crate) mod handshake {
    pub(crate) const CLIENT_HELLO: u8 = 1;
    pub(crate) const SERVER_HELLO: u8 = 2;
    pub(crate) const HELLO_VERIFY_REQUEST: u8 = 3;
    pub(crate) const SERVER_KEY_EXCHANGE: u8 = 12;
    pub(crate) const SERVER_HELLO_DONE: u8 = 14;
    pub(crate) const CLIENT_KEY_EXCHANGE: u8 = 16;
}

/// Alert levels and descriptions (RFC 5246 Section 7.2).
pub(crate) mod alert {
    pub(crate) const FATAL: u8 = 2;
    pub(crate) const CLOSE_NOTIFY: u8 = 0;
    pub(crate) const ILLEGAL_PARAMETER: u8 = 47;
    pub(crate) const USER_CANCELED: u8 = 90;
}

/// One record: header fields and what follows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) content_type: u8,
    pub(crate) version: [u8; 2],
    pub(crate) epoch: u16,
    pub(crate) sequence: u64,
    /// Plaintext in epoch 0, ciphertext later.
    pub(crate) fragment: &'a [u8],
    /// Header and fragment.
    pub(crate) bytes: &'a [u8],
}

impl<'a> Record<'a> {
    /// The first record of `datagram` and what follows it.
    pub(crate) fn split(datagram: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, rest) = datagram.split_first_chunk::<HEADER>()?;
        let [content_type, v0, v1, e0, e1, s0, s1, s2, s3, s4, s5, l0, l1] = *header;
        let (fragment, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([l0, l1])))?;
        let record = Self {
            content_type,
            version: [v0, v1],
            epoch: u16::from_be_bytes([e0, e1]),
            sequence: u64::from_be_bytes([0, 0, s0, s1, s2, s3, s4, s5]),
            fragment,
            bytes: datagram.get(..HEADER + fragment.len())?,
        };
        Some((record, rest))
    }
}

/// The records of a datagram; ends at the first that is cut off.
pub(crate) fn records(datagram: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = datagram;
    core::iter::from_fn(move || {
        let (record, after) = Record::split(rest)?;
        rest = after;
        Some(record)
    })
}

/// A record header.
pub(crate) fn header(content_type: u8, epoch: u16, sequence: u64, length: u16) -> [u8; HEADER] {
    let [e0, e1] = epoch.to_be_bytes();
    let [_, _, s0, s1, s2, s3, s4, s5] = sequence.to_be_bytes();
    let [l0, l1] = length.to_be_bytes();
    let [v0, v1] = VERSION;
    [content_type, v0, v1, e0, e1, s0, s1, s2, s3, s4, s5, l0, l1]
}

/// An alert in clear, as it is sent before the handshake ended.
pub(crate) fn plaintext_alert(sequence: u64, level: u8, description: u8) -> Vec<u8> {
    let mut record = header(content::ALERT, 0, sequence, 2).to_vec();
    record.extend_from_slice(&[level, description]);
    record
}

/// A handshake message or a fragment of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fragment<'a> {
    pub(crate) message_type: u8,
    /// Length of the whole message.
    pub(crate) length: usize,
    pub(crate) message_sequence: u16,
    pub(crate) offset: usize,
    pub(crate) body: &'a [u8],
}

impl<'a> Fragment<'a> {
    /// The first fragment of `bytes` and what follows it. `None` unless it lies within the bytes and the message.
    pub(crate) fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, rest) = bytes.split_first_chunk::<HANDSHAKE_HEADER>()?;
        let [message_type, l0, l1, l2, m0, m1, o0, o1, o2, f0, f1, f2] = *header;
        let length = u24(l0, l1, l2);
        let offset = u24(o0, o1, o2);
        let (body, rest) = rest.split_at_checked(u24(f0, f1, f2))?;
        let message_sequence = u16::from_be_bytes([m0, m1]);
        let fragment = Self {
            message_type,
            length,
            message_sequence,
            offset,
            body,
        };
        (offset + body.len() <= length).then_some((fragment, rest))
    }

    /// The whole message is here.
    pub(crate) fn is_whole(&self) -> bool {
        self.body.len() == self.length
    }
}

fn u24(high: u8, middle: u8, low: u8) -> usize {
    usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_SEQUENCE: u64 = (1 << 48) - 1;

    #[test]
    fn records_of_a_datagram_end_where_one_is_cut_off() {
        let mut datagram = plaintext_alert(7, alert::FATAL, alert::ILLEGAL_PARAMETER);
        datagram.extend_from_slice(&header(content::APPLICATION_DATA, 1, MAX_SEQUENCE, 3));
        datagram.extend_from_slice(b"ab");
        let found: Vec<_> = records(&datagram).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].content_type, found[0].epoch, found[0].sequence),
            (21, 0, 7)
        );
        assert_eq!(found[0].fragment, [2, 47]);
        datagram.push(b'c');
        let found: Vec<_> = records(&datagram).collect();
        assert_eq!((found[1].epoch, found[1].sequence), (1, MAX_SEQUENCE));
        assert_eq!(found[1].fragment, b"abc");
    }

    #[test]
    fn fragments_must_lie_within_bytes_and_message() {
        let fragment = |length: u8, offset: u8, claimed: u8, body: &[u8]| {
            let mut bytes = vec![1, 0, 0, length, 0, 0, 0, 0, offset, 0, 0, claimed];
            bytes.extend_from_slice(body);
            Fragment::split(&bytes).map(|(fragment, rest)| (fragment.is_whole(), rest.len()))
        };
        for (what, got, wanted) in [
            ("whole", fragment(2, 0, 2, b"ab"), Some((true, 0))),
            ("part", fragment(3, 1, 2, b"ab"), Some((false, 0))),
            (
                "part, and more behind",
                fragment(3, 1, 1, b"ab"),
                Some((false, 1)),
            ),
            ("beyond the message", fragment(2, 1, 2, b"ab"), None),
            ("beyond the bytes", fragment(3, 0, 3, b"ab"), None),
        ] {
            assert_eq!(got, wanted, "{what}");
        }
    }
}
