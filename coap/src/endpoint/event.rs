//! What the endpoint reports, the handles in it, and its errors.

use core::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::dtls::{CloseReason, PeerIdentity, SessionId};
use crate::message::{Request, Response};

/// Something that the application wants to know.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A DTLS handshake ended well, as client or server. Plain sessions have no such event.
    Connected {
        /// The session.
        session: SessionId,
        /// Its peer's address.
        peer_address: SocketAddr,
        /// Whom the handshake showed.
        identity: Option<PeerIdentity>,
    },
    /// A session ended that was connected, or that was opened here.
    Closed {
        /// The session.
        session: SessionId,
        /// Who the peer was.
        identity: Option<PeerIdentity>,
        /// Why it ended.
        reason: CloseReason,
    },
    /// A handshake that a peer began did not end well. The reason says whether time ran out, the peer sent an alert,
    /// or what was wrong with what the peer sent, which was then answered with an alert.
    HandshakeFailed {
        /// The session that it would have become.
        session: SessionId,
        /// The peer's address.
        peer_address: SocketAddr,
        /// Why.
        reason: CloseReason,
    },
    /// A peer wanted to begin a handshake, and there is no place for it. Its ClientHello is ignored: it tries again.
    Refused {
        /// The peer's address.
        peer_address: SocketAddr,
        /// Why.
        reason: Refusal,
    },
    /// The peer of a session has another address now, as a record with its Connection ID proved (RFC 9146 Section 6).
    Moved {
        /// The session.
        session: SessionId,
        /// Where it was.
        from: SocketAddr,
        /// Where it is.
        to: SocketAddr,
    },
    /// A request with its whole body. Each is reported once, however often its datagrams come.
    Request {
        /// To be given to [`Endpoint::respond`](super::Endpoint::respond).
        handle: RequestHandle,
        /// The session that it came in.
        session: SessionId,
        /// The peer's address.
        peer_address: SocketAddr,
        /// Who the peer proved to be; `None` on plain CoAP.
        identity: Option<Arc<PeerIdentity>>,
        /// The request.
        request: Request,
        /// If the peer asked for notifications and there is room: the observation that
        /// [`Response::observable`] would begin.
        observe: Option<ObservationId>,
    },
    /// The response to a request, with its whole body. For an observation that the server accepted it has the Observe
    /// option, and notifications follow.
    Response {
        /// The request.
        request: RequestId,
        /// Its response.
        response: Response,
    },
    /// A notification that is newer than all before.
    Notification {
        /// The request that began the observation.
        request: RequestId,
        /// The state of the resource.
        response: Response,
        /// The observation has ended with this notification (RFC 7641 Section 4.2).
        last: bool,
    },
    /// There is no response to a request; an observation ends with it as well.
    RequestFailed {
        /// The request.
        request: RequestId,
        /// Why.
        error: RequestError,
    },
    /// A peer acknowledged a notification that had a receipt ([`Response::with_receipt`]): it has arrived, in its first
    /// block if it is larger than one.
    NotificationAcknowledged {
        /// The observation.
        observation: ObservationId,
        /// The receipt.
        receipt: u64,
    },
    /// A peer does not observe (as server). Follows every observation that [`Event::Request`] offered, once: when it
    /// ends, or at once if it does not begin, because the application did not accept it or there is no room any
    /// more.
    ObservationEnded {
        /// The observation.
        observation: ObservationId,
    },
}

/// Why a newcomer has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// All places are taken, and no session was silent for long enough (`max_sessions`).
    TableFull,
    /// Its source has its share of the sessions, and none was silent for long enough (`max_sessions_per_source`).
    SourceSessions,
    /// Its source has its share of the handshakes, and all are young (`max_half_open_per_source`).
    SourceHandshakes,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TableFull => "all places are taken",
            Self::SourceSessions => "too many sessions of one source",
            Self::SourceHandshakes => "too many handshakes of one source",
        })
    }
}

/// The right to answer one request, once. Dropping it answers nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct RequestHandle {
    pub(crate) session: SessionId,
    pub(crate) exchange: u64,
}

impl RequestHandle {
    /// The session of the request.
    pub const fn session(&self) -> SessionId {
        self.session
    }
}

/// Names a request of this endpoint. Never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    pub(crate) session: SessionId,
    pub(crate) number: u64,
}

impl RequestId {
    /// The session of the request.
    pub const fn session(&self) -> SessionId {
        self.session
    }
}

/// Names an observation at this endpoint as server. Never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObservationId {
    pub(crate) session: SessionId,
    pub(crate) number: u64,
}

impl ObservationId {
    /// The session of the observer.
    pub const fn session(&self) -> SessionId {
        self.session
    }
}

/// A datagram to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub peer: SocketAddr,
    /// The datagram.
    pub datagram: Vec<u8>,
}

/// Why a request could not be sent, or has no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// No such session, or it ended before the response came.
    SessionClosed,
    /// The handshake has not ended yet.
    NotConnected,
    /// The method is no request code.
    NotAMethod,
    /// Too many confirmable messages of this session wait already.
    QueueFull,
    /// Too many requests of this session wait for their responses.
    TooManyRequests,
    /// All Message IDs were used within EXCHANGE_LIFETIME (RFC 7252 Section 4.4): the session sends too fast.
    MessageIdsExhausted,
    /// The body is longer than the configured limit, here or at the peer.
    BodyTooLarge,
    /// No acknowledgement after all retransmissions.
    Timeout,
    /// Acknowledged, but no response within the time limit.
    NoResponse,
    /// The peer answered with a reset.
    Reset,
    /// The response has a critical option that nobody here understands (RFC 7252 Section 5.4.1).
    UnknownCriticalOption(u16),
    /// The blocks of the response do not fit together (RFC 7959).
    BadBlock,
}

impl fmt::Display for RequestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::SessionClosed => "the session has ended",
            Self::NotConnected => "the handshake has not ended",
            Self::NotAMethod => "the code of the request is no method",
            Self::QueueFull => "too many messages wait to be sent",
            Self::TooManyRequests => "too many requests wait for their responses",
            Self::MessageIdsExhausted => "all Message IDs were used within their lifetime",
            Self::BodyTooLarge => "the body is larger than its limit",
            Self::Timeout => "the peer did not acknowledge",
            Self::NoResponse => "the peer acknowledged and did not respond",
            Self::Reset => "the peer answered with a reset",
            Self::UnknownCriticalOption(number) => {
                return write!(
                    formatter,
                    "the response has the unknown critical option {number}"
                );
            }
            Self::BadBlock => "the blocks of the response do not fit together",
        })
    }
}

impl std::error::Error for RequestError {}
