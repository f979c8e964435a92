//! The session table: by name, by address, by Connection ID, by identity, by time. No operation costs more than the
//! logarithm of the number of sessions, and an idle session has no timer of its own.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, BuildHasherDefault, Hash, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;

use hashbrown::HashTable;

use super::numbers::Numbers;
use super::order::{Order, Source};
use super::session::{ConnectionId, Phase, Session, Slot, Transport};
use super::{EndpointConfig, SessionId};
use crate::dtls::PeerIdentity;
use crate::time::{Duration, Instant};

/// A session is put in its new place among the silent ones when it has been active this long after the last time.
const QUEUE_GRAIN: Duration = Duration::from_secs(1);

/// All sessions: at most `max_sessions`, of which at most `max_half_open` half-open. Who inserts makes room first.
///
/// Memory: an idle session with everything that the maps keep of it takes at most 780 bytes on the default backend, and
/// 1,000 of resident memory with what the allocator needs (`tests/footprint` counts them), so the table takes at most
/// `max_sessions` times that, and what exchanges that are under way hold.
pub(super) struct Table {
    /// Their names are numbers that are counted here, so nobody outside can bring about collisions.
    sessions: HashMap<SessionId, Box<Session>, BuildHasherDefault<Numbers>>,
    /// The live sessions of addresses, found by the addresses that stand in them.
    addresses: HashTable<SessionId>,
    /// Handshakes that live sessions of the same addresses have not yet given way to.
    candidates: HashMap<SocketAddr, SessionId>,
    /// Not of sessions that are idle: their times come from the order of silence.
    timers: BTreeSet<(Instant, SessionId)>,
    half_open: Order,
    silent: Order,
    closing: BTreeSet<(Instant, SessionId)>,
    /// Plain peers that have not shown to receive at their addresses.
    unverified: BTreeSet<SessionId>,
    /// Connected sessions, found by what their peers write into records (RFC 9146).
    connection_ids: HashTable<SessionId>,
    /// Connected sessions that were not opened here, by a hash of the identity. Two identities with one hash, which
    /// nobody can bring about without the key of the hash, would share a limit.
    identities: BTreeSet<(u64, SessionId)>,
    hasher: RandomState,
    /// When a silent session is given up.
    idle_time_limit: Duration,
}

