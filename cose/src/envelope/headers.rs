//! Header parameters: a scan of the labels for what coset leaves open, then the values as coset reads them.

use alloc::{string::ToString, vec::Vec};

use coset::Header;
use minicbor::{Decoder, data::Type};

use super::{EnvelopeError, EnvelopeKind, HeaderLabel};
use crate::{
    crypto::{AeadAlgorithm, MacAlgorithm, SignatureAlgorithm},
    registry::header,
};

/// Where header parameters other than `alg` are written. `alg` is always protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderPlacement {
    /// In the protected bucket: every unprotected map is empty, as token revocation (RFC 9770) asks for.
    Protected,
    /// In the unprotected bucket, as in the examples of RFC 8392.
    #[default]
    Unprotected,
}

/// An algorithm of any of the structures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// For COSE_Sign1.
    Signature(SignatureAlgorithm),
    /// For COSE_Mac0.
    Mac(MacAlgorithm),
    /// For COSE_Encrypt0.
    Aead(AeadAlgorithm),
}

impl Algorithm {
    /// The algorithm of a COSE number, if it is supported.
    #[must_use]
    pub fn from_cose(value: i64) -> Option<Self> {
        let signature = SignatureAlgorithm::from_cose(value).map(Self::Signature);
        let mac = MacAlgorithm::from_cose(value).map(Self::Mac);
        signature
            .or(mac)
            .or_else(|| AeadAlgorithm::from_cose(value).map(Self::Aead))
    }

    /// The COSE number.
    #[must_use]
    pub fn to_cose(self) -> i64 {
        match self {
            Self::Signature(algorithm) => algorithm.to_cose(),
            Self::Mac(algorithm) => algorithm.to_cose(),
            Self::Aead(algorithm) => algorithm.to_cose(),
        }
    }

    /// The structure that the algorithm is for.
    #[must_use]
    pub fn kind(self) -> EnvelopeKind {
        match self {
            Self::Signature(_) => EnvelopeKind::Sign1,
            Self::Mac(_) => EnvelopeKind::Mac0,
            Self::Aead(_) => EnvelopeKind::Encrypt0,
        }
    }
}

/// The header parameters that are understood. Others are ignored unless `crit` names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    /// `alg` (1).
    pub algorithm: Algorithm,
    /// True if `alg` is in the protected bucket.
    pub algorithm_protected: bool,
    /// `kid` (4), not empty.
    pub kid: Option<Vec<u8>>,
    /// `IV` (5).
    pub iv: Option<Vec<u8>>,
    /// `Partial IV` (6).
    pub partial_iv: Option<Vec<u8>>,
    /// True if the unprotected bucket has no parameter at all.
    pub unprotected_is_empty: bool,
    protected_is_empty: bool,
}

impl Headers {
    pub(super) fn read(
        protected: &Bucket,
        unprotected: &Bucket,
        protected_values: Header,
        unprotected_values: Header,
    ) -> Result<Self, EnvelopeError> {
        let algorithm = protected
            .algorithm
            .as_ref()
            .or(unprotected.algorithm.as_ref());
        let algorithm = match algorithm.ok_or(EnvelopeError::MissingAlgorithm)? {
            HeaderLabel::Integer(number) => Algorithm::from_cose(*number),
            HeaderLabel::Text(_) => None,
        }
        .ok_or_else(|| {
            let label = protected
                .algorithm
                .clone()
                .or(unprotected.algorithm.clone());
            label.map_or(
                EnvelopeError::MissingAlgorithm,
                EnvelopeError::UnsupportedAlgorithm,
            )
        })?;
        Ok(Self {
            algorithm,
            algorithm_protected: protected.algorithm.is_some(),
            kid: either(protected_values.key_id, unprotected_values.key_id),
            iv: either(protected_values.iv, unprotected_values.iv),
            partial_iv: either(protected_values.partial_iv, unprotected_values.partial_iv),
            unprotected_is_empty: unprotected.labels.is_empty(),
            protected_is_empty: protected.labels.is_empty(),
        })
    }

    pub(super) fn protected_is_empty(&self) -> bool {
        self.protected_is_empty
    }

