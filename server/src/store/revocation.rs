//! The Token Revocation List of an authorization server (RFC 9770 Section 5) with its updates, for stores to build on.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use motekey_cose::revocation::{RevocationUpdate, TokenHash};

use super::IssuedToken;
use crate::clock::UnixSeconds;

/// How many updates are kept for each requester: an upper bound of MAX_N (RFC 9770 Section 6.2).
pub const UPDATES_KEPT: usize = 64;

/// Most hashes in one update. A larger change is told as several (RFC 9770 Section 5.1 leaves that open), so that one
/// update never needs more than about 1 kB.
pub const UPDATE_SIZE: usize = 32;

/// Which tokens are to be revoked. Of those, only live ones are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSelection {
    /// The token with this id.
    Id {
        /// Name of the resource server or group that it is for.
        resource_server: Arc<str>,
        /// Its `cti`.
        token_id: Vec<u8>,
    },
    /// The token with this hash.
    Hash(TokenHash),
    /// Every token with this key id in `cnf`.
    Key(Vec<u8>),
    /// Every token of this device.
    Client(Arc<str>),
    /// Every token for this resource server, those of its groups included.
    ResourceServer(Arc<str>),
}

impl TokenSelection {
    /// Whether a token is among them.
    pub fn contains(&self, token: &IssuedToken) -> bool {
        match self {
            Self::Id {
                resource_server,
                token_id,
            } => token.token_id == *token_id && token.resource_server == *resource_server,
            Self::Hash(hash) => token.token_hash == *hash,
            Self::Key(id) => !id.is_empty() && token.key_id == *id,
            Self::Client(name) => token.client == *name,
            Self::ResourceServer(name) => {
                token.resource_server == *name || token.recipients.contains(name)
            }
        }
    }
}

/// Who asks for the list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Requester {
    /// An administrator, whom everything concerns.
    Administrator,
    /// The device or resource server of this name, whom its tokens concern.
    Party(Arc<str>),
}

/// The list as far as it concerns one requester.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RevocationView {
    /// Hashes that are in the list.
    pub hashes: Vec<TokenHash>,
    /// The latest updates, the oldest first, at most [`UPDATES_KEPT`].
    pub updates: Vec<RevocationUpdate>,
    /// How many updates there ever were.
    pub count: u64,
}

/// The list and the updates of it.
///
/// Memory: about 200 bytes for each token in the list, and for each requester that an update ever concerned at most
/// [`UPDATES_KEPT`] updates of [`UPDATE_SIZE`] hashes, 70 kB. Requesters are the registered parties.
#[derive(Debug, Default)]
pub struct RevocationList {
    by_end: BTreeSet<(UnixSeconds, TokenHash)>,
    tokens: HashMap<TokenHash, Arc<IssuedToken>>,
    collections: HashMap<Requester, Collection>,
}

/// One update of the list, for one requester.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whom it is for.
    pub requester: Requester,
    /// How many updates this requester had before.
    pub number: u64,
    /// The update.
    pub update: RevocationUpdate,
}

/// The update collection of a requester (RFC 9770 Section 6.2).
#[derive(Debug, Default)]
struct Collection {
    hashes: BTreeSet<TokenHash>,
    updates: VecDeque<RevocationUpdate>,
    count: u64,
}

impl RevocationList {
    /// Adds tokens that were revoked, and gives the updates of it. The caller has checked that they are live and not in the list yet.
    pub fn add(&mut self, revoked: &[Arc<IssuedToken>]) -> Vec<Change> {
        let mut changes = Vec::new();
        for chunk in revoked.chunks(UPDATE_SIZE) {
            for token in chunk {
                self.by_end.insert((token.expires_at, token.token_hash));
                self.tokens.insert(token.token_hash, token.clone());
            }
            for (requester, added) in by_requester(chunk) {
                let removed = Vec::new();
                changes.push(self.update(requester, RevocationUpdate { removed, added }));
            }
        }
        changes
    }

    /// Removes the tokens that have expired at `now`, and gives them with the updates of it.
    // RFC 9770 Section 5.1: when a revoked token expires, its hash leaves the list.
    pub fn expire(&mut self, now: UnixSeconds) -> (Vec<Arc<IssuedToken>>, Vec<Change>) {
        let mut changes = Vec::new();
        let mut expired = Vec::new();
        while self.by_end.first().is_some_and(|(end, _)| *end <= now) {
            let Some((_, hash)) = self.by_end.pop_first() else {
                break;
            };
            expired.extend(self.tokens.remove(&hash));
        }
        for chunk in expired.chunks(UPDATE_SIZE) {
            for (requester, removed) in by_requester(chunk) {
                let added = Vec::new();
                changes.push(self.update(requester, RevocationUpdate { removed, added }));
            }
        }
        (expired, changes)
    }

    /// Takes up a token of a list that was kept.
    pub(super) fn restore_token(&mut self, token: Arc<IssuedToken>) {
        for requester in Requester::of_token(&token) {
            let collection = self.collections.entry(requester).or_default();
            collection.hashes.insert(token.token_hash);
        }
        self.by_end.insert((token.expires_at, token.token_hash));
        self.tokens.insert(token.token_hash, token);
    }

    /// Takes up an update that was kept. Those of one requester come in the order of their numbers.
    pub(super) fn restore_update(&mut self, change: Change) {
        let collection = self.collections.entry(change.requester).or_default();
        collection.keep(change.update);
        collection.count = change.number.saturating_add(1);
    }

    fn update(&mut self, requester: Requester, update: RevocationUpdate) -> Change {
        let collection = self.collections.entry(requester.clone()).or_default();
        let number = collection.count;
        collection.update(update.clone());
        Change {
            requester,
            number,
            update,
        }
    }

    /// What concerns a requester.
    // RFC 9770 Section 14.1: a device sees only what pertains to it, an administrator everything.
    pub fn view(&self, requester: &Requester) -> RevocationView {
        let Some(collection) = self.collections.get(requester) else {
            return RevocationView::default();
        };
        RevocationView {
            hashes: collection.hashes.iter().copied().collect(),
            updates: collection.updates.iter().cloned().collect(),
            count: collection.count,
        }
    }
}

impl Collection {
    fn update(&mut self, update: RevocationUpdate) {
        for hash in &update.removed {
            self.hashes.remove(hash);
        }
        self.hashes.extend(&update.added);
        self.keep(update);
        self.count = self.count.saturating_add(1);
    }

    fn keep(&mut self, update: RevocationUpdate) {
        // RFC 9770 Section 6.2: a full collection loses its oldest update.
        if self.updates.len() >= UPDATES_KEPT {
            self.updates.pop_front();
        }
        self.updates.push_back(update);
    }
}

impl Requester {
    /// Everybody whom a token concerns: its device, its resource servers, the administrators.
    pub fn of_token(token: &IssuedToken) -> impl Iterator<Item = Self> {
        let parties = token
            .recipients
            .iter()
            .filter(|name| **name != token.client);
        std::iter::once(&token.client)
            .chain(parties)
            .map(|name| Self::Party(name.clone()))
            .chain(std::iter::once(Self::Administrator))
    }
}

fn by_requester(tokens: &[Arc<IssuedToken>]) -> HashMap<Requester, Vec<TokenHash>> {
    let mut hashes: HashMap<Requester, Vec<TokenHash>> = HashMap::new();
    for token in tokens {
        for requester in Requester::of_token(token) {
            hashes.entry(requester).or_default().push(token.token_hash);
        }
    }
    hashes
}
