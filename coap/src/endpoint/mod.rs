//! A CoAP endpoint: one socket's worth of sessions, without the socket and without a clock.
//!
//! The methods are of four kinds: getters; `handle_*` for what happens (a datagram, a timer, a wake-up); commands
//! (`open`, `request`, `respond`, `notify`, `close`); and `poll_*` for what follows. After any of the middle two:
//! [`Endpoint::poll_event`] until `None`, [`Endpoint::poll_transmit`] until `None`, then [`Endpoint::poll_timeout`].

mod config;
mod event;
mod inbound;
mod lifecycle;
mod numbers;
mod order;
mod outbound;
mod room;
mod session;
mod statistics;
mod table;

use std::collections::VecDeque;
use std::net::SocketAddr;

pub use crate::dtls::SessionId;
use crate::dtls::{Backend, ClientCredential, CloseReason, ConnectError, Waker};
use crate::exchange::{Output, Shared};
use crate::message::{Request, Response};
use crate::time::Instant;
pub use config::EndpointConfig;
pub use event::{Event, ObservationId, Refusal, RequestError, RequestHandle, RequestId, Transmit};
use room::Newcomer;
use session::{Phase, Session, Transport};
pub use statistics::{Dropped, Statistics};
use table::Table;

/// What protects the datagrams of an endpoint.
pub enum Security {
    /// Nothing: `coap://`. Answers to peers that have not echoed are small (RFC 9175 Section 2.6).
    None,
    /// DTLS: `coaps://`.
    Dtls(Box<dyn Backend>),
}

/// How a session that works elsewhere asks to be polled.
type WakerFactory = Box<dyn Fn(SessionId) -> Waker + Send>;

/// See the module.
pub struct Endpoint {
    config: EndpointConfig,
    security: Security,
    shared: Shared,
    table: Table,
    wakers: Option<WakerFactory>,
    last_session: u64,
    totals: Statistics,
    events: VecDeque<Event>,
    transmits: VecDeque<Transmit>,
    /// Empty between calls, kept for its memory.
    outputs: Vec<Output>,
}

/// Getters.
impl Endpoint {
    /// The figures of a living session.
    pub fn statistics(&self, session: SessionId) -> Option<Statistics> {
        self.table
            .get(session)
            .map(|session| session.statistics.statistics())
    }

    /// The figures of all sessions, ended ones and strangers included; those of handshakes stay zero.
    pub const fn totals(&self) -> Statistics {
        self.totals
    }

    /// What was dropped, and why.
    pub const fn dropped(&self) -> Dropped {
        self.shared.dropped
    }

    /// The number of sessions, half-open and plain ones included.
    pub fn session_count(&self) -> usize {
        self.table.len()
    }

    /// The limits.
    pub const fn config(&self) -> &EndpointConfig {
        &self.config
    }
}

/// What happens.
impl Endpoint {
    /// A datagram came.
    pub fn handle_datagram(&mut self, now: Instant, peer: SocketAddr, datagram: &[u8]) {
        self.receive(now, peer, datagram);
    }

    /// The time of [`Endpoint::poll_timeout`] came.
    pub fn handle_timeout(&mut self, now: Instant) {
        // Each session is served once, so that a timer that is due again at once does not hold up the others.
        let mut served = Vec::new();
        while let Some(id) = self.table.take_due(now) {
            self.serve(now, id);
            served.push(id);
        }
        for id in served {
            self.settle(now, id);
        }
    }

    /// A session's waker was called.
    pub fn handle_wake(&mut self, now: Instant, session: SessionId) {
        self.settle(now, session);
    }

    fn serve(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.table.get_mut(id) else {
            return;
        };
        let expired = session.phase_deadline(&self.config) <= now;
        let phase = session.phase;
        if let Transport::Dtls(dtls) = &mut session.transport
            && dtls.poll_timeout().is_some_and(|at| at <= now)
        {
            dtls.handle_timeout(now);
            // What DTLS knows of the end of a handshake says more than that its time is over.
            if expired {
                self.settle(now, id);
            }
        }
        let session = self.table.get(id);
        if expired && session.is_some_and(|session| session.phase == phase) {
            let reason = match phase {
                Phase::HalfOpen => CloseReason::HandshakeTimeout,
                Phase::Connected => CloseReason::IdleTimeout,
                Phase::Closing => CloseReason::Local,
            };
            return self.end(now, id, reason);
        }
        self.with_awake(now, id, |exchanges, context| {
            exchanges.handle_timeout(context)
        });
    }
}

/// Commands.
impl Endpoint {
    /// An endpoint without sessions. `seed` must come from a cryptographic random source and be used once: Message
    /// IDs, tokens, back-off and Echo values come from it.
    pub fn new(config: EndpointConfig, security: Security, seed: [u8; 32]) -> Self {
        let idle_time_limit = match security {
            Security::None => config.plain_idle_time_limit,
            Security::Dtls(_) => config.idle_time_limit,
        };
        Self {
            shared: Shared::new(&config, &seed),
            config,
            security,
            table: Table::new(idle_time_limit),
            wakers: None,
            last_session: 0,
            totals: Statistics::default(),
            events: VecDeque::new(),
            transmits: VecDeque::new(),
            outputs: Vec::new(),
        }
    }

