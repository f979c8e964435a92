//! A session whose handshake is under way.

mod incoming;
mod outgoing;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use super::early::Early;
use super::established::Established;
use super::machine::Machine;
use super::{Event, Next, Queues, Received};
use crate::codec::alert::{Alert, AlertDescription};
use crate::codec::record::{ContentType, Record};
use crate::config::{Limits, Timing};
use crate::credentials::PskAnswer;
use crate::error::{CloseReason, HandshakeError};
use crate::flight::Item;
use crate::handshake::{Completed, Output, Wait};
use crate::random::SeededRandom;
use crate::reassembly::Reassembly;
use crate::record::{Channel, ConnectionId, Protection};
use crate::resumption::Resumable;
use crate::time::Instant;
use crate::timer::{Due, Timer};
use incoming::alert;

/// What followed from a message, without its borrows.
struct Followed {
    flight: Vec<Item>,
    protection: Option<Protection>,
    connection_ids: Option<(ConnectionId, Box<[u8]>)>,
    resumable: Option<Resumable>,
    wait: Option<Wait>,
}

impl Followed {
    fn of(out: Output<'_>) -> Self {
        let Output {
            flight,
            protection,
            connection_ids,
            resumable,
            wait,
            ..
        } = out;
        Self {
            flight,
            protection,
            connection_ids,
            resumable,
            wait,
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
    /// Until when the answer to a look-up may come.
    lookup_limit: Instant,
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
            lookup_limit: now,
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
        let flight = self.take_up(now, followed, queues);
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

    /// Whether the answer to a look-up comes next.
    pub(super) fn waits_for_key(&self) -> bool {
        self.machine.as_ref().is_some_and(Machine::waits_for_key)
    }

    /// The answer to a look-up.
    pub(super) fn answer(&mut self, now: Instant, answer: PskAnswer, queues: &mut Queues) -> Next {
        let next = self.step(now, queues, |machine, out| machine.answer(answer, out));
        match next {
            // The client's Finished has come meanwhile, most likely.
            Next::Stay => self.open_early(now, queues),
            next => next,
        }
    }

    pub(super) fn next_timeout(&self) -> Instant {
        let next = self.timer.next();
        if self.waits_for_key() {
            next.min(self.lookup_limit)
        } else {
            next
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, queues: &mut Queues) -> Next {
        if self.waits_for_key() && now >= self.lookup_limit {
            return self.fail(HandshakeError::LookupTimeout, queues);
        }
        match self.timer.due(now) {
            Due::Nothing => Next::Stay,
            // What came under protection did not verify: the peer has another key.
            Due::Expired if self.forged > 0 && matches!(self.machine, Some(Machine::Server(_))) => {
                Next::Close(CloseReason::HandshakeFailed(HandshakeError::Finished))
            }
            Due::Expired => Next::Close(CloseReason::HandshakeTimeout),
            Due::Repeat => self
                .repeat(now, queues)
                .unwrap_or_else(|error| self.fail(error, queues)),
        }
    }

    pub(super) fn send_close(&mut self, queues: &mut Queues) {
        self.send_alert(Alert::warning(AlertDescription::CLOSE_NOTIFY), queues);
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
        queues.event(Event::Connected { peer });
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
        Next::Establish(Established {
            channel,
            secrets,
            finished,
            resumable: self.resumable.take().map(Box::new),
            // One below a microsecond counts as one: it was measured.
            round_trip: self.timer.round_trip().and_then(|time| {
                NonZeroU32::new(u32::try_from(time.as_micros()).unwrap_or(u32::MAX).max(1))
            }),
        })
    }

    /// Takes what a message brought, and returns the flight.
    fn take_up(&mut self, now: Instant, followed: Followed, queues: &mut Queues) -> Vec<Item> {
        if let Some(Wait { identity, limit }) = followed.wait {
            self.lookup_limit = now + limit;
            // The client has our flight: there is nothing to repeat.
            self.timer.pause(now);
            queues.event(Event::KeyWanted { identity });
        }
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
}
