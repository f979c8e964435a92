//! Where a datagram goes.

use std::net::SocketAddr;

use super::room::Newcomer;
use super::session::{HelloMark, Phase, Session, Transport};
use super::{Endpoint, Event, Security};
use crate::dtls::{FirstContact, Received, SessionId};
use crate::message::options::number;
use crate::message::{Code, Kind, Message, MessageError, Options};
use crate::time::Instant;

impl Endpoint {
    pub(super) fn receive(&mut self, now: Instant, peer: SocketAddr, datagram: &[u8]) {
        self.totals.received(datagram.len());
        let found = match &self.security {
            Security::None => self.table.slot(peer).live,
            Security::Dtls(backend) => backend
                .route(datagram)
                .and_then(|connection_id| self.table.by_connection_id(connection_id))
                .or_else(|| self.route_by_address(peer, datagram)),
        };
        match (found, &self.security) {
            (Some(id), _) => self.feed(now, peer, id, datagram),
            (None, Security::None) => self.meet_plain(now, peer, datagram),
            (None, Security::Dtls(_)) => self.meet_dtls(now, peer, datagram),
        }
    }

    /// The session of an address that a record is for. A ClientHello in epoch 0 from the address of a live session is
    /// for none: it begins a candidate, which takes the place of the live session only when its handshake has ended
    /// well, so that a forged ClientHello ends nothing (RFC 6347 Section 4.2.8).
    fn route_by_address(&self, peer: SocketAddr, datagram: &[u8]) -> Option<SessionId> {
        let slot = self.table.slot(peer);
        let live = slot.live?;
        let session = self.table.get(live)?;
        let half_open = if session.phase == Phase::HalfOpen {
            Some(live)
        } else {
            slot.candidate
        };
        if let Some(half_open) = half_open
            && self.is_fresh_hello(half_open, datagram)
        {
            return None;
        }
        if session.phase == Phase::HalfOpen {
            return Some(live);
        }
        match (record_type(datagram), slot.candidate) {
            (Record::ApplicationData | Record::Alert, _) => Some(live),
            (_, Some(candidate)) => Some(candidate),
            (Record::ClientHello, None)
                if !session.opened_here || session.phase == Phase::Closing =>
            {
                None
            }
            (_, None) => Some(live),
        }
    }

    /// A ClientHello that is not the one that a half-open session began with: the peer has begun anew. Only a backend
    /// that asks for a cookie without state can look into it (RFC 6347 Section 4.2.1), else a forged ClientHello
    /// would end the handshake.
    fn is_fresh_hello(&self, half_open: SessionId, datagram: &[u8]) -> bool {
        let Security::Dtls(backend) = &self.security else {
            return false;
        };
        record_type(datagram) == Record::ClientHello
            && backend.capabilities().stateless_cookie
            && self.table.get(half_open).is_some_and(|session| {
                !session.opened_here && session.hello != hello_mark(datagram)
            })
    }

    fn feed(&mut self, now: Instant, peer: SocketAddr, id: SessionId, datagram: &[u8]) {
        self.table.touch(now, id);
        let Some(session) = self.table.get_mut(id) else {
            return;
        };
        let after_send = core::mem::take(&mut session.awaiting);
        session.statistics.received(datagram.len(), after_send);
        self.totals.round_trips += u64::from(after_send);
        let known = session.peer;
        match &mut session.transport {
            Transport::Plain => {
                let verified = self.with_exchanges(now, id, |exchanges, context| {
                    exchanges.handle_datagram(context, datagram);
                    exchanges.is_verified()
                });
                if verified == Some(true) {
                    self.table.set_verified(id, true);
                }
            }
            Transport::Dtls(dtls) => {
                let received = dtls.handle_datagram(now, datagram);
                // RFC 9146 Section 6: the peer's address changes only with a record that is verified and newer than
                // all before.
                if received == Received::Newest && peer != known {
                    self.table.relocate(id, peer);
                    self.events.push_back(Event::Moved {
                        session: id,
                        from: known,
                        to: peer,
                    });
                }
            }
        }
        self.settle(now, id);
    }

    /// A datagram from a plain peer that is not known: only a request makes it known.
    fn meet_plain(&mut self, now: Instant, peer: SocketAddr, datagram: &[u8]) {
        match Message::decode(datagram, self.config.max_message) {
            Ok(message) if message.code.is_request() => {
                let value = message.options.echo();
                let lifetime = self.config.echo_lifetime;
                let verified =
                    value.is_some_and(|value| self.shared.echo.verify(now, peer, value, lifetime));
                match self.add_plain(now, peer, false, verified) {
                    Some(id) => self.feed(now, peer, id, datagram),
                    None => self.challenge(now, peer, &message),
                }
                return;
            }
            // RFC 7252 Section 4.2: a Confirmable message that cannot be processed is rejected.
            Ok(Message {
                kind: Kind::Confirmable,
                id,
                ..
            }) => self.reject(peer, id),
            Ok(_) => {}
            Err(error) => {
                self.shared.dropped.malformed += 1;
                if let MessageError::Format(Kind::Confirmable, id) = error {
                    self.reject(peer, id);
                }
            }
        }
        self.shared.dropped.strangers += 1;
    }

