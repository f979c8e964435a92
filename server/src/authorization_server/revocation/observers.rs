//! Who observes the revocation list, and who has a session at all.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use motekey_coap::dtls::SessionId;
use motekey_coap::endpoint::ObservationId;
use motekey_cose::revocation::RevocationQuery;
use tokio::sync::Notify;

use crate::store::Requester;

/// Observers at a time; more than the endpoint lets in (`max_all_observations`) is not needed.
const CAPACITY: usize = 8192;

/// Sessions and observers, as many as the endpoint holds: about 200 bytes each.
#[derive(Debug, Default)]
pub(in crate::authorization_server) struct Observers {
    state: Mutex<State>,
    /// Rung when somebody is to be told something, or kept out.
    pub(in crate::authorization_server) bell: Notify,
}

#[derive(Debug, Default)]
struct State {
    sessions: HashSet<SessionId>,
    observers: HashMap<ObservationId, Observer>,
    closing: Vec<SessionId>,
}

/// One observation of the list.
#[derive(Debug, Clone)]
pub(in crate::authorization_server) struct Observer {
    pub(in crate::authorization_server) requester: Requester,
    pub(in crate::authorization_server) query: RevocationQuery,
    /// The number of updates in the answer that began the observation.
    first: u64,
    /// The number of updates that it was told of.
    pub(in crate::authorization_server) told: u64,
    due: bool,
    /// Its first answer may be on the way still; what is sent before that would be lost.
    young: bool,
}

impl Observer {
    pub(super) fn new(requester: Requester, query: RevocationQuery, told: u64) -> Self {
        Self {
            requester,
            query,
            first: told,
            told,
            due: false,
            young: true,
        }
    }
}

impl Observers {
    /// A session began.
    pub(in crate::authorization_server) fn connected(&self, session: SessionId) {
        self.state().sessions.insert(session);
    }

    /// A session ended, and its observations with it.
    pub(in crate::authorization_server) fn closed(&self, session: SessionId) {
        let mut state = self.state();
        state.sessions.remove(&session);
        state
            .observers
            .retain(|observation, _| observation.session() != session);
    }

    /// An observation ended.
    pub(in crate::authorization_server) fn ended(&self, observation: ObservationId) {
        self.state().observers.remove(&observation);
    }

    /// An observation begins; `false` if there is no room.
    pub(super) fn add(&self, observation: ObservationId, observer: Observer) -> bool {
        let mut state = self.state();
        let room = state.observers.len() < CAPACITY;
        if room {
            state.observers.insert(observation, observer);
        }
        room
    }

    /// Who observes.
    pub(super) fn requester(&self, observation: ObservationId) -> Option<Requester> {
        let state = self.state();
        let observer = state.observers.get(&observation)?;
        Some(observer.requester.clone())
    }

    /// Something changed for those whom `concerns` chooses.
    pub(in crate::authorization_server) fn mark(&self, concerns: impl Fn(&Requester) -> bool) {
        let mut state = self.state();
        for observer in state.observers.values_mut() {
            observer.due |= concerns(&observer.requester);
        }
        drop(state);
        self.bell.notify_one();
    }

    /// Once for every observer, some time after it began: what it may have missed is told again.
    pub(in crate::authorization_server) fn grow_up(&self) {
        for observer in self.state().observers.values_mut() {
            if std::mem::take(&mut observer.young) && observer.told != observer.first {
                observer.told = observer.first;
                observer.due = true;
            }
        }
    }

    /// The observers that are to be told something.
    pub(in crate::authorization_server) fn take_due(&self) -> Vec<(ObservationId, Observer)> {
        let mut state = self.state();
        let due = state
            .observers
            .iter_mut()
            .filter(|(_, observer)| observer.due);
        due.map(|(observation, observer)| {
            observer.due = false;
            (*observation, observer.clone())
        })
        .collect()
    }

    /// An observer was told everything up to this number of updates.
    pub(in crate::authorization_server) fn told(&self, observation: ObservationId, count: u64) {
        if let Some(observer) = self.state().observers.get_mut(&observation) {
            observer.told = count;
        }
    }

    /// Has the sessions closed that are not `current` any more.
    pub(in crate::authorization_server) fn keep(&self, current: impl Fn(SessionId) -> bool) {
        let mut state = self.state();
        let State {
            sessions, closing, ..
        } = &mut *state;
        let before = closing.len();
        closing.extend(
            sessions
                .iter()
                .filter(|session| !current(**session))
                .copied(),
        );
        let more = closing.len() > before;
        drop(state);
        if more {
            self.bell.notify_one();
        }
    }

    /// The sessions to be closed.
    pub(in crate::authorization_server) fn take_closing(&self) -> Vec<SessionId> {
        std::mem::take(&mut self.state().closing)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No method leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
