//! From sessions to the outside: messages into records, records into datagrams, outputs into events.

use std::net::SocketAddr;

use super::session::{Phase, Transport};
use super::{Endpoint, EndpointConfig, Event, ObservationId, RequestHandle, RequestId, Transmit};
use crate::dtls::{SessionEvent, SessionId};
use crate::exchange::{Context, Exchanges, Output, Shared};
use crate::time::Instant;

/// Outputs that there is room for while there are none.
const MAX_IDLE_OUTPUTS: usize = 16;

pub(super) const fn context<'a>(
    now: Instant,
    config: &'a EndpointConfig,
    shared: &'a mut Shared,
) -> Context<'a> {
    Context {
        now,
        config,
        shared,
        outputs: Vec::new(),
        retransmissions: 0,
    }
}

impl Endpoint {
    /// As [`Endpoint::with_exchanges`], but leaves alone a state that rests: there is nothing to end in it.
    pub(super) fn with_awake(
        &mut self,
        now: Instant,
        id: SessionId,
        work: impl FnOnce(&mut Exchanges, &mut Context<'_>),
    ) {
        let session = self.table.get_mut(id);
        if session.is_some_and(|session| session.messages.awake().is_some()) {
            self.with_exchanges(now, id, work);
        }
    }

    /// Lets the CoAP state of a session work, and does what follows. `None` if the session has none.
    pub(super) fn with_exchanges<Outcome>(
        &mut self,
        now: Instant,
        id: SessionId,
        work: impl FnOnce(&mut Exchanges, &mut Context<'_>) -> Outcome,
    ) -> Option<Outcome> {
        let session = self.table.get_mut(id)?;
        let exchanges = session.wake()?;
        let mut context = context(now, &self.config, &mut self.shared);
        context.outputs = core::mem::take(&mut self.outputs);
        let outcome = work(exchanges, &mut context);
        let Context {
            mut outputs,
            retransmissions,
            ..
        } = context;
        session.statistics.sent_again(retransmissions);
        self.totals.retransmissions += retransmissions;
        for output in outputs.drain(..) {
            self.deliver(now, id, output);
        }
        outputs.shrink_to(MAX_IDLE_OUTPUTS);
        self.outputs = outputs;
        Some(outcome)
    }

    /// After every call that touches a session: its events, its datagrams, its timer.
    pub(super) fn settle(&mut self, now: Instant, id: SessionId) {
        while let Some(event) = self.next_session_event(id) {
            match event {
                SessionEvent::Connected { peer } => self.connected(now, id, peer),
                SessionEvent::Data(data) => self.handle_data(now, id, &data),
                SessionEvent::Closed(reason) => {
                    self.end(now, id, reason);
                    return;
                }
            }
        }
        self.flush(id);
        if let Some(session) = self.table.get_mut(id) {
            session.rest(now);
        }
        self.table.schedule(&self.config, id);
    }

    fn next_session_event(&mut self, id: SessionId) -> Option<SessionEvent> {
        match &mut self.table.get_mut(id)?.transport {
            Transport::Plain => None,
            Transport::Dtls(dtls) => dtls.poll_event(),
        }
    }

    /// The data of one record, which DTLS has verified.
    fn handle_data(&mut self, now: Instant, id: SessionId, data: &[u8]) {
        self.with_exchanges(now, id, |exchanges, context| {
            exchanges.handle_datagram(context, data)
        });
    }

    /// Takes the datagrams that DTLS has ready.
    pub(super) fn flush(&mut self, id: SessionId) {
        while let Some(session) = self.table.get_mut(id)
            && let Transport::Dtls(dtls) = &mut session.transport
            && let Some(datagram) = dtls.poll_transmit()
        {
            self.transmit_for(id, datagram);
        }
    }

    pub(super) fn transmit(&mut self, peer: SocketAddr, datagram: Vec<u8>) {
        self.totals.sent(datagram.len());
        self.transmits.push_back(Transmit { peer, datagram });
    }

    fn transmit_for(&mut self, id: SessionId, datagram: Vec<u8>) {
        let Some(session) = self.table.get_mut(id) else {
            return;
        };
        session.statistics.sent(datagram.len());
        session.awaiting = true;
        let peer = session.peer;
        self.transmit(peer, datagram);
    }

    fn deliver(&mut self, now: Instant, id: SessionId, output: Output) {
        let request_id = |number| RequestId {
            session: id,
            number,
        };
        let event = match output {
            Output::Send(message) => return self.send_message(now, id, message),
            Output::Request {
                exchange,
                request,
                observation,
            } => {
                let Some(session) = self.table.get(id) else {
                    return;
                };
                Event::Request {
                    handle: RequestHandle {
                        session: id,
                        exchange,
                    },
                    session: id,
                    peer_address: session.peer,
                    identity: session.identity.clone(),
                    request,
                    observe: observation.map(|number| ObservationId {
                        session: id,
                        number,
                    }),
                }
            }
            Output::Response { request, response } => Event::Response {
                request: request_id(request),
                response,
            },
            Output::Notification {
                request,
                response,
                last,
            } => Event::Notification {
                request: request_id(request),
                response,
                last,
            },
            Output::Failed { request, error } => Event::RequestFailed {
                request: request_id(request),
                error,
            },
            Output::NotificationAcknowledged {
                observation,
                receipt,
            } => Event::NotificationAcknowledged {
                observation: ObservationId {
                    session: id,
                    number: observation,
                },
                receipt,
            },
            Output::ObservationEnded { observation } => Event::ObservationEnded {
                observation: ObservationId {
                    session: id,
                    number: observation,
                },
            },
        };
        self.events.push_back(event);
    }

    fn send_message(&mut self, now: Instant, id: SessionId, message: Vec<u8>) {
        let Some(session) = self.table.get_mut(id) else {
            return;
        };
        match &mut session.transport {
            Transport::Plain => self.transmit_for(id, message),
            Transport::Dtls(dtls) => {
                let failed = session.phase != Phase::Connected || dtls.send(now, &message).is_err();
                self.shared.dropped.send_failed += u64::from(failed);
            }
        }
    }
}
