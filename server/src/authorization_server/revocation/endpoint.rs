//! The endpoint of the Token Revocation List (RFC 9770 Section 6).

use motekey_coap::dtls::PeerIdentity;
use motekey_coap::endpoint::ObservationId;
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::revocation::{
    RevocationContent, RevocationProblem, RevocationQuery, RevocationResponse,
};

use super::acknowledgements::AcknowledgedBy;
use super::answer::answer;
use super::observers::Observer;
use super::settings::RevocationSettings;
use crate::authorization_server::AuthorizationServer;
use crate::event::Event;
use crate::registry::Party;
use crate::store::{Requester, StoreError};

impl AuthorizationServer {
    /// Answers a request to the revocation list. `peer` is who the DTLS handshake showed. With `observation` the peer
    /// may be told of changes.
    pub(in crate::authorization_server) async fn revocation_list(
        &self,
        settings: &RevocationSettings,
        peer: Option<&PeerIdentity>,
        observation: Option<ObservationId>,
        request: &Request,
    ) -> Response {
        // RFC 9770 Section 6: the endpoint takes GET only.
        if request.method != Code::GET {
            return Response::new(Code::METHOD_NOT_ALLOWED);
        }
        // RFC 9770 Section 6: secured channels only, registered devices and administrators only.
        let Some(requester) = self.requester(peer) else {
            return Response::new(Code::UNAUTHORIZED);
        };
        if let Err(refusal) = request.require_accept(&[ContentFormat::ACE_TRL_CBOR]) {
            return refusal;
        }
        let queries = request.queries();
        let query = RevocationQuery::parse(
            queries.iter().map(String::as_str),
            settings.queries.support(),
        );
        let view = match self.store.revocations(&requester).await {
            Ok(view) => view,
            Err(error) => return self.unavailable(&error),
        };
        let answer = match answer(&view, query, settings.queries) {
            Ok(answer) => answer,
            Err(problem) => return refuse(&problem),
        };
        // Without a cursor, updates do not show what came before them.
        let from_a_state = match query {
            Ok(RevocationQuery::Diff { cursor, .. }) => cursor.is_some(),
            _ => true,
        };
        if from_a_state && answer.more != Some(true) {
            self.acknowledged(&requester, view.count, AcknowledgedBy::Query);
        }
        let observed = match (observation, query) {
            (Some(observation), Ok(query)) => {
                let observer = Observer::new(requester.clone(), query, view.count);
                self.observers.add(observation, observer)
            }
            _ => false,
        };
        if observed {
            self.mark_if_changed(&requester, view.count).await;
            observable(settings, &answer)
        } else {
            // What is revoked a moment later must not be hidden by a cache.
            content(&answer).max_age(0)
        }
    }

    /// The notifications that are due: each observer gets the answer to its query anew.
    pub(in crate::authorization_server) async fn due_notifications(
        &self,
    ) -> Vec<(ObservationId, Response)> {
        let Some(settings) = &self.revocation else {
            return Vec::new();
        };
        let mut notifications = Vec::new();
        for (observation, observer) in self.observers.take_due() {
            let view = match self.store.revocations(&observer.requester).await {
                Ok(view) => view,
                Err(error) => {
                    self.unavailable(&error);
                    self.observers.mark(|other| *other == observer.requester);
                    break;
                }
            };
            // RFC 9770 Section 11: observers whose part of the list has not changed are not told.
            if view.count == observer.told {
                continue;
            }
            self.observers.told(observation, view.count);
            let response = match answer(&view, Ok(observer.query), settings.queries) {
                Ok(answer) => {
                    let response = observable(settings, &answer);
                    match self.completes(&observer.requester, &answer, view.count) {
                        true => response.with_receipt(view.count),
                        false => response,
                    }
                }
                Err(problem) => refuse(&problem),
            };
            notifications.push((observation, response));
        }
        notifications
    }

    /// Whether a requester that gets this answer knows all: updates tell only of those who know what was before them.
    fn completes(&self, requester: &Requester, answer: &RevocationResponse, count: u64) -> bool {
        match &answer.content {
            RevocationContent::Full(_) => true,
            RevocationContent::Diff(updates) => {
                let known = self.last_acknowledged(requester).unwrap_or_default();
                usize::try_from(count.saturating_sub(known)).is_ok_and(|new| new <= updates.len())
            }
        }
    }

    /// Who a peer is to the list.
    fn requester(&self, peer: Option<&PeerIdentity>) -> Option<Requester> {
        let snapshot = self.current.get();
        let party = snapshot.party(peer?)?;
        Some(match party {
            Party::Device(device) if device.administrator => Requester::Administrator,
            party => Requester::Party(party.name().clone()),
        })
    }

    /// An update that came between the answer and the entry of the observer would be lost otherwise.
    async fn mark_if_changed(&self, requester: &Requester, count: u64) {
        let view = self.store.revocations(requester).await;
        if !view.is_ok_and(|view| view.count == count) {
            self.observers.mark(|other| other == requester);
        }
    }

    fn unavailable(&self, error: &StoreError) -> Response {
        self.subscribers.tell(|| Event::StoreFailed {
            operation: "revocations",
            detail: error.to_string(),
        });
        Response::new(Code::SERVICE_UNAVAILABLE)
    }
}

/// RFC 9770 Section 7: 2.05, Content-Format application/ace-trl+cbor.
fn content(answer: &RevocationResponse) -> Response {
    Response::new(Code::CONTENT).with_payload(ContentFormat::ACE_TRL_CBOR, answer.encode())
}

fn observable(settings: &RevocationSettings, answer: &RevocationResponse) -> Response {
    content(answer)
        .max_age(settings.observation_lifetime)
        .observable()
}

/// RFC 9770 Section 6.1: 4.00 with concise problem details.
fn refuse(problem: &RevocationProblem) -> Response {
    Response::new(Code::BAD_REQUEST)
        .with_payload(ContentFormat::CONCISE_PROBLEM_DETAILS, problem.encode())
}
