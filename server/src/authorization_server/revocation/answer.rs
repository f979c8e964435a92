//! From a query and what the requester may see to the answer (RFC 9770 Sections 7 to 9). Pure.

use motekey_cose::revocation::{
    Cursor, QueryError, RevocationContent, RevocationError, RevocationProblem, RevocationQuery,
    RevocationResponse, RevocationUpdate,
};

use super::settings::Queries;
use crate::store::RevocationView;

/// Answers a query.
///
/// # Errors
/// The problem to be told with 4.00.
pub(super) fn answer(
    view: &RevocationView,
    query: Result<RevocationQuery, QueryError>,
    queries: Queries,
) -> Result<RevocationResponse, RevocationProblem> {
    let collection = Collection::new(view, queries);
    match query {
        Err(error) => Err(collection.problem(error)),
        Ok(RevocationQuery::Full) => Ok(RevocationResponse {
            content: RevocationContent::Full(view.hashes.clone()),
            // RFC 9770 Section 9.1: the index of the last update, null if there is none; without the extension no key.
            cursor: collection.batch.map(|_| collection.last_cursor()),
            more: None,
        }),
        Ok(RevocationQuery::Diff { count, cursor }) => collection.diff(count, cursor),
    }
}

/// The updates that a requester can still get.
struct Collection<'a> {
    /// The oldest first.
    updates: &'a [RevocationUpdate],
    /// How many there ever were.
    count: u64,
    /// MAX_N.
    max_updates: usize,
    /// MAX_DIFF_BATCH, with the "Cursor" extension.
    batch: Option<usize>,
    max_index: u64,
}

impl<'a> Collection<'a> {
    fn new(view: &'a RevocationView, queries: Queries) -> Self {
        let (max_updates, batch, max_index) = match queries {
            Queries::Full => (0, None, u64::MAX),
            Queries::Diff { max_updates } => (max_updates, None, u64::MAX),
            Queries::Cursor {
                max_updates,
                max_diff_batch,
                max_index,
            } => (max_updates, Some(max_diff_batch), max_index),
        };
        // RFC 9770 Section 6.2: of each requester the last MAX_N updates.
        let kept = view.updates.len().saturating_sub(max_updates);
        Self {
            updates: view.updates.get(kept..).unwrap_or_default(),
            count: view.count,
            max_updates,
            batch,
            max_index,
        }
    }

    fn diff(
        &self,
        wanted: u64,
        cursor: Option<u64>,
    ) -> Result<RevocationResponse, RevocationProblem> {
        // RFC 9770 Section 8: 0, and more than MAX_N, mean MAX_N.
        let wanted = match usize::try_from(wanted) {
            Ok(0) | Err(_) => self.max_updates,
            Ok(wanted) => wanted.min(self.max_updates),
        };
        let Some(batch) = self.batch else {
            return Ok(response(self.latest(wanted), None, None));
        };
        // RFC 9770 Section 9.2.1: no update yet, whatever the cursor is.
        if self.updates.is_empty() {
            return Ok(response(&[], Some(Cursor::Null), Some(false)));
        }
        let following = match cursor {
            None => self.updates,
            Some(index) => {
                self.check_bound(index)?;
                match self.after(index) {
                    Some(following) => following,
                    // RFC 9770 Section 9.2.3, case A: the next update is lost.
                    None => return Ok(response(&[], Some(Cursor::Null), Some(true))),
                }
            }
        };
        let chosen = latest(following, wanted);
        // RFC 9770 Sections 9.2.2 and 9.2.3: of more than a batch the eldest go first.
        let sent = chosen.get(..batch).unwrap_or(chosen);
        let more = sent.len() < chosen.len();
        let behind = u64::try_from(chosen.len() - sent.len()).unwrap_or_default();
        let newest = self.count.saturating_sub(1).saturating_sub(behind);
        Ok(response(
            sent,
            Some(Cursor::Index(self.index(newest))),
            Some(more),
        ))
    }

    fn latest(&self, wanted: usize) -> &'a [RevocationUpdate] {
        latest(self.updates, wanted)
    }

    /// The index of the update with this number, counted from 0.
    // RFC 9770 Section 6.2.1: indexes begin with 0 and begin again after MAX_INDEX.
    fn index(&self, number: u64) -> u64 {
        match self.max_index.checked_add(1) {
            Some(modulus) => number % modulus,
            None => number,
        }
    }

    fn last_cursor(&self) -> Cursor {
        match self.count.checked_sub(1) {
            Some(last) => Cursor::Index(self.index(last)),
            None => Cursor::Null,
        }
    }

    /// RFC 9770 Section 6.3: a cursor above the last index, as long as indexes have not begun again.
    fn check_bound(&self, index: u64) -> Result<(), RevocationProblem> {
        let last = self.count.saturating_sub(1);
        if last <= self.max_index && index > last {
            return Err(RevocationProblem {
                error: RevocationError::OutOfBound,
                cursor: None,
                detail: Some(format!("cursor {index} is beyond the last update")),
            });
        }
        Ok(())
    }

    /// The updates after the one with this index; `None` if the next one is not there any more.
    fn after(&self, index: u64) -> Option<&'a [RevocationUpdate]> {
        let length = u64::try_from(self.updates.len()).ok()?;
        let first = self.count.checked_sub(length)?;
        let place = |index| (first..self.count).position(|number| self.index(number) == index);
        let next = match place(index) {
            Some(found) => found + 1,
            // RFC 9770 Section 9.2.3, case B: the update itself is gone, the next one is there.
            None => place(if index == self.max_index {
                0
            } else {
                index + 1
            })?,
        };
        self.updates.get(next..)
    }

    fn problem(&self, error: QueryError) -> RevocationProblem {
        // RFC 9770 Section 6.3: which error, and with which the cursor of the last update is told.
        let (id, cursor) = match error {
            QueryError::Diff => (RevocationError::InvalidValue, None),
            QueryError::Cursor => (RevocationError::InvalidValue, Some(self.last_cursor())),
            QueryError::CursorWithoutDiff => (RevocationError::InvalidSet, None),
        };
        RevocationProblem {
            error: id,
            cursor,
            detail: Some(error.to_string()),
        }
    }
}

fn latest(updates: &[RevocationUpdate], wanted: usize) -> &[RevocationUpdate] {
    let skipped = updates.len().saturating_sub(wanted);
    updates.get(skipped..).unwrap_or_default()
}

/// RFC 9770 Section 8: the newest update stands first.
fn response(
    updates: &[RevocationUpdate],
    cursor: Option<Cursor>,
    more: Option<bool>,
) -> RevocationResponse {
    RevocationResponse {
        content: RevocationContent::Diff(updates.iter().rev().cloned().collect()),
        cursor,
        more,
    }
}
