//! The authz-info endpoint (RFC 9200 Section 5.10.1), open to everybody, and the storing of tokens.

use std::net::SocketAddr;

use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::token::TokenError;

use super::admission::{LONGEST_TOKEN, TokenRefusal};
use super::link::Introspected;
use super::received::Received;
use super::token_table::{Candidate, Entry, Removed, Stored};
use super::{ResourceServer, State};
use crate::clock::UnixSeconds;
use crate::event::{Arrival, Event, TokenEnd};

/// Seconds after which a peer may upload again that was turned away.
const RETRY_AFTER: u32 = 2;

impl ResourceServer {
    /// Answers a request to authz-info.
    pub(super) async fn authz_info(&self, peer: SocketAddr, request: &Request) -> Response {
        // RFC 9200 Section 5.10.1.2: nothing but POST.
        if request.method != Code::POST {
            return Response::new(Code::METHOD_NOT_ALLOWED);
        }
        let now = self.clock.now();
        // RFC 9200 Section 5.10.1.2: uploads are limited, as anybody can send them.
        if !self.state().uploads.take(peer.ip(), now) {
            return Response::new(Code::TOO_MANY_REQUESTS).max_age(RETRY_AFTER);
        }
        if let Err(response) = self.check_format(request) {
            return response;
        }
        // A signature is verified here: not on the task that serves the socket.
        tokio::task::yield_now().await;
        match self.take_upload(&request.payload, now).await {
            // RFC 9200 Section 5.10.1: 2.01.
            Ok(_) => Response::new(Code::CREATED),
            // RFC 9200 Section 5.3.1: the client needs the nonce for its next token request, so it gets one at once.
            Err(TokenRefusal::Nonce) => self.unauthorized(),
            Err(refusal) => Response::new(refusal.code()),
        }
    }

    async fn take_upload(&self, token: &[u8], now: UnixSeconds) -> Result<Entry, TokenRefusal> {
        let outcome = async {
            let received = self.measure(token)?;
            if let Some(entry) = self.known(&received, now) {
                return Ok(entry);
            }
            let candidate = self.judge_upload(&received, now).await?;
            self.keep(candidate, Arrival::Upload, now)
        };
        self.told(outcome.await, Arrival::Upload)
    }

    /// RFC 9200 Section 5.10.1: a CWT comes as application/cwt.
    fn check_format(&self, request: &Request) -> Result<(), Response> {
        // The payload decides what is no token, so an empty one is not a matter of its format.
        if request.payload.is_empty() {
            return Ok(());
        }
        let lenient = self.lenient_content_format
            && request.options.content_format() == Some(ContentFormat::ACE_CBOR);
        // RFC 9200 Section 5.10.1: a token without a format of its own, by reference for instance.
        let opaque = self.introspection.is_some()
            && request.options.content_format() == Some(ContentFormat::OCTET_STREAM);
        if lenient || opaque {
            Ok(())
        } else {
            request
                .require_content_format(ContentFormat::CWT)
                .map(|_| ())
        }
    }

    /// Verifies and stores a token that came as PSK identity. The same token again is found without being verified again.
    pub(super) fn take_identity(
        &self,
        token: &[u8],
        now: UnixSeconds,
    ) -> Result<Entry, TokenRefusal> {
        let outcome = self.measure(token).and_then(|received| {
            if let Some(entry) = self.known(&received, now) {
                return Ok(entry);
            }
            let candidate = self.judge(&received, now)?;
            let all = Introspected::All;
            // The handshake cannot wait for an answer of the authorization server.
            if self
                .introspection
                .as_ref()
                .is_some_and(|settings| settings.which == all)
            {
                return Err(TokenRefusal::NotIntrospected);
            }
            self.keep(candidate, Arrival::Identity, now)
        });
        self.told(outcome, Arrival::Identity)
    }

