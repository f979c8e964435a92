use motekey_cose::revocation::Support;

use crate::store::UPDATES_KEPT;

/// How the revocation list is offered. A registered party is to be told all of it (RFC 9770 Section 10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationSettings {
    /// The path of the endpoint. Default: `/revoke/trl`.
    pub path: String,
    /// What can be asked. Default: diff queries with cursor, the last 16 updates, 8 in one answer.
    pub queries: Queries,
    /// Seconds within which an observer hears something again, at the latest when it asks anew. Default: 3600.
    pub observation_lifetime: u32,
}

impl Default for RevocationSettings {
    fn default() -> Self {
        Self {
            path: "/revoke/trl".to_owned(),
            queries: Queries::Cursor {
                max_updates: 16,
                max_diff_batch: 8,
                // RFC 9770 Section 6.2.1: 2^32 - 1 or more is recommended.
                max_index: u64::from(u32::MAX),
            },
            observation_lifetime: 3600,
        }
    }
}

/// What the list can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queries {
    /// Full queries only.
    Full,
    /// Diff queries too.
    Diff {
        /// MAX_N: how many updates are remembered for each requester, 1 to [`UPDATES_KEPT`].
        max_updates: usize,
    },
    /// Diff queries with the "Cursor" extension.
    Cursor {
        /// MAX_N: how many updates are remembered for each requester, 1 to [`UPDATES_KEPT`].
        max_updates: usize,
        /// MAX_DIFF_BATCH: updates in one answer, 1 to `max_updates`.
        max_diff_batch: usize,
        /// MAX_INDEX: the last index before they begin again with 0, at least `max_updates` - 1.
        max_index: u64,
    },
}

impl Queries {
    pub(super) const fn support(self) -> Support {
        match self {
            Self::Full => Support::Full,
            Self::Diff { .. } => Support::Diff,
            Self::Cursor { max_index, .. } => Support::Cursor { max_index },
        }
    }

    /// Whether the numbers are within the bounds of RFC 9770 Sections 6.2 and 6.2.1 and of the store.
    pub(in crate::authorization_server) fn are_valid(self) -> bool {
        match self {
            Self::Full => true,
            Self::Diff { max_updates } => (1..=UPDATES_KEPT).contains(&max_updates),
            Self::Cursor {
                max_updates,
                max_diff_batch,
                max_index,
            } => {
                (1..=UPDATES_KEPT).contains(&max_updates)
                    && (1..=max_updates).contains(&max_diff_batch)
                    && usize::try_from(max_index).map_or(true, |index| index >= max_updates - 1)
            }
        }
    }
}
