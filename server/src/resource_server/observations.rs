//! Observations live no longer than the rights that they began with (RFC 9200 Section 5.10.3, RFC 9202 Section 4).

use std::collections::BTreeSet;

use motekey_coap::driver::{Context, Handle};
use motekey_coap::dtls::SessionId;
use motekey_coap::endpoint::ObservationId;
use motekey_coap::message::{Code, Request, Response};

use super::sessions::{Observed, Orphan};
use super::token_table::Entry;
use super::{ResourceServer, State, access};
use crate::clock::UnixSeconds;

/// What peers are to be told, and were not yet. Holds sessions and observations that were taken out of their table,
/// so it is bounded by that.
#[derive(Debug, Default)]
pub(super) struct Endings {
    /// Sessions that have no token any more.
    pub(super) orphans: Vec<Orphan>,
    /// Observations that the new rights of their session do not cover, with the code to tell.
    pub(super) refused: Vec<(ObservationId, Code)>,
    /// Sessions whose rights were replaced: what they have not fetched of earlier responses is withheld.
    pub(super) replaced: BTreeSet<SessionId>,
}

impl ResourceServer {
    /// Tells an observer the new state of a resource. If the token of the observer has ended or covers the resource no
    /// longer, it gets that to know instead, and the observation ends. An observation that does not run is left alone.
    ///
    /// Applications notify by this and not by the handle itself, which does not know of rights.
    pub async fn notify(&self, handle: &Handle, observation: ObservationId, response: Response) {
        if let Some(response) = self.checked_notification(observation, response) {
            handle.notify(observation, response).await;
        }
    }

    /// What may be sent to an observer at this moment; `None` if it does not observe.
    pub(super) fn checked_notification(
        &self,
        observation: ObservationId,
        response: Response,
    ) -> Option<Response> {
        let now = self.clock.now();
        let mut state = self.state();
        let observed = state.sessions.observed(observation)?;
        // RFC 9200 Section 5.10.3: when the token ends, a running observation gets 4.01 and is removed.
        let refusal = state.refusal(observed, now);
        if refusal.is_some() || !response.code.is_success() {
            // RFC 7641 Section 4.2: an error response ends the observation.
            state.sessions.forget(observation);
        }
        drop(state);
        Some(refusal.map_or(response, |code| self.refused(code)))
    }

    /// The answer to a request that the resource was asked for: with the observation, if the resource and the rights
    /// allow it.
    pub(super) fn begin_observation(
        &self,
        context: &Context,
        (target, method): (String, Code),
        response: Response,
    ) -> Response {
        let Some(observation) = context
            .observation
            .filter(|_| response.is_observable() && response.code.is_success())
        else {
            return response;
        };
        let now = self.clock.now();
        let mut state = self.state();
        let observed = Observed {
            observation,
            target,
            method,
        };
        // The rights may have changed while the resource worked: then nothing begins that nobody would end.
        if let Some(code) = state.refusal(&observed, now) {
            drop(state);
            return self.refused(code);
        }
        // A token that is asked about again and again begins none, as nothing would ask while it runs.
        let asked_about = state
            .token_of(context.session, now)
            .is_some_and(|entry| entry.question.is_some());
        if !asked_about && state.sessions.observe(observed) {
            response
        } else {
            // RFC 7641 Section 4.1: a server that does not add the client to its list answers without Observe.
            let mut plain = Response::new(response.code);
            plain.options = response.options;
            plain.payload = response.payload;
            plain
        }
    }

    pub(super) fn forget_observation(&self, observation: ObservationId) {
        self.state().sessions.forget(observation);
    }

    /// A refusal in its full form.
    pub(super) fn refused(&self, code: Code) -> Response {
        if code == Code::UNAUTHORIZED {
            self.unauthorized()
        } else {
            Response::new(code)
        }
    }
}

impl State {
    /// The live token of the key that a session proved.
    pub(super) fn token_of(&self, session: SessionId, now: UnixSeconds) -> Option<&Entry> {
        let key = self.sessions.key(session)?;
        self.tokens
            .get(&key.key_id, now)
            .filter(|entry| entry.generation == key.generation)
    }

    /// Why an observation may not go on.
    fn refusal(&self, observed: &Observed, now: UnixSeconds) -> Option<Code> {
        let entry = self.token_of(observed.observation.session(), now);
        access::refuse(entry, &observed.target, observed.method)
    }

    /// The token of this key was replaced: what the new one does not cover ends.
    // RFC 9202 Section 4: the authorization information is replaced, at once and for everything that runs.
    pub(super) fn end_refused_observations(&mut self, entry: &Entry) {
        let refused = self.sessions.take_refused(entry.generation, |observed| {
            access::refuse(Some(entry), &observed.target, observed.method)
        });
        self.endings.refused.extend(refused);
        let sessions = self.sessions.of_generation(entry.generation);
        self.endings.replaced.extend(sessions);
    }
}

/// What an observation is judged by: the target and the method of its request.
pub(super) fn judged_by(request: &Request) -> (String, Code) {
    (access::target(request).unwrap_or_default(), request.method)
}
