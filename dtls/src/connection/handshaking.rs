//! A session whose handshake is under way.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::early::Early;
use super::established::Established;
use super::machine::Machine;
use super::{Event, Next, Queues, Received};
use crate::codec::Reader;
use crate::codec::alert::{Alert, AlertDescription};
use crate::codec::handshake::{Fragment, HandshakeType};
use crate::codec::record::{ContentType, Record};
use crate::config::{Limits, Timing};
use crate::error::{CloseReason, HandshakeError};
use crate::flight::{self, Item};
use crate::handshake::{Completed, Output, Step};
use crate::random::SeededRandom;
use crate::reassembly::{Message, Outcome, Reassembly};
use crate::record::{Channel, ConnectionId, OpenError, PROTECTED, Protection};
use crate::resumption::Resumable;
use crate::time::Instant;
use crate::timer::{Due, Timer};

/// From which forged Finished on the peer is told (see [`Handshaking::forged`]).
const FORGED: u8 = 2;

/// What followed from a message, without its borrows.
struct Followed {
    flight: Vec<Item>,
    protection: Option<Protection>,
    connection_ids: Option<(ConnectionId, ConnectionId)>,
    resumable: Option<Resumable>,
}

impl Followed {
    fn of(out: Output<'_>) -> Self {
        let Output {
            flight,
            protection,
            connection_ids,
            resumable,
            ..
        } = out;
        Self {
            flight,
            protection,
            connection_ids,
            resumable,
        }
    }
}

pub(super) struct Handshaking {
    /// `None` only while a message is handled.
    machine: Option<Machine>,
    pub(super) channel: Channel,
    random: SeededRandom,
    reassembly: Reassembly,
    /// Number of our next message.
    message_sequence: u16,
    flight: Vec<Item>,
    pub(super) timer: Timer,
    limits: Limits,
    /// A protected record that came before the keys.
    early: Option<Early>,
    forged: u8,
    repeat_asked: bool,
    /// The session that is resumed, or that can be.
    resumable: Option<Resumable>,
}

impl Handshaking {
    /// Expects the peer's message `expected` next, and sends `message_sequence` next.
    pub(super) fn new(
        channel: Channel,
        random: SeededRandom,
        timing: Timing,
        limits: Limits,
        expected: u16,
        message_sequence: u16,
        now: Instant,
    ) -> Self {
        Self {
            machine: None,
            channel,
            random,
            reassembly: Reassembly::new(expected, usize::from(limits.handshake_buffer)),
            message_sequence,
            flight: Vec::new(),
            timer: Timer::new(timing, now),
            limits,
            early: None,
            forged: 0,
            repeat_asked: false,
            resumable: None,
        }
    }

    /// Makes the first state and sends its flight.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        queues: &mut Queues,
        make: impl FnOnce(&mut Output<'_>) -> Result<Machine, HandshakeError>,
    ) -> Result<(), HandshakeError> {
        let mut out = Output::new(
            self.channel.provider,
            now,
            &mut self.random,
            &mut self.message_sequence,
        );
        self.machine = Some(make(&mut out)?);
        let followed = Followed::of(out);
        let flight = self.take_up(followed);
        self.send(now, flight, queues)
    }

    pub(super) fn handle(
        &mut self,
        now: Instant,
        record: &Record<'_>,
        queues: &mut Queues,
    ) -> (Received, Next) {
        if record.epoch != 0 {
            return self.protected(now, record, queues);
        }
        let next = match record.content_type {
            ContentType::Handshake => {
                let number = (record.epoch, record.sequence);
                self.fragments(now, number, record.fragment, queues)
            }
            ContentType::Alert => alert(record.fragment),
            // RFC 6347 Section 4.1: the epoch in the records tells what ChangeCipherSpec does in TLS, and cannot
            // get lost.
            ContentType::ChangeCipherSpec
            | ContentType::ApplicationData
            | ContentType::Tls12Cid => Next::Stay,
        };
        (Received::Unverified, next)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, queues: &mut Queues) -> Next {
        match self.timer.due(now) {
            Due::Nothing => Next::Stay,
            Due::Expired => Next::Close(CloseReason::HandshakeTimeout),
            Due::Repeat => self
                .repeat(now, queues)
                .unwrap_or_else(|error| self.fail(error, queues)),
        }
    }

    /// An alert under the keys of the session.
    fn authentic_alert(&self, content: &[u8]) -> Next {
        let next = alert(content);
        if let (Next::Close(CloseReason::Alert(_)), Some(resumable)) = (&next, &self.resumable) {
            resumable.forget();
        }
        next
    }

    pub(super) fn send_close(&mut self, queues: &mut Queues) {
        self.send_alert(Alert::warning(AlertDescription::CLOSE_NOTIFY), queues);
    }

