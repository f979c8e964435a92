//! What the application gives: resources that see authorized requests only, together with who asks.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use motekey_coap::dtls::SessionId;
use motekey_coap::endpoint::ObservationId;
use motekey_coap::message::{Request, Response};
use motekey_cose::scope::Scope;

use crate::clock::UnixSeconds;

/// The answer of a resource that may have to wait.
pub type ResponseFuture<'a> = Pin<Box<dyn Future<Output = Response> + Send + 'a>>;

/// A resource of the application. It is called for authorized requests only (RFC 9200 Section 5.2).
///
/// Every function from [`Authorized`] and [`Request`] to a future of a [`Response`] is one.
pub trait Resource: Send + Sync + 'static {
    /// Answers one request. Methods that the resource does not have are its own 4.05.
    fn handle(&self, authorized: Authorized, request: Request) -> ResponseFuture<'_>;
}

impl<F, Answer> Resource for F
where
    F: Fn(Authorized, Request) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Response> + Send + 'static,
{
    fn handle(&self, authorized: Authorized, request: Request) -> ResponseFuture<'_> {
        Box::pin(self(authorized, request))
    }
}

/// The proof that a request is covered by a valid token, and who asks. Only the access check makes one.
#[derive(Debug, Clone)]
pub struct Authorized {
    pub(super) client: Option<Arc<str>>,
    pub(super) key_id: Arc<[u8]>,
    pub(super) issuer: Arc<str>,
    pub(super) scope: Arc<Scope>,
    pub(super) expires_at: UnixSeconds,
    pub(super) session: SessionId,
    pub(super) peer: SocketAddr,
    pub(super) observation: Option<ObservationId>,
}

impl Authorized {
    /// The subject of the token: the device, as its authorization server calls it. `None` if the token names none.
    pub fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// The id of the key that the peer proved to have; of a public key, its SubjectPublicKeyInfo (DER).
    pub fn key_id(&self) -> &[u8] {
        &self.key_id
    }

    /// The name of the authorization server that issued the token.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The scope of the token.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// When the token ends, by the clock of this resource server.
    pub fn expires_at(&self) -> UnixSeconds {
        self.expires_at
    }

    /// The DTLS session.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The address of the peer. It can change, so it says nothing about who asks.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The observation that [`Response::observable`] would begin, if the peer asked for one.
    pub fn observation(&self) -> Option<ObservationId> {
        self.observation
    }
}
