//! ClientHello, HelloVerifyRequest and ServerHello (RFC 6347 Section 4.2.1, RFC 5246 Section 7.4.1).

use alloc::vec::Vec;

use super::extension::Extensions;
use super::{DTLS_1_0, DTLS_1_2, DecodeError, Reader, TooLong, Writer};

/// Stands in the list of cipher suites for an empty renegotiation_info (RFC 5746 Section 3.3).
pub const EMPTY_RENEGOTIATION_INFO_SCSV: u16 = 0x00ff;

/// A ClientHello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// The newest version of the client.
    pub version: u16,
    /// Its random bytes.
    pub random: &'a [u8; 32],
    /// The session to resume, or empty.
    pub session_id: &'a [u8],
    /// The cookie, or empty.
    pub cookie: &'a [u8],
    /// Cipher suites, two bytes each, in its order.
    pub cipher_suites: &'a [u8],
    /// Compression methods.
    pub compression_methods: &'a [u8],
    /// Its extensions.
    pub extensions: Extensions<'a>,
}

impl<'a> ClientHello<'a> {
    /// Reads a message body.
    ///
    /// # Errors
    /// Not the structure of RFC 6347 Section 4.2.1.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let hello = Self {
            version: reader.u16()?,
            random: reader.array()?,
            session_id: session_id(&mut reader)?,
            cookie: reader.vec8()?,
            cipher_suites: cipher_suites(&mut reader)?,
            compression_methods: compression_methods(&mut reader)?,
            extensions: Extensions::read(&mut reader)?,
        };
        reader.finish()?;
        Ok(hello)
    }

    /// Appends a message body; `extensions` is the encoded list of extensions without its length, compression is
    /// null.
    ///
    /// # Errors
    /// A field longer than its length can tell.
    pub fn put(
        out: &mut Vec<u8>,
        random: &[u8; 32],
        session_id: &[u8],
        cookie: &[u8],
        cipher_suites: &[u16],
        extensions: &[u8],
    ) -> Result<(), TooLong> {
        out.put_u16(DTLS_1_2);
        out.extend_from_slice(random);
        out.put_vec8(session_id)?;
        out.put_vec8(cookie)?;
        let mut suites = Vec::new();
        cipher_suites
            .iter()
            .for_each(|suite| suites.put_u16(*suite));
        out.put_vec16(&suites)?;
        out.put_vec8(&[0])?;
        out.put_vec16(extensions)
    }
}

fn session_id<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let id = reader.vec8()?;
    match id.len() {
        0..=32 => Ok(id),
        got => Err(DecodeError::IllegalLength {
            got,
            wanted: "a session id of at most 32 bytes",
        }),
    }
}

fn cipher_suites<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let suites = reader.vec16()?;
    if suites.is_empty() || suites.len() % 2 != 0 {
        return Err(DecodeError::IllegalLength {
            got: suites.len(),
            wanted: "suites of two bytes, at least one",
        });
    }
    Ok(suites)
}

fn compression_methods<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let methods = reader.vec8()?;
    // RFC 5246 Section 7.4.1.2: the vector must contain the null method.
    if !methods.contains(&0) {
        return Err(DecodeError::IllegalLength {
            got: methods.len(),
            wanted: "compression methods with null",
        });
    }
    Ok(methods)
}

/// A HelloVerifyRequest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HelloVerifyRequest<'a> {
    /// The version field; says nothing about the version of the session.
    pub version: u16,
    /// What the client repeats.
    pub cookie: &'a [u8],
}

impl<'a> HelloVerifyRequest<'a> {
    /// Reads a message body.
    ///
    /// # Errors
    /// Not the structure of RFC 6347 Section 4.2.1.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let request = Self {
            version: reader.u16()?,
            cookie: reader.vec8()?,
        };
        reader.finish()?;
        Ok(request)
    }

    /// Appends a message body.
    ///
    /// # Errors
    /// A cookie of more than 255 bytes.
    pub fn put(out: &mut Vec<u8>, cookie: &[u8]) -> Result<(), TooLong> {
        // RFC 6347 Section 4.2.1: DTLS 1.2 servers should use version 1.0 here, whatever is negotiated later.
        out.put_u16(DTLS_1_0);
        out.put_vec8(cookie)
    }
}

/// A ServerHello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerHello<'a> {
    /// The version of the session.
    pub version: u16,
    /// Its random bytes.
    pub random: &'a [u8; 32],
    /// Under which the session can be resumed, or empty.
    pub session_id: &'a [u8],
    /// The chosen suite.
    pub cipher_suite: u16,
    /// The chosen compression.
    pub compression_method: u8,
    /// Its extensions.
    pub extensions: Extensions<'a>,
}

