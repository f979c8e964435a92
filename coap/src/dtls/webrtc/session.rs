//! A session: a handshake in a task, then an association without one.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::channel::{Channel, Completed, INBOUND, Outcome, Shared};
use super::gate::{Admission, Gate};
use super::handshake::{self, HandshakeSettings, Role};
use crate::dtls::association::{Association, Output};
use crate::dtls::protection::Protection;
use crate::dtls::{CloseReason, PeerIdentity, Received, SendError, Session, SessionEvent, Waker};
use crate::time::Instant;

/// One DTLS association of this backend. Memory during a handshake: what the gate admits, the crate's buffers
/// (about 20 kB) and three tasks; afterwards about 1 kB.
pub(super) struct WebrtcSession {
    shared: Arc<Shared>,
    deadline: Instant,
    phase: Phase,
    output: Output,
}

enum Phase {
    Handshaking(Handshaking),
    Established(Box<Association>),
    Closed,
}

struct Handshaking {
    is_client: bool,
    gate: Gate,
    inbound: mpsc::Sender<Vec<u8>>,
    task: AbortHandle,
}

impl Drop for Handshaking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl WebrtcSession {
    pub(super) fn begin(
        runtime: &Handle,
        deadline: Instant,
        settings: HandshakeSettings,
        role: Role,
        waker: Waker,
    ) -> Self {
        let shared = Shared::new(waker);
        let (inbound, receiver) = mpsc::channel(INBOUND);
        let is_client = role.is_client();
        let channel = Channel::new(receiver, Arc::clone(&shared));
        let task = handshake::run(channel, settings, role, Arc::clone(&shared));
        let task = runtime.spawn(task).abort_handle();
        let handshaking = Handshaking {
            is_client,
            gate: Gate::new(is_client),
            inbound,
            task,
        };
        Self {
            shared,
            deadline,
            phase: Phase::Handshaking(handshaking),
            output: Output::default(),
        }
    }

    /// Takes over what the task reported.
    fn advance(&mut self) {
        if !matches!(self.phase, Phase::Handshaking(_)) {
            return;
        }
        let Some(outcome) = self.shared.take_outcome() else {
            return;
        };
        self.drain_outbound();
        match outcome {
            Outcome::Completed(completed) => self.establish(completed),
            Outcome::Failed(detail) => self.end(CloseReason::HandshakeFailed(detail)),
        }
    }

    fn establish(&mut self, completed: Completed) {
        let Phase::Handshaking(handshaking) = &mut self.phase else {
            return;
        };
        let is_client = handshaking.is_client;
        let held = handshaking.gate.take_held();
        let suite = if is_client {
            handshaking.gate.suite()
        } else {
            completed.suite
        };
        let secrets = suite.map(|suite| completed.keys.with_suite(suite, is_client));
        let Some(protection) = secrets.and_then(|secrets| Protection::new(&secrets).ok()) else {
            return self.end(CloseReason::HandshakeFailed(
                "cipher suite not seen".to_owned(),
            ));
        };
        // RFC 6347 Section 4.2.4: whoever sent the last flight, here the server, repeats it on demand.
        let last_flight = if is_client {
            Vec::new()
        } else {
            completed.last_flight
        };
        let association = Association::new(protection, completed.next_sequence, last_flight);
        self.phase = Phase::Established(Box::new(association));
        let peer = completed.identity.map(PeerIdentity::PreSharedKey);
        self.output
            .events
            .push_back(SessionEvent::Connected { peer });
        for record in held {
            self.receive(&record);
        }
    }

    fn receive(&mut self, datagram: &[u8]) {
        match &mut self.phase {
            Phase::Handshaking(handshaking) => match handshaking.gate.admit(datagram) {
                Admission::Pass(bytes) if bytes.is_empty() => {}
                // A full queue loses datagrams, as a network does.
                Admission::Pass(bytes) => drop(handshaking.inbound.try_send(bytes)),
                Admission::Fatal(number) => self.end(CloseReason::Alert(number)),
                Admission::Closed => self.end(CloseReason::Peer),
                Admission::Exhausted => {
                    let detail = "more bytes or datagrams than a handshake takes".to_owned();
                    self.end(CloseReason::HandshakeFailed(detail));
                }
            },
            Phase::Established(association) => {
                if association.receive(datagram, &mut self.output) {
                    self.phase = Phase::Closed;
                }
            }
            Phase::Closed => {}
        }
    }

    fn end(&mut self, reason: CloseReason) {
        self.phase = Phase::Closed;
        self.output.events.push_back(SessionEvent::Closed(reason));
    }

    fn drain_outbound(&mut self) {
        while let Some(datagram) = self.shared.take_outbound() {
            self.output.datagrams.push_back(datagram);
        }
    }
}

impl Session for WebrtcSession {
    fn handle_datagram(&mut self, _now: Instant, datagram: &[u8]) -> Received {
        self.advance();
        self.receive(datagram);
        // Without Connection IDs, datagrams of a session come from one address, so nobody asks.
        Received::Unverified
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.advance();
        if matches!(self.phase, Phase::Handshaking(_)) && now >= self.deadline {
            self.end(CloseReason::HandshakeTimeout);
        }
    }

    fn send(&mut self, _now: Instant, data: &[u8]) -> Result<(), SendError> {
        self.advance();
        match &mut self.phase {
            Phase::Handshaking(_) => Err(SendError::NotConnected),
            Phase::Established(association) => {
                let datagram = association.send(data)?;
                self.output.datagrams.push_back(datagram);
                Ok(())
            }
            Phase::Closed => Err(SendError::Closed),
        }
    }

    fn close(&mut self, _now: Instant) {
        self.advance();
        match &mut self.phase {
            Phase::Closed => return,
            // Before the handshake ended nothing that could be said would be believed.
            Phase::Handshaking(_) => {}
            // RFC 5246 Section 7.2.1: whoever closes sends close_notify.
            Phase::Established(association) => {
                self.output.datagrams.extend(association.close_notify())
            }
        }
        self.end(CloseReason::Local);
    }

    fn poll_event(&mut self) -> Option<SessionEvent> {
        self.advance();
        self.output.events.pop_front()
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.advance();
        if matches!(self.phase, Phase::Handshaking(_)) {
            self.drain_outbound();
        }
        self.output.datagrams.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        matches!(self.phase, Phase::Handshaking(_)).then_some(self.deadline)
    }
}