impl Table {
    /// A table for sessions that end after this time without a datagram.
    pub(super) fn new(idle_time_limit: Duration) -> Self {
        Self {
            sessions: HashMap::default(),
            addresses: HashTable::new(),
            candidates: HashMap::new(),
            timers: BTreeSet::new(),
            half_open: Order::default(),
            silent: Order::default(),
            closing: BTreeSet::new(),
            unverified: BTreeSet::new(),
            connection_ids: HashTable::new(),
            identities: BTreeSet::new(),
            hasher: RandomState::new(),
            idle_time_limit,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn half_open(&self) -> usize {
        self.half_open.len()
    }

    /// How many half-open sessions, and how many in all, the source has.
    pub(super) fn count_of(&self, source: Source) -> (usize, usize) {
        let half_open = self.half_open.count(source);
        (half_open, half_open + self.silent.count(source))
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(&id).map(|session| &**session)
    }

    pub(super) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.get_mut(&id).map(|session| &mut **session)
    }

    pub(super) fn slot(&self, peer: SocketAddr) -> Slot {
        Slot {
            live: self.by_address(peer),
            candidate: self.candidates.get(&peer).copied(),
        }
    }

    fn by_address(&self, peer: SocketAddr) -> Option<SessionId> {
        let has = |id: &SessionId| self.get(*id).is_some_and(|session| session.peer == peer);
        self.addresses.find(self.hash(&peer), has).copied()
    }

    pub(super) fn by_connection_id(&self, connection_id: &[u8]) -> Option<SessionId> {
        let wanted = ConnectionId::new(connection_id);
        let has = |id: &SessionId| {
            let session = self.get(*id);
            wanted.is_some() && session.is_some_and(|session| session.connection_id == wanted)
        };
        self.connection_ids.find(self.hash(&wanted), has).copied()
    }

    /// The session is found by its Connection ID from now on, unless another has the same.
    pub(super) fn set_connection_id(&mut self, id: SessionId) {
        let transport = self.get(id).map(|session| &session.transport);
        let Some(Transport::Dtls(dtls)) = transport else {
            return;
        };
        let Some(connection_id) = dtls.connection_id().and_then(ConnectionId::new) else {
            return;
        };
        if self.by_connection_id(connection_id.as_bytes()).is_some() {
            return;
        }
        let hash = self.hash(&Some(connection_id));
        if let Some(session) = self.get_mut(id) {
            session.connection_id = Some(connection_id);
        }
        let (sessions, hasher) = (&self.sessions, &self.hasher);
        let hash_of = |id: &SessionId| {
            let connection_id = sessions.get(id).and_then(|session| session.connection_id);
            hasher.hash_one(connection_id)
        };
        self.connection_ids.insert_unique(hash, id, hash_of);
    }

    /// Adds a session: as the live one of its address, or as candidate if there is one. Returns a candidate that it
    /// takes the place of.
    pub(super) fn insert(&mut self, id: SessionId, session: Session) -> Option<SessionId> {
        let peer = session.peer;
        self.enqueue(session.phase, session.queued, id, session.source());
        self.sessions.insert(id, Box::new(session));
        if self.by_address(peer).is_some() {
            return self.candidates.insert(peer, id);
        }
        self.set_address(peer, id);
        None
    }

    pub(super) fn remove(&mut self, id: SessionId) -> Option<Session> {
        let session = *self.sessions.remove(&id)?;
        self.dequeue(session.phase, session.queued, id, session.source());
        self.unverified.remove(&id);
        if session.connection_id.is_some() {
            let hash = self.hash(&session.connection_id);
            forget(&mut self.connection_ids, hash, id);
        }
        if let Some(identity) = &session.identity {
            let hash = self.hash(&**identity);
            self.identities.remove(&(hash, id));
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
        let source = session.source();
        self.dequeue(before, queued, id, source);
        self.enqueue(phase, now, id, source);
        if phase == Phase::Connected && self.candidates.get(&peer) == Some(&id) {
            self.candidates.remove(&peer);
            let replaced = self.by_address(peer);
            if let Some(replaced) = replaced {
                self.leave(peer, replaced);
            }
            self.set_address(peer, id);
            return replaced;
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
            self.requeue(now, id);
        }
    }

    /// Puts a connected session in another place among the silent ones.
    fn requeue(&mut self, at: Instant, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let before = core::mem::replace(&mut session.queued, at);
        let source = session.source();
        self.silent.remove(before, id, source);
        self.silent.insert(at, id, source);
    }

    /// The session has a new address (RFC 9146 Section 6), and with it perhaps another source.
    pub(super) fn relocate(&mut self, id: SessionId, peer: SocketAddr) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let (before, phase, queued) = (session.peer, session.phase, session.queued);
        let source = session.source();
        session.peer = peer;
        let source_now = session.source();
        self.dequeue(phase, queued, id, source);
        self.enqueue(phase, queued, id, source_now);
        self.leave(before, id);
        if self.by_address(peer).is_none() {
            self.set_address(peer, id);
        }
    }

    /// The half-open session that is the oldest, and since when: of all, or of a source.
    pub(super) fn oldest_half_open(&self, source: Option<Source>) -> Option<(Instant, SessionId)> {
        match source {
            None => self.half_open.first(),
            Some(source) => self.half_open.first_of(source),
        }
    }

    /// The connected session that was silent for the longest time, and since when: of all, or of a source.
    pub(super) fn most_silent(&self, source: Option<Source>) -> Option<(Instant, SessionId)> {
        match source {
            None => self.silent.first(),
            Some(source) => self.silent.first_of(source),
        }
    }

    /// The session that was closed here first and is still there.
    pub(super) fn oldest_closing(&self) -> Option<SessionId> {
        self.closing.first().map(|(_, id)| *id)
    }

    pub(super) fn oldest_unverified(&self) -> Option<SessionId> {
        self.unverified.first().copied()
    }

    /// A session connected and its peer has this identity. Returns the oldest of its other sessions if there are more
    /// than `limit` with this one; those that were opened here do not count.
    pub(super) fn identify(
        &mut self,
        id: SessionId,
        identity: PeerIdentity,
        limit: usize,
    ) -> Option<SessionId> {
        let hash = self.hash(&identity);
        let others = self.identities.range((hash, SessionId(0))..);
        let others = others.take_while(|(of, _)| *of == hash);
        let oldest = others.clone().next().map(|(_, id)| *id);
        let count = others.count();
        // One copy for all: an identity can be a whole access token.
        let known = oldest.and_then(|oldest| self.sessions.get(&oldest)?.identity.clone());
        let identity = known
            .filter(|known| **known == identity)
            .unwrap_or_else(|| Arc::new(identity));
        let session = self.sessions.get_mut(&id)?;
        session.identity = Some(identity);
        if session.opened_here {
            return None;
        }
        self.identities.insert((hash, id));
        oldest.filter(|_| count >= limit)
    }

    /// Notes whether a plain peer has shown to receive at its address.
    pub(super) fn set_verified(&mut self, id: SessionId, verified: bool) {
        if verified {
            self.unverified.remove(&id);
        } else {
            self.unverified.insert(id);
        }
    }

    /// Sets the timer of a session. A timer that is early does no harm, so it is only ever moved forward.
    pub(super) fn schedule(&mut self, config: &EndpointConfig, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let Some(at) = session.next_timeout(config) else {
            if let Some(scheduled) = session.scheduled.take() {
                self.timers.remove(&(scheduled, id));
            }
            return;
        };
        if session.scheduled.is_some_and(|scheduled| scheduled <= at) {
            return;
        }
        if let Some(scheduled) = session.scheduled.replace(at) {
            self.timers.remove(&(scheduled, id));
        }
        self.timers.insert((at, id));
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|(at, _)| *at);
        let silence = self.silent.first().map(|(at, _)| at + self.idle_time_limit);
        [timer, silence].into_iter().flatten().min()
    }

