//! What happens, as values: logs, metrics, audit, consoles and tests subscribe to the same [`Event`]s.
//!
//! No event holds a secret: names, public ids, codes and reasons only.

mod recorder;
mod session;
mod tracing;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use motekey_coap::dtls::SessionId;
use motekey_coap::endpoint::Refusal;
use motekey_coap::message::Code;
use motekey_cose::revocation::TokenHash;

pub use recorder::Recorder;
pub use tracing::TracingSubscriber;

use crate::clock::UnixSeconds;

/// Something that happened at the authorization server or at a resource server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The authorization server works with a new snapshot of the registry.
    RegistryLoaded {
        /// Devices in it.
        devices: usize,
        /// Resource servers in it.
        resource_servers: usize,
    },
    /// A token was issued.
    TokenGranted {
        /// Name of the device.
        client: Arc<str>,
        /// Audience of the token.
        audience: Arc<str>,
        /// The `cti` of the token.
        token_id: Vec<u8>,
        /// The key id in its `cnf`; empty if the key is named otherwise.
        key_id: Vec<u8>,
        /// Lifetime in seconds.
        expires_in: u64,
        /// The device asked for more than it got.
        narrowed: bool,
        /// The token updates the rights of a key that the device has already (RFC 9202 Section 4).
        update: bool,
    },
    /// A token request was refused.
    TokenDenied {
        /// Name of the device, if it is known.
        client: Option<Arc<str>>,
        /// One word for tables and alarms.
        reason: &'static str,
        /// The whole reason. It stays at home: the peer sees less.
        detail: String,
    },
    /// A token was revoked.
    TokenRevoked {
        /// Name of the device that holds it.
        client: Arc<str>,
        /// Name of the resource server or group that it is for.
        resource_server: Arc<str>,
        /// The `cti` of the token.
        token_id: Vec<u8>,
        /// What it is called in the revocation list.
        token_hash: TokenHash,
    },
    /// A device is kept out from now on.
    DeviceDisabled {
        /// Its name.
        client: Arc<str>,
        /// How many tokens it lost.
        revoked: usize,
    },
    /// A resource server asked about a token.
    TokenIntrospected {
        /// Its name.
        resource_server: Arc<str>,
        /// The answer.
        active: bool,
    },
    /// A question about a token was refused.
    IntrospectionDenied {
        /// Who asked, if it is known.
        caller: Option<Arc<str>>,
        /// The whole reason.
        detail: String,
    },
    /// A store operation failed; the request that needed it was answered with 5.03.
    StoreFailed {
        /// What was wanted.
        operation: &'static str,
        /// What the store said.
        detail: String,
    },
    /// A resource server accepted a token.
    TokenAccepted {
        /// How it came.
        by: Arrival,
        /// Subject of the token, if it names one.
        client: Option<Arc<str>>,
        /// The key id that it is stored under.
        key_id: Vec<u8>,
        /// When it ends, by the clock of the resource server.
        expires_at: UnixSeconds,
        /// It took the place of an earlier token for the same key.
        replaced: bool,
    },
    /// A resource server refused a token.
    TokenRefused {
        /// How it came.
        by: Arrival,
        /// The check that failed: one word for tables and alarms.
        check: &'static str,
        /// The answer, where there is one.
        code: Code,
        /// The whole reason.
        detail: String,
    },
    /// A stored token is gone.
    TokenEnded {
        /// The key id that it was stored under.
        key_id: Vec<u8>,
        /// Why.
        why: TokenEnd,
    },
    /// A request was kept from the application.
    AccessDenied {
        /// Subject of the token of this session, if there is one.
        client: Option<Arc<str>>,
        /// The answer.
        code: Code,
        /// The method asked for.
        method: Code,
        /// The target asked for.
        target: String,
    },
    /// A resource server read the revocation list of its authorization server, or updates of it.
    RevocationListRead {
        /// The list, and not only updates.
        full: bool,
        /// How many stored tokens it ended.
        ended: usize,
    },
    /// A resource server got no answer, or no usable one, from its authorization server.
    AuthorizationServerUnreachable {
        /// The whole reason.
        detail: String,
    },
    /// A handshake succeeded.
    SessionOpened {
        /// The session.
        session: SessionId,
        /// Who it is, if it is known.
        client: Option<Arc<str>>,
    },
    /// A session ended.
    SessionClosed {
        /// The session.
        session: SessionId,
        /// Why.
        reason: String,
    },
    /// The peer of a session has another address now; its Connection ID and a verified record proved it.
    SessionMoved {
        /// The session.
        session: SessionId,
        /// Where it was.
        from: SocketAddr,
        /// Where it is.
        to: SocketAddr,
    },
    /// A handshake failed: wrong credential, wrong message, alert of the peer, or no end in time.
    HandshakeFailed {
        /// The peer's address.
        peer: SocketAddr,
        /// Why.
        reason: String,
    },
    /// A peer got no place for its handshake: the table is full, or its source has its share.
    HandshakeRefused {
        /// The peer's address.
        peer: SocketAddr,
        /// Why.
        reason: Refusal,
    },
}

/// How a token came to a resource server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Posted to `authz-info` (RFC 9200 Section 5.10.1).
    Upload,
    /// As PSK identity of a handshake (RFC 9202 Section 3.3.2).
    Identity,
}

/// Why a stored token is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenEnd {
    /// Its time was over.
    Expired,
    /// It was not used within the time limit (RFC 9202 Section 7).
    Unused,
    /// The table needed the room.
    Evicted,
    /// A newer token for the same key took its place.
    Replaced,
    /// Its authorization server revoked it.
    Revoked,
}

/// Receives events. Called on the path of requests: quick, and never waiting.
pub trait Subscriber: Send + Sync + 'static {
    /// Something happened.
    fn event(&self, event: &Event);
}

impl<T: Subscriber + ?Sized> Subscriber for Arc<T> {
    fn event(&self, event: &Event) {
        (**self).event(event);
    }
}

/// Everybody who receives the events of one server.
#[derive(Clone, Default)]
pub struct Subscribers(Vec<Arc<dyn Subscriber>>);

impl Subscribers {
    /// Adds one.
    pub fn add(&mut self, subscriber: impl Subscriber) {
        self.0.push(Arc::new(subscriber));
    }

    /// Tells all. The event is made only if somebody listens.
    pub fn tell(&self, event: impl FnOnce() -> Event) {
        if self.0.is_empty() {
            return;
        }
        let event = event();
        for subscriber in &self.0 {
            subscriber.event(&event);
        }
    }
}

impl fmt::Debug for Subscribers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Subscribers({})", self.0.len())
    }
}
