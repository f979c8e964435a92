//! Keeps events for tests and for the demo's table.

use std::sync::{Mutex, PoisonError};

use super::{Event, Subscriber};

/// Keeps every event, in order. Not bounded: for runs that end.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Vec<Event>>);

impl Recorder {
    /// A recorder without events.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes out everything recorded so far.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Subscriber for Recorder {
    fn event(&self, event: &Event) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(event.clone());
    }
}
