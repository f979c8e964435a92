//! How many handshakes of a server wait for the answer to a look-up.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Counts the handshakes that wait; shared by all sessions of a server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// A place among at most `limit`.
    pub(super) fn enter(&self, limit: usize) -> Option<Place> {
        let more = |count: usize| (count < limit).then(|| count.saturating_add(1));
        let entered = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        entered.ok().map(|_| Place(self.clone()))
    }
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place(Waiting);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
