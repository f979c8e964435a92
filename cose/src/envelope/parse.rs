//! Reading an envelope: the strict pre-pass, a scan of both header maps, then coset for the structure.

use alloc::vec::Vec;

use coset::{CborSerializable, CoseEncrypt0, CoseSign1, Header};
use minicbor::{Decoder, data::Type};

use super::{
    Envelope, EnvelopeError, EnvelopeKind,
    headers::{Bucket, Headers, check_buckets, malformed},
};
use crate::{
    cbor::{self, Limits},
    registry::tag,
};

impl Envelope {
    /// Reads one envelope with or without its COSE tag. Nothing of it is to be believed before it was verified or
    /// decrypted.
    ///
    /// # Errors
    /// [`EnvelopeError`]; every rule of RFC 9052 Section 3 about headers is checked here.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        cbor::check(bytes, Limits::DEFAULT)?;
        let (kind, body) = split_tag(bytes)?;
        let (elements, protected, unprotected) = outline(body)?;
        if !protected.is_empty() {
            // The protected map is inside a byte string, where the pre-pass does not look.
            cbor::check(protected, Limits::DEFAULT)?;
        }
        let protected_bucket = Bucket::scan(protected)?;
        let unprotected_bucket = Bucket::scan(unprotected)?;
        check_buckets(&protected_bucket, &unprotected_bucket)?;
        // Said before coset looks: it has one error for every number that it does not know.
        Headers::read(
            &protected_bucket,
            &unprotected_bucket,
            Header::default(),
            Header::default(),
        )?;

        let parts = if elements == 3 {
            Parts::encrypt0(body)?
        } else {
            Parts::sign1_or_mac0(body)?
        };
        let headers = Headers::read(
            &protected_bucket,
            &unprotected_bucket,
            parts.protected_values,
            parts.unprotected_values,
        )?;
        let envelope = Self {
            kind: kind.unwrap_or(headers.algorithm.kind()),
            tagged: kind.is_some(),
            headers,
            protected: protected.into(),
            content: parts.content.ok_or(EnvelopeError::DetachedContent)?,
            authenticator: parts.authenticator,
        };
        envelope.check_kind(elements)?;
        Ok(envelope)
    }

    /// Checks that tag, number of elements and algorithm are of one structure.
    fn check_kind(&self, elements: u64) -> Result<(), EnvelopeError> {
        let wanted = if self.kind == EnvelopeKind::Encrypt0 {
            3
        } else {
            4
        };
        if elements != wanted {
            return Err(malformed("wrong number of elements"));
        }
        match self.headers.algorithm.kind() {
            got if got != self.kind => Err(EnvelopeError::WrongKind {
                got,
                wanted: self.kind,
            }),
            _ => Ok(()),
        }
    }
}

/// The kind that a leading tag names, and the bytes behind the tag.
fn split_tag(bytes: &[u8]) -> Result<(Option<EnvelopeKind>, &[u8]), EnvelopeError> {
    let mut decoder = Decoder::new(bytes);
    if decoder.datatype().map_err(malformed)? != Type::Tag {
        return Ok((None, bytes));
    }
    let kind = match decoder.tag().map_err(malformed)?.as_u64() {
        tag::SIGN1 => EnvelopeKind::Sign1,
        tag::MAC0 => EnvelopeKind::Mac0,
        tag::ENCRYPT0 => EnvelopeKind::Encrypt0,
        got => return Err(EnvelopeError::WrongTag { got }),
    };
    Ok((
        Some(kind),
        bytes.get(decoder.position()..).unwrap_or_default(),
    ))
}

/// The number of elements, the bytes of the protected map and those of the unprotected map.
fn outline(body: &[u8]) -> Result<(u64, &[u8], &[u8]), EnvelopeError> {
    let mut decoder = Decoder::new(body);
    let elements = decoder
        .array()
        .map_err(malformed)?
        .filter(|elements| matches!(elements, 3 | 4));
    let elements = elements.ok_or_else(|| malformed("wrong number of elements"))?;
    let protected = decoder.bytes().map_err(malformed)?;
    let start = decoder.position();
    decoder.skip().map_err(malformed)?;
    let unprotected = body.get(start..decoder.position()).unwrap_or_default();
    Ok((elements, protected, unprotected))
}

/// What coset read, in one shape for the three structures.
struct Parts {
    protected_values: Header,
    unprotected_values: Header,
    content: Option<Vec<u8>>,
    authenticator: Vec<u8>,
}

impl Parts {
    /// COSE_Sign1 and COSE_Mac0 have the same four elements.
    fn sign1_or_mac0(body: &[u8]) -> Result<Self, EnvelopeError> {
        let parsed = CoseSign1::from_slice(body).map_err(malformed)?;
        Ok(Self {
            protected_values: parsed.protected.header,
            unprotected_values: parsed.unprotected,
            content: parsed.payload,
            authenticator: parsed.signature,
        })
    }

    fn encrypt0(body: &[u8]) -> Result<Self, EnvelopeError> {
        let parsed = CoseEncrypt0::from_slice(body).map_err(malformed)?;
        Ok(Self {
            protected_values: parsed.protected.header,
            unprotected_values: parsed.unprotected,
            content: parsed.ciphertext,
            authenticator: Vec::new(),
        })
    }
}
