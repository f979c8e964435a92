//! The sockets of a client: one endpoint for DTLS and one for plain CoAP, each bound for IPv4 or IPv6 when first
//! needed. Nothing else in this crate touches the driver.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use motekey_coap::driver::{Driver, DriverConfig, Handle, Observation, OpenError};
use motekey_coap::dtls::{Backend, ClientCredential, CloseReason, Implementation, SessionId};
use motekey_coap::endpoint::{Endpoint, EndpointConfig, RequestError, Security};
use motekey_coap::message::{Request, Response};
use tokio::net::UdpSocket;
use tokio::sync::OnceCell;

use crate::configuration::Timers;
use crate::error::{Error, Role};
use crate::report::Traffic;

/// How long a handshake may take before the backend ends it; [`Timers::handshake`] is what the caller waits.
const HANDSHAKE_TIME_LIMIT: Duration = Duration::from_secs(60);

/// Makes DTLS backends, one per socket.
pub(crate) type BackendFactory = Box<dyn Fn() -> Box<dyn Backend> + Send + Sync>;

pub(crate) struct Wire {
    backend: BackendFactory,
    endpoint: EndpointConfig,
    timers: Timers,
    seed: [u8; 32],
    sockets: [OnceCell<Handle>; 4],
    longest_identity: Mutex<Option<usize>>,
}

/// A session with a peer.
#[derive(Clone)]
pub(crate) struct Link {
    handle: Handle,
    session: SessionId,
    pub(crate) peer: SocketAddr,
    /// Time limit of one request.
    limit: Duration,
    /// Datagrams received when a request began that was given up since. As long as there are no more, the peer may
    /// have lost the session.
    given_up_at: Arc<Mutex<Option<u64>>>,
}

/// Notes that a request was given up, if it is dropped before its end.
struct Watch<'a> {
    link: &'a Link,
    received: u64,
    ended: bool,
}

/// Why a request got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    kind: Kind,
    /// The peer can have received the request, and acted.
    pub(crate) may_have_arrived: bool,
    pub(crate) reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// This endpoint did not take it.
    Here,
    /// Nobody acknowledged it.
    Silence,
    /// The session or the transfer broke.
    Broken,
}

impl fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Wire")
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Link({}, {})", self.session, self.peer)
    }
}

impl Wire {
    pub(crate) fn new(
        backend: BackendFactory,
        endpoint: EndpointConfig,
        timers: Timers,
        seed: [u8; 32],
    ) -> Self {
        Self {
            backend,
            endpoint,
            timers,
            seed,
            sockets: [const { OnceCell::const_new() }; 4],
            longest_identity: Mutex::new(None),
        }
    }

    /// Longest PSK identity in bytes that the DTLS backend sends.
    pub(crate) fn longest_identity(&self) -> usize {
        let mut known = self
            .longest_identity
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        *known.get_or_insert_with(|| (self.backend)().capabilities().max_identity)
    }

    /// Binds the socket for DTLS of the family of `peer`, if it is not bound yet.
    pub(crate) async fn bind(&self, peer: SocketAddr) -> Result<&Handle, Error> {
        self.socket(peer, true).await
    }

    /// A handshake with `peer`.
    pub(crate) async fn open(
        &self,
        role: Role,
        peer: SocketAddr,
        credential: ClientCredential,
    ) -> Result<Link, Error> {
        let handle = self.socket(peer, true).await?.clone();
        let opening = tokio::time::timeout(self.timers.handshake, handle.open(peer, credential));
        match opening.await {
            Ok(Ok(connected)) => Ok(self.link(handle, connected.session, peer)),
            Ok(Err(error)) => Err(open_error(role, peer, error)),
            Err(_) => Err(Error::CannotReach {
                role,
                peer: peer.to_string(),
                reason: format!(
                    "no handshake within {} ms",
                    self.timers.handshake.as_millis()
                ),
            }),
        }
    }

    /// Plain CoAP to `peer`.
    pub(crate) async fn open_plain(&self, role: Role, peer: SocketAddr) -> Result<Link, Error> {
        let handle = self.socket(peer, false).await?.clone();
        let session = handle
            .open_plain(peer)
            .await
            .map_err(|error| open_error(role, peer, error))?;
        Ok(self.link(handle, session, peer))
    }

    /// Ends all sessions with close_notify.
    pub(crate) async fn shutdown(&self) {
        for socket in self.sockets.iter().filter_map(OnceCell::get) {
            socket.shutdown().await;
        }
    }

    fn link(&self, handle: Handle, session: SessionId, peer: SocketAddr) -> Link {
        Link {
            handle,
            session,
            peer,
            limit: self.timers.exchange,
            given_up_at: Arc::default(),
        }
    }

    async fn socket(&self, peer: SocketAddr, secure: bool) -> Result<&Handle, Error> {
        let index = usize::from(peer.is_ipv6()) * 2 + usize::from(secure);
        let Some(cell) = self.sockets.get(index) else {
            return Err(Error::Local("no such socket".into()));
        };
        cell.get_or_try_init(|| self.start(peer.is_ipv6(), secure, index))
            .await
    }

