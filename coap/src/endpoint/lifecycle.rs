//! Sessions begin, connect, give way and end.

use std::net::SocketAddr;

use super::room::Newcomer;
use super::session::{Messages, Phase, Session, Transport};
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
                self.end(now, displaced, CloseReason::Evicted);
            } else {
                self.abandon(displaced);
            }
        }
    }

    /// Forgets a handshake in favour of a new one with the same peer. Nothing is sent: before the end of a handshake,
    /// an alert would end the new one.
    pub(super) fn abandon(&mut self, id: SessionId) {
        if let Some(handshake) = self.table.remove(id) {
            self.shared.dropped.handshakes_failed += 1;
            self.events.push_back(Event::HandshakeFailed {
                session: id,
                peer_address: handshake.peer,
                reason: CloseReason::Replaced,
            });
        }
    }

    /// A plain session, if there is room. `verified`: the peer receives at its address, or we speak first.
    pub(super) fn add_plain(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        opened_here: bool,
        verified: bool,
    ) -> Option<SessionId> {
        let newcomer = if verified {
            Newcomer::Verified
        } else {
            Newcomer::Unverified
        };
        self.make_room(now, newcomer).ok()?;
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

    /// Gives a session its CoAP state. Under DTLS it rests until there is something for it.
    fn equip(&mut self, now: Instant, id: SessionId, verified: bool) {
        let Some(session) = self.table.get_mut(id) else {
            return;
        };
        let peer = session.peer;
        let mut context = super::outbound::context(now, &self.config, &mut self.shared);
        session.messages = match &session.transport {
            Transport::Plain => {
                Messages::Awake(Box::new(Exchanges::plain(&mut context, peer, verified)))
            }
            Transport::Dtls(dtls) => {
                Messages::Resting(Exchanges::resting(&mut context, dtls.round_trip()))
            }
        };
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
            .and_then(|identity| self.table.identify(id, identity, limit));
        if let Some(oldest) = oldest {
            self.evict_session(now, oldest);
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
                self.shut_down(now, id);
                if let Some(session) = self.table.get_mut(id) {
                    session.messages = Messages::None;
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
        self.shut_down(now, id);
        self.flush(id);
        let Some(session) = self.table.remove(id) else {
            return;
        };
        let connected = session.phase == Phase::Connected && !session.is_plain();
        let half_open = session.phase == Phase::HalfOpen;
        self.shared.dropped.handshakes_failed += u64::from(half_open);
        if connected || session.opened_here {
            self.events.push_back(Event::Closed {
                session: id,
                identity: session.identity(),
                reason,
            });
        } else if half_open {
            self.events.push_back(Event::HandshakeFailed {
                session: id,
                peer_address: session.peer,
                reason,
            });
        }
    }

    /// Requests fail and observations end.
    fn shut_down(&mut self, now: Instant, id: SessionId) {
        self.with_awake(now, id, |exchanges, context| exchanges.shut_down(context));
    }
}
