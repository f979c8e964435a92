//! Which key a DTLS session proved, and which observations run in it.

use std::collections::HashMap;
use std::sync::Arc;

use motekey_coap::dtls::SessionId;
use motekey_coap::endpoint::ObservationId;

/// The sessions of peers that proved a key. As many as the endpoint holds sessions; entries go with their session.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_id: HashMap<SessionId, Bound>,
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
    observations: Vec<ObservationId>,
}

/// A session that has no token any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Orphan {
    pub(super) session: SessionId,
    pub(super) observations: Vec<ObservationId>,
}

impl Sessions {
    /// The peer of a session proved this key.
    pub(super) fn bind(&mut self, session: SessionId, key: ProvenKey) {
        self.by_id.insert(
            session,
            Bound {
                key,
                observations: Vec::new(),
            },
        );
    }

    /// The key that the peer of a session proved.
    pub(super) fn key(&self, session: SessionId) -> Option<&ProvenKey> {
        self.by_id.get(&session).map(|bound| &bound.key)
    }

    /// The session is closed.
    pub(super) fn remove(&mut self, session: SessionId) {
        self.by_id.remove(&session);
    }

    /// An observation began in a session.
    pub(super) fn observe(&mut self, session: SessionId, observation: ObservationId) {
        if let Some(bound) = self.by_id.get_mut(&session) {
            bound.observations.push(observation);
        }
    }

    /// An observation ended.
    pub(super) fn forget(&mut self, observation: ObservationId) {
        if let Some(bound) = self.by_id.get_mut(&observation.session()) {
            bound.observations.retain(|known| *known != observation);
        }
    }

    /// Takes out the sessions whose key has no token any more.
    pub(super) fn take_orphans(&mut self, has_token: impl Fn(&ProvenKey) -> bool) -> Vec<Orphan> {
        let ids: Vec<_> = self
            .by_id
            .iter()
            .filter(|(_, bound)| !has_token(&bound.key))
            .map(|(session, _)| *session)
            .collect();
        ids.into_iter()
            .filter_map(|session| {
                let bound = self.by_id.remove(&session)?;
                Some(Orphan {
                    session,
                    observations: bound.observations,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d39_sessions_without_a_token_are_taken_once() {
        let mut sessions = Sessions::default();
        let key = |id: &[u8], generation| ProvenKey {
            key_id: id.into(),
            generation,
        };
        sessions.bind(SessionId(1), key(b"one", 1));
        sessions.bind(SessionId(2), key(b"two", 2));
        sessions.bind(SessionId(3), key(b"two", 1));
        let live = |proven: &ProvenKey| *proven == key(b"two", 2);
        let mut ended: Vec<_> = sessions
            .take_orphans(live)
            .into_iter()
            .map(|orphan| orphan.session.0)
            .collect();
        ended.sort_unstable();
        assert_eq!(ended, [1, 3]);
        assert!(sessions.take_orphans(live).is_empty());
        assert!(sessions.key(SessionId(1)).is_none());
        assert!(sessions.key(SessionId(2)).is_some());
    }
}