    /// A record of epoch 1: only the peer's Finished, or an alert.
    fn protected(
        &mut self,
        now: Instant,
        record: &Record<'_>,
        queues: &mut Queues,
    ) -> (Received, Next) {
        let verified = match self.channel.open(record) {
            Ok(verified) => verified,
            Err(OpenError::NoKeys) => {
                self.keep(record);
                return (Received::Unverified, Next::Stay);
            }
            Err(OpenError::Forged) => {
                self.forged(queues);
                return (Received::Unverified, Next::Stay);
            }
            // RFC 6347 Section 4.1.2.7: invalid records are discarded silently.
            Err(_) => return (Received::Unverified, Next::Stay),
        };
        let received = if verified.newest {
            Received::Newest
        } else {
            Received::Verified
        };
        let next = match verified.opened.content_type {
            ContentType::Handshake => {
                let number = (PROTECTED, record.sequence);
                self.fragments(now, number, &verified.opened.content, queues)
            }
            ContentType::Alert => self.authentic_alert(&verified.opened.content),
            // Application data may not come before Finished.
            ContentType::ApplicationData
            | ContentType::ChangeCipherSpec
            | ContentType::Tls12Cid => Next::Stay,
        };
        (received, next)
    }

    /// A protected record that does not verify: forged by a stranger, or the peer has another key. It changes
    /// nothing, but from the second on the peer is told: it may be a device with a wrong key, which would otherwise
    /// wait until its time limit. The same goes out for an unknown identity (RFC 4279 Section 2: decrypt_error).
    fn forged(&mut self, queues: &mut Queues) {
        self.forged = self.forged.saturating_add(1);
        if self.forged >= FORGED && matches!(self.machine, Some(Machine::Server(_))) {
            self.send_alert(Alert::fatal(AlertDescription::DECRYPT_ERROR), queues);
        }
    }

    /// Keeps one protected record until there are keys: datagrams may have changed places.
    fn keep(&mut self, record: &Record<'_>) {
        if let Some(early) = Early::new(record) {
            self.early = Some(early);
        }
    }

    /// The fragments in a record with this epoch and sequence number.
    fn fragments(
        &mut self,
        now: Instant,
        (epoch, sequence): (u16, u64),
        content: &[u8],
        queues: &mut Queues,
    ) -> Next {
        let mut reader = Reader::new(content);
        while !reader.is_empty() {
            // RFC 6347 Section 4.1.2.7: what is malformed is discarded silently.
            let Ok(fragment) = Fragment::read(&mut reader) else {
                break;
            };
            // Finished comes protected, all before it in clear.
            if (fragment.kind == HandshakeType::FINISHED) != (epoch == PROTECTED) {
                continue;
            }
            // A stranger's message in clear must not take the place of the Finished.
            let wants_finished = self.machine.as_ref().is_some_and(Machine::wants_finished);
            if epoch != PROTECTED && wants_finished && !self.reassembly.is_past(&fragment) {
                continue;
            }
            // RFC 5246 Section 7.4.1.1: HelloRequest is ignored during a handshake.
            if fragment.kind == HandshakeType::HELLO_REQUEST {
                continue;
            }
            if fragment.kind == HandshakeType::HELLO_VERIFY_REQUEST {
                self.timer.verify_request(sequence);
            }
            if let Outcome::Repeated { .. } = self.reassembly.insert(&fragment) {
                self.repeat_asked = true;
            }
        }
        self.advance(now, queues)
    }

    /// Gives whole messages to the state machine.
    fn advance(&mut self, now: Instant, queues: &mut Queues) -> Next {
        while let Some(message) = self.reassembly.pop() {
            self.repeat_asked = false;
            match self.message(now, &message, queues) {
                Ok(Next::Stay) => {}
                Ok(next) => return next,
                Err(error) => return self.fail(error, queues),
            }
            if let Some(early) = self.early.take_if(|_| self.channel.protection.is_some()) {
                let (_, next) = self.protected(now, &early.record(), queues);
                if !matches!(next, Next::Stay) {
                    return next;
                }
            }
        }
        // RFC 6347 Section 4.2.4: a repeated flight of the peer shows that it misses ours.
        if core::mem::take(&mut self.repeat_asked) && self.timer.may_repeat_early(now) {
            return self
                .repeat(now, queues)
                .unwrap_or_else(|error| self.fail(error, queues));
        }
        Next::Stay
    }

