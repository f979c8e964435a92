//! Tokens that the authorization server is asked about: when they come, and again while they are used.

use motekey_coap::driver::Context;
use motekey_coap::message::{Code, Response};
use motekey_cose::token::TokenError;

use super::ResourceServer;
use super::admission::TokenRefusal;
use super::link::{Introspected, IntrospectionFailure};
use super::received::Received;
use super::token_table::{Candidate, Digest, Question};
use crate::clock::UnixSeconds;

/// Seconds after which a peer may try again that was refused because the authorization server cannot be reached.
const RETRY_AFTER: u32 = 5;

impl ResourceServer {
    /// Checks a token that came by authz-info, with a question where one is due.
    pub(super) async fn judge_upload(
        &self,
        received: &Received<'_>,
        now: UnixSeconds,
    ) -> Result<Candidate, TokenRefusal> {
        let judged = self.judge(received, now);
        let Some(settings) = &self.introspection else {
            return judged;
        };
        let local = match (judged, settings.which) {
            (Ok(candidate), Introspected::References) => return Ok(candidate),
            (Ok(candidate), Introspected::All) => Some(candidate),
            // RFC 9200 Section 5.10.1.1: what is no token here may be one by reference.
            (Err(TokenRefusal::Verification(TokenError::NotAToken(_))), _) => None,
            (Err(refusal), _) => return Err(refusal),
        };
        let answer = self.ask_about(&received.token).await;
        let claims = answer.map_err(TokenRefusal::Introspection)?;
        let candidate = match local {
            Some(candidate) => candidate,
            None => self.admit_introspected(&claims, received.hash, now)?,
        };
        Ok(Candidate {
            question: Some(Question {
                token: received.token.as_ref().into(),
                asked_at: now,
            }),
            ..candidate
        })
    }

    /// Before a request is looked at: asks again about its token if the last answer is too old.
    ///
    /// # Errors
    /// 5.03: there is no answer, and so no access.
    pub(super) async fn ask_again(&self, context: &Context) -> Result<(), Response> {
        let Some((digest, question)) = self.question_due(context) else {
            return Ok(());
        };
        let outcome = self.ask_about(&question.token).await;
        let now = self.clock.now();
        let mut guard = self.state();
        let state = &mut *guard;
        match outcome {
            Ok(_) => {
                state.tokens.answered(&digest, now);
                Ok(())
            }
            Err(IntrospectionFailure::Inactive) => {
                // The request finds no token; its session ends.
                let removed: Vec<_> = state.tokens.revoke(&digest).into_iter().collect();
                self.note_removed(state, &removed);
                self.endings.notify_one();
                Ok(())
            }
            // RFC 9200 Section 6.10: no access with a token for which the authorization server could not be reached.
            Err(IntrospectionFailure::Unreachable(_)) => {
                Err(Response::new(Code::SERVICE_UNAVAILABLE).max_age(RETRY_AFTER))
            }
        }
    }

    fn question_due(&self, context: &Context) -> Option<(Digest, Question)> {
        let settings = self.introspection.as_ref()?;
        let now = self.clock.now();
        let state = self.state();
        if !context.secure {
            return None;
        }
        let entry = state.token_of(context.session, now)?;
        let question = entry.question.as_ref()?;
        let age = now.saturating_sub(question.asked_at);
        // A clock that goes back makes no answer younger.
        let fresh = u64::try_from(age).is_ok_and(|age| age < settings.cache_seconds);
        (!fresh).then(|| (entry.digest, question.clone()))
    }
}
