//! An authorization server on sockets.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use motekey_coap::driver::{Context, Handle, Handler, HandlerFuture};
use motekey_coap::dtls::{CloseReason, PeerIdentity, SessionId};
use motekey_coap::endpoint::{ObservationId, Refusal};
use motekey_coap::message::Request;

use super::AuthorizationServer;
use crate::event::Event;
use crate::listen::{Listen, Running};

/// How often the registry is loaded again and expired tokens are forgotten.
const REFRESH_INTERVAL: Duration = Duration::from_secs(2);

/// How long expired tokens are remembered, in seconds: so long an update of rights with an ended key is told apart
/// from one with a key that never was.
const REMEMBERED_AFTER_END: i64 = 3600;

impl AuthorizationServer {
    /// Binds the socket and serves until the handle is shut down or dropped. A plain address is not listened on: no
    /// token is given out there (RFC 9200 Section 5).
    ///
    /// # Errors
    /// The socket could not be bound.
    pub async fn start(self: &Arc<Self>, listen: Listen) -> io::Result<Running> {
        let handler = Arc::new(SecureHandler(self.clone()));
        let mut running = listen.start(self.credentials(), handler, None).await?;
        let server = self.clone();
        running.keep(tokio::spawn(async move {
            let mut interval = tokio::time::interval(REFRESH_INTERVAL);
            loop {
                interval.tick().await;
                server.maintain().await;
            }
        }));
        let (server, handle) = (self.clone(), running.secure_handle().clone());
        running.keep(tokio::spawn(async move {
            loop {
                server.observers.bell.notified().await;
                server.tell_peers(&handle).await;
            }
        }));
        Ok(running)
    }

    /// Ends the sessions of whom is not let in any more, and tells the observers of the revocation list.
    async fn tell_peers(&self, handle: &Handle) {
        for session in self.observers.take_closing() {
            handle.close(session).await;
        }
        for (observation, response) in self.due_notifications().await {
            handle.notify(observation, response).await;
        }
    }

    /// What has to be done from time to time, beside the path of requests.
    async fn maintain(&self) {
        if let Err(error) = self.refresh().await {
            self.subscribers.tell(|| Event::StoreFailed {
                operation: "registry",
                detail: error.to_string(),
            });
        }
        self.observers.grow_up();
        if let Err(error) = self.expire_revoked().await {
            self.subscribers.tell(|| Event::StoreFailed {
                operation: "expire_revoked",
                detail: error.to_string(),
            });
        }
        let before = self.clock.now().saturating_sub(REMEMBERED_AFTER_END);
        if let Err(error) = self.store.remove_expired(before).await {
            self.subscribers.tell(|| Event::StoreFailed {
                operation: "remove_expired",
                detail: error.to_string(),
            });
        }
    }
}

struct SecureHandler(Arc<AuthorizationServer>);

impl Handler for SecureHandler {
    fn handle<'a>(&'a self, context: Context, request: Request) -> HandlerFuture<'a> {
        Box::pin(async move {
            // A token is signed or encrypted here: not on the task that serves the socket.
            tokio::task::yield_now().await;
            let peer = context.identity.as_deref().filter(|_| context.secure);
            self.0
                .answer_session(context.session, peer, context.observation, &request)
                .await
        })
    }

    fn connected(&self, session: SessionId, identity: Option<&PeerIdentity>) {
        if let Some(identity) = identity {
            self.0.open_session(session, identity);
        }
        self.0.subscribers.tell(|| {
            let snapshot = self.0.current.get();
            let party = identity.and_then(|identity| snapshot.party(identity));
            Event::SessionOpened {
                session,
                client: party.map(|party| party.name().clone()),
            }
        });
    }

    fn moved(&self, session: SessionId, from: SocketAddr, to: SocketAddr) {
        self.0.subscribers.session_moved(session, from, to);
    }

    fn handshake_failed(&self, peer: SocketAddr, reason: &CloseReason) {
        self.0.subscribers.handshake_failed(peer, reason);
    }

    fn refused(&self, peer: SocketAddr, reason: Refusal) {
        self.0.subscribers.handshake_refused(peer, reason);
    }

    fn notification_acknowledged(&self, observation: ObservationId, receipt: u64) {
        self.0.notification_arrived(observation, receipt);
    }

    fn observation_ended(&self, observation: ObservationId) {
        self.0.observers.ended(observation);
    }

    fn closed(&self, session: SessionId, reason: &CloseReason) {
        self.0.close_session(session);
        self.0.subscribers.tell(|| Event::SessionClosed {
            session,
            reason: reason.to_string(),
        });
    }
}
