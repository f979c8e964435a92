//! The tokens that a resource server holds: one for each proof-of-possession key.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use motekey_cose::revocation::TokenHash;

use super::proof_key::ProofKey;
use super::reserved::{HANDSHAKE_TIME, Holder, Reserved};
use super::rights::Rights;
use super::sessions::ProvenKey;
use crate::clock::UnixSeconds;
use crate::event::TokenEnd;

/// The hash of a token as the revocation list has it; tokens are found by it anyway.
pub(super) type Digest = TokenHash;

/// A verified token, ready to be stored.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) digest: Digest,
    pub(super) key_id: Arc<[u8]>,
    /// The key, unless the token only names it.
    pub(super) key: Option<ProofKey>,
    /// The key is that of a new key id only; a known one keeps its own.
    pub(super) derived: bool,
    /// Which trusted issuer protected the token.
    pub(super) issuer: Arc<str>,
    pub(super) client: Option<Arc<str>>,
    pub(super) rights: Rights,
    pub(super) issued_at: Option<UnixSeconds>,
    pub(super) token_id: Option<Vec<u8>>,
    pub(super) expires_at: UnixSeconds,
    /// The sequence number of a token with `exi`.
    pub(super) sequence: Option<u64>,
    /// The question that made it good, if one was asked.
    pub(super) question: Option<Question>,
    /// The hash of the other token that verifies as this one does.
    pub(super) twin: Option<Digest>,
}

/// A question to the authorization server about a token.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// The token, at most 4 kB.
    pub(super) token: Arc<[u8]>,
    /// When it was asked last and answered well.
    pub(super) asked_at: UnixSeconds,
}

/// A stored token.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key_id: Arc<[u8]>,
    pub(super) key: ProofKey,
    pub(super) issuer: Arc<str>,
    pub(super) client: Option<Arc<str>>,
    pub(super) rights: Rights,
    pub(super) expires_at: UnixSeconds,
    /// Differs for each key that was ever stored, and stays when a token for the same key takes its place.
    pub(super) generation: u64,
    pub(super) question: Option<Question>,
    twin: Option<Digest>,
    sequence: Option<u64>,
    issued_at: Option<UnixSeconds>,
    token_id: Option<Vec<u8>>,
    pub(super) digest: Digest,
    stored_at: UnixSeconds,
    history: History,
}

/// What became of a key so far; it stays when a token for the same key takes the place of another.
#[derive(Debug, Clone, Copy, Default)]
struct History {
    /// When a handshake last got the key.
    handed_out_at: Option<UnixSeconds>,
    used: bool,
    /// Since when no session goes by the key that did before.
    idle_since: Option<UnixSeconds>,
}

impl Entry {
    /// When it is removed, if nothing happens before.
    fn goes_at(&self, unused_limit: UnixSeconds) -> UnixSeconds {
        if self.history.used {
            self.expires_at
        } else {
            self.expires_at
                .min(self.stored_at.saturating_add(unused_limit))
        }
    }

    /// Its place among those that give way when the table is full, lowest first: what was never used, then what has
    /// no session any more. `None` while a session goes by it.
    fn gives_way(&self) -> Option<(bool, UnixSeconds)> {
        if self.history.used {
            self.history.idle_since.map(|since| (true, since))
        } else {
            Some((false, self.stored_at))
        }
    }

    /// Until when a handshake may run with the key.
    fn in_handshake_until(&self) -> Option<UnixSeconds> {
        self.history
            .handed_out_at
            .map(|begun| begun.saturating_add(HANDSHAKE_TIME))
    }

    fn numbered(&self) -> Option<(u64, UnixSeconds)> {
        self.sequence.map(|sequence| (sequence, self.expires_at))
    }
}

/// What became of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    /// It is new.
    New,
    /// It took the place of the token of the same key.
    Replaced,
    /// It was there already; nothing changed, its end least of all.
    Again,
}

/// Why a verified token is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conflict {
    /// It names a key that is not known here.
    UnknownKey,
    /// Its key id belongs to another key, issuer or client.
    KeyIdTaken,
    /// A newer token of the same key is here.
    Outdated,
    /// The table is full of tokens with live sessions.
    Full,
}

/// A token that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Removed {
    pub(super) key_id: Arc<[u8]>,
    pub(super) why: TokenEnd,
    /// That of its key, which goes with it unless the token was replaced.
    pub(super) generation: u64,
    /// Its sequence number, if it has one, and when it ends or would have ended.
    pub(super) sequence: Option<(u64, UnixSeconds)>,
    pub(super) expires_at: UnixSeconds,
}

/// The table. At most `capacity` tokens, about 1 kB each with a scope of some ten entries, and their own size where they
/// are introspected. When it is full, the token that was never used for the longest time gives way, then the one whose
/// last session ended first: a peer that comes back with a new token each time takes nobody's place. Tokens with a live
/// session or in a handshake never give way; where all are such, new ones are refused.
#[derive(Debug)]
pub(super) struct TokenTable {
    capacity: usize,
    /// Seconds after which a token that was never used is dropped.
    unused_time_limit: u64,
    generations: u64,
    by_key: HashMap<Arc<[u8]>, Entry>,
    by_digest: HashMap<Digest, Arc<[u8]>>,
    /// When each token ends, or is dropped if it stays unused.
    by_end: BTreeSet<(UnixSeconds, Arc<[u8]>)>,
    reserved: Reserved,
}