    async fn start(&self, ipv6: bool, secure: bool, index: usize) -> Result<Handle, Error> {
        let any: SocketAddr = if ipv6 {
            (Ipv6Addr::UNSPECIFIED, 0).into()
        } else {
            (Ipv4Addr::UNSPECIFIED, 0).into()
        };
        let socket = UdpSocket::bind(any)
            .await
            .map_err(|error| Error::Local(format!("cannot bind a UDP socket on {any}: {error}")))?;
        let security = if secure {
            Security::Dtls((self.backend)())
        } else {
            Security::None
        };
        // Each endpoint draws its message ids and tokens from its own stream.
        let mut seed = self.seed;
        if let (Some(first), Ok(index)) = (seed.first_mut(), u8::try_from(index)) {
            *first ^= index;
        }
        let endpoint = Endpoint::new(self.endpoint.clone(), security, seed);
        Driver::spawn(socket, endpoint, secure, DriverConfig::default(), None)
            .map_err(|error| Error::Local(format!("cannot use the UDP socket: {error}")))
    }
}

impl Link {
    /// Sends a request. `received`: datagrams received so far.
    pub(crate) async fn request(
        &self,
        request: Request,
        received: u64,
    ) -> Result<Response, Failure> {
        self.limited(received, self.handle.request(self.session, request))
            .await
    }

    /// The first answer, and what follows.
    pub(crate) async fn observe(
        &self,
        request: Request,
        received: u64,
    ) -> Result<(Response, Observation), Failure> {
        let observation = self
            .limited(received, self.handle.observe(self.session, request))
            .await?;
        Ok((observation.first().clone(), observation))
    }

    /// Whether a further request makes sense: the session lives, and the peer was heard since a request was given up.
    pub(crate) async fn is_alive(&self) -> bool {
        let Some(traffic) = self.traffic().await else {
            return false;
        };
        self.given_up_at()
            .is_none_or(|received| traffic.datagrams_received > received)
    }

    async fn limited<T>(
        &self,
        received: u64,
        exchange: impl Future<Output = Result<T, RequestError>>,
    ) -> Result<T, Failure> {
        let mut watch = Watch {
            link: self,
            received,
            ended: false,
        };
        let Ok(result) = tokio::time::timeout(self.limit, exchange).await else {
            return Err(Failure::silence(self.limit));
        };
        watch.ended = true;
        Ok(result?)
    }

    fn given_up_at(&self) -> std::sync::MutexGuard<'_, Option<u64>> {
        self.given_up_at
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Whether both name the same session.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.session == other.session && self.peer == other.peer
    }

    pub(crate) async fn close(&self) {
        self.handle.close(self.session).await;
    }

    /// All figures of the session so far; `None` when it has ended.
    pub(crate) async fn traffic(&self) -> Option<Traffic> {
        let statistics = self.handle.statistics(self.session).await?;
        Some(Traffic {
            datagrams_sent: statistics.datagrams_sent,
            datagrams_received: statistics.datagrams_received,
            bytes_sent: statistics.bytes_sent,
            bytes_received: statistics.bytes_received,
            round_trips: statistics.round_trips,
            retransmissions: statistics.retransmissions,
        })
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        *self.link.given_up_at() = (!self.ended).then_some(self.received);
    }
}

impl Failure {
    fn silence(limit: Duration) -> Self {
        let reason = format!("no answer within {} ms", limit.as_millis());
        Self {
            kind: Kind::Silence,
            may_have_arrived: true,
            reason,
        }
    }

    /// The session ended before anything was sent.
    pub(crate) fn gone() -> Self {
        Self {
            kind: Kind::Broken,
            may_have_arrived: false,
            reason: "the session has ended".into(),
        }
    }

    /// As the caller sees it.
    pub(crate) fn into_error(self, role: Role, peer: SocketAddr) -> Error {
        match self.kind {
            Kind::Here => Error::Local(self.reason),
            Kind::Silence => Error::CannotReach {
                role,
                peer: peer.to_string(),
                reason: self.reason,
            },
            Kind::Broken => Error::Interrupted {
                role,
                reason: self.reason,
            },
        }
    }
}

impl From<RequestError> for Failure {
    /// A session that was seen alive before the request may have carried it.
    fn from(error: RequestError) -> Self {
        let (kind, may_have_arrived) = match error {
            RequestError::NotConnected
            | RequestError::NotAMethod
            | RequestError::QueueFull
            | RequestError::TooManyRequests
            | RequestError::MessageIdsExhausted => (Kind::Here, false),
            RequestError::Timeout => (Kind::Silence, true),
            _ => (Kind::Broken, true),
        };
        Self {
            kind,
            may_have_arrived,
            reason: error.to_string(),
        }
    }
}

/// The default DTLS backend.
pub(crate) fn default_backend() -> BackendFactory {
    Box::new(|| Implementation::default().client(HANDSHAKE_TIME_LIMIT))
}

fn open_error(role: Role, peer: SocketAddr, error: OpenError) -> Error {
    match error {
        OpenError::Connect(error) => Error::Local(error.to_string()),
        OpenError::Closed(CloseReason::HandshakeTimeout) => Error::CannotReach {
            role,
            peer: peer.to_string(),
            reason: CloseReason::HandshakeTimeout.to_string(),
        },
        OpenError::Closed(reason @ (CloseReason::Local | CloseReason::Evicted)) => {
            Error::Local(reason.to_string())
        }
        OpenError::Closed(reason @ CloseReason::HandshakeFailed(_)) => Error::HandshakeLeft {
            role,
            reason: reason.to_string(),
        },
        OpenError::Closed(reason) => Error::HandshakeRefused {
            role,
            reason: reason.to_string(),
        },
        OpenError::DriverEnded => Error::Local("the client was shut down".into()),
    }
}
