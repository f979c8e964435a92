use alloc::vec::Vec;

use super::TokenHash;
use crate::cbor::{CborError, Label, Limits, MapReader, MapWriter, Value, Writer};
use crate::message::MessageError;
use crate::registry::revocation;

/// An answer of the endpoint (RFC 9770 Sections 7 to 9), in `application/ace-trl+cbor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationResponse {
    /// `full_set` (0) or `diff_set` (1).
    pub content: RevocationContent,
    /// `cursor` (2), of a server with the "Cursor" extension.
    pub cursor: Option<Cursor>,
    /// `more` (3), in the answer to a diff query, of a server with the "Cursor" extension.
    pub more: Option<bool>,
}

/// What an answer tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevocationContent {
    /// All hashes that concern the requester.
    Full(Vec<TokenHash>),
    /// Updates of them, the newest first.
    Diff(Vec<RevocationUpdate>),
}

/// One update of the list, as far as it concerns the requester.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RevocationUpdate {
    /// Hashes of tokens that expired after they were revoked.
    pub removed: Vec<TokenHash>,
    /// Hashes of tokens that were revoked.
    pub added: Vec<TokenHash>,
}

/// A place in the updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// `null`: there is no update yet, or updates were lost.
    Null,
    /// The index of an update.
    Index(u64),
}

impl RevocationResponse {
    /// Reads an answer. Hashes of another function than sha-256 are left out.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut members = MapReader::parse(bytes, LIMITS, NAMES)?;
        let (mut full, mut diff, mut cursor, mut more) = (None, None, None, None);
        while let Some((label, value)) = members.next_member()? {
            match label {
                revocation::FULL_SET => full = Some(read_hashes(&value)?),
                revocation::DIFF_SET => diff = Some(read_updates(&value)?),
                revocation::CURSOR => cursor = Some(Cursor::read(&value)?),
                revocation::MORE => more = Some(value.boolean()?),
                // RFC 9770 Section 7: what is not supported is silently ignored.
                _ => {}
            }
        }
        let content = match (full, diff) {
            (Some(hashes), _) => RevocationContent::Full(hashes),
            (None, Some(updates)) => RevocationContent::Diff(updates),
            (None, None) => return Err(MessageError::Missing { label: FULL_SET }),
        };
        Ok(Self {
            content,
            cursor,
            more,
        })
    }

    /// The encoded answer.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut map = MapWriter::with_capacity(CAPACITY);
        match &self.content {
            RevocationContent::Full(hashes) => {
                write_hashes(map.entry(revocation::FULL_SET), hashes);
            }
            RevocationContent::Diff(updates) => {
                let writer = map.entry(revocation::DIFF_SET);
                writer.array(updates.len());
                for update in updates {
                    writer.array(2);
                    write_hashes(writer, &update.removed);
                    write_hashes(writer, &update.added);
                }
            }
        }
        if let Some(cursor) = self.cursor {
            cursor.write(map.entry(revocation::CURSOR));
        }
        if let Some(more) = self.more {
            map.entry(revocation::MORE).boolean(more);
        }
        map.finish()
    }
}

impl Cursor {
    pub(super) fn read(value: &Value<'_>) -> Result<Self, CborError> {
        if value.is_null() {
            Ok(Self::Null)
        } else {
            value.unsigned().map(Self::Index)
        }
    }

    pub(super) fn write(self, writer: &mut Writer) {
        match self {
            Self::Null => writer.null(),
            Self::Index(index) => writer.unsigned(index),
        }
    }
}

fn read_hashes(value: &Value<'_>) -> Result<Vec<TokenHash>, CborError> {
    let mut elements = value.array()?;
    let mut hashes = Vec::new();
    while let Some(element) = elements.next_element()? {
        // RFC 9770 Section 5: every element is a byte string.
        hashes.extend(TokenHash::from_bytes(element.bytes()?));
    }
    Ok(hashes)
}

fn read_updates(value: &Value<'_>) -> Result<Vec<RevocationUpdate>, CborError> {
    let mut elements = value.array()?;
    let mut updates = Vec::new();
    while let Some(element) = elements.next_element()? {
        let mut sets = element.array()?;
        let (Some(removed), Some(added), None) = (
            sets.next_element()?,
            sets.next_element()?,
            sets.next_element()?,
        ) else {
            return Err(element.unwanted("an array of two arrays"));
        };
        updates.push(RevocationUpdate {
            removed: read_hashes(&removed)?,
            added: read_hashes(&added)?,
        });
    }
    Ok(updates)
}

fn write_hashes(writer: &mut Writer, hashes: &[TokenHash]) {
    writer.array(hashes.len());
    for hash in hashes {
        writer.bytes(hash.as_bytes());
    }
}

/// Bounds of an answer: 512 kB, which is a full list of 14,900 hashes.
const LIMITS: Limits = Limits {
    bytes: 512 * 1024,
    items: 16_384,
    ..Limits::DEFAULT
};

const FULL_SET: Label = label(revocation::FULL_SET, "full_set");

/// RFC 9770 Section 12.
const NAMES: &[Label] = &[
    FULL_SET,
    label(revocation::DIFF_SET, "diff_set"),
    label(revocation::CURSOR, "cursor"),
    label(revocation::MORE, "more"),
];

const fn label(number: i64, name: &'static str) -> Label {
    Label { number, name }
}

/// Room for a few hashes.
const CAPACITY: usize = 256;
