//! The resource-server library (RFC 9200 Section 5.10, RFC 9202): tokens in, authorized requests out.
//!
//! A [`ResourceServer`] answers `authz-info` itself and holds the tokens. It is the source of credentials of the DTLS
//! backend, so that only peers with a valid token get a session. Each request is checked against the token of its
//! session; what passes reaches a [`Resource`] together with an [`Authorized`], everything else is answered here.
//!
//! With an [`AuthorizationServerLink`] it introspects tokens (RFC 9200 Section 5.9) and follows the revocation list
//! (RFC 9770): a revoked token ends its sessions at once.
//!
//! What the network can fill is bounded: the token table ([`Limits::tokens`]), the hashes of revoked tokens
//! ([`Limits::revoked_tokens`]), the sessions (by the endpoint, which tells their ends), the observations of each session
//! ([`Limits::observations`]), and the tables of allowances (4 kB each).

mod access;
mod admission;
mod authz_info;
mod builder;
mod cnonce;
mod identity;
mod introspected;
mod limits;
mod link;
mod observations;
mod proof_key;
mod protected;
mod received;
mod reserved;
mod resource;
mod revocation;
mod rights;
mod sequence;
mod sessions;
mod start;
#[cfg(test)]
mod tests;
mod token_table;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use motekey_coap::dtls::{CredentialSource, KeyPair, PeerIdentity, PreSharedKey, SessionId};
use motekey_cose::crypto::CryptoProvider;
use motekey_cose::scope::Scope;
use motekey_cose::token::TrustedIssuers;

pub use builder::{BuildError, ResourceServerBuilder};
pub use limits::Limits;
pub use link::{AuthorizationServerLink, Introspected, Introspection, Revocation};
pub use resource::{Authorized, Resource, ResponseFuture};
pub use revocation::{HeldHash, RevocationStorage, VolatileRevocations};
pub use sequence::{SequenceStorage, VolatileSequence};

use crate::certificates::Certificates;
use crate::clock::Clock;
use crate::event::{Event, Subscribers};
use crate::rate_limit::RateLimit;
use cnonce::NonceMaker;
use identity::TokenCredentials;
use link::Uplink;
use observations::Endings;
use revocation::RevokedHashes;
use rights::Meanings;
use sequence::SpentSequences;
use sessions::{Orphan, ProvenKey, Sessions};
use token_table::TokenTable;

/// A resource server without its sockets.
pub struct ResourceServer {
    identifier: String,
    /// What it shows in RawPublicKey mode.
    key_pair: Option<KeyPair>,
    /// What it shows and whom it believes in certificate mode.
    certificates: Option<Certificates>,
    audiences: Vec<String>,
    issuers: TrustedIssuers,
    /// By issuer: what proof-of-possession keys are derived from.
    derivation_keys: Vec<(String, PreSharedKey)>,
    authorization_server: Option<String>,
    scope_hint: Option<Scope>,
    default_scope: Option<Scope>,
    meanings: Meanings,
    nonces: Option<NonceMaker>,
    sequence_storage: Option<Box<dyn SequenceStorage>>,
    resources: HashMap<String, Arc<dyn Resource>>,
    fallback: Option<Arc<dyn Resource>>,
    authz_info_path: String,
    lenient_content_format: bool,
    crypto: CryptoProvider,
    clock: Arc<dyn Clock>,
    subscribers: Subscribers,
    /// Until the server is started.
    link: Mutex<Option<AuthorizationServerLink>>,
    uplink: OnceLock<Arc<Uplink>>,
    introspection: Option<Introspection>,
    /// Questions to the authorization server at a time.
    questions: tokio::sync::Semaphore,
    /// Whether the revocation list is followed.
    follows_list: bool,
    revocation_storage: Option<Box<dyn RevocationStorage>>,
    state: Mutex<State>,
    /// Rung when there is something in [`State::endings`].
    endings: tokio::sync::Notify,
}

/// What changes. Held for short work in memory only: never while a signature is checked or anything is written.
#[derive(Debug)]
struct State {
    tokens: TokenTable,
    sessions: Sessions,
    endings: Endings,
    uploads: RateLimit,
    /// Tokens that come as identity share one allowance: who sends them is not known in the handshake.
    identities: RateLimit,
    revoked: RevokedHashes,
    /// The sequence numbers of tokens with `exi` that are over.
    spent: SpentSequences,
}

impl ResourceServer {
    /// Begins to configure a server that `name` names in tokens (`aud`).
    pub fn builder(name: &str) -> ResourceServerBuilder {
        ResourceServerBuilder::new(name)
    }

    /// The keys of the stored tokens, for the DTLS backend. A token that comes as PSK identity is stored by asking.
    pub fn credentials(self: &Arc<Self>) -> Arc<dyn CredentialSource> {
        Arc::new(TokenCredentials(self.clone()))
    }

    /// How many tokens are held.
    pub fn tokens(&self) -> usize {
        self.state().tokens.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the lock would leave one operation undone; each of them leaves the maps consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A handshake ended well: the peer proved the key that its identity selects.
    fn bind_session(&self, session: SessionId, identity: Option<&PeerIdentity>) {
        let now = self.clock.now();
        let mut state = self.state();
        let entry = identity.and_then(|identity| self.proven_key(&state, identity, now));
        let client = entry.as_ref().and_then(|entry| entry.client.clone());
        match entry {
            Some(entry) => {
                state.tokens.mark_used(&entry.key_id);
                let (key_id, generation) = (entry.key_id, entry.generation);
                state
                    .sessions
                    .bind(session, ProvenKey { key_id, generation });
            }
            // The token ended during the handshake: a session without rights, which is closed.
            None => {
                state.endings.orphans.push(Orphan {
                    session,
                    observations: Vec::new(),
                });
                self.endings.notify_one();
            }
        }
        drop(state);
        self.subscribers
            .tell(|| Event::SessionOpened { session, client });
    }

    fn unbind_session(&self, session: SessionId, reason: &str) {
        let now = self.clock.now();
        let mut state = self.state();
        if let Some(key) = state.sessions.remove(session) {
            state.tokens.mark_idle(&key, now);
        }
        drop(state);
        self.subscribers.tell(|| Event::SessionClosed {
            session,
            reason: reason.to_owned(),
        });
    }

    /// Removes tokens that have ended, and takes what their peers are to be told.
    fn sweep(&self) -> Endings {
        let now = self.clock.now();
        let mut state = self.state();
        let removed = state.tokens.sweep(now);
        self.note_removed(&mut state, &removed);
        self.tidy_hashes(&mut state);
        state.spent.sweep(now);
        std::mem::take(&mut state.endings)
    }
}

impl fmt::Debug for ResourceServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ResourceServer")
            .field("identifier", &self.identifier)
            .finish_non_exhaustive()
    }
}
