//! Which sessions asked to be polled.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::dtls::{SessionId, Waker};

/// A set with a bell: any thread adds, the driver takes. Holds each session once, so it is bounded by their number.
#[derive(Default)]
pub(super) struct Wakes {
    sessions: Mutex<BTreeSet<SessionId>>,
    bell: Notify,
}

impl Wakes {
    /// Makes the wakers of sessions.
    pub(super) fn wakers(self: &Arc<Self>) -> impl Fn(SessionId) -> Waker + Send + 'static {
        let wakes = Arc::downgrade(self);
        let wake: Arc<dyn Fn(SessionId) + Send + Sync> = Arc::new(move |session| {
            if let Some(wakes) = wakes.upgrade() {
                wakes
                    .sessions
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(session);
                wakes.bell.notify_one();
            }
        });
        move |session| Waker::shared(&wake, session)
    }

    /// Waits until a session asks. Nothing is lost if the wait is given up.
    pub(super) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// The sessions that asked since the last time.
    pub(super) fn take(&self) -> BTreeSet<SessionId> {
        core::mem::take(&mut *self.sessions.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
