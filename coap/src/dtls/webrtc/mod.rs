//! DTLS 1.2 with pre-shared keys on the crate `dtls` of webrtc-rs, **for trusted networks only**.
//!
//! The crate runs the handshake and nothing else. Each handshake is a task of its own over an in-memory channel; what
//! reaches it was looked through before (`gate`), so that sizes and message types are bounded. When both Finished
//! are verified the task ends, and a connection of `motekey-dtls` goes on with the keys: replay window, alerts, the
//! last flight, refusal of renegotiation. So a record that does not verify changes nothing after the handshake, and an
//! established session costs no task.
//!
//! What stays as the crate does it, and why `Capabilities::hostile_networks` is `false`:
//! * The cookie of RFC 6347 Section 4.2.1 is sent, but only after state was made for the peer. The endpoint's cap on
//!   half-open sessions bounds that state.
//! * During a handshake, forged records can end that handshake. Established sessions are not touched.
//! * Each handshake makes keys and certificates that a PSK handshake does not need.
//! * A client always sends a server name; it is `coaps.invalid`, as the seam knows addresses only.
//!
//! Time: the crate's retransmission timer runs on tokio's clock. In virtual time this backend runs only under
//! `tokio::time::pause`. The time limit of the handshake runs on the time that the caller passes.

mod channel;
mod gate;
mod handshake;
mod record;
mod session;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use self::handshake::{HandshakeSettings, Role};
use self::session::WebrtcSession;
use super::{
    Backend, Capabilities, ClientCredential, ConnectError, CredentialSource, FirstContact, Session,
    Waker,
};
use crate::time::Instant;

/// Longest PSK identity in bytes, sent or taken (RFC 4279 Section 5.3 asks for 128; whole tokens are longer).
const MAX_IDENTITY: usize = 2048;

/// Limits and timers of the backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebrtcConfig {
    /// How long a handshake may take, from its first datagram. Default 30 s: five retransmissions of a slow peer.
    pub handshake_time_limit: Duration,
    /// Wait before a flight is sent again; not doubled by the crate. Default 1 s (RFC 6347 Section 4.2.4.1); RFC 7925
    /// Section 11 recommends 9 s in networks of constrained devices.
    pub flight_interval: Duration,
    /// Longest piece of a handshake message in bytes. Default 1200, so that a datagram stays below 1280.
    pub handshake_fragment: usize,
}

impl Default for WebrtcConfig {
    fn default() -> Self {
        Self {
            handshake_time_limit: Duration::from_secs(30),
            flight_interval: Duration::from_secs(1),
            handshake_fragment: 1200,
        }
    }
}

/// The backend. For trusted networks only: see the module's documentation.
pub struct Webrtc {
    runtime: Handle,
    config: WebrtcConfig,
    credentials: Option<Arc<dyn CredentialSource>>,
}

impl Webrtc {
    /// A backend that can connect, and cannot be connected to. Its handshakes run on `runtime`.
    pub fn client(runtime: Handle, config: WebrtcConfig) -> Self {
        Self {
            runtime,
            config,
            credentials: None,
        }
    }

    /// A backend that accepts whom `credentials` knows, and can connect too. Its handshakes run on `runtime`.
    pub fn server(
        runtime: Handle,
        config: WebrtcConfig,
        credentials: Arc<dyn CredentialSource>,
    ) -> Self {
        Self {
            runtime,
            config,
            credentials: Some(credentials),
        }
    }

    fn begin(&self, now: Instant, role: Role, waker: Waker) -> WebrtcSession {
        let settings = HandshakeSettings {
            flight_interval: self.config.flight_interval,
            fragment: self.config.handshake_fragment,
        };
        let deadline = now + self.config.handshake_time_limit;
        WebrtcSession::begin(&self.runtime, deadline, settings, role, waker)
    }
}

impl Backend for Webrtc {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "webrtc-dtls",
            pre_shared_key: true,
            raw_public_key: false,
            certificate: false,
            connection_id: false,
            stateless_cookie: false,
            max_identity: MAX_IDENTITY,
            hostile_networks: false,
        }
    }

    fn first_contact(
        &mut self,
        now: Instant,
        _peer: SocketAddr,
        datagram: &[u8],
        waker: Waker,
    ) -> FirstContact {
        let Some(credentials) = &self.credentials else {
            return FirstContact::Ignore;
        };
        if !gate::is_first_client_hello(datagram) {
            return FirstContact::Ignore;
        }
        let mut session = self.begin(now, Role::Server(Arc::clone(credentials)), waker);
        session.handle_datagram(now, datagram);
        FirstContact::Accept(Box::new(session))
    }

    fn connect(
        &mut self,
        now: Instant,
        _peer: SocketAddr,
        credential: &ClientCredential,
        waker: Waker,
    ) -> Result<Box<dyn Session>, ConnectError> {
        let ClientCredential::PreSharedKey { identity, key } = credential else {
            return Err(ConnectError::UnsupportedCredential);
        };
        if identity.len() > MAX_IDENTITY {
            return Err(ConnectError::IdentityTooLong {
                got: identity.len(),
                limit: MAX_IDENTITY,
            });
        }
        // The crate cannot send an empty identity.
        if identity.is_empty() {
            return Err(ConnectError::UnsupportedCredential);
        }
        let role = Role::Client {
            identity: identity.clone(),
            key: key.clone(),
        };
        Ok(Box::new(self.begin(now, role, waker)))
    }
}
