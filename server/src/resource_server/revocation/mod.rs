//! What a resource server does with revoked tokens (RFC 9770 Section 11.1).

mod hashes;
mod storage;

use motekey_cose::revocation::{RevocationContent, RevocationResponse, TokenHash};

pub(super) use hashes::RevokedHashes;
pub use storage::{HeldHash, RevocationStorage, VolatileRevocations};

use super::admission::TokenRefusal;
use super::token_table::{Candidate, Removed};
use super::{ResourceServer, State};
use crate::clock::UnixSeconds;

impl ResourceServer {
    /// Takes an answer of the revocation list into account; gives the number of stored tokens that it ended.
    pub(super) fn apply_revocations(&self, list: &RevocationResponse) -> usize {
        let mut guard = self.state();
        let state = &mut *guard;
        let mut removed = Vec::new();
        match &list.content {
            RevocationContent::Full(hashes) => {
                for hash in hashes {
                    self.hold(state, hash, &mut removed);
                }
                state.revoked.only_listed(hashes);
            }
            RevocationContent::Diff(updates) => {
                // The newest stands first; what was removed after it was added has expired.
                for update in updates.iter().rev() {
                    for hash in &update.added {
                        self.hold(state, hash, &mut removed);
                    }
                    for hash in &update.removed {
                        state.revoked.not_listed(hash);
                    }
                }
            }
        }
        self.note_removed(state, &removed);
        self.tidy_hashes(state);
        drop(guard);
        // Sessions end now, and not with the next sweep.
        self.endings.notify_one();
        removed.len()
    }

    /// Holds the hash of a revoked token, and drops the token.
    // RFC 9770 Section 11.1: the token is expunged, its hash is not.
    fn hold(&self, state: &mut State, hash: &TokenHash, removed: &mut Vec<Removed>) {
        // A token whose hash is held already was not stored.
        let known = state.revoked.contains(hash);
        let gone = if known {
            None
        } else {
            state.tokens.revoke(hash)
        };
        let evicted = state.revoked.hold(*hash);
        self.fold_sequence(state, evicted);
        if let Some(gone) = gone {
            state.revoked.seen(
                hash,
                Some(gone.expires_at),
                gone.sequence.map(|(number, _)| number),
            );
            removed.push(gone);
        }
    }

    /// RFC 9770 Section 11.1: a token whose hash is held is not accepted.
    pub(super) fn refuse_revoked(
        &self,
        state: &mut State,
        candidate: &Candidate,
    ) -> Result<(), TokenRefusal> {
        // The client can write the other signature of ES256: then the hash of its twin is the one in the list.
        let hashes = std::iter::once(candidate.digest).chain(candidate.twin);
        let Some(hash) = hashes.into_iter().find(|hash| state.revoked.contains(hash)) else {
            return Ok(());
        };
        // Of a token with exi the time begins when it is accepted, so its end is not known.
        let end = candidate.sequence.is_none().then_some(candidate.expires_at);
        self.note_revoked(state, &hash, end, candidate.sequence);
        Err(TokenRefusal::Revoked)
    }

    /// A token came that was revoked. Its end is known unless it begins to count when the token is accepted.
    pub(super) fn note_revoked(
        &self,
        state: &mut State,
        hash: &TokenHash,
        end: Option<UnixSeconds>,
        sequence: Option<u64>,
    ) {
        state.revoked.seen(hash, end, sequence);
        self.tidy_hashes(state);
    }

    /// Drops the hashes that are of no use any more, and saves the others if any changed.
    pub(super) fn tidy_hashes(&self, state: &mut State) {
        let highest = state.revoked.drop_finished(self.clock.now());
        self.fold_sequence(state, highest);
        if let Some(storage) = &self.revocation_storage
            && state.revoked.take_changed()
        {
            storage.save(&state.revoked.held());
        }
    }

    // RFC 9770 Section 11.1: before a hash is dropped, the sequence number of its token is taken into the highest one of
    // an expired token.
    fn fold_sequence(&self, state: &mut State, sequence: Option<u64>) {
        let Some(sequence) = sequence else {
            return;
        };
        state.spent.expired(sequence);
        if let Some(storage) = &self.sequence_storage {
            storage.accepted(sequence);
        }
    }
}