    /// The nonce: the IV, or the Partial IV padded on the left and combined with the Base IV by exclusive or.
    pub(super) fn nonce(&self, base_iv: Option<&[u8]>) -> Result<Vec<u8>, EnvelopeError> {
        if let Some(iv) = &self.iv {
            return Ok(iv.clone());
        }
        let (Some(partial), Some(base)) = (&self.partial_iv, base_iv) else {
            return Err(EnvelopeError::MissingIv);
        };
        let padding = base
            .len()
            .checked_sub(partial.len())
            .ok_or(EnvelopeError::MissingIv)?;
        // RFC 9052 Section 3.1: pad the Partial IV on the left, then combine it with the Base IV.
        let padded = core::iter::repeat_n(&0, padding).chain(partial);
        Ok(base
            .iter()
            .zip(padded)
            .map(|(base, partial)| base ^ partial)
            .collect())
    }
}

fn either(protected: Vec<u8>, unprotected: Vec<u8>) -> Option<Vec<u8>> {
    [protected, unprotected]
        .into_iter()
        .find(|value| !value.is_empty())
}

/// The labels of one header map with what must be known before its values are read.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    labels: Vec<HeaderLabel>,
    algorithm: Option<HeaderLabel>,
    critical: Option<Vec<HeaderLabel>>,
}

impl Bucket {
    /// Scans an encoded map that the pre-pass has accepted.
    pub(super) fn scan(map: &[u8]) -> Result<Self, EnvelopeError> {
        let mut bucket = Self::default();
        if map.is_empty() {
            return Ok(bucket);
        }
        let mut decoder = Decoder::new(map);
        let entries = decoder.map().map_err(malformed)?;
        for _ in 0..entries.unwrap_or(0) {
            let label = read_label(&mut decoder)?;
            match label {
                HeaderLabel::Integer(header::ALG) => {
                    bucket.algorithm = Some(read_label(&mut decoder)?)
                }
                HeaderLabel::Integer(header::CRIT) => {
                    bucket.critical = Some(read_critical(&mut decoder)?)
                }
                _ => decoder.skip().map_err(malformed)?,
            }
            bucket.labels.push(label);
        }
        Ok(bucket)
    }

    fn has(&self, label: i64) -> bool {
        self.labels.contains(&HeaderLabel::Integer(label))
    }
}

/// Checks the rules that concern both buckets.
pub(super) fn check_buckets(protected: &Bucket, unprotected: &Bucket) -> Result<(), EnvelopeError> {
    // RFC 9052 Section 3: a label is in one of the two buckets only.
    if let Some(label) = protected
        .labels
        .iter()
        .find(|label| unprotected.labels.contains(label))
    {
        return Err(EnvelopeError::DuplicateLabel(label.clone()));
    }
    // RFC 9052 Section 3.1: crit is in the protected bucket.
    if unprotected.has(header::CRIT) {
        return Err(EnvelopeError::CriticalNotProtected);
    }
    for label in protected.critical.iter().flatten() {
        // RFC 9052 Section 3.1: every label that crit lists is in the protected bucket.
        if !protected.labels.contains(label) {
            return Err(EnvelopeError::CriticalAbsent(label.clone()));
        }
        // RFC 9052 Section 3.1: a critical parameter that is not processed is fatal.
        if !matches!(
            label,
            HeaderLabel::Integer(header::ALG..=header::PARTIAL_IV)
        ) {
            return Err(EnvelopeError::CriticalNotUnderstood(label.clone()));
        }
    }
    // RFC 9052 Section 3.1: IV and Partial IV are not both there, in whichever bucket.
    let has = |label| protected.has(label) || unprotected.has(label);
    if has(header::IV) && has(header::PARTIAL_IV) {
        return Err(EnvelopeError::IvAndPartialIv);
    }
    Ok(())
}

fn read_label(decoder: &mut Decoder<'_>) -> Result<HeaderLabel, EnvelopeError> {
    match decoder.datatype().map_err(malformed)? {
        Type::String => Ok(HeaderLabel::Text(decoder.str().map_err(malformed)?.into())),
        _ => Ok(HeaderLabel::Integer(decoder.i64().map_err(malformed)?)),
    }
}

fn read_critical(decoder: &mut Decoder<'_>) -> Result<Vec<HeaderLabel>, EnvelopeError> {
    let labels = decoder
        .array()
        .map_err(|_| EnvelopeError::CriticalMalformed)?
        .unwrap_or(0);
    if labels == 0 {
        return Err(EnvelopeError::CriticalMalformed);
    }
    // The pre-pass has seen that many items, so the loop is bounded by the input.
    (0..labels)
        .map(|_| read_label(decoder).map_err(|_| EnvelopeError::CriticalMalformed))
        .collect()
}

pub(super) fn malformed(error: impl core::fmt::Display) -> EnvelopeError {
    EnvelopeError::Malformed(error.to_string())
}
