//! Hello extensions (RFC 5246 Section 7.4.1.4), as far as this crate uses them. Unknown ones are skipped.

use alloc::vec::Vec;

use super::{DecodeError, Reader, TooLong, Writer};

/// Numbers of extensions (IANA "TLS ExtensionType Values", 2026-11-23).
pub mod number {
    /// server_name (RFC 6066 Section 3)
    pub const SERVER_NAME: u16 = 0;
    /// supported_groups (RFC 8422 Section 5.1.1)
    pub const SUPPORTED_GROUPS: u16 = 10;
    /// ec_point_formats (RFC 8422 Section 5.1.2)
    pub const EC_POINT_FORMATS: u16 = 11;
    /// signature_algorithms (RFC 5246 Section 7.4.1.4.1)
    pub const SIGNATURE_ALGORITHMS: u16 = 13;
    /// client_certificate_type (RFC 7250 Section 3)
    pub const CLIENT_CERTIFICATE_TYPE: u16 = 19;
    /// server_certificate_type (RFC 7250 Section 3)
    pub const SERVER_CERTIFICATE_TYPE: u16 = 20;
    /// extended_master_secret (RFC 7627 Section 5.1)
    pub const EXTENDED_MASTER_SECRET: u16 = 23;
    /// connection_id (RFC 9146 Section 3)
    pub const CONNECTION_ID: u16 = 54;
    /// renegotiation_info (RFC 5746 Section 3.2)
    pub const RENEGOTIATION_INFO: u16 = 0xff01;
}

/// The extensions of a hello, each with its content as received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extensions<'a> {
    /// `ServerNameList` of a client, not looked into.
    pub server_name: Option<&'a [u8]>,
    /// Groups of the client, in its order.
    pub supported_groups: Option<&'a [u8]>,
    /// Point formats.
    pub ec_point_formats: Option<&'a [u8]>,
    /// Signature schemes of the client, in its order.
    pub signature_algorithms: Option<&'a [u8]>,
    /// Client certificate types: a list in ClientHello, one byte in ServerHello.
    pub client_certificate_type: Option<&'a [u8]>,
    /// Server certificate types: a list in ClientHello, one byte in ServerHello.
    pub server_certificate_type: Option<&'a [u8]>,
    /// Whether the extended master secret is used.
    pub extended_master_secret: bool,
    /// The Connection ID that the sender wants to receive, perhaps empty.
    pub connection_id: Option<&'a [u8]>,
    /// `renegotiated_connection` (RFC 5746 Section 3.2): empty in a first handshake.
    pub renegotiation_info: Option<&'a [u8]>,
    /// Bit n: the extension n below 64 was there.
    seen: u64,
    /// An extension of 64 or above other than renegotiation_info was there.
    others: bool,
}

impl<'a> Extensions<'a> {
    /// Reads the extension block of a hello; a hello may end before it.
    ///
    /// # Errors
    /// A block that does not end with the hello, a known extension of wrong form, or one that comes twice.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut extensions = Self::default();
        if reader.is_empty() {
            return Ok(extensions);
        }
        let mut block = Reader::new(reader.vec16()?);
        while !block.is_empty() {
            let number = block.u16()?;
            let content = block.vec16()?;
            extensions.mark(number)?;
            extensions.set(number, content)?;
        }
        Ok(extensions)
    }

    /// RFC 5246 Section 7.4.1.4: there must not be more than one extension of the same type.
    fn mark(&mut self, number: u16) -> Result<(), DecodeError> {
        let duplicate = match number {
            0..64 => {
                let before = self.seen;
                self.seen |= 1 << number;
                self.seen == before
            }
            number::RENEGOTIATION_INFO => self.renegotiation_info.is_some(),
            _ => {
                self.others = true;
                false
            }
        };
        if duplicate {
            Err(DecodeError::DuplicateExtension { number })
        } else {
            Ok(())
        }
    }

    fn set(&mut self, number: u16, content: &'a [u8]) -> Result<(), DecodeError> {
        match number {
            number::SERVER_NAME => self.server_name = Some(content),
            number::SUPPORTED_GROUPS => self.supported_groups = Some(list16(content)?),
            number::EC_POINT_FORMATS => self.ec_point_formats = Some(vec8(content)?),
            number::SIGNATURE_ALGORITHMS => self.signature_algorithms = Some(list16(content)?),
            number::CLIENT_CERTIFICATE_TYPE => self.client_certificate_type = Some(content),
            number::SERVER_CERTIFICATE_TYPE => self.server_certificate_type = Some(content),
            number::EXTENDED_MASTER_SECRET => {
                // RFC 7627 Section 5.1: the extension data is empty.
                Reader::new(content).finish()?;
                self.extended_master_secret = true;
            }
            number::CONNECTION_ID => self.connection_id = Some(vec8(content)?),
            number::RENEGOTIATION_INFO => self.renegotiation_info = Some(vec8(content)?),
            _ => {}
        }
        Ok(())
    }

    /// Whether the extension of this number (below 64, or renegotiation_info) was there.
    pub const fn has(&self, number: u16) -> bool {
        match number {
            0..64 => self.seen & (1 << number) != 0,
            _ => number == number::RENEGOTIATION_INFO && self.renegotiation_info.is_some(),
        }
    }

    /// Whether there was any extension that is not in `allowed`.
    pub fn has_other_than(&self, allowed: &[u16]) -> bool {
        let known = allowed
            .iter()
            .filter(|number| **number < 64)
            .fold(0, |bits, number| bits | (1_u64 << number));
        let renegotiation =
            self.renegotiation_info.is_some() && !allowed.contains(&number::RENEGOTIATION_INFO);
        self.others || self.seen & !known != 0 || renegotiation
    }
}

