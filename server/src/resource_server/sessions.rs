//! Which key a DTLS session proved, and which observations run in it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use motekey_coap::dtls::SessionId;
use motekey_coap::endpoint::ObservationId;
use motekey_coap::message::Code;

/// The sessions of peers that proved a key. As many as the endpoint holds sessions; entries go with their session.
/// Each has at most so many observations as [`Limits::observations`](super::Limits::observations), and each of them
/// keeps its target, which one message holds (2 kB by default).
#[derive(Debug)]
pub(super) struct Sessions {
    by_id: HashMap<SessionId, Bound>,
    by_generation: HashMap<u64, HashSet<SessionId>>,
    /// Most observations of one session.
    observations: usize,
}

/// A key that a peer proved: its id, and which of the keys that ever had this id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProvenKey {
    pub(super) key_id: Arc<[u8]>,
    pub(super) generation: u64,
}

/// What a session is bound to.
#[derive(Debug)]
struct Bound {
    key: ProvenKey,
    observations: Vec<Observed>,
}

/// An observation, with what its rights are judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Observed {
    pub(super) observation: ObservationId,
    pub(super) target: String,
    pub(super) method: Code,
}

/// A session that has no token any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Orphan {
    pub(super) session: SessionId,
    pub(super) observations: Vec<ObservationId>,
}

impl Sessions {
    /// No sessions yet, each with at most so many observations.
    pub(super) fn new(observations: usize) -> Self {
        Self {
            by_id: HashMap::new(),
            by_generation: HashMap::new(),
            observations,
        }
    }

    /// The peer of a session proved this key.
    pub(super) fn bind(&mut self, session: SessionId, key: ProvenKey) {
        self.remove(session);
        self.by_generation
            .entry(key.generation)
            .or_default()
            .insert(session);
        let observations = Vec::new();
        self.by_id.insert(session, Bound { key, observations });
    }

    /// The key that the peer of a session proved.
    pub(super) fn key(&self, session: SessionId) -> Option<&ProvenKey> {
        self.by_id.get(&session).map(|bound| &bound.key)
    }

    /// The session is closed. The key, if this was its last session.
    pub(super) fn remove(&mut self, session: SessionId) -> Option<ProvenKey> {
        let bound = self.by_id.remove(&session)?;
        let siblings = self.by_generation.get_mut(&bound.key.generation)?;
        siblings.remove(&session);
        if !siblings.is_empty() {
            return None;
        }
        self.by_generation.remove(&bound.key.generation);
        Some(bound.key)
    }

    /// The sessions of a key.
    pub(super) fn of_generation(&self, generation: u64) -> impl Iterator<Item = SessionId> {
        let sessions = self.by_generation.get(&generation);
        sessions.into_iter().flatten().copied()
    }

    /// An observation begins in a session; `false` if it has as many as it may.
    pub(super) fn observe(&mut self, observed: Observed) -> bool {
        let Some(bound) = self.by_id.get_mut(&observed.observation.session()) else {
            return false;
        };
        if bound.observations.len() >= self.observations {
            return false;
        }
        bound.observations.push(observed);
        true
    }

    /// An observation that runs.
    pub(super) fn observed(&self, observation: ObservationId) -> Option<&Observed> {
        let bound = self.by_id.get(&observation.session())?;
        bound
            .observations
            .iter()
            .find(|known| known.observation == observation)
    }

    /// An observation ended.
    pub(super) fn forget(&mut self, observation: ObservationId) {
        if let Some(bound) = self.by_id.get_mut(&observation.session()) {
            bound
                .observations
                .retain(|known| known.observation != observation);
        }
    }

    /// The rights of a key changed: takes out the observations that are refused now, each with the code to tell.
    pub(super) fn take_refused(
        &mut self,
        generation: u64,
        refuse: impl Fn(&Observed) -> Option<Code>,
    ) -> Vec<(ObservationId, Code)> {
        let mut refused = Vec::new();
        for session in self.by_generation.get(&generation).into_iter().flatten() {
            if let Some(bound) = self.by_id.get_mut(session) {
                bound
                    .observations
                    .retain(|observed| match refuse(observed) {
                        Some(code) => {
                            refused.push((observed.observation, code));
                            false
                        }
                        None => true,
                    });
            }
        }
        refused
    }

    /// A key has no token any more: takes out its sessions. Costs what it takes out.
    pub(super) fn take_orphans(&mut self, generation: u64) -> Vec<Orphan> {
        let sessions = self.by_generation.remove(&generation).unwrap_or_default();
        let orphan = |session| {
            let bound = self.by_id.remove(&session)?;
            Some(Orphan {
                session,
                observations: bound
                    .observations
                    .into_iter()
                    .map(|observed| observed.observation)
                    .collect(),
            })
        };
        sessions.into_iter().filter_map(orphan).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d39_sessions_without_a_token_are_taken_once() {
        let mut sessions = Sessions::new(8);
        let key = |id: &[u8], generation| ProvenKey {
            key_id: id.into(),
            generation,
        };
        sessions.bind(SessionId(1), key(b"one", 1));
        sessions.bind(SessionId(2), key(b"two", 2));
        sessions.bind(SessionId(3), key(b"one", 1));
        sessions.bind(SessionId(4), key(b"one", 1));
        sessions.remove(SessionId(4));
        let mut ended: Vec<_> = sessions
            .take_orphans(1)
            .into_iter()
            .map(|orphan| orphan.session.0)
            .collect();
        ended.sort_unstable();
        assert_eq!(ended, [1, 3]);
        assert!(sessions.take_orphans(1).is_empty());
        assert!(sessions.key(SessionId(1)).is_none());
        assert!(sessions.key(SessionId(2)).is_some());
    }
}