    fn told(
        &self,
        outcome: Result<Entry, TokenRefusal>,
        by: Arrival,
    ) -> Result<Entry, TokenRefusal> {
        if let Err(refusal) = &outcome {
            self.subscribers.tell(|| Event::TokenRefused {
                by,
                check: refusal.check(),
                code: refusal.code(),
                detail: refusal.to_string(),
            });
        }
        outcome
    }

    fn measure<'a>(&self, token: &'a [u8]) -> Result<Received<'a>, TokenRefusal> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenRefusal::TooLong);
        }
        Ok(self.receive(token))
    }

    fn known(&self, received: &Received<'_>, now: UnixSeconds) -> Option<Entry> {
        self.state().tokens.by_digest(&received.hash, now).cloned()
    }

    /// Verifies a token (RFC 9200 Section 5.10.1.1). Without the lock, as a signature takes its time.
    pub(super) fn judge(
        &self,
        received: &Received<'_>,
        now: UnixSeconds,
    ) -> Result<Candidate, TokenRefusal> {
        let judged = self.admit(&received.token, received.hash, now);
        if let Err(TokenRefusal::Verification(TokenError::Expired)) = &judged {
            // RFC 9770 Section 11.1: of a revoked token it is known now that it was seen and has expired.
            self.note_revoked(&mut self.state(), &received.hash, Some(now), None);
        }
        judged
    }

    /// Stores a token that passed every check.
    fn keep(
        &self,
        candidate: Candidate,
        by: Arrival,
        now: UnixSeconds,
    ) -> Result<Entry, TokenRefusal> {
        let (key_id, sequence) = (candidate.key_id.clone(), candidate.sequence);
        self.refuse_revoked(&mut self.state(), &candidate)?;
        if let (Some(sequence), Some(storage)) = (sequence, &self.sequence_storage) {
            check_sequence(&mut self.state(), sequence, now)?;
            // Noted before the token gives rights: at worst a token that the table then refuses is noted too. Without
            // the lock, as it is written durably.
            storage.accepted(sequence);
        }
        let mut removed = Vec::new();
        let mut guard = self.state();
        let state = &mut *guard;
        self.refuse_revoked(state, &candidate)?;
        if let Some(sequence) = sequence {
            check_sequence(state, sequence, now)?;
        }
        let stored = state
            .tokens
            .insert(candidate, now, &mut removed)
            .map_err(TokenRefusal::Conflict)?;
        self.note_removed(state, &removed);
        let entry = state
            .tokens
            .get(&key_id, now)
            .cloned()
            .ok_or(TokenRefusal::NoEnd)?;
        if stored == Stored::Replaced {
            state.end_refused_observations(&entry);
        }
        drop(guard);
        self.endings.notify_one();
        self.subscribers.tell(|| Event::TokenAccepted {
            by,
            client: entry.client.clone(),
            key_id: key_id.to_vec(),
            expires_at: entry.expires_at,
            replaced: stored == Stored::Replaced,
        });
        Ok(entry)
    }

    /// Tells of tokens that are gone and remembers their sequence numbers.
    pub(super) fn note_removed(&self, state: &mut State, removed: &[Removed]) {
        for gone in removed {
            match (gone.sequence, gone.why) {
                (None, _) => {}
                // RFC 9200 Section 5.10.3: the highest sequence number of an expired token is kept.
                (Some((sequence, _)), TokenEnd::Expired) => state.spent.expired(sequence),
                (Some((sequence, end)), _) => state.spent.dropped(sequence, end),
            }
            if gone.why != TokenEnd::Replaced {
                let orphans = state.sessions.take_orphans(gone.generation);
                state.endings.orphans.extend(orphans);
            }
            self.subscribers.tell(|| Event::TokenEnded {
                key_id: gone.key_id.to_vec(),
                why: gone.why,
            });
        }
    }
}

/// Whether a token with this number may be stored. The very token that is stored was found before by its digest.
fn check_sequence(state: &mut State, sequence: u64, now: UnixSeconds) -> Result<(), TokenRefusal> {
    state.spent.sweep(now);
    if state.spent.contains(sequence) {
        Err(TokenRefusal::SequenceEnded)
    } else {
        Ok(())
    }
}
