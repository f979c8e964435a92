//! What the rest of a program holds of a driver.

use std::fmt;
use std::net::SocketAddr;

use tokio::sync::{mpsc, oneshot};

use super::observation::Observation;
use crate::dtls::{ClientCredential, CloseReason, ConnectError, PeerIdentity, SessionId};
use crate::endpoint::{ObservationId, RequestError, RequestId, Statistics};
use crate::message::{Request, Response};

/// Commands to a driver. Cheap to clone; the driver ends when the last one is dropped.
#[derive(Clone)]
pub struct Handle {
    commands: mpsc::Sender<Command>,
    local_address: SocketAddr,
}

/// A session that [`Handle::open`] made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// The session.
    pub session: SessionId,
    /// Whom the handshake showed, where that is more than the holder of the shared key.
    pub identity: Option<PeerIdentity>,
}

/// Why a session could not be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenError {
    /// The handshake could not begin.
    Connect(ConnectError),
    /// The handshake did not end well: a time limit, an alert of the peer (47 is `illegal_parameter`), a failure.
    Closed(CloseReason),
    /// The driver has ended.
    DriverEnded,
}

impl fmt::Display for OpenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(formatter, "the handshake could not begin: {error}"),
            Self::Closed(reason) => write!(formatter, "no session: {reason}"),
            Self::DriverEnded => formatter.write_str("the driver has ended"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect(error) => Some(error),
            Self::Closed(_) | Self::DriverEnded => None,
        }
    }
}

/// What a handle asks of the driver.
pub(super) enum Command {
    Open {
        peer: SocketAddr,
        credential: ClientCredential,
        reply: oneshot::Sender<Result<Connected, OpenError>>,
    },
    OpenPlain {
        peer: SocketAddr,
        reply: oneshot::Sender<SessionId>,
    },
    Request {
        session: SessionId,
        request: Request,
        reply: Reply<Response>,
    },
    Observe {
        session: SessionId,
        request: Request,
        reply: Reply<Observation>,
    },
    Cancel(RequestId),
    Notify {
        observation: ObservationId,
        response: Response,
    },
    ForgetBodies(SessionId),
    Close(SessionId),
    Statistics {
        session: Option<SessionId>,
        reply: oneshot::Sender<Option<Statistics>>,
    },
    Shutdown {
        reply: oneshot::Sender<()>,
    },
}

/// Where the fate of a request is told: refused at once, or accepted with its outcome to come.
pub(super) type Reply<T> = oneshot::Sender<Result<Accepted<T>, RequestError>>;

/// A request that is on its way.
pub(super) struct Accepted<T> {
    pub(super) request: RequestId,
    pub(super) outcome: oneshot::Receiver<Result<T, RequestError>>,
}

impl Handle {
    pub(super) fn new(commands: mpsc::Sender<Command>, local_address: SocketAddr) -> Self {
        Self {
            commands,
            local_address,
        }
    }

    /// The address of the socket.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_address
    }

    /// Opens a DTLS session and waits for its handshake.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(
        &self,
        peer: SocketAddr,
        credential: ClientCredential,
    ) -> Result<Connected, OpenError> {
        self.ask(|reply| Command::Open {
            peer,
            credential,
            reply,
        })
        .await
        .unwrap_or(Err(OpenError::DriverEnded))
    }

    /// The plain session to a peer.
    ///
    /// # Errors
    /// The driver has ended.
    pub async fn open_plain(&self, peer: SocketAddr) -> Result<SessionId, OpenError> {
        self.ask(|reply| Command::OpenPlain { peer, reply })
            .await
            .ok_or(OpenError::DriverEnded)
    }

    /// Sends a request and waits for its response. Giving up the wait cancels the request.
    ///
    /// # Errors
    /// There is no response; also when the driver has ended ([`RequestError::SessionClosed`]).
    pub async fn request(
        &self,
        session: SessionId,
        request: Request,
    ) -> Result<Response, RequestError> {
        let accepted = self
            .ask(|reply| Command::Request {
                session,
                request,
                reply,
            })
            .await;
        self.outcome(accepted).await
    }

    /// Asks to be told about a resource; the request gets the Observe option (RFC 7641 Section 3.1).
    ///
    /// # Errors
    /// As [`Handle::request`]. A response that begins no observation is no error: see [`Observation::first`].
    pub async fn observe(
        &self,
        session: SessionId,
        request: Request,
    ) -> Result<Observation, RequestError> {
        let request = request.observe();
        let accepted = self
            .ask(|reply| Command::Observe {
                session,
                request,
                reply,
            })
            .await;
        self.outcome(accepted).await
    }

    /// Tells an observer the new state of a resource; an error response ends the observation.
    pub async fn notify(&self, observation: ObservationId, response: Response) {
        self.tell(Command::Notify {
            observation,
            response,
        })
        .await;
    }

    /// Forgets what a session has not fetched of its responses: see [`Endpoint::forget_bodies`].
    ///
    /// [`Endpoint::forget_bodies`]: crate::endpoint::Endpoint::forget_bodies
    pub async fn forget_bodies(&self, session: SessionId) {
        self.tell(Command::ForgetBodies(session)).await;
    }

    /// Ends a session.
    pub async fn close(&self, session: SessionId) {
        self.tell(Command::Close(session)).await;
    }

    /// The figures of a session, if it lives.
    pub async fn statistics(&self, session: SessionId) -> Option<Statistics> {
        self.ask(|reply| Command::Statistics {
            session: Some(session),
            reply,
        })
        .await
        .flatten()
    }

    /// The figures of all sessions, ended ones included; zero when the driver has ended.
    pub async fn totals(&self) -> Statistics {
        self.ask(|reply| Command::Statistics {
            session: None,
            reply,
        })
        .await
        .flatten()
        .unwrap_or_default()
    }

    /// Ends the driver: requests that come now get 5.03, handlers that run may end within
    /// [`DriverConfig::shutdown_time`](super::DriverConfig::shutdown_time), then every peer gets close_notify.
    /// Returns when all is sent.
    pub async fn shutdown(&self) {
        let _ = self.ask(|reply| Command::Shutdown { reply }).await;
    }

    async fn tell(&self, command: Command) {
        // A driver that has ended has nobody to tell.
        let _ = self.commands.send(command).await;
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.ok()?;
        answer.await.ok()
    }

    async fn outcome<T>(
        &self,
        accepted: Option<Result<Accepted<T>, RequestError>>,
    ) -> Result<T, RequestError> {
        let accepted = accepted.ok_or(RequestError::SessionClosed)??;
        let mut guard = CancelOnDrop {
            request: Some(accepted.request),
            commands: &self.commands,
        };
        let outcome = accepted
            .outcome
            .await
            .unwrap_or(Err(RequestError::SessionClosed));
        guard.request = None;
        outcome
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Handle")
            .field("local_address", &self.local_address)
            .finish_non_exhaustive()
    }
}

/// Forgets a request whose caller gave up. If the queue is full, the request comes to its own end.
struct CancelOnDrop<'a> {
    request: Option<RequestId>,
    commands: &'a mpsc::Sender<Command>,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(request) = self.request {
            drop(self.commands.try_send(Command::Cancel(request)));
        }
    }
}