impl TokenTable {
    pub(super) fn new(capacity: usize, unused_time_limit: u64) -> Self {
        Self {
            capacity,
            unused_time_limit,
            generations: 0,
            by_key: HashMap::new(),
            by_digest: HashMap::new(),
            by_end: BTreeSet::new(),
            reserved: Reserved::default(),
        }
    }

    /// The live token of this key.
    pub(super) fn get(&self, key_id: &[u8], now: UnixSeconds) -> Option<&Entry> {
        // RFC 9202 Section 3.4: whether the token is still valid is checked for every request.
        self.by_key
            .get(key_id)
            .filter(|entry| entry.expires_at > now)
    }

    /// The live token with this digest.
    pub(super) fn by_digest(&self, digest: &Digest, now: UnixSeconds) -> Option<&Entry> {
        self.by_digest
            .get(digest)
            .and_then(|key_id| self.get(key_id, now))
    }

    /// The live token of this key, for a handshake that begins.
    pub(super) fn hand_out(&mut self, key_id: &[u8], now: UnixSeconds) -> Option<Entry> {
        let entry = self
            .by_key
            .get_mut(key_id)
            .filter(|entry| entry.expires_at > now)?;
        entry.history.handed_out_at = Some(now);
        Some(entry.clone())
    }

    /// Notes that the peer proved to have the key.
    pub(super) fn mark_used(&mut self, key_id: &[u8]) {
        let limit = self.unused_limit();
        if let Some(entry) = self.by_key.get_mut(key_id) {
            self.by_end
                .remove(&(entry.goes_at(limit), entry.key_id.clone()));
            entry.history.used = true;
            entry.history.idle_since = None;
            self.by_end
                .insert((entry.goes_at(limit), entry.key_id.clone()));
        }
    }

    /// The last session of this key has ended.
    pub(super) fn mark_idle(&mut self, key: &ProvenKey, now: UnixSeconds) {
        if let Some(entry) = self.by_key.get_mut(&key.key_id)
            && entry.generation == key.generation
        {
            entry.history.idle_since = Some(now);
        }
    }

    /// Stores a verified token. What is removed for it is added to `removed`.
    pub(super) fn insert(
        &mut self,
        candidate: Candidate,
        now: UnixSeconds,
        removed: &mut Vec<Removed>,
    ) -> Result<Stored, Conflict> {
        if let Some(entry) = self.get(&candidate.key_id, now) {
            if entry.digest == candidate.digest {
                // RFC 9200 Section 5.10.3: exi counts from the first time; a second upload lengthens nothing.
                return Ok(Stored::Again);
            }
            check_update(entry, &candidate)?;
            let key = entry.key.clone();
            let (history, generation) = (entry.history, entry.generation);
            let (sequence, expires_at) = (entry.numbered(), entry.expires_at);
            let key_id = entry.key_id.clone();
            let digest = entry.digest;
            self.by_digest.remove(&digest);
            // RFC 9200 Section 5.10.1, RFC 9202 Section 4: the new token replaces the rights of the key completely.
            self.put(candidate, key, history, generation, now);
            if sequence.is_some() {
                removed.push(Removed {
                    key_id,
                    why: TokenEnd::Replaced,
                    generation,
                    expires_at,
                    sequence,
                });
            }
            return Ok(Stored::Replaced);
        }
        let key = candidate.key.clone().ok_or(Conflict::UnknownKey)?;
        self.remove(&candidate.key_id.clone(), TokenEnd::Expired, removed);
        // A handshake that runs with the old key would end with the rights of the new one.
        if let Some(holder) = self.reserved.holder(&candidate.key_id, now)
            && !(key.same(&holder.key)
                && candidate.issuer == holder.issuer
                && candidate.client == holder.client)
        {
            return Err(Conflict::KeyIdTaken);
        }
        self.make_room(now, removed)?;
        self.generations += 1;
        self.put(candidate, key, History::default(), self.generations, now);
        Ok(Stored::New)
    }

    /// Removes what has expired (RFC 9202 Section 5) and what was never used for too long (RFC 9202 Section 7). Costs what
    /// it removes.
    pub(super) fn sweep(&mut self, now: UnixSeconds) -> Vec<Removed> {
        self.reserved.sweep(now);
        let mut removed = Vec::new();
        while let Some((end, key_id)) = self.by_end.first().cloned()
            && end <= now
        {
            let expired = self.get(&key_id, now).is_none();
            let why = if expired {
                TokenEnd::Expired
            } else {
                TokenEnd::Unused
            };
            self.by_end.remove(&(end, key_id.clone()));
            self.remove(&key_id, why, &mut removed);
        }
        removed
    }

