//! The tokio driver: one task that gives an [`Endpoint`] a socket, a clock and its application.
//!
//! The task owns the endpoint, so nothing is locked on the path of a datagram. Requests of peers go to a [`Handler`],
//! each in a task of its own as soon as it has to wait; commands come from any number of [`Handle`]s. When the last handle is dropped, or by
//! [`Handle::shutdown`], the driver says goodbye to all peers and ends.
//!
//! Time in the endpoint is tokio's clock since the driver began, so the driver runs under `tokio::time::pause` too.

mod handle;
mod handlers;
mod observation;
mod task;
mod waiting;
mod wakes;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;

pub use self::handle::{Connected, Handle, OpenError};
pub use self::observation::Observation;
use self::task::Task;
use crate::dtls::{CloseReason, PeerIdentity, SessionId};
use crate::endpoint::{Endpoint, EndpointConfig, ObservationId, Refusal, Security};
use crate::message::{Request, Response};

/// The future of a handler.
pub type HandlerFuture<'a> = Pin<Box<dyn Future<Output = Response> + Send + 'a>>;

/// The application behind an endpoint.
///
/// The notices (all but `handle`) are called on the driver's task: they return at once.
pub trait Handler: Send + Sync + 'static {
    /// Answers a request. The future is begun on the driver's task; when it waits, it goes on in a task of its own and
    /// delays nobody else. One that computes for more than some microseconds begins with `tokio::task::yield_now`, so
    /// that it does so elsewhere. A panic is answered with 5.00.
    ///
    /// An observation begins if [`Context::observation`] is there and the response is
    /// [`Response::observable`].
    fn handle<'a>(&'a self, context: Context, request: Request) -> HandlerFuture<'a>;

    /// A handshake ended well.
    fn connected(&self, session: SessionId, identity: Option<&PeerIdentity>) {
        let _ = (session, identity);
    }

    /// A session ended.
    fn closed(&self, session: SessionId, reason: &CloseReason) {
        let _ = (session, reason);
    }

    /// A peer acknowledged a notification: see [`Event::NotificationAcknowledged`](crate::endpoint::Event).
    fn notification_acknowledged(&self, observation: ObservationId, receipt: u64) {
        let _ = (observation, receipt);
    }

    /// A handshake that a peer began did not end well.
    fn handshake_failed(&self, peer: SocketAddr, reason: &CloseReason) {
        let _ = (peer, reason);
    }

    /// A peer wanted to begin a handshake, and there is no place for it.
    fn refused(&self, peer: SocketAddr, reason: Refusal) {
        let _ = (peer, reason);
    }

    /// The peer of a session has another address now.
    fn moved(&self, session: SessionId, from: SocketAddr, to: SocketAddr) {
        let _ = (session, from, to);
    }

    /// A peer does not observe, or not any more: see [`Event::ObservationEnded`](crate::endpoint::Event).
    fn observation_ended(&self, observation: ObservationId) {
        let _ = observation;
    }
}

/// Where a request came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The session.
    pub session: SessionId,
    /// The peer's address.
    pub peer: SocketAddr,
    /// Who the peer proved to be.
    pub identity: Option<Arc<PeerIdentity>>,
    /// The request came under DTLS.
    pub secure: bool,
    /// The observation that the response may begin.
    pub observation: Option<ObservationId>,
}

/// Limits of the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DriverConfig {
    /// Handlers that run at a time; a request beyond gets 5.03. Default 1024: what they hold is the application's.
    pub max_handlers: usize,
    /// Commands that wait for the driver; callers beyond wait themselves. Default 256.
    pub max_commands: usize,
    /// Datagrams taken from the socket before anything else has its turn. Default 64.
    pub receive_batch: usize,
    /// How long [`Handle::shutdown`] waits for handlers that run. Default 2 s.
    pub shutdown_time: Duration,
}

impl Default for DriverConfig {
    fn default() -> Self {
        Self {
            max_handlers: 1024,
            max_commands: 256,
            receive_batch: 64,
            shutdown_time: Duration::from_secs(2),
        }
    }
}

/// Starts drivers.
pub struct Driver;

impl Driver {
    /// Starts a driver for `socket` on the current tokio runtime, with randomness of the system for the endpoint.
    /// Without a handler every request is answered with 4.04.
    ///
    /// # Errors
    /// The system has no randomness, or the socket has no address.
    pub fn start(
        socket: UdpSocket,
        config: EndpointConfig,
        security: Security,
        handler: Option<Arc<dyn Handler>>,
    ) -> io::Result<Handle> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| io::Error::other(error.to_string()))?;
        let secure = matches!(security, Security::Dtls(_));
        let endpoint = Endpoint::new(config, security, seed);
        Self::spawn(socket, endpoint, secure, DriverConfig::default(), handler)
    }

    /// Starts a driver for an endpoint that has not worked yet: its time begins now. `secure` says whether its datagrams are
    /// protected, for [`Context::secure`].
    ///
    /// # Errors
    /// The socket has no address.
    pub fn spawn(
        socket: UdpSocket,
        endpoint: Endpoint,
        secure: bool,
        config: DriverConfig,
        handler: Option<Arc<dyn Handler>>,
    ) -> io::Result<Handle> {
        let local_address = socket.local_addr()?;
        let (commands, receiver) = mpsc::channel(config.max_commands.max(1));
        let task = Task::new(
            socket, endpoint, secure, config, handler, receiver, &commands,
        );
        tokio::spawn(task.run());
        Ok(Handle::new(commands, local_address))
    }
}
