//! Sessions begin, connect, give way and end.

use std::net::SocketAddr;

use super::session::{Phase, Session, Transport};
use super::{Endpoint, Event};
use crate::dtls::{CloseReason, PeerIdentity, SessionId, Waker};
use crate::exchange::Exchanges;
use crate::time::Instant;

impl Endpoint {
    pub(super) const fn next_session(&mut self) -> SessionId {
        self.last_session += 1;
        SessionId(self.last_session)
    }

    pub(super) fn waker(&self, id: SessionId) -> Waker {
        self.wakers
            .as_ref()
            .map_or_else(Waker::none, |factory| factory(id))
    }

    /// Adds a session; room was made.
    pub(super) fn add(&mut self, now: Instant, id: SessionId, session: Session) {
        if let Some(displaced) = self.table.insert(id, session) {
            let session = self.table.get(displaced);
            if session.is_some_and(|session| session.opened_here) {
                self.evict(now, displaced);
            } else {
                self.abandon(displaced);
            }
        }
    }

    /// Forgets a handshake in favour of a new one with the same peer. Nothing is sent: before the end of a handshake,
    /// an alert would end the new one.
    pub(super) fn abandon(&mut self, id: SessionId) {
        let handshake = self.table.remove(id);
        self.shared.dropped.handshakes_failed += u64::from(handshake.is_some());
    }

    /// A plain session, if there is room. `verified`: the peer receives at its address, or we speak first.
    pub(super) fn add_plain(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        opened_here: bool,
        verified: bool,
    ) -> Option<SessionId> {
        if !self.make_room(now, verified) {
            self.shared.dropped.table_full += 1;
            return None;
        }
        let id = self.next_session();
        self.add(
            now,
            id,
            Session::new(now, peer, Transport::Plain, opened_here),
        );
        self.equip(now, id, verified);
        self.table.set_verified(id, verified);
        Some(id)
    }

    /// Makes room for one more session; false if nobody has to give way. To a `verified` newcomer the oldest plain
    /// peer that is not verified gives way, however active: all of those may be one forger of addresses.
    pub(super) fn make_room(&mut self, now: Instant, verified: bool) -> bool {
        if self.table.half_open() >= self.config.max_half_open.max(1) {
            self.evict_half_open(now);
        }
        if self.table.len() < self.config.max_sessions.max(1) {
            return true;
        }
        if self.evict_half_open(now) {
            return true;
        }
        let silent = self
            .table
            .most_silent()
            .filter(|(since, _)| now - *since >= self.config.eviction_idle_time)
            .map(|(_, id)| id);
        let unverified = self.table.oldest_unverified().filter(|_| verified);
        let leaving = unverified.or(silent);
        if let Some(id) = leaving {
            self.shared.dropped.sessions_evicted += 1;
            self.evict(now, id);
        }
        leaving.is_some()
    }

    fn evict_half_open(&mut self, now: Instant) -> bool {
        let oldest = self.table.oldest_half_open();
        if let Some(id) = oldest {
            self.shared.dropped.half_open_evicted += 1;
            self.evict(now, id);
        }
        oldest.is_some()
    }

    fn evict(&mut self, now: Instant, id: SessionId) {
        self.end(now, id, CloseReason::Evicted);
    }

    /// Gives a session its CoAP state.
    fn equip(&mut self, now: Instant, id: SessionId, verified: bool) {
        let Some(session) = self.table.get(id) else {
            return;
        };
        let (peer, plain) = (session.peer, session.is_plain());
        let mut context = super::outbound::context(now, &self.config, &mut self.shared);
        let exchanges = Box::new(Exchanges::new(&mut context, peer, plain, verified));
        if let Some(session) = self.table.get_mut(id) {
            session.exchanges = Some(exchanges);
        }
    }

    /// A handshake ended well.
    pub(super) fn connected(
        &mut self,
        now: Instant,
        id: SessionId,
        identity: Option<PeerIdentity>,
    ) {
        if self
            .table
            .get(id)
            .is_none_or(|session| session.phase != Phase::HalfOpen)
        {
            return;
        }
        if let Some(replaced) = self.table.set_phase(now, id, Phase::Connected) {
            self.end(now, replaced, CloseReason::Replaced);
        }
        self.equip(now, id, true);
        self.table.set_connection_id(id);
        let limit = self.config.max_sessions_per_identity.max(1);
        let oldest = identity
            .clone()
            .and_then(|identity| self.table.identify(now, id, identity, limit));
        if let Some(oldest) = oldest {
            self.shared.dropped.sessions_evicted += 1;
            self.evict(now, oldest);
        }
        if let Some(session) = self.table.get_mut(id) {
            session.statistics.mark_handshake();
            let peer_address = session.peer;
            self.events.push_back(Event::Connected {
                session: id,
                peer_address,
                identity,
            });
        }
    }

    /// Closes a session from here. A DTLS implementation gets some time to send its close_notify.
    pub(super) fn begin_close(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.table.get_mut(id) else {
            return;
        };
        match &mut session.transport {
            Transport::Plain => self.end(now, id, CloseReason::Local),
            Transport::Dtls(_) if session.phase == Phase::Closing => {}
            Transport::Dtls(dtls) => {
                dtls.close(now);
                let connected = session.phase == Phase::Connected;
                session.opened_here |= connected;
                self.with_exchanges(now, id, |exchanges, context| exchanges.shut_down(context));
                if let Some(session) = self.table.get_mut(id) {
                    session.exchanges = None;
                }
                self.table.set_phase(now, id, Phase::Closing);
                self.settle(now, id);
            }
        }
    }

    /// Takes a session out of the table: requests fail, observations end, and whoever heard of it hears of its end.
    pub(super) fn end(&mut self, now: Instant, id: SessionId, reason: CloseReason) {
        if let Some(Transport::Dtls(dtls)) =
            self.table.get_mut(id).map(|session| &mut session.transport)
            && reason != CloseReason::Peer
        {
            dtls.close(now);
        }
        self.with_exchanges(now, id, |exchanges, context| exchanges.shut_down(context));
        self.flush(id);
        let Some(session) = self.table.remove(id) else {
            return;
        };
        let connected = session.phase == Phase::Connected && !session.is_plain();
        self.shared.dropped.handshakes_failed += u64::from(session.phase == Phase::HalfOpen);
        if connected || session.opened_here {
            self.events.push_back(Event::Closed {
                session: id,
                identity: session.identity(),
                reason,
            });
        }
    }
}
