//! A session: a handshake in a task, then an association without one.

use std::collections::VecDeque;
use std::sync::Arc;

use motekey_dtls::Connection;
use motekey_dtls::crypto::rust;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::channel::{Channel, Completed, INBOUND, Outcome, Shared};
use super::gate::{Admission, Gate};
use super::handshake::{self, HandshakeSettings, Role};
use crate::dtls::{CloseReason, PeerIdentity, Received, SendError, Session, SessionEvent, Waker};
use crate::time::Instant;

/// One DTLS association of this backend. Memory during a handshake: what the gate admits, the crate's buffers
/// (about 20 kB) and three tasks; afterwards about 1 kB.
pub(super) struct WebrtcSession {
    shared: Arc<Shared>,
    deadline: Instant,
    phase: Phase,
    events: VecDeque<SessionEvent>,
    datagrams: VecDeque<Vec<u8>>,
}

enum Phase {
    Handshaking(Handshaking),
    Established(Box<dyn Session>),
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
            events: VecDeque::new(),
            datagrams: VecDeque::new(),
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
        let Some(suite) = suite else {
            let detail = "cipher suite not seen".to_owned();
            return self.end(CloseReason::HandshakeFailed(detail));
        };
        let peer = completed.identity.clone().map(PeerIdentity::PreSharedKey);
        let handover = completed.handover(suite, is_client);
        let connection = Connection::from_handshake(&rust::PROVIDER, &handover);
        self.phase = Phase::Established(Box::new(connection));
        self.events.push_back(SessionEvent::Connected { peer });
        for record in held {
            // After the handshake, a connection does not look at the time.
            self.receive(Instant::ZERO, &record);
        }
    }

    fn receive(&mut self, now: Instant, datagram: &[u8]) -> Received {
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
            Phase::Established(association) => return association.handle_datagram(now, datagram),
            Phase::Closed => {}
        }
        Received::Unverified
    }

    fn end(&mut self, reason: CloseReason) {
        self.phase = Phase::Closed;
        self.events.push_back(SessionEvent::Closed(reason));
    }

    fn drain_outbound(&mut self) {
        while let Some(datagram) = self.shared.take_outbound() {
            self.datagrams.push_back(datagram);
        }
    }
}

impl Session for WebrtcSession {
    fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Received {
        self.advance();
        self.receive(now, datagram)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.advance();
        if matches!(self.phase, Phase::Handshaking(_)) && now >= self.deadline {
            self.end(CloseReason::HandshakeTimeout);
        }
    }

    fn send(&mut self, now: Instant, data: &[u8]) -> Result<(), SendError> {
        self.advance();
        match &mut self.phase {
            Phase::Handshaking(_) => Err(SendError::NotConnected),
            Phase::Established(association) => association.send(now, data),
            Phase::Closed => Err(SendError::Closed),
        }
    }

    fn close(&mut self, now: Instant) {
        self.advance();
        match &mut self.phase {
            Phase::Closed => {}
            // Before the handshake ended nothing that could be said would be believed.
            Phase::Handshaking(_) => self.end(CloseReason::Local),
            Phase::Established(association) => association.close(now),
        }
    }

    fn poll_event(&mut self) -> Option<SessionEvent> {
        self.advance();
        let first = self.events.pop_front();
        match &mut self.phase {
            Phase::Established(association) => first.or_else(|| association.poll_event()),
            Phase::Handshaking(_) | Phase::Closed => first,
        }
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.advance();
        if matches!(self.phase, Phase::Handshaking(_)) {
            self.drain_outbound();
        }
        let first = self.datagrams.pop_front();
        match &mut self.phase {
            Phase::Established(association) => first.or_else(|| association.poll_transmit()),
            Phase::Handshaking(_) | Phase::Closed => first,
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        matches!(self.phase, Phase::Handshaking(_)).then_some(self.deadline)
    }
}
