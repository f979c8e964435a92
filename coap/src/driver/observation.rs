//! A resource that is watched at a peer.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};

use super::handle::Command;
use crate::endpoint::{RequestError, RequestId};
use crate::message::Response;

/// States that wait to be read. The oldest gives way: who reads slowly misses states, never the newest.
const CAPACITY: usize = 16;

/// The states of a resource, from [`Handle::observe`](super::Handle::observe). Dropping it ends the observation at
/// the server.
pub struct Observation {
    first: Response,
    request: RequestId,
    feed: Arc<Feed>,
    commands: mpsc::WeakSender<Command>,
}

impl Observation {
    pub(super) fn new(
        first: Response,
        request: RequestId,
        feed: Arc<Feed>,
        commands: mpsc::WeakSender<Command>,
    ) -> Self {
        Self {
            first,
            request,
            feed,
            commands,
        }
    }

    /// The response that began it. If the server does not let the resource be observed, it is all there is.
    pub fn first(&self) -> &Response {
        &self.first
    }

    /// The next state; `None` when the observation has ended.
    ///
    /// # Errors
    /// The session ended or the server gave no sign of life; `None` follows.
    pub async fn next(&mut self) -> Option<Result<Response, RequestError>> {
        loop {
            let bell = self.feed.bell.notified();
            {
                let mut inner = self.feed.lock();
                if let Some(state) = inner.states.pop_front() {
                    return Some(state);
                }
                if inner.ended {
                    return None;
                }
            }
            bell.await;
        }
    }
}

impl fmt::Debug for Observation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Observation")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        if !self.feed.lock().ended {
            // RFC 7641 Section 3.6: otherwise the server would learn it from a reset to its next notification.
            if let Some(commands) = self.commands.upgrade() {
                drop(commands.try_send(Command::Cancel(self.request)));
            }
        }
    }
}

/// Between the driver and an [`Observation`].
#[derive(Default)]
pub(super) struct Feed {
    inner: Mutex<Inner>,
    bell: Notify,
}

#[derive(Default)]
struct Inner {
    states: VecDeque<Result<Response, RequestError>>,
    ended: bool,
}

impl Feed {
    /// A new state.
    pub(super) fn push(&self, state: Result<Response, RequestError>) {
        let mut inner = self.lock();
        if inner.states.len() >= CAPACITY {
            inner.states.pop_front();
        }
        inner.states.push_back(state);
        drop(inner);
        self.bell.notify_one();
    }

    /// No state follows.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.bell.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtls::SessionId;
    use crate::message::Code;

    #[tokio::test]
    async fn a_slow_reader_misses_old_states_and_gets_the_newest() {
        let (commands, mut receiver) = mpsc::channel(1);
        let feed = Arc::new(Feed::default());
        let request = RequestId {
            session: SessionId(1),
            number: 1,
        };
        let first = Response::new(Code::CONTENT);
        let mut observation =
            Observation::new(first, request, Arc::clone(&feed), commands.downgrade());
        for number in 0..100 {
            feed.push(Ok(Response::new(Code::CONTENT).max_age(number)));
        }
        feed.end();
        let mut states = Vec::new();
        while let Some(Ok(state)) = observation.next().await {
            states.push(state);
        }
        assert_eq!(states.len(), CAPACITY);
        assert_eq!(
            states.last(),
            Some(&Response::new(Code::CONTENT).max_age(99))
        );
        drop(observation);
        assert!(
            receiver.try_recv().is_err(),
            "what has ended is not cancelled"
        );
    }
}
