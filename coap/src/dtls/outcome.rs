//! What sessions report: events, why they ended, and why an operation was refused.

use core::fmt;

use super::credential::PeerIdentity;

/// What a session reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// Both Finished are verified. On a server, `peer` is who connected; on a client, whom it connected to, where
    /// the handshake tells more than the possession of the shared key.
    Connected {
        /// The authenticated peer.
        peer: Option<PeerIdentity>,
    },
    /// One record of application data.
    Data(Vec<u8>),
    /// The session ended. Always the last event.
    Closed(CloseReason),
}

/// What a datagram was, as far as its records prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Received {
    /// Nothing in it was verified.
    Unverified,
    /// A record in it was verified.
    Verified,
    /// A record in it was verified and newer than all before: only then may the peer's address become the one that
    /// the datagram came from (RFC 9146 Section 6).
    Newest,
}

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// We closed it.
    Local,
    /// The peer sent close_notify.
    Peer,
    /// The handshake did not end within its time limit.
    HandshakeTimeout,
    /// Nothing came for the idle time limit of the endpoint.
    IdleTimeout,
    /// The peer sent a fatal alert (RFC 5246 Section 7.2), by number.
    Alert(u8),
    /// The handshake failed here; the text is for logs, never for the peer.
    HandshakeFailed(String),
    /// The endpoint needed the room (half-open or session limit).
    Evicted,
    /// A new handshake from the same address ended well.
    Replaced,
}

/// Why a handshake could not begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectError {
    /// The backend does not do this kind of credential.
    UnsupportedCredential,
    /// The identity is longer than the backend takes.
    IdentityTooLong {
        /// Bytes given.
        got: usize,
        /// Bytes taken at most.
        limit: usize,
    },
    /// No room for a further session.
    TooManySessions,
}

/// Why data could not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError {
    /// The handshake has not ended yet.
    NotConnected,
    /// The session has ended.
    Closed,
    /// More than one record takes.
    TooLarge,
}

macro_rules! display {
    ($type:ty { $($pattern:pat => $format:literal $(, $argument:expr)*;)* }) => {
        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $($pattern => write!(formatter, $format $(, $argument)*),)*
                }
            }
        }
    };
}

display!(CloseReason {
    Self::Local => "closed here";
    Self::Peer => "closed by the peer";
    Self::IdleTimeout => "silent for too long";
    Self::HandshakeTimeout => "the handshake did not end within its time limit";
    Self::Alert(number) => "the peer sent a fatal alert ({})", number;
    Self::HandshakeFailed(detail) => "the handshake failed: {}", detail;
    Self::Evicted => "the endpoint needed the room";
    Self::Replaced => "a new session took its place";
});

display!(ConnectError {
    Self::UnsupportedCredential => "the DTLS backend does not do this kind of credential";
    Self::IdentityTooLong { got, limit } => "PSK identity of {} bytes, the DTLS backend takes {}", got, limit;
    Self::TooManySessions => "no room for a further session";
});

display!(SendError {
    Self::NotConnected => "the handshake has not ended yet";
    Self::Closed => "the session has ended";
    Self::TooLarge => "more data than one record takes";
});

impl std::error::Error for ConnectError {}
impl std::error::Error for SendError {}
