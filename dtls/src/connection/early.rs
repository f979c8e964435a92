//! A protected record that came before the keys.

use alloc::vec::Vec;

use crate::codec::record::{ContentType, Record};
use crate::record::PROTECTED;

/// Longest protected record that is kept when it comes before the keys: a Finished.
const EARLY: usize = 96;

/// A record, kept.
pub(super) struct Early {
    content_type: ContentType,
    version: u16,
    sequence: u64,
    connection_id: Vec<u8>,
    fragment: Vec<u8>,
}

impl Early {
    /// Copies a record, if it can be a Finished.
    pub(super) fn new(record: &Record<'_>) -> Option<Self> {
        let fits = record.fragment.len() <= EARLY && record.epoch == PROTECTED;
        fits.then(|| Self {
            content_type: record.content_type,
            version: record.version,
            sequence: record.sequence,
            connection_id: record.connection_id.to_vec(),
            fragment: record.fragment.to_vec(),
        })
    }

    pub(super) fn record(&self) -> Record<'_> {
        Record {
            content_type: self.content_type,
            version: self.version,
            epoch: PROTECTED,
            sequence: self.sequence,
            connection_id: &self.connection_id,
            fragment: &self.fragment,
        }
    }
}
