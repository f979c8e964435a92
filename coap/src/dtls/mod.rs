//! The seam to DTLS: what the endpoint needs from a DTLS implementation, and nothing of how it works.
//!
//! A [`Backend`] makes [`Session`]s; a session is fed datagrams and polled for datagrams to send, events and the
//! time of its next timer. A session may work elsewhere (a task, a hardware module): it then calls its [`Waker`],
//! and the driver polls it again.

#[cfg(any(feature = "motekey", feature = "webrtc"))]
mod association;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod credential;
#[cfg(all(feature = "motekey", feature = "webrtc"))]
mod implementation;
mod key_pair;
#[cfg(feature = "motekey")]
pub mod motekey;
mod outcome;
#[cfg(feature = "webrtc")]
pub mod webrtc;

use core::fmt;
use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use zeroize::Zeroizing;

pub use self::credential::{
    ClientCredential, CredentialSource, PeerIdentity, PreSharedKey, PskAnswer,
};
#[cfg(all(feature = "motekey", feature = "webrtc"))]
pub use self::implementation::Implementation;
pub use self::key_pair::{
    CertificateCheck, CertificateError, CertificateVerifier, CertifiedKey, KeyPair,
    SignatureScheme, Signer, SigningError,
};
pub use self::outcome::{CloseReason, ConnectError, Received, SendError, SessionEvent};
use crate::time::Instant;

/// Names a session within one endpoint. Never used again after the session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "session {}", self.0)
    }
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
pub struct Waker {
    wake: Arc<dyn Fn(SessionId) + Send + Sync>,
    session: SessionId,
}

impl Waker {
    /// A waker that calls `wake`.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self::shared(&(Arc::new(move |_| wake()) as Arc<_>), SessionId(0))
    }

    /// A waker that calls `wake` with the name of its session: no more than a count of references, for what is made
    /// for each datagram of a stranger.
    pub fn shared(wake: &Arc<dyn Fn(SessionId) + Send + Sync>, session: SessionId) -> Self {
        Self {
            wake: Arc::clone(wake),
            session,
        }
    }

    /// A waker that does nothing: for sessions that are polled after each call anyway.
    pub fn none() -> Self {
        Self::new(|| {})
    }

    /// Asks for the session to be polled.
    pub fn wake(&self) {
        (self.wake)(self.session);
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

    /// The Connection ID in a datagram, if it has the form of those that this backend gives out (RFC 9146 Section 4).
    /// `None` routes by address.
    fn route<'a>(&self, datagram: &'a [u8]) -> Option<&'a [u8]> {
        let _ = datagram;
        None
    }

    /// Goes on with a session that [`Session::save`] wrote, in this process or another; who its peer is comes with it.
    /// It receives at once, and sends after it has been saved again. `None`: not the bytes of a session, or the
    /// backend cannot do this (the default). The same bytes must be restored once only.
    fn restore(&mut self, now: Instant, saved: &[u8]) -> Option<Restored> {
        let _ = (now, saved);
        None
    }
}

/// A session that goes on, and its peer as [`SessionEvent::Connected`] told it. There is no event this time.
pub type Restored = (Box<dyn Session>, Option<PeerIdentity>);

/// One DTLS association. Order of use: any `handle_*` or command, then `poll_event` until `None`, `poll_transmit`
/// until `None`, then `poll_timeout`.
pub trait Session: Send {
    /// A datagram of the peer. Bytes that do not verify change nothing.
    fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Received;

    /// The Connection ID that the peer writes into its records, once both Finished are verified; none by default.
    /// Asked for when the session reports [`SessionEvent::Connected`].
    fn connection_id(&self) -> Option<&[u8]> {
        None
    }

    /// The round trip to the peer, as the handshake measured it; none by default. Asked for when the session reports
    /// [`SessionEvent::Connected`]: the first wait for an acknowledgement comes from it.
    fn round_trip(&self) -> Option<Duration> {
        None
    }

    /// Writes down what the session needs to go on after a restart, **with its keys in clear**: the caller seals it, and
    /// keeps it before anything more is sent. `peer` is who [`SessionEvent::Connected`] named. `None` before that event,
    /// after the end, or if the implementation cannot do this (the default).
    ///
    /// The saved session begins `reserve` records ahead, and this one sends as many until it is saved again, so that no
    /// sequence number is used twice even after a crash; [`Session::reserved`] tells how many are left.
    fn save(&mut self, peer: Option<&PeerIdentity>, reserve: u32) -> Option<Zeroizing<Vec<u8>>> {
        let _ = (peer, reserve);
        None
    }

    /// Records that can be sent before the session must be saved (again).
    fn reserved(&self) -> u64 {
        u64::MAX
    }

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