    /// Sets how a session that works elsewhere asks to be polled: its waker must lead to [`Endpoint::handle_wake`].
    /// Sessions that began before have a waker that does nothing.
    pub fn set_waker_factory(&mut self, factory: impl Fn(SessionId) -> Waker + Send + 'static) {
        self.wakers = Some(Box::new(factory));
    }

    /// Begins a handshake as client; [`Event::Connected`] or [`Event::Closed`] follows. A session with the same peer
    /// that is there already ends when the new one is connected.
    ///
    /// # Errors
    /// The backend does not take the credential, or the table is full. [`Security::None`] takes no credential.
    pub fn open(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        credential: &ClientCredential,
    ) -> Result<SessionId, ConnectError> {
        self.make_room(now, Newcomer::Verified)
            .map_err(|_| ConnectError::TooManySessions)?;
        let id = self.next_session();
        let waker = self.waker(id);
        let Security::Dtls(backend) = &mut self.security else {
            return Err(ConnectError::UnsupportedCredential);
        };
        let dtls = backend.connect(now, peer, credential, waker)?;
        self.add(
            now,
            id,
            Session::new(now, peer, Transport::Dtls(dtls), true),
        );
        self.settle(now, id);
        Ok(id)
    }

    /// A plain session to a peer, at once ready for requests. The same peer has the same session. With
    /// [`Security::Dtls`], or with a full table, its requests fail with [`RequestError::SessionClosed`]: an endpoint
    /// with DTLS sends nothing in clear.
    pub fn open_plain(&mut self, now: Instant, peer: SocketAddr) -> SessionId {
        if matches!(self.security, Security::Dtls(_)) {
            return self.next_session();
        }
        if let Some(id) = self.table.slot(peer).live {
            self.table.set_verified(id, true);
            if let Some(session) = self.table.get_mut(id) {
                session.opened_here = true;
                if let Some(exchanges) = session.messages.awake() {
                    exchanges.set_verified();
                }
            }
            return id;
        }
        let Some(id) = self.add_plain(now, peer, true, true) else {
            return self.next_session();
        };
        self.settle(now, id);
        id
    }

    /// Sends a request; [`Event::Response`] or [`Event::RequestFailed`] follows. With Observe 0
    /// ([`Request::observe`]) the response can be followed by [`Event::Notification`]s.
    ///
    /// # Errors
    /// Nothing was sent.
    pub fn request(
        &mut self,
        now: Instant,
        session: SessionId,
        request: Request,
    ) -> Result<RequestId, RequestError> {
        let phase = self.table.get(session).map(|session| session.phase);
        match phase {
            None | Some(Phase::Closing) => return Err(RequestError::SessionClosed),
            Some(Phase::HalfOpen) => return Err(RequestError::NotConnected),
            Some(Phase::Connected) => {}
        }
        let outcome = self.with_exchanges(now, session, |exchanges, context| {
            exchanges.request(context, request)
        });
        self.settle(now, session);
        outcome
            .unwrap_or(Err(RequestError::SessionClosed))
            .map(|number| RequestId { session, number })
    }

    /// Forgets a request; ends an observation at its server. No event follows.
    pub fn cancel(&mut self, now: Instant, request: RequestId) {
        let RequestId { session, number } = request;
        self.with_exchanges(now, session, |exchanges, context| {
            exchanges.cancel(context, number)
        });
        self.settle(now, session);
    }

    /// Answers a request: in the acknowledgement if there is time, else separately. Without effect if the session
    /// has ended.
    pub fn respond(&mut self, now: Instant, handle: RequestHandle, response: Response) {
        let RequestHandle { session, exchange } = handle;
        self.with_exchanges(now, session, |exchanges, context| {
            exchanges.respond(context, exchange, response)
        });
        self.settle(now, session);
    }

    /// Tells an observer the new state. An error response ends the observation. A notification that waits for the
    /// acknowledgement of an older one is replaced by a newer.
    pub fn notify(&mut self, now: Instant, observation: ObservationId, response: Response) {
        let ObservationId { session, number } = observation;
        self.with_exchanges(now, session, |exchanges, context| {
            exchanges.notify(context, number, response)
        });
        self.settle(now, session);
    }

    /// Forgets the responses that a session has not fetched to their ends (RFC 7959 Section 2.4): requests for later
    /// blocks go to the application. For a server whose peer has lost its rights; kept bodies are else served without
    /// the application.
    pub fn forget_bodies(&mut self, session: SessionId) {
        if let Some(exchanges) = self
            .table
            .get_mut(session)
            .and_then(|session| session.messages.awake())
        {
            exchanges.forget_bodies();
        }
    }

    /// Ends a session: its requests fail, its observations end, DTLS sends close_notify. [`Event::Closed`] follows
    /// when that is done.
    pub fn close(&mut self, now: Instant, session: SessionId) {
        self.begin_close(now, session);
    }
}

/// What follows.
impl Endpoint {
    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// When [`Endpoint::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.table.next_timeout()
    }
}