/// The two-byte entries of a list, in order.
pub fn entries(list: &[u8]) -> impl Iterator<Item = u16> + '_ {
    list.chunks_exact(2).map(|pair| {
        pair.iter()
            .fold(0, |value, byte| value << 8 | u16::from(*byte))
    })
}

/// A one-byte length and as many bytes, and nothing else.
///
/// # Errors
/// Truncated, or bytes left.
pub fn vec8(content: &[u8]) -> Result<&[u8], DecodeError> {
    let mut reader = Reader::new(content);
    let list = reader.vec8()?;
    reader.finish()?;
    Ok(list)
}

/// A two-byte length and as many bytes: a list of two-byte entries, not empty.
fn list16(content: &[u8]) -> Result<&[u8], DecodeError> {
    let mut reader = Reader::new(content);
    let list = reader.vec16()?;
    reader.finish()?;
    if list.is_empty() || list.len() % 2 != 0 {
        return Err(DecodeError::IllegalLength {
            got: list.len(),
            wanted: "entries of two bytes, at least one",
        });
    }
    Ok(list)
}

/// Appends one extension.
///
/// # Errors
/// More than 65,535 bytes.
pub fn put(out: &mut Vec<u8>, number: u16, content: &[u8]) -> Result<(), TooLong> {
    out.put_u16(number);
    out.put_vec16(content)
}

/// Appends an extension whose content is a list with a length of one byte.
///
/// # Errors
/// More than 255 bytes.
pub fn put_vec8(out: &mut Vec<u8>, number: u16, list: &[u8]) -> Result<(), TooLong> {
    let mut content = Vec::with_capacity(list.len().saturating_add(1));
    content.put_vec8(list)?;
    put(out, number, &content)
}

/// Appends an extension whose content is a list of numbers with a length of two bytes.
///
/// # Errors
/// More than 65,535 bytes.
pub fn put_list16(out: &mut Vec<u8>, number: u16, list: &[u16]) -> Result<(), TooLong> {
    let mut entries = Vec::new();
    list.iter().for_each(|entry| entries.put_u16(*entry));
    let mut content = Vec::new();
    content.put_vec16(&entries)?;
    put(out, number, &content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn block(parts: &[(u16, &[u8])]) -> Vec<u8> {
        let mut inner = Vec::new();
        for (number, content) in parts {
            put(&mut inner, *number, content).unwrap();
        }
        let mut out = Vec::new();
        out.put_vec16(&inner).unwrap();
        out
    }

    fn read(bytes: &[u8]) -> Result<Extensions<'_>, DecodeError> {
        let mut reader = Reader::new(bytes);
        let extensions = Extensions::read(&mut reader)?;
        reader.finish()?;
        Ok(extensions)
    }

    #[test]
    fn known_extensions_are_read_and_unknown_ones_skipped() {
        let bytes = block(&[
            (10, &[0, 4, 0, 23, 0, 29]),
            (23, &[]),
            (54, &[2, 7, 7]),
            (0xff01, &[0]),
            (5000, b"whatever"),
            (35, b""),
        ]);
        let extensions = read(&bytes).unwrap();
        assert_eq!(
            extensions
                .supported_groups
                .map(|list| entries(list).collect()),
            Some(vec![23, 29])
        );
        assert!(extensions.extended_master_secret);
        assert_eq!(extensions.connection_id, Some(&[7, 7][..]));
        assert_eq!(extensions.renegotiation_info, Some(&[][..]));
        assert!(extensions.has(35) && extensions.has(54) && !extensions.has(13));
        assert!(extensions.has_other_than(&[10, 23, 54, 0xff01]));
        assert_eq!(read(&[]), Ok(Extensions::default()));
    }

    #[test]
    fn other_extensions_are_those_that_are_not_listed() {
        let bytes = block(&[(23, &[]), (0xff01, &[0])]);
        let extensions = read(&bytes).unwrap();
        assert!(!extensions.has_other_than(&[23, 54, 0xff01]));
        assert!(extensions.has_other_than(&[23]));
        assert!(extensions.has_other_than(&[0xff01]));
    }

    #[test]
    fn bad_blocks_are_refused() {
        for (bytes, why) in [
            (block(&[(23, &[]), (23, &[])]), "known twice"),
            (block(&[(35, &[]), (35, &[])]), "unknown twice"),
            (
                block(&[(0xff01, &[0]), (0xff01, &[0])]),
                "renegotiation_info twice",
            ),
            (block(&[(23, &[1])]), "extended_master_secret with content"),
            (block(&[(54, &[2, 7])]), "connection_id truncated"),
            (
                block(&[(54, &[1, 7, 7])]),
                "connection_id with trailing bytes",
            ),
            (block(&[(10, &[0, 3, 0, 23, 0])]), "odd list of groups"),
            (block(&[(13, &[0, 0])]), "empty list of schemes"),
            (vec![0, 5, 0, 23, 0, 0], "block truncated"),
            (vec![0, 3, 0, 23, 0], "extension truncated"),
            (vec![0, 0, 1], "bytes behind the block"),
        ] {
            assert!(read(&bytes).is_err(), "{why}");
        }
    }
}
