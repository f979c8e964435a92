//! What comes from the peer during a handshake.

use super::{Followed, Handshaking};
use crate::codec::Reader;
use crate::codec::alert::{Alert, AlertDescription};
use crate::codec::handshake::{Fragment, HandshakeType};
use crate::codec::record::{ContentType, Record};
use crate::connection::early::Early;
use crate::connection::machine::Machine;
use crate::connection::{Next, Queues, Received};
use crate::error::{CloseReason, HandshakeError};
use crate::handshake::{Output, Step};
use crate::reassembly::Outcome;
use crate::record::{OpenError, PROTECTED};
use crate::time::Instant;

/// From which forged Finished on the peer is told (see [`Handshaking::forged`]).
const FORGED: u8 = 2;

impl Handshaking {
    /// A record of epoch 1: only the peer's Finished, or an alert.
    pub(super) fn protected(
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
            // RFC 6347 Section 4.2.4: application data MUST be discarded or buffered until Finished has come.
            ContentType::ApplicationData
            | ContentType::ChangeCipherSpec
            | ContentType::Tls12Cid => Next::Stay,
        };
        (received, next)
    }

    /// A protected record that does not verify: forged by a stranger, or the peer has another key. It changes
    /// nothing, but from the second on the peer is told: it may be a device with a wrong key, which would otherwise
    /// wait until its time limit. The same goes out for an unknown identity (RFC 4279 Section 2; RFC 7925 Section 6: it
    /// MUST be decrypt_error, not unknown_psk_identity).
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
    pub(super) fn fragments(
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
        while !self.waits_for_key()
            && let Some(message) = self.reassembly.pop()
        {
            self.repeat_asked = false;
            let mut next = self.step(now, queues, |machine, out| machine.handle(&message, out));
            if matches!(next, Next::Stay) {
                next = self.open_early(now, queues);
            }
            if !matches!(next, Next::Stay) {
                return next;
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

    /// The protected record that came before the keys, once they are there.
    pub(super) fn open_early(&mut self, now: Instant, queues: &mut Queues) -> Next {
        match self.early.take_if(|_| self.channel.protection.is_some()) {
            Some(early) => self.protected(now, &early.record(), queues).1,
            None => Next::Stay,
        }
    }

    /// One step of the state machine.
    pub(super) fn step(
        &mut self,
        now: Instant,
        queues: &mut Queues,
        run: impl FnOnce(Machine, &mut Output<'_>) -> Result<Step<Machine>, HandshakeError>,
    ) -> Next {
        self.try_step(now, queues, run)
            .unwrap_or_else(|error| self.fail(error, queues))
    }

    fn try_step(
        &mut self,
        now: Instant,
        queues: &mut Queues,
        run: impl FnOnce(Machine, &mut Output<'_>) -> Result<Step<Machine>, HandshakeError>,
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
        let step = run(machine, &mut out)?;
        let followed = Followed::of(out);
        let flight = self.take_up(now, followed, queues);
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

    /// An alert under the keys of the session.
    fn authentic_alert(&self, content: &[u8]) -> Next {
        let next = alert(content);
        if let (Next::Close(CloseReason::Alert(_)), Some(resumable)) = (&next, &self.resumable) {
            resumable.forget();
        }
        next
    }
}

/// An alert of the peer. During a handshake it may be plaintext (RFC 6347 Section 4.1.2.7 leaves no other way to
/// learn why a server refuses).
pub(super) fn alert(content: &[u8]) -> Next {
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
