//! A resource server on sockets.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use motekey_coap::driver::{Context, Handle, Handler, HandlerFuture};
use motekey_coap::dtls::{CloseReason, PeerIdentity, SessionId};
use motekey_coap::endpoint::{ObservationId, Refusal};
use motekey_coap::message::Request;

use super::ResourceServer;
use super::link::{AuthorizationServerLink, Follower, Uplink};
use crate::listen::{Listen, Running};

/// How often tokens that have ended are looked for. Requests and notifications are checked on their own, so this bounds
/// only how late observers and idle sessions learn of an end. Replaced rights are told at once.
const SWEEP_INTERVAL: Duration = Duration::from_millis(500);

impl ResourceServer {
    /// Binds the sockets and serves until the handle is shut down or dropped.
    ///
    /// # Errors
    /// A socket could not be bound.
    pub async fn start(self: &Arc<Self>, listen: Listen) -> io::Result<Running> {
        let credentials = self.credentials();
        let secure = Arc::new(SecureHandler(self.clone()));
        let plain = Arc::new(PlainHandler(self.clone()));
        let mut running = listen.start(credentials, secure, Some(plain)).await?;
        let server = self.clone();
        let handle = running.secure_handle().clone();
        if let Some(link) = self.take_link() {
            let settings = link.revocation.clone();
            let uplink = Arc::new(Uplink::start(link).await?);
            // A server is started once; the first link stays.
            let _ = self.uplink.set(uplink.clone());
            if let Some(settings) = settings {
                let follower = Follower {
                    server: server.clone(),
                    uplink,
                    settings,
                };
                running.keep(tokio::spawn(follower.run()));
            }
        }
        running.keep(tokio::spawn(async move {
            let mut interval = tokio::time::interval(SWEEP_INTERVAL);
            loop {
                tokio::select! {
                    _ = interval.tick() => {}
                    () = server.endings.notified() => {}
                }
                server.end_sessions(&handle).await;
            }
        }));
        Ok(running)
    }

    fn take_link(&self) -> Option<AuthorizationServerLink> {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        link.take()
    }

    /// Ends what has no token any more.
    async fn end_sessions(&self, handle: &Handle) {
        let endings = self.sweep();
        for session in endings.replaced {
            // RFC 9202 Section 4: what was asked for under the former rights is not handed out under the new ones.
            handle.forget_bodies(session).await;
        }
        for (observation, code) in endings.refused {
            // RFC 7641 Section 4.2: an error response ends the observation.
            handle.notify(observation, self.refused(code)).await;
        }
        for orphan in endings.orphans {
            for observation in orphan.observations {
                // RFC 9200 Section 5.10.3: when the token ends, a running observation gets 4.01 and is removed.
                handle.notify(observation, self.unauthorized()).await;
            }
            // RFC 9202 Section 5: the association ends with its last token.
            handle.close(orphan.session).await;
        }
    }
}

struct SecureHandler(Arc<ResourceServer>);

impl Handler for SecureHandler {
    fn handle<'a>(&'a self, context: Context, request: Request) -> HandlerFuture<'a> {
        Box::pin(self.0.answer_request(context, request))
    }

    fn connected(&self, session: SessionId, identity: Option<&PeerIdentity>) {
        self.0.bind_session(session, identity);
    }

    fn closed(&self, session: SessionId, reason: &CloseReason) {
        self.0.unbind_session(session, &reason.to_string());
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

    fn observation_ended(&self, observation: ObservationId) {
        self.0.forget_observation(observation);
    }
}

/// Plain CoAP. Its sessions have numbers of their own and no rights, so nothing is noted of them.
struct PlainHandler(Arc<ResourceServer>);

impl Handler for PlainHandler {
    fn handle<'a>(&'a self, context: Context, request: Request) -> HandlerFuture<'a> {
        Box::pin(self.0.answer_request(
            Context {
                secure: false,
                observation: None,
                ..context
            },
            request,
        ))
    }
}
