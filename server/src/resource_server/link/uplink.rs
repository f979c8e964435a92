//! The session with the authorization server, opened when it is needed and opened anew when it is lost.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use motekey_coap::driver::{Driver, Handle, Observation};
use motekey_coap::dtls::{ClientCredential, SessionId};
use motekey_coap::endpoint::Security;
use motekey_coap::message::{Request, Response};
use tokio::net::UdpSocket;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::AuthorizationServerLink;

/// How long an answer of many blocks may take: 500 of them at 100 ms.
const LONG_ANSWER: Duration = Duration::from_secs(60);

/// A client of the authorization server.
pub(in crate::resource_server) struct Uplink {
    handle: Handle,
    peer: SocketAddr,
    credential: ClientCredential,
    time_limit: Duration,
    session: Mutex<Option<SessionId>>,
}

/// Why the authorization server did not answer; for logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::resource_server) struct Unreachable(pub(in crate::resource_server) String);

impl fmt::Display for Unreachable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Uplink {
    /// Binds a socket. Nothing is sent yet.
    pub(in crate::resource_server) async fn start(
        link: AuthorizationServerLink,
    ) -> io::Result<Self> {
        let any: SocketAddr = match link.address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).await?;
        let security = Security::Dtls((link.backend)());
        Ok(Self {
            handle: Driver::start(socket, link.endpoint, security, None)?,
            peer: link.address,
            credential: link.credential,
            time_limit: link.time_limit,
            session: Mutex::new(None),
        })
    }

    /// Sends a request; if the session turns out to be lost, once more in a new one.
    pub(super) async fn request(&self, request: &Request) -> Result<Response, Unreachable> {
        let ask = |session| self.handle.request(session, request.clone());
        self.in_session(self.time_limit, ask).await
    }

    /// As [`Uplink::request`], for an answer of many blocks.
    pub(super) async fn request_long(&self, request: &Request) -> Result<Response, Unreachable> {
        let ask = |session| self.handle.request(session, request.clone());
        self.in_session(LONG_ANSWER.max(self.time_limit), ask).await
    }

    /// Begins to observe a resource, as [`Uplink::request`].
    pub(super) async fn observe(&self, request: &Request) -> Result<Observation, Unreachable> {
        let ask = |session| self.handle.observe(session, request.clone());
        self.in_session(self.time_limit, ask).await
    }

    async fn in_session<T, E: fmt::Display, F: Future<Output = Result<T, E>>>(
        &self,
        time_limit: Duration,
        ask: impl Fn(SessionId) -> F,
    ) -> Result<T, Unreachable> {
        let mut failure = Unreachable(String::new());
        for _ in 0..2 {
            let session = self.session().await?;
            match timeout(time_limit, ask(session)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => failure = Unreachable(error.to_string()),
                Err(_) => failure = Unreachable("no answer in time".to_owned()),
            }
            self.forget(session).await;
        }
        Err(failure)
    }

    /// The open session, or a new one. Whoever comes while it is being opened waits for it.
    async fn session(&self) -> Result<SessionId, Unreachable> {
        let mut current = self.session.lock().await;
        if let Some(session) = *current {
            return Ok(session);
        }
        let connected = self.handle.open(self.peer, self.credential.clone()).await;
        let session = connected
            .map_err(|error| Unreachable(error.to_string()))?
            .session;
        *current = Some(session);
        Ok(session)
    }

    async fn forget(&self, session: SessionId) {
        let mut current = self.session.lock().await;
        if *current == Some(session) {
            *current = None;
            self.handle.close(session).await;
        }
    }
}