impl<'a> ServerHello<'a> {
    /// Reads a message body.
    ///
    /// # Errors
    /// Not the structure of RFC 5246 Section 7.4.1.3.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let hello = Self {
            version: reader.u16()?,
            random: reader.array()?,
            session_id: session_id(&mut reader)?,
            cipher_suite: reader.u16()?,
            compression_method: reader.u8()?,
            extensions: Extensions::read(&mut reader)?,
        };
        reader.finish()?;
        Ok(hello)
    }

    /// Appends a message body; `extensions` as in [`ClientHello::put`].
    ///
    /// # Errors
    /// A field longer than its length can tell.
    pub fn put(
        out: &mut Vec<u8>,
        random: &[u8; 32],
        session_id: &[u8],
        cipher_suite: u16,
        extensions: &[u8],
    ) -> Result<(), TooLong> {
        out.put_u16(DTLS_1_2);
        out.extend_from_slice(random);
        out.put_vec8(session_id)?;
        out.put_u16(cipher_suite);
        out.push(0);
        if extensions.is_empty() {
            Ok(())
        } else {
            out.put_vec16(extensions)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::extension;
    use super::*;
    use alloc::vec;

    fn client_hello() -> Vec<u8> {
        let mut extensions = Vec::new();
        extension::put(
            &mut extensions,
            extension::number::EXTENDED_MASTER_SECRET,
            &[],
        )
        .unwrap();
        let mut out = Vec::new();
        ClientHello::put(
            &mut out,
            &[5; 32],
            &[],
            b"cookie",
            &[0xc0a8, 0x00ff],
            &extensions,
        )
        .unwrap();
        out
    }

    #[test]
    fn client_hello_bytes() {
        let bytes = client_hello();
        assert_eq!(&bytes[..2], [0xfe, 0xfd]);
        assert_eq!(bytes[34..41], *b"\0\x06cooki");
        assert_eq!(
            bytes[42..],
            [0, 4, 0xc0, 0xa8, 0, 0xff, 1, 0, 0, 4, 0, 23, 0, 0]
        );
        let hello = ClientHello::decode(&bytes).unwrap();
        assert_eq!(
            (hello.version, hello.random, hello.cookie),
            (DTLS_1_2, &[5; 32], &b"cookie"[..])
        );
        assert_eq!(
            extension::entries(hello.cipher_suites).collect::<Vec<_>>(),
            [0xc0a8, 0x00ff]
        );
        assert!(hello.extensions.extended_master_secret);
    }

    #[test]
    fn every_truncation_and_extension_of_a_client_hello_is_refused_or_is_a_shorter_hello() {
        let bytes = client_hello();
        // A ClientHello may end before its extensions (RFC 5246 Section 7.4.1.2): the only other legal length.
        let without_extensions = bytes.len() - 6;
        for length in 0..bytes.len() {
            assert_eq!(
                ClientHello::decode(&bytes[..length]).is_ok(),
                length == without_extensions,
                "{length}"
            );
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(ClientHello::decode(&longer).is_err());
    }

    #[test]
    fn impossible_hellos_are_refused() {
        let with = |session_id: usize, suites: &[u8], compression: &[u8]| {
            let mut out = vec![0xfe, 0xfd];
            out.extend([0; 32]);
            out.put_vec8(&vec![0; session_id]).unwrap();
            out.put_vec8(&[]).unwrap();
            out.put_vec16(suites).unwrap();
            out.put_vec8(compression).unwrap();
            out
        };
        assert!(ClientHello::decode(&with(32, &[0xc0, 0xa8], &[0])).is_ok());
        assert!(
            ClientHello::decode(&with(33, &[0xc0, 0xa8], &[0])).is_err(),
            "session id of 33 bytes"
        );
        assert!(
            ClientHello::decode(&with(0, &[], &[0])).is_err(),
            "no suite"
        );
        assert!(
            ClientHello::decode(&with(0, &[1, 2, 3], &[0])).is_err(),
            "half a suite"
        );
        assert!(
            ClientHello::decode(&with(0, &[1, 2], &[1])).is_err(),
            "no null compression"
        );
    }

    #[test]
    fn server_messages_are_written_and_read() {
        let mut out = Vec::new();
        HelloVerifyRequest::put(&mut out, b"abc").unwrap();
        assert_eq!(out, [0xfe, 0xff, 3, b'a', b'b', b'c']);
        assert_eq!(HelloVerifyRequest::decode(&out).unwrap().cookie, b"abc");
        assert!(HelloVerifyRequest::decode(&out[..5]).is_err());
        let mut out = Vec::new();
        ServerHello::put(&mut out, &[1; 32], &[2; 4], 0xc0a8, &[]).unwrap();
        assert_eq!(out[34..], [4, 2, 2, 2, 2, 0xc0, 0xa8, 0]);
        let hello = ServerHello::decode(&out).unwrap();
        assert_eq!(
            (hello.session_id, hello.cipher_suite),
            (&[2; 4][..], 0xc0a8)
        );
        out.push(0);
        assert!(ServerHello::decode(&out).is_err());
    }
}
