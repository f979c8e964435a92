//! Sequence numbers of tokens with `exi`, over restarts (RFC 9200 Sections 5.10.3 and 6.6).

use std::sync::atomic::{AtomicU64, Ordering};

/// Where a resource server keeps the highest sequence number of a token with `exi` that it accepted. After a restart
/// every token up to that number counts as expired: none gets a second life.
pub trait SequenceStorage: Send + Sync + 'static {
    /// The highest number that [`SequenceStorage::accepted`] was told, in this life or an earlier one; 0 if none.
    fn highest(&self) -> u64;

    /// A token with this number was accepted. Durable before it returns; lower numbers than the highest change nothing.
    fn accepted(&self, sequence: u64);
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
