use alloc::string::String;
use alloc::vec::Vec;

use super::Cursor;
use crate::cbor::{Label, Limits, MapReader, MapWriter, Value};
use crate::message::MessageError;
use crate::registry::problem;

/// Why a query was refused (RFC 9770 Section 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationError {
    /// 0: the value of a parameter is not valid.
    InvalidValue,
    /// 1: the parameters do not fit together.
    InvalidSet,
    /// 2: the cursor is beyond the last update.
    OutOfBound,
    /// Another number.
    Other(i64),
}

/// The body of a refused query (RFC 9770 Section 6.1): concise problem details (RFC 9290).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationProblem {
    /// `error-id` (0) of `ace-trl-error`.
    pub error: RevocationError,
    /// `cursor` (1) of `ace-trl-error`.
    pub cursor: Option<Cursor>,
    /// `detail` (-2), for humans.
    pub detail: Option<String>,
}

impl RevocationError {
    /// The number.
    #[must_use]
    pub const fn to_i64(self) -> i64 {
        match self {
            Self::InvalidValue => 0,
            Self::InvalidSet => 1,
            Self::OutOfBound => 2,
            Self::Other(number) => number,
        }
    }

    /// The error with this number.
    #[must_use]
    pub const fn from_i64(number: i64) -> Self {
        match number {
            0 => Self::InvalidValue,
            1 => Self::InvalidSet,
            2 => Self::OutOfBound,
            number => Self::Other(number),
        }
    }
}

impl RevocationProblem {
    /// Reads a problem.
    ///
    /// # Errors
    /// [`MessageError`]; also when it is another problem, without `ace-trl-error`.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut members = MapReader::parse(bytes, Limits::DEFAULT, NAMES)?;
        let (mut entry, mut detail) = (None, None);
        while let Some((label, value)) = members.next_member()? {
            match label {
                problem::ACE_TRL_ERROR => entry = Some(read_entry(&value)?),
                // RFC 9290 Section 2: text, or text with its language; the latter is left out here.
                problem::DETAIL => detail = value.text().ok().map(String::from),
                _ => {}
            }
        }
        let (error, cursor) = entry.ok_or(MessageError::Missing {
            label: ACE_TRL_ERROR,
        })?;
        Ok(Self {
            error,
            cursor,
            detail,
        })
    }

    /// The encoded problem.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut entry = MapWriter::with_capacity(16);
        entry.integer(problem::TRL_ERROR_ID, Some(self.error.to_i64()));
        if let Some(cursor) = self.cursor {
            cursor.write(entry.entry(problem::TRL_CURSOR));
        }
        let mut map = MapWriter::with_capacity(CAPACITY);
        map.entry(problem::ACE_TRL_ERROR).encoded(&entry.finish());
        map.text(problem::DETAIL, self.detail.as_deref());
        map.finish()
    }
}

fn read_entry(value: &Value<'_>) -> Result<(RevocationError, Option<Cursor>), MessageError> {
    let mut members = value.map(ENTRY_NAMES)?;
    let (mut error, mut cursor) = (None, None);
    while let Some((label, value)) = members.next_member()? {
        match label {
            problem::TRL_ERROR_ID => error = Some(RevocationError::from_i64(value.integer()?)),
            problem::TRL_CURSOR => cursor = Some(Cursor::read(&value)?),
            _ => {}
        }
    }
    // RFC 9770 Section 6.1: error-id MUST be present.
    let error = error.ok_or(MessageError::Missing { label: ERROR_ID })?;
    Ok((error, cursor))
}

const ACE_TRL_ERROR: Label = label(problem::ACE_TRL_ERROR, "ace-trl-error");
const ERROR_ID: Label = label(problem::TRL_ERROR_ID, "error-id");
const NAMES: &[Label] = &[ACE_TRL_ERROR, label(problem::DETAIL, "detail")];
const ENTRY_NAMES: &[Label] = &[ERROR_ID, label(problem::TRL_CURSOR, "cursor")];

const fn label(number: i64, name: &'static str) -> Label {
    Label { number, name }
}

/// Room for a sentence.
const CAPACITY: usize = 128;
