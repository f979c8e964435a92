//! Sequence numbers of tokens with `exi`, over restarts (RFC 9200 Sections 5.10.3 and 6.6).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::UnixSeconds;

/// Where a resource server keeps the highest sequence number of a token with `exi` that it accepted. After a restart
/// every token up to that number counts as expired: none gets a second life.
pub trait SequenceStorage: Send + Sync + 'static {
    /// The highest number that [`SequenceStorage::accepted`] was told, in this life or an earlier one; 0 if none.
    fn highest(&self) -> u64;

    /// A token with this number was accepted. Durable before it returns; lower numbers than the highest change nothing.
    fn accepted(&self, sequence: u64);
}

/// The sequence numbers that no token may have any more. Numbers of tokens that were dropped before their end are kept
/// one by one until then: at most `capacity`, 32 bytes each; beyond that the lowest counts as expired.
#[derive(Debug)]
pub(super) struct SpentSequences {
    highest_expired: u64,
    dropped: BTreeMap<u64, UnixSeconds>,
    by_end: BTreeSet<(UnixSeconds, u64)>,
    capacity: usize,
}

impl SpentSequences {
    /// Everything up to `highest_expired` is spent.
    pub(super) fn new(highest_expired: u64, capacity: usize) -> Self {
        Self {
            highest_expired,
            dropped: BTreeMap::new(),
            by_end: BTreeSet::new(),
            capacity,
        }
    }

    /// Whether a token may still have this number.
    pub(super) fn contains(&self, sequence: u64) -> bool {
        // RFC 9200 Section 5.10.3: tokens with a number below the highest of an expired one count as expired. The
        // highest itself is the expired token.
        sequence <= self.highest_expired || self.dropped.contains_key(&sequence)
    }

    /// A token expired.
    pub(super) fn expired(&mut self, sequence: u64) {
        self.highest_expired = self.highest_expired.max(sequence);
    }

    /// A token was replaced or dropped, and would have ended at `end`. Its time must not begin again; the tokens of
    /// others, with lower numbers, are not touched by it.
    pub(super) fn dropped(&mut self, sequence: u64, end: UnixSeconds) {
        self.dropped.insert(sequence, end);
        self.by_end.insert((end, sequence));
        if self.dropped.len() > self.capacity
            && let Some((lowest, end)) = self.dropped.pop_first()
        {
            self.by_end.remove(&(end, lowest));
            self.expired(lowest);
        }
    }

    /// Takes over what has expired since.
    pub(super) fn sweep(&mut self, now: UnixSeconds) {
        while let Some((end, sequence)) = self.by_end.first().copied()
            && end <= now
        {
            self.by_end.remove(&(end, sequence));
            self.dropped.remove(&sequence);
            self.expired(sequence);
        }
    }
}

/// Keeps the number in memory: for tests, and for programs that never restart with the same audience.
#[derive(Debug, Default)]
pub struct VolatileSequence(AtomicU64);

impl SequenceStorage for VolatileSequence {
    fn highest(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn accepted(&self, sequence: u64) {
        self.0.fetch_max(sequence, Ordering::SeqCst);
    }
}

impl<T: SequenceStorage + ?Sized> SequenceStorage for std::sync::Arc<T> {
    fn highest(&self) -> u64 {
        (**self).highest()
    }

    fn accepted(&self, sequence: u64) {
        (**self).accepted(sequence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f66_dropped_numbers_are_spent_one_by_one_and_expire_at_their_end() {
        let mut spent = SpentSequences::new(3, 2);
        let among = |spent: &SpentSequences| -> Vec<u64> {
            (1..=12).filter(|number| spent.contains(*number)).collect()
        };
        spent.dropped(8, 100);
        assert_eq!(among(&spent), [1, 2, 3, 8]);
        spent.sweep(99);
        assert_eq!(among(&spent), [1, 2, 3, 8]);
        spent.dropped(6, 90);
        spent.sweep(90);
        assert_eq!(among(&spent), [1, 2, 3, 4, 5, 6, 8], "6 has expired");
        spent.dropped(10, 200);
        spent.dropped(12, 200);
        assert_eq!(
            among(&spent),
            [1, 2, 3, 4, 5, 6, 7, 8, 10, 12],
            "no place for a third: the lowest counts as expired"
        );
    }
}
