//! The hashes of revoked tokens that a resource server holds.

use std::collections::{BTreeMap, HashMap, HashSet};

use motekey_cose::revocation::TokenHash;

use super::HeldHash;
use crate::clock::UnixSeconds;

/// At most `capacity` hashes, about 200 bytes each. When it is full, the oldest gives way.
#[derive(Debug)]
pub(in crate::resource_server) struct RevokedHashes {
    capacity: usize,
    next: u64,
    by_age: BTreeMap<u64, HeldHash>,
    by_hash: HashMap<TokenHash, u64>,
    changed: bool,
}

impl RevokedHashes {
    pub(in crate::resource_server) fn new(capacity: usize, held: Vec<HeldHash>) -> Self {
        let mut hashes = Self {
            capacity: capacity.max(1),
            next: 0,
            by_age: BTreeMap::new(),
            by_hash: HashMap::new(),
            changed: false,
        };
        let surplus = held.len().saturating_sub(hashes.capacity);
        for entry in held.into_iter().skip(surplus) {
            hashes.put(entry);
        }
        hashes
    }

    /// Whether the token with this hash was revoked.
    pub(in crate::resource_server) fn contains(&self, hash: &TokenHash) -> bool {
        self.by_hash.contains_key(hash)
    }

    /// Holds a hash. Gives the sequence number of the one that had to go for it.
    // RFC 9770 Section 11.1: where memory is short, the earliest go first.
    pub(super) fn hold(&mut self, hash: TokenHash) -> Option<u64> {
        if let Some(entry) = self.entry(&hash) {
            entry.unlisted = false;
            return None;
        }
        self.changed = true;
        let evicted = if self.by_age.len() >= self.capacity {
            self.by_age.pop_first()
        } else {
            None
        };
        if let Some((_, entry)) = &evicted {
            self.by_hash.remove(&entry.hash);
        }
        self.put(HeldHash {
            hash,
            unlisted: false,
            seen: false,
            ends_at: None,
            sequence: None,
        });
        evicted.and_then(|(_, entry)| entry.sequence)
    }

    /// The token of a hash came here.
    pub(super) fn seen(
        &mut self,
        hash: &TokenHash,
        ends_at: Option<UnixSeconds>,
        sequence: Option<u64>,
    ) {
        if let Some(entry) = self.entry(hash) {
            entry.seen = true;
            entry.ends_at = entry.ends_at.or(ends_at);
            entry.sequence = entry.sequence.or(sequence);
            self.changed = true;
        }
    }

    /// The list does not have this hash any more.
    pub(super) fn not_listed(&mut self, hash: &TokenHash) {
        if let Some(entry) = self.entry(hash) {
            let before = std::mem::replace(&mut entry.unlisted, true);
            self.changed |= !before;
        }
    }

    /// The list has these hashes and no other.
    pub(super) fn only_listed(&mut self, listed: &[TokenHash]) {
        let listed: HashSet<_> = listed.iter().collect();
        for entry in self.by_age.values_mut() {
            if !entry.unlisted && !listed.contains(&entry.hash) {
                entry.unlisted = true;
                self.changed = true;
            }
        }
    }

    /// Drops hashes whose tokens came here and have expired; gives the highest sequence number of theirs.
    // RFC 9770 Section 11.1: a hash is kept until both are so. Nobody is believed alone: the list can be that of a server
    // restored from a backup, and the own clock can jump ahead and back again.
    pub(super) fn drop_finished(&mut self, now: UnixSeconds) -> Option<u64> {
        let Self {
            by_age, by_hash, ..
        } = self;
        let (before, mut highest) = (by_age.len(), None);
        by_age.retain(|_, entry| {
            let expired = entry.ends_at.is_none_or(|end| end <= now);
            let finished = entry.seen && expired && entry.unlisted;
            if finished {
                by_hash.remove(&entry.hash);
                highest = highest.max(entry.sequence);
            }
            !finished
        });
        self.changed |= self.by_age.len() < before;
        highest
    }

    /// Everything held, the oldest first.
    pub(in crate::resource_server) fn held(&self) -> Vec<HeldHash> {
        self.by_age.values().cloned().collect()
    }

    /// Whether anything changed since this was asked last.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    fn entry(&mut self, hash: &TokenHash) -> Option<&mut HeldHash> {
        self.by_age.get_mut(self.by_hash.get(hash)?)
    }

    fn put(&mut self, entry: HeldHash) {
        self.by_hash.insert(entry.hash, self.next);
        self.by_age.insert(self.next, entry);
        self.next += 1;
    }
}