    /// No room for a peer that may not be where it says: it is asked to echo, and nothing is kept of it (RFC 9175
    /// Section 2.6). If it does, it gets the place of one that has not.
    fn challenge(&mut self, now: Instant, peer: SocketAddr, request: &Message) {
        let (kind, id) = match request.kind {
            Kind::Confirmable => (Kind::Acknowledgement, request.id),
            Kind::NonConfirmable => {
                let id = u16::from_be_bytes(self.shared.random.bytes());
                (Kind::NonConfirmable, id)
            }
            Kind::Acknowledgement | Kind::Reset => return,
        };
        self.shared.dropped.echoed += 1;
        let mut options = Options::default();
        options.set(number::ECHO, &self.shared.echo.value(now, peer));
        let challenge = Message {
            kind,
            code: Code::UNAUTHORIZED,
            id,
            token: request.token,
            options,
            payload: Vec::new(),
        };
        self.transmit(peer, challenge.encode());
    }

    fn meet_dtls(&mut self, now: Instant, peer: SocketAddr, datagram: &[u8]) {
        let id = self.next_session();
        let waker = self.waker(id);
        let Security::Dtls(backend) = &mut self.security else {
            return;
        };
        match backend.first_contact(now, peer, datagram, waker) {
            FirstContact::Ignore => self.shared.dropped.strangers += 1,
            FirstContact::Reply(reply) => self.transmit(peer, reply),
            FirstContact::Accept(mut dtls) => {
                if let Err(reason) = self.make_room(now, Newcomer::Handshake(peer)) {
                    dtls.close(now);
                    let peer_address = peer;
                    self.events.push_back(Event::Refused {
                        peer_address,
                        reason,
                    });
                    return;
                }
                self.give_up_half_open(peer);
                let mut session = Session::new(now, peer, Transport::Dtls(dtls), false);
                session.hello = hello_mark(datagram);
                session.statistics.received(datagram.len(), false);
                self.add(now, id, session);
                self.settle(now, id);
            }
        }
    }

    /// A peer has begun anew while its handshake was running: the first one will never end well.
    fn give_up_half_open(&mut self, peer: SocketAddr) {
        let live = self.table.slot(peer).live;
        let half_open = |id: &SessionId| {
            let session = self.table.get(*id);
            session.is_some_and(|session| session.phase == Phase::HalfOpen)
        };
        if let Some(id) = live.filter(half_open) {
            self.abandon(id);
        }
    }

    fn reject(&mut self, peer: SocketAddr, id: u16) {
        self.transmit(peer, Message::empty(Kind::Reset, id).encode());
    }
}

/// What a record shows of itself without keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Record {
    /// A ClientHello of epoch 0, at the beginning of the datagram.
    ClientHello,
    /// An alert under keys.
    Alert,
    /// Application data.
    ApplicationData,
    /// Any other: part of a handshake, or unknown.
    Other,
}

/// RFC 6347 Section 4.1: content type, version (2 bytes), epoch (2), sequence number (6), length (2), fragment.
fn record_type(datagram: &[u8]) -> Record {
    let epoch = datagram.get(3..5);
    match (datagram.first(), datagram.get(13)) {
        (Some(22), Some(1)) if epoch == Some(&[0, 0]) => Record::ClientHello,
        (Some(21), _) if epoch != Some(&[0, 0]) => Record::Alert,
        (Some(23), _) => Record::ApplicationData,
        _ => Record::Other,
    }
}

/// RFC 6347 Sections 4.1, 4.2.2 and 4.2.1: record header (13 bytes), handshake header (12), version (2), random (32).
fn hello_mark(datagram: &[u8]) -> Option<HelloMark> {
    datagram.get(51..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::{Record, record_type};

    #[test]
    fn records_are_told_apart_by_type_and_epoch() {
        let record =
            |kind, epoch, fragment| [kind, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 0, 0, 1, fragment];
        for (datagram, expected) in [
            (&record(22, 0, 1)[..], Record::ClientHello),
            (&record(22, 0, 2), Record::Other),
            (&record(22, 1, 1), Record::Other),
            (&record(21, 0, 1), Record::Other),
            (&record(21, 1, 1), Record::Alert),
            (&record(23, 1, 1), Record::ApplicationData),
            (&record(22, 0, 1)[..13], Record::Other),
            (&[], Record::Other),
        ] {
            assert_eq!(record_type(datagram), expected, "{datagram:?}");
        }
    }
}