    /// Removes the token with this hash: it was revoked.
    pub(super) fn revoke(&mut self, digest: &Digest) -> Option<Removed> {
        let key_id = match self.by_digest.get(digest) {
            Some(key_id) => key_id.clone(),
            None => {
                let twin = |entry: &&Entry| entry.twin.as_ref() == Some(digest);
                self.by_key.values().find(twin)?.key_id.clone()
            }
        };
        let mut removed = Vec::new();
        self.remove(&key_id, TokenEnd::Revoked, &mut removed);
        removed.pop()
    }

    /// The authorization server said of a token that it is good.
    pub(super) fn answered(&mut self, digest: &Digest, now: UnixSeconds) {
        let entry = self
            .by_digest
            .get(digest)
            .and_then(|key_id| self.by_key.get_mut(key_id));
        if let Some(question) = entry.and_then(|entry| entry.question.as_mut()) {
            question.asked_at = now;
        }
    }

    /// How many tokens are held, expired ones that were not swept yet included.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    fn put(
        &mut self,
        candidate: Candidate,
        key: ProofKey,
        history: History,
        generation: u64,
        now: UnixSeconds,
    ) {
        self.by_digest
            .insert(candidate.digest, candidate.key_id.clone());
        let entry = Entry {
            key_id: candidate.key_id.clone(),
            key,
            issuer: candidate.issuer,
            client: candidate.client,
            rights: candidate.rights,
            expires_at: candidate.expires_at,
            generation,
            question: candidate.question,
            twin: candidate.twin,
            sequence: candidate.sequence,
            issued_at: candidate.issued_at,
            token_id: candidate.token_id,
            digest: candidate.digest,
            stored_at: now,
            history,
        };
        let limit = self.unused_limit();
        self.by_end
            .insert((entry.goes_at(limit), entry.key_id.clone()));
        if let Some(old) = self.by_key.insert(candidate.key_id, entry)
            && let Some(new) = self.by_key.get(&old.key_id)
            && new.goes_at(limit) != old.goes_at(limit)
        {
            self.by_end.remove(&(old.goes_at(limit), old.key_id));
        }
    }

    fn remove(&mut self, key_id: &[u8], why: TokenEnd, removed: &mut Vec<Removed>) {
        if let Some(entry) = self.by_key.remove(key_id) {
            self.by_digest.remove(&entry.digest);
            let goes_at = entry.goes_at(self.unused_limit());
            self.by_end.remove(&(goes_at, entry.key_id.clone()));
            if let Some(end) = entry.in_handshake_until() {
                let holder = Holder {
                    key: entry.key.clone(),
                    issuer: entry.issuer.clone(),
                    client: entry.client.clone(),
                };
                self.reserved.keep(entry.key_id.clone(), holder, end);
            }
            removed.push(Removed {
                why,
                generation: entry.generation,
                sequence: entry.numbered(),
                expires_at: entry.expires_at,
                key_id: entry.key_id,
            });
        }
    }

    fn unused_limit(&self) -> UnixSeconds {
        i64::try_from(self.unused_time_limit).unwrap_or(i64::MAX)
    }

    fn make_room(&mut self, now: UnixSeconds, removed: &mut Vec<Removed>) -> Result<(), Conflict> {
        if self.by_key.len() + self.reserved.len() < self.capacity {
            return Ok(());
        }
        self.reserved.sweep(now);
        if self.by_key.len() + self.reserved.len() < self.capacity {
            return Ok(());
        }
        let oldest = self
            .by_key
            .values()
            .filter(|entry| entry.in_handshake_until().is_none_or(|end| end <= now))
            .filter_map(|entry| Some((entry.gives_way()?, &entry.key_id)))
            .min_by_key(|(order, _)| *order)
            .map(|(_, key_id)| key_id.clone())
            .ok_or(Conflict::Full)?;
        self.remove(&oldest, TokenEnd::Evicted, removed);
        Ok(())
    }
}

/// Whether a token may take the place of the one that is stored for its key id.
fn check_update(entry: &Entry, candidate: &Candidate) -> Result<(), Conflict> {
    let same_key = candidate.derived
        || candidate
            .key
            .as_ref()
            .is_none_or(|key| key.same(&entry.key));
    let same_client = match (&entry.client, &candidate.client) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    // RFC 9202 Section 4: only a token for the very key of the session changes its rights. RFC 8747 Section 3.4: two
    // keys with one key id are never mixed up.
    if !same_key || !same_client || entry.issuer != candidate.issuer {
        return Err(Conflict::KeyIdTaken);
    }
    // RFC 9202 Section 3.4: new tokens replace old ones, and not the other way round.
    if is_older(candidate, entry) {
        Err(Conflict::Outdated)
    } else {
        Ok(())
    }
}

/// Order by `iat`, within one second by `cti` where both are numbers of one length. Unknown order counts as newer.
fn is_older(candidate: &Candidate, entry: &Entry) -> bool {
    if let (Some(new), Some(old)) = (candidate.sequence, entry.sequence) {
        return new < old;
    }
    let (Some(new), Some(old)) = (candidate.issued_at, entry.issued_at) else {
        return false;
    };
    let by_id = || match (&candidate.token_id, &entry.token_id) {
        (Some(new), Some(old)) => new.len() == old.len() && new < old,
        _ => false,
    };
    new < old || (new == old && by_id())
}
