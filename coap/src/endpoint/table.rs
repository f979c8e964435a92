//! The session table: by name, by address, by time, by silence. No operation costs more than the logarithm of the
//! number of sessions.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use super::session::{Phase, Session, Slot, Transport};
use super::{EndpointConfig, SessionId};
use crate::dtls::PeerIdentity;
use crate::time::{Duration, Instant};

/// A session is put in its new place among the silent ones when it has been active this long after the last time.
const QUEUE_GRAIN: Duration = Duration::from_secs(1);

/// All sessions: at most `max_sessions`, of which at most `max_half_open` half-open. Who inserts makes room first.
#[derive(Default)]
pub(super) struct Table {
    sessions: HashMap<SessionId, Session>,
    addresses: HashMap<SocketAddr, Slot>,
    timers: BTreeSet<(Instant, SessionId)>,
    half_open: BTreeSet<(Instant, SessionId)>,
    silent: BTreeSet<(Instant, SessionId)>,
    /// Plain peers that have not shown to receive at their addresses.
    unverified: BTreeSet<SessionId>,
    /// Connected sessions by what their peers write into records (RFC 9146).
    connection_ids: HashMap<Box<[u8]>, SessionId>,
    /// Connected sessions that were not opened here, in the order in which they connected.
    identities: HashMap<Arc<PeerIdentity>, BTreeSet<(Instant, SessionId)>>,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn half_open(&self) -> usize {
        self.half_open.len()
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.get_mut(&id)
    }

    pub(super) fn slot(&self, peer: SocketAddr) -> Slot {
        self.addresses.get(&peer).copied().unwrap_or_default()
    }

    pub(super) fn by_connection_id(&self, connection_id: &[u8]) -> Option<SessionId> {
        self.connection_ids.get(connection_id).copied()
    }

    /// The session is found by its Connection ID from now on, unless another has the same.
    pub(super) fn set_connection_id(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if let Transport::Dtls(dtls) = &session.transport
            && let Some(connection_id) = dtls.connection_id()
            && !self.connection_ids.contains_key(connection_id)
        {
            let connection_id: Box<[u8]> = connection_id.into();
            session.connection_id = Some(connection_id.clone());
            self.connection_ids.insert(connection_id, id);
        }
    }

    /// Adds a session: as the live one of its address, or as candidate if there is one. Returns a candidate that it
    /// takes the place of.
    pub(super) fn insert(&mut self, id: SessionId, session: Session) -> Option<SessionId> {
        let slot = self.addresses.entry(session.peer).or_default();
        let displaced = if slot.live.is_none() {
            slot.live = Some(id);
            None
        } else {
            slot.candidate.replace(id)
        };
        self.order(session.phase).insert((session.queued, id));
        self.sessions.insert(id, session);
        displaced
    }

    pub(super) fn remove(&mut self, id: SessionId) -> Option<Session> {
        let session = self.sessions.remove(&id)?;
        self.order(session.phase).remove(&(session.queued, id));
        self.unverified.remove(&id);
        if let Some(connection_id) = &session.connection_id {
            self.connection_ids.remove(connection_id);
        }
        if let Some(identity) = &session.identity
            && let Some(sessions) = self.identities.get_mut(identity)
        {
            sessions.remove(&(session.connected, id));
            if sessions.is_empty() {
                self.identities.remove(identity);
            }
        }
        if let Some(at) = session.scheduled {
            self.timers.remove(&(at, id));
        }
        self.leave(session.peer, id);
        Some(session)
    }

    /// The handshake ended well, or the session is being closed. Returns the live session of the address that a
    /// connected candidate takes the place of.
    pub(super) fn set_phase(
        &mut self,
        now: Instant,
        id: SessionId,
        phase: Phase,
    ) -> Option<SessionId> {
        let session = self.sessions.get_mut(&id)?;
        let (before, queued, peer) = (session.phase, session.queued, session.peer);
        (session.phase, session.queued) = (phase, now);
        self.order(before).remove(&(queued, id));
        self.order(phase).insert((now, id));
        let slot = self.addresses.get_mut(&peer)?;
        if phase == Phase::Connected && slot.candidate == Some(id) {
            slot.candidate = None;
            return slot.live.replace(id);
        }
        None
    }

