//! What goes to the peer during a handshake.

use alloc::vec::Vec;

use super::Handshaking;
use crate::codec::alert::Alert;
use crate::codec::record::ContentType;
use crate::connection::{Next, Queues};
use crate::error::{CloseReason, HandshakeError};
use crate::flight::{self, Item};
use crate::time::Instant;

impl Handshaking {
    /// Sends a new flight.
    pub(super) fn send(
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
    pub(super) fn repeat(
        &mut self,
        now: Instant,
        queues: &mut Queues,
    ) -> Result<Next, HandshakeError> {
        let sequence = self.channel.plain_sequence;
        self.timer.repeated(now, sequence, &mut self.random);
        self.put_flight(queues)?;
        Ok(Next::Stay)
    }

    fn put_flight(&mut self, queues: &mut Queues) -> Result<(), HandshakeError> {
        let limit = usize::from(self.limits.datagram.max(96));
        for datagram in flight::datagrams(&self.flight, &mut self.channel, limit)? {
            queues.datagram(datagram);
        }
        Ok(())
    }

    /// RFC 5246 Section 7.2.2: a fatal alert, and the end.
    pub(super) fn fail(&mut self, error: HandshakeError, queues: &mut Queues) -> Next {
        // There is one only while a protected Finished is waited for: what failed is authentic.
        if let Some(resumable) = &self.resumable {
            resumable.forget();
        }
        self.send_alert(Alert::fatal(error.alert()), queues);
        Next::Close(CloseReason::HandshakeFailed(error))
    }

    /// Alerts go out protected once our ChangeCipherSpec has.
    pub(super) fn send_alert(&mut self, alert: Alert, queues: &mut Queues) {
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
            queues.datagram(datagram);
        }
    }
}