    fn message(
        &mut self,
        now: Instant,
        message: &Message,
        queues: &mut Queues,
    ) -> Result<Next, HandshakeError> {
        let Some(machine) = self.machine.take() else {
            return Ok(Next::Stay);
        };
        let mut out = Output::new(
            self.channel.provider,
            now,
            &mut self.random,
            &mut self.message_sequence,
        );
        let step = machine.handle(message, &mut out)?;
        let followed = Followed::of(out);
        let flight = self.take_up(followed);
        if !flight.is_empty() {
            self.send(now, flight, queues)?;
        }
        match step {
            Step::Next(machine) => {
                if machine.wants_finished() {
                    self.reassembly.forget();
                }
                self.machine = Some(machine);
                Ok(Next::Stay)
            }
            Step::Done(completed) => Ok(self.complete(now, *completed, queues)),
        }
    }

    fn complete(&mut self, now: Instant, completed: Completed, queues: &mut Queues) -> Next {
        let Completed {
            secrets,
            peer,
            last_flight_is_ours,
        } = completed;
        if !last_flight_is_ours {
            self.timer.answered(now);
        }
        queues.events.push_back(Event::Connected { peer });
        let finished = self.flight.iter().rev().find_map(|item| match item {
            Item::Message {
                message_sequence,
                body,
                ..
            } if last_flight_is_ours => Some((*message_sequence, body.as_slice().try_into().ok()?)),
            Item::Message { .. } | Item::ChangeCipherSpec => None,
        });
        let provider = self.channel.provider;
        let channel = core::mem::replace(&mut self.channel, Channel::new(provider, 0));
        Next::Establish(Box::new(Established {
            channel,
            secrets,
            finished,
            resumable: self.resumable.take().map(Box::new),
            round_trip: self.timer.round_trip(),
        }))
    }

    /// Takes what a message brought, and returns the flight.
    fn take_up(&mut self, followed: Followed) -> Vec<Item> {
        if let Some(protection) = followed.protection {
            self.channel.protection = Some(protection);
        }
        if let Some((own_id, peer_id)) = followed.connection_ids {
            self.channel.own_id = own_id;
            self.channel.peer_id = peer_id;
        }
        if followed.resumable.is_some() {
            self.resumable = followed.resumable;
        }
        followed.flight
    }

    /// Sends a new flight.
    fn send(
        &mut self,
        now: Instant,
        flight: Vec<Item>,
        queues: &mut Queues,
    ) -> Result<(), HandshakeError> {
        self.flight = flight;
        let sequence = self.channel.plain_sequence;
        self.timer.start(now, sequence, &mut self.random);
        self.put_flight(queues)
    }

    /// Sends the flight again.
    fn repeat(&mut self, now: Instant, queues: &mut Queues) -> Result<Next, HandshakeError> {
        let sequence = self.channel.plain_sequence;
        self.timer.repeated(now, sequence, &mut self.random);
        self.put_flight(queues)?;
        Ok(Next::Stay)
    }

    fn put_flight(&mut self, queues: &mut Queues) -> Result<(), HandshakeError> {
        let limit = usize::from(self.limits.datagram.max(96));
        queues
            .datagrams
            .extend(flight::datagrams(&self.flight, &mut self.channel, limit)?);
        Ok(())
    }

    /// RFC 5246 Section 7.2.2: a fatal alert, and the end.
    fn fail(&mut self, error: HandshakeError, queues: &mut Queues) -> Next {
        // There is one only while a protected Finished is waited for: what failed is authentic.
        if let Some(resumable) = &self.resumable {
            resumable.forget();
        }
        self.send_alert(Alert::fatal(error.alert()), queues);
        Next::Close(CloseReason::HandshakeFailed(error))
    }

    /// Alerts go out protected once our ChangeCipherSpec has.
    fn send_alert(&mut self, alert: Alert, queues: &mut Queues) {
        let mut datagram = Vec::new();
        let changed = self.flight.contains(&Item::ChangeCipherSpec);
        let written = if changed {
            self.channel
                .put_protected(ContentType::Alert, &alert.to_bytes(), &mut datagram)
        } else {
            self.channel
                .put_plain(ContentType::Alert, &alert.to_bytes(), &mut datagram)
        };
        if written.is_ok() {
            queues.datagrams.push_back(datagram);
        }
    }
}

/// An alert of the peer. During a handshake it may be plaintext (RFC 6347 Section 4.1.2.7 leaves no other way to
/// learn why a server refuses).
fn alert(content: &[u8]) -> Next {
    match Alert::decode(content) {
        Ok(Alert {
            fatal: true,
            description,
        }) => Next::Close(CloseReason::Alert(description)),
        Ok(Alert {
            description: AlertDescription::CLOSE_NOTIFY,
            ..
        }) => Next::Close(CloseReason::Peer),
        Ok(_) | Err(_) => Next::Stay,
    }
}
