//! The seam to DTLS: what the endpoint needs from a DTLS implementation, and nothing of how it works.
//!
//! A [`Backend`] makes [`Session`]s; a session is fed datagrams and polled for datagrams to send, events and the
//! time of its next timer. A session may work elsewhere (a task, a hardware module): it then calls its [`Waker`],
//! and the driver polls it again.

use core::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::time::Instant;

/// Names a session within one endpoint. Never used again after the session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "session {}", self.0)
    }
}

/// A pre-shared key. Wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PreSharedKey(Zeroizing<Vec<u8>>);

impl PreSharedKey {
    /// Takes the key bytes (RFC 4279 Section 5.3: at least 64 bytes are supported).
    pub fn new(key: Vec<u8>) -> Self {
        Self(Zeroizing::new(key))
    }

    /// The key bytes, for the DTLS implementation only.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PreSharedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PreSharedKey({} bytes)", self.0.len())
    }
}

/// Who the peer proved to be in the handshake.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PeerIdentity {
    /// The PSK identity, byte for byte (RFC 7925 Section 4.2). It can be a whole access token.
    PreSharedKey(Vec<u8>),
    /// The SubjectPublicKeyInfo of a raw public key (RFC 7250), DER.
    RawPublicKey(Vec<u8>),
    /// A validated certificate chain, end entity first, DER.
    Certificate(Vec<Vec<u8>>),
}

/// What a credential source says to a PSK identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PskAnswer {
    /// The key of this identity.
    Key(PreSharedKey),
    /// Nobody is known by this identity.
    Unknown,
    /// The identity selects no valid access token: the handshake ends with `illegal_parameter`
    /// (RFC 9202 Section 3.3.2).
    IllegalParameter,
}

/// The credentials that a server accepts. Called inside a handshake: answers from memory, at once.
pub trait CredentialSource: Send + Sync {
    /// The key of a PSK identity. Identities are bytes: compared as such, never as text (RFC 7925 Section 4.2).
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer;

    /// The identity hint that is sent before the peer names itself; none by default.
    fn identity_hint(&self) -> Option<Vec<u8>> {
        None
    }
}

/// What a client shows to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCredential {
    /// Identity and key of a PSK handshake.
    PreSharedKey {
        /// Sent in clear as `psk_identity`; up to 2 kB.
        identity: Vec<u8>,
        /// The shared key.
        key: PreSharedKey,
    },
}

/// What a backend can do, declared when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Name for logs and tables.
    pub name: &'static str,
    /// PSK handshakes.
    pub pre_shared_key: bool,
    /// Raw public keys (RFC 7250).
    pub raw_public_key: bool,
    /// X.509 certificates.
    pub certificate: bool,
    /// Connection ID (RFC 9146).
    pub connection_id: bool,
    /// An unverified ClientHello is answered without any state (RFC 6347 Section 4.2.1).
    pub stateless_cookie: bool,
    /// Longest PSK identity in bytes.
    pub max_identity: usize,
    /// Fit for networks with hostile peers. A backend that says `false` is for trusted networks only.
    pub hostile_networks: bool,
}

/// Tells the driver that a session has something to poll. Cheap, callable from any thread.
#[derive(Clone)]
pub struct Waker(Arc<dyn Fn() + Send + Sync>);

impl Waker {
    /// A waker that calls `wake`.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(wake))
    }

    /// A waker that does nothing: for sessions that are polled after each call anyway.
    pub fn none() -> Self {
        Self::new(|| {})
    }

    /// Asks for the session to be polled.
    pub fn wake(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Waker")
    }
}

/// What a first datagram from an address without a session leads to.
pub enum FirstContact {
    /// Nothing: not the beginning of a handshake.
    Ignore,
    /// One datagram back, no state kept (a cookie request).
    Reply(Vec<u8>),
    /// A handshake begins; the datagram was already given to the session.
    Accept(Box<dyn Session>),
}

/// A DTLS implementation in one role-neutral object: server side by [`Backend::first_contact`], client side by
/// [`Backend::connect`].
pub trait Backend: Send {
    /// What this backend can do. Constant over its life.
    fn capabilities(&self) -> Capabilities;

    /// A datagram from an address that has no session.
    fn first_contact(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        datagram: &[u8],
        waker: Waker,
    ) -> FirstContact;

    /// Begins a handshake as client.
    ///
    /// # Errors
    /// The credential is of a kind or size that [`Backend::capabilities`] excludes.
    fn connect(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        credential: &ClientCredential,
        waker: Waker,
    ) -> Result<Box<dyn Session>, ConnectError>;

    /// The Connection ID in a datagram, if this backend gave it out (RFC 9146). `None` routes by address.
    fn route(&self, datagram: &[u8]) -> Option<SessionId> {
        let _ = datagram;
        None
    }
}

/// One DTLS association. Order of use: any `handle_*` or command, then `poll_event` until `None`, `poll_transmit`
/// until `None`, then `poll_timeout`.
pub trait Session: Send {
    /// A datagram of the peer. Bytes that do not verify change nothing.
    fn handle_datagram(&mut self, now: Instant, datagram: &[u8]);

    /// The time that [`Session::poll_timeout`] named has come.
    fn handle_timeout(&mut self, now: Instant);

    /// Protects and queues application data, one record in one datagram.
    ///
    /// # Errors
    /// The handshake has not ended, the session is closed, or the record does not fit.
    fn send(&mut self, now: Instant, data: &[u8]) -> Result<(), SendError>;

    /// Sends close_notify and ends the session.
    fn close(&mut self, now: Instant);

    /// The next event.
    fn poll_event(&mut self) -> Option<SessionEvent>;

    /// The next datagram for the peer.
    fn poll_transmit(&mut self) -> Option<Vec<u8>>;

    /// When [`Session::handle_timeout`] wants to be called.
    fn poll_timeout(&self) -> Option<Instant>;
}

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

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// We closed it.
    Local,
    /// The peer sent close_notify.
    Peer,
    /// The handshake did not end within its time limit.
    HandshakeTimeout,
    /// The peer sent a fatal alert (RFC 5246 Section 7.2), by number.
    Alert(u8),
    /// The handshake failed here; the text is for logs, never for the peer.
    HandshakeFailed(String),
    /// The endpoint needed the room (half-open or session limit).
    Evicted,
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
    Self::HandshakeTimeout => "the handshake did not end within its time limit";
    Self::Alert(number) => "the peer sent a fatal alert ({})", number;
    Self::HandshakeFailed(detail) => "the handshake failed: {}", detail;
    Self::Evicted => "the endpoint needed the room";
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
