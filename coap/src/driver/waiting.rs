//! Who waits for what: handshakes, responses and notifications.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::handle::{Accepted, Command, Connected, OpenError, Reply};
use super::observation::{Feed, Observation};
use crate::dtls::{CloseReason, PeerIdentity, SessionId};
use crate::endpoint::{RequestError, RequestId};
use crate::message::Response;

/// Callers and their sessions and requests. As many entries as the endpoint has sessions and requests.
pub(super) struct Waiting {
    opening: BTreeMap<SessionId, oneshot::Sender<Result<Connected, OpenError>>>,
    requests: BTreeMap<RequestId, Waiter>,
    connected: BTreeSet<SessionId>,
    commands: mpsc::WeakSender<Command>,
}

enum Waiter {
    Response(oneshot::Sender<Result<Response, RequestError>>),
    FirstState(oneshot::Sender<Result<Observation, RequestError>>),
    States(Arc<Feed>),
}

impl Waiting {
    pub(super) fn new(commands: mpsc::WeakSender<Command>) -> Self {
        Self {
            opening: BTreeMap::new(),
            requests: BTreeMap::new(),
            connected: BTreeSet::new(),
            commands,
        }
    }

    pub(super) fn opened(
        &mut self,
        session: SessionId,
        reply: oneshot::Sender<Result<Connected, OpenError>>,
    ) {
        self.opening.insert(session, reply);
    }

    /// A request for one response is on its way. False if the caller is gone.
    pub(super) fn requested(&mut self, request: RequestId, reply: Reply<Response>) -> bool {
        let (sender, outcome) = oneshot::channel();
        self.requests.insert(request, Waiter::Response(sender));
        reply.send(Ok(Accepted { request, outcome })).is_ok()
    }

    /// A request for an observation is on its way. False if the caller is gone.
    pub(super) fn observed(&mut self, request: RequestId, reply: Reply<Observation>) -> bool {
        let (sender, outcome) = oneshot::channel();
        self.requests.insert(request, Waiter::FirstState(sender));
        reply.send(Ok(Accepted { request, outcome })).is_ok()
    }

    pub(super) fn connected(&mut self, session: SessionId, identity: Option<PeerIdentity>) {
        self.connected.insert(session);
        if let Some(reply) = self.opening.remove(&session) {
            // A caller that gave up leaves a session that its idle limit ends.
            let _ = reply.send(Ok(Connected { session, identity }));
        }
    }

    pub(super) fn closed(&mut self, session: SessionId, reason: &CloseReason) {
        self.connected.remove(&session);
        if let Some(reply) = self.opening.remove(&session) {
            let _ = reply.send(Err(OpenError::Closed(reason.clone())));
        }
    }

    pub(super) fn response(&mut self, request: RequestId, response: Response) {
        match self.requests.remove(&request) {
            Some(Waiter::Response(reply)) => {
                let _ = reply.send(Ok(response));
            }
            Some(Waiter::FirstState(reply)) => {
                let feed = Arc::new(Feed::default());
                // RFC 7641 Section 3.1: without the Observe option in the response nothing is observed.
                if response.options.observe().is_some() {
                    self.requests
                        .insert(request, Waiter::States(Arc::clone(&feed)));
                } else {
                    feed.end();
                }
                let observation = Observation::new(response, request, feed, self.commands.clone());
                // Dropped with its receiver, an observation cancels itself.
                drop(reply.send(Ok(observation)));
            }
            Some(Waiter::States(feed)) => feed.end(),
            None => {}
        }
    }

    pub(super) fn notification(&mut self, request: RequestId, response: Response, last: bool) {
        if let Some(Waiter::States(feed)) = self.requests.get(&request) {
            feed.push(Ok(response));
            if last {
                feed.end();
                self.requests.remove(&request);
            }
        }
    }

    pub(super) fn failed(&mut self, request: RequestId, error: RequestError) {
        match self.requests.remove(&request) {
            Some(Waiter::Response(reply)) => drop(reply.send(Err(error))),
            Some(Waiter::FirstState(reply)) => drop(reply.send(Err(error))),
            Some(Waiter::States(feed)) => {
                feed.push(Err(error));
                feed.end();
            }
            None => {}
        }
    }

    pub(super) fn cancelled(&mut self, request: RequestId) {
        if let Some(Waiter::States(feed)) = self.requests.remove(&request) {
            feed.end();
        }
    }

    /// Sessions that are connected or in a handshake of ours.
    pub(super) fn sessions(&self) -> Vec<SessionId> {
        self.connected
            .iter()
            .chain(self.opening.keys())
            .copied()
            .collect()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        for waiter in std::mem::take(&mut self.requests).into_values() {
            if let Waiter::States(feed) = waiter {
                feed.push(Err(RequestError::SessionClosed));
                feed.end();
            }
        }
    }
}
