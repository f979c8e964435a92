//! Key exchange messages: PSK (RFC 4279 Section 2), ECDHE_PSK (RFC 5489 Section 2), ECDHE_ECDSA (RFC 8422
//! Section 5), and the certificate messages (RFC 5246 Sections 7.4.2 to 7.4.8, RFC 7250 Section 3).

use alloc::vec::Vec;

use super::{DecodeError, Reader, TooLong, Writer};

/// `named_curve` (RFC 8422 Section 5.4).
const NAMED_CURVE: u8 = 3;

/// Bytes of `verify_data` (RFC 5246 Section 7.4.9).
pub const VERIFY_DATA: usize = 12;

/// The server's ephemeral public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EcdhParameters<'a> {
    /// The group.
    pub group: u16,
    /// The public key as the group encodes it.
    pub public: &'a [u8],
}

impl<'a> EcdhParameters<'a> {
    /// Reads `ServerECDHParams`.
    ///
    /// # Errors
    /// Truncated, or not a named curve.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            NAMED_CURVE => Ok(Self {
                group: reader.u16()?,
                public: reader.vec8()?,
            }),
            got => Err(DecodeError::IllegalValue {
                got: u32::from(got),
                wanted: "named_curve",
            }),
        }
    }

    /// Appends `ServerECDHParams`.
    ///
    /// # Errors
    /// A public key of more than 255 bytes.
    pub fn put(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        out.push(NAMED_CURVE);
        out.put_u16(self.group);
        out.put_vec8(self.public)
    }
}

/// A `digitally-signed` element: scheme and signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed<'a> {
    /// The signature scheme.
    pub scheme: u16,
    /// The signature.
    pub signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Reads the element.
    ///
    /// # Errors
    /// Truncated.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            scheme: reader.u16()?,
            signature: reader.vec16()?,
        })
    }

    /// Reads a whole CertificateVerify.
    ///
    /// # Errors
    /// Truncated, or bytes left.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        whole(body, Self::read)
    }

    /// Appends the element.
    ///
    /// # Errors
    /// A signature of more than 65,535 bytes.
    pub fn put(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        out.put_u16(self.scheme);
        out.put_vec16(self.signature)
    }
}

/// Reads a ServerKeyExchange of PSK: the identity hint.
///
/// # Errors
/// Truncated, or bytes left.
pub fn psk_server(body: &[u8]) -> Result<&[u8], DecodeError> {
    whole(body, Reader::vec16)
}

/// Reads a ServerKeyExchange of ECDHE_PSK: the identity hint and the ephemeral key (RFC 5489 Section 2).
///
/// # Errors
/// Truncated, or bytes left.
pub fn ecdhe_psk_server(body: &[u8]) -> Result<(&[u8], EcdhParameters<'_>), DecodeError> {
    whole(body, |reader| {
        Ok((reader.vec16()?, EcdhParameters::read(reader)?))
    })
}

/// Reads a ServerKeyExchange of ECDHE_ECDSA: the ephemeral key and its signature (RFC 8422 Section 5.4).
///
/// # Errors
/// Truncated, or bytes left.
pub fn ecdhe_server(body: &[u8]) -> Result<(EcdhParameters<'_>, Signed<'_>), DecodeError> {
    whole(body, |reader| {
        Ok((EcdhParameters::read(reader)?, Signed::read(reader)?))
    })
}

/// Reads a ClientKeyExchange of PSK: the identity.
///
/// # Errors
/// Truncated, or bytes left.
pub fn psk_client(body: &[u8]) -> Result<&[u8], DecodeError> {
    whole(body, Reader::vec16)
}

/// Reads a ClientKeyExchange of ECDHE_PSK: the identity and the ephemeral key.
///
/// # Errors
/// Truncated, or bytes left.
pub fn ecdhe_psk_client(body: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    whole(body, |reader| Ok((reader.vec16()?, reader.vec8()?)))
}

/// Reads a ClientKeyExchange of ECDHE_ECDSA: the ephemeral key.
///
/// # Errors
/// Truncated, or bytes left.
pub fn ecdhe_client(body: &[u8]) -> Result<&[u8], DecodeError> {
    whole(body, Reader::vec8)
}

/// Reads a Finished: `verify_data`.
///
/// # Errors
/// Another length than 12 bytes.
pub fn finished(body: &[u8]) -> Result<&[u8; VERIFY_DATA], DecodeError> {
    whole(body, Reader::array)
}

/// Reads a Certificate of type RawPublicKey: one SubjectPublicKeyInfo (RFC 7250 Section 3).
///
/// # Errors
/// Truncated, or bytes left.
pub fn raw_public_key(body: &[u8]) -> Result<&[u8], DecodeError> {
    whole(body, Reader::vec24)
}