    /// A datagram of the session came.
    pub(super) fn touch(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.active = now;
        if session.phase == Phase::Connected && now - session.queued >= QUEUE_GRAIN {
            self.silent.remove(&(session.queued, id));
            session.queued = now;
            self.silent.insert((now, id));
        }
    }

    /// The session has a new address (RFC 9146 Section 6).
    pub(super) fn relocate(&mut self, id: SessionId, peer: SocketAddr) {
        let Some(before) = self
            .sessions
            .get_mut(&id)
            .map(|session| core::mem::replace(&mut session.peer, peer))
        else {
            return;
        };
        self.leave(before, id);
        let slot = self.addresses.entry(peer).or_default();
        slot.live.get_or_insert(id);
    }

    pub(super) fn oldest_half_open(&self) -> Option<SessionId> {
        self.half_open.first().map(|(_, id)| *id)
    }

    /// A session connected and its peer has this identity. Returns the oldest of its sessions if there are more than
    /// `limit`; those that were opened here do not count.
    pub(super) fn identify(
        &mut self,
        now: Instant,
        id: SessionId,
        identity: PeerIdentity,
        limit: usize,
    ) -> Option<SessionId> {
        let session = self.sessions.get_mut(&id)?;
        session.connected = now;
        // One copy for all: an identity can be a whole access token.
        let known = self.identities.get_key_value(&identity);
        let identity = known.map_or_else(|| Arc::new(identity), |(known, _)| Arc::clone(known));
        session.identity = Some(Arc::clone(&identity));
        if session.opened_here {
            return None;
        }
        let sessions = self.identities.entry(identity).or_default();
        sessions.insert((now, id));
        let oldest = sessions.first().filter(|_| sessions.len() > limit);
        oldest.map(|(_, id)| *id)
    }

    /// Notes whether a plain peer has shown to receive at its address.
    pub(super) fn set_verified(&mut self, id: SessionId, verified: bool) {
        if verified {
            self.unverified.remove(&id);
        } else {
            self.unverified.insert(id);
        }
    }

    pub(super) fn oldest_unverified(&self) -> Option<SessionId> {
        self.unverified.first().copied()
    }

    /// The session that was silent for the longest time, and since when.
    pub(super) fn most_silent(&self) -> Option<(Instant, SessionId)> {
        self.silent.first().copied()
    }

    /// Sets the timer of a session. A timer that is early does no harm, so it is only ever moved forward.
    pub(super) fn schedule(&mut self, config: &EndpointConfig, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let at = session.next_timeout(config);
        if session.scheduled.is_some_and(|scheduled| scheduled <= at) {
            return;
        }
        if let Some(scheduled) = session.scheduled.replace(at) {
            self.timers.remove(&(scheduled, id));
        }
        self.timers.insert((at, id));
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// A session whose timer has come; its timer is no longer set.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<SessionId> {
        let (at, id) = self.timers.first().copied().filter(|(at, _)| *at <= now)?;
        self.timers.remove(&(at, id));
        if let Some(session) = self.sessions.get_mut(&id) {
            session.scheduled = None;
        }
        Some(id)
    }

    fn order(&mut self, phase: Phase) -> &mut BTreeSet<(Instant, SessionId)> {
        if phase == Phase::HalfOpen {
            &mut self.half_open
        } else {
            &mut self.silent
        }
    }

    fn leave(&mut self, peer: SocketAddr, id: SessionId) {
        let Some(slot) = self.addresses.get_mut(&peer) else {
            return;
        };
        if slot.live == Some(id) {
            slot.live = slot.candidate.take();
        } else if slot.candidate == Some(id) {
            slot.candidate = None;
        }
        if slot.is_empty() {
            self.addresses.remove(&peer);
        }
    }
}