    /// A session whose timer has come, which is no longer set then, or that was silent for too long.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<SessionId> {
        if let Some((at, id)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, id));
            if let Some(session) = self.sessions.get_mut(&id) {
                session.scheduled = None;
            }
            return Some(id);
        }
        loop {
            let silent = |(at, _): &(Instant, SessionId)| *at + self.idle_time_limit <= now;
            let (at, id) = self.silent.first().filter(silent)?;
            match self.sessions.get(&id) {
                // Its place was up to a second behind.
                Some(session) if session.active > at => self.requeue(session.active, id),
                _ => return Some(id),
            }
        }
    }

    fn enqueue(&mut self, phase: Phase, at: Instant, id: SessionId, source: Option<Source>) {
        match phase {
            Phase::HalfOpen => self.half_open.insert(at, id, source),
            Phase::Connected => self.silent.insert(at, id, source),
            Phase::Closing => drop(self.closing.insert((at, id))),
        }
    }

    fn dequeue(&mut self, phase: Phase, at: Instant, id: SessionId, source: Option<Source>) {
        match phase {
            Phase::HalfOpen => self.half_open.remove(at, id, source),
            Phase::Connected => self.silent.remove(at, id, source),
            Phase::Closing => drop(self.closing.remove(&(at, id))),
        }
    }

    fn leave(&mut self, peer: SocketAddr, id: SessionId) {
        if self.candidates.get(&peer) == Some(&id) {
            self.candidates.remove(&peer);
        } else {
            let hash = self.hash(&peer);
            if forget(&mut self.addresses, hash, id)
                && let Some(candidate) = self.candidates.remove(&peer)
            {
                self.set_address(peer, candidate);
            }
        }
    }

    /// The session, which is in the table, is the live one of its address; there is no other.
    fn set_address(&mut self, peer: SocketAddr, id: SessionId) {
        let hash = self.hash(&peer);
        let (sessions, hasher) = (&self.sessions, &self.hasher);
        let hash_of = |id: &SessionId| {
            let session = sessions.get(id);
            session.map_or(0, |session| hasher.hash_one(session.peer))
        };
        self.addresses.insert_unique(hash, id, hash_of);
    }

    fn hash(&self, value: &impl Hash) -> u64 {
        self.hasher.hash_one(value)
    }
}

/// Takes a session out of a table; false if it was not there.
fn forget(table: &mut HashTable<SessionId>, hash: u64, id: SessionId) -> bool {
    let entry = table.find_entry(hash, |other| *other == id);
    entry
        .map(hashbrown::hash_table::OccupiedEntry::remove)
        .is_ok()
}