/// Reads a Certificate of type X.509: the chain, end entity first, at most `limit` certificates; perhaps empty.
///
/// # Errors
/// Truncated, bytes left, an empty certificate, or more than `limit`.
pub fn certificate_chain(body: &[u8], limit: usize) -> Result<Vec<&[u8]>, DecodeError> {
    let mut list = Reader::new(whole(body, Reader::vec24)?);
    let mut chain = Vec::new();
    while !list.is_empty() {
        if chain.len() == limit {
            return Err(DecodeError::IllegalLength {
                got: limit.saturating_add(1),
                wanted: "fewer certificates",
            });
        }
        let certificate = list.vec24()?;
        if certificate.is_empty() {
            return Err(DecodeError::IllegalLength {
                got: 0,
                wanted: "a certificate",
            });
        }
        chain.push(certificate);
    }
    Ok(chain)
}

/// What a server wants of a client's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateRequest<'a> {
    /// `ClientCertificateType`s.
    pub types: &'a [u8],
    /// Signature schemes, two bytes each.
    pub schemes: &'a [u8],
    /// Names of acceptable authorities, encoded; empty for any.
    pub authorities: &'a [u8],
}

impl<'a> CertificateRequest<'a> {
    /// `ecdsa_sign` (RFC 8422 Section 5.5); stands for Ed25519 as well.
    pub const ECDSA_SIGN: u8 = 64;

    /// Reads a message body.
    ///
    /// # Errors
    /// Truncated, bytes left, or half a scheme.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let request = whole(body, |reader| {
            Ok(Self {
                types: reader.vec8()?,
                schemes: reader.vec16()?,
                authorities: reader.vec16()?,
            })
        })?;
        if request.schemes.len() % 2 != 0 {
            let got = request.schemes.len();
            return Err(DecodeError::IllegalLength {
                got,
                wanted: "schemes of two bytes",
            });
        }
        Ok(request)
    }

    /// Appends a message body.
    ///
    /// # Errors
    /// A field longer than its length can tell.
    pub fn put(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        out.put_vec8(self.types)?;
        out.put_vec16(self.schemes)?;
        out.put_vec16(self.authorities)
    }
}

fn whole<'a, T>(
    body: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let mut reader = Reader::new(body);
    let value = read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn psk_messages_are_length_and_bytes() {
        assert_eq!(psk_client(b"\0\x03a\0b"), Ok(&b"a\0b"[..]));
        assert_eq!(psk_server(b"\0\0"), Ok(&b""[..]));
        assert_eq!(
            ecdhe_psk_client(b"\0\x01i\x02pp"),
            Ok((&b"i"[..], &b"pp"[..]))
        );
        assert_eq!(ecdhe_client(b"\x02pp"), Ok(&b"pp"[..]));
        for bad in [&b"\0\x03ab"[..], b"\0\x01ab", b"\0", b""] {
            assert!(psk_client(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ephemeral_keys_are_named_curves_only() {
        let parameters = EcdhParameters {
            group: 23,
            public: b"point",
        };
        let mut out = Vec::new();
        parameters.put(&mut out).unwrap();
        assert_eq!(out, *b"\x03\0\x17\x05point");
        Signed {
            scheme: 0x0403,
            signature: b"sig",
        }
        .put(&mut out)
        .unwrap();
        let (got, signed) = ecdhe_server(&out).unwrap();
        assert_eq!(
            (got, signed.scheme, signed.signature),
            (parameters, 0x0403, &b"sig"[..])
        );
        out[0] = 1;
        assert!(ecdhe_server(&out).is_err(), "explicit curve");
        assert_eq!(
            ecdhe_psk_server(b"\0\x01h\x03\0\x1d\x01p").map(|(hint, _)| hint),
            Ok(&b"h"[..])
        );
    }

    #[test]
    fn certificates_are_chains_or_one_key() {
        assert_eq!(
            certificate_chain(b"\0\0\x09\0\0\x02aa\0\0\x01b", 2).unwrap(),
            [&b"aa"[..], b"b"]
        );
        assert_eq!(certificate_chain(b"\0\0\0", 2).unwrap(), [&[] as &[u8]; 0]);
        assert_eq!(raw_public_key(b"\0\0\x02aa"), Ok(&b"aa"[..]));
        for (bad, why) in [
            (&b"\0\0\x09\0\0\x02aa\0\0\x01b"[..], "more than one"),
            (b"\0\0\x03\0\0\0", "empty certificate"),
            (b"\0\0\x04\0\0\x02a", "certificate behind the list"),
            (b"\0\0\x00\0", "trailing"),
        ] {
            assert!(certificate_chain(bad, 1).is_err(), "{why}");
        }
    }

    #[test]
    fn certificate_requests_are_written_and_read() {
        let request = CertificateRequest {
            types: &[64],
            schemes: &[4, 3],
            authorities: &[],
        };
        let mut out = Vec::new();
        request.put(&mut out).unwrap();
        assert_eq!(out, [1, 64, 0, 2, 4, 3, 0, 0]);
        assert_eq!(CertificateRequest::decode(&out), Ok(request));
        assert!(CertificateRequest::decode(&[1, 64, 0, 1, 4, 0, 0]).is_err());
        assert!(
            finished(&[0; 11]).is_err()
                && finished(&[0; 13]).is_err()
                && finished(&[0; 12]).is_ok()
        );
    }
}
