//! A CoAP endpoint: one socket's worth of sessions, without the socket and without a clock.
//!
//! The methods are of four kinds: getters; `handle_*` for what happens (a datagram, a timer, a wake-up); commands
//! (`open`, `request`, `respond`, `notify`, `close`); and `poll_*` for what follows. After any of the middle two:
//! [`Endpoint::poll_event`] until `None`, [`Endpoint::poll_transmit`] until `None`, then [`Endpoint::poll_timeout`].

mod config;
mod event;
mod statistics;

use std::collections::VecDeque;
use std::net::SocketAddr;

pub use crate::dtls::SessionId;
use crate::dtls::{Backend, ClientCredential, ConnectError, Waker};
use crate::message::{Request, Response};
use crate::time::Instant;
pub use config::EndpointConfig;
pub use event::{Event, ObservationId, RequestError, RequestHandle, RequestId, Transmit};
pub use statistics::{Dropped, Statistics};

/// What protects the datagrams of an endpoint.
pub enum Security {
    /// Nothing: `coap://`. Answers to peers that have not echoed are small (RFC 9175 Section 2.6).
    None,
    /// DTLS: `coaps://`.
    Dtls(Box<dyn Backend>),
}

/// See the module.
pub struct Endpoint {
    events: VecDeque<Event>,
    transmits: VecDeque<Transmit>,
}

impl Endpoint {
    /// An endpoint without sessions. `seed` must come from a cryptographic random source and be used once: Message
    /// IDs, tokens, back-off and Echo values come from it.
    pub fn new(config: EndpointConfig, security: Security, seed: [u8; 32], now: Instant) -> Self {
        let _ = (config, security, seed, now);
        Self {
            events: VecDeque::new(),
            transmits: VecDeque::new(),
        }
    }

    /// Sets how a session that works elsewhere asks to be polled: its waker must lead to
    /// [`Endpoint::handle_wake`].
    pub fn set_waker_factory(&mut self, factory: impl Fn(SessionId) -> Waker + Send + 'static) {
        let _ = factory;
    }

    /// A datagram came.
    pub fn handle_datagram(&mut self, now: Instant, peer: SocketAddr, datagram: &[u8]) {
        let _ = (now, peer, datagram);
    }

    /// The time of [`Endpoint::poll_timeout`] came.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// A session's waker was called.
    pub fn handle_wake(&mut self, now: Instant, session: SessionId) {
        let _ = (now, session);
    }

    /// Begins a handshake as client; [`Event::Connected`] or [`Event::Closed`] follows.
    ///
    /// # Errors
    /// The backend does not take the credential, or the table is full. [`Security::None`] takes no credential.
    pub fn open(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        credential: &ClientCredential,
    ) -> Result<SessionId, ConnectError> {
        let _ = (now, peer, credential);
        Err(ConnectError::UnsupportedCredential)
    }

    /// A plain session to a peer, at once ready for requests. The same peer has the same session. With
    /// [`Security::Dtls`] its requests fail: such an endpoint sends nothing in clear.
    pub fn open_plain(&mut self, now: Instant, peer: SocketAddr) -> SessionId {
        let _ = (now, peer);
        SessionId(0)
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
        let _ = (now, session, request);
        Err(RequestError::SessionClosed)
    }

    /// Forgets a request; ends an observation at its server. No event follows.
    pub fn cancel(&mut self, now: Instant, request: RequestId) {
        let _ = (now, request);
    }

    /// Answers a request: in the acknowledgement if there is time, else separately. Without effect if the session
    /// has ended.
    pub fn respond(&mut self, now: Instant, handle: RequestHandle, response: Response) {
        let _ = (now, handle, response);
    }

    /// Tells an observer the new state. An error response ends the observation. A notification that waits for the
    /// acknowledgement of an older one is replaced by a newer.
    pub fn notify(&mut self, now: Instant, observation: ObservationId, response: Response) {
        let _ = (now, observation, response);
    }

    /// Ends a session: its requests fail, its observations end, DTLS sends close_notify.
    pub fn close(&mut self, now: Instant, session: SessionId) {
        let _ = (now, session);
    }

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
        None
    }

    /// The figures of a living session.
    pub fn statistics(&self, session: SessionId) -> Option<Statistics> {
        let _ = session;
        None
    }

    /// The figures of all sessions, ended ones included.
    pub fn totals(&self) -> Statistics {
        Statistics::default()
    }

    /// What was dropped, and why.
    pub fn dropped(&self) -> Dropped {
        Dropped::default()
    }

    /// The number of sessions, half-open and plain ones included.
    pub fn session_count(&self) -> usize {
        0
    }
}
