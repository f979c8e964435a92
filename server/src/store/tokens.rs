//! The issued tokens in memory.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use super::query::{TokenPage, TokenQuery};
use super::revocation::TokenSelection;
use super::{IssuedToken, KeyStanding, StoreError};
use crate::clock::UnixSeconds;

#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) by_id: HashMap<TokenName, Arc<IssuedToken>>,
    /// The newest token of each key.
    by_key: HashMap<Vec<u8>, Arc<IssuedToken>>,
    /// When the last token of a client for a resource server ends.
    by_holder: HashMap<(Arc<str>, Arc<str>), UnixSeconds>,
    by_end: BTreeSet<(UnixSeconds, TokenName)>,
}

/// What adding a token did besides.
pub(super) struct Recorded {
    /// Tokens that had expired were removed.
    pub(super) made_room: bool,
}

/// Resource server and token id: of each resource server its own ids, as the ids of tokens with `exi` begin with its
/// name and `rs1` followed by 11 reads like `rs11` followed by 1.
pub(super) type TokenName = (Arc<str>, Vec<u8>);

impl Tokens {
    /// Adds a token. When there is no room, those that expired before `now` are removed: then it says so.
    pub(super) fn record(
        &mut self,
        token: IssuedToken,
        now: UnixSeconds,
        capacity: usize,
    ) -> Result<Recorded, StoreError> {
        if self.by_id.contains_key(&token_name(&token)) {
            return Err(StoreError::Conflict);
        }
        if self.by_key.get(&token.key_id).is_some_and(|other| {
            // RFC 8747 Section 6: no two live tokens with one key id and different holders.
            other.expires_at > now
                && (other.client != token.client || other.resource_server != token.resource_server)
        }) {
            return Err(StoreError::Conflict);
        }
        let made_room = self.by_id.len() >= capacity && self.remove_expired(now) > 0;
        if self.by_id.len() >= capacity {
            return Err(StoreError::Full);
        }
        self.insert(token);
        Ok(Recorded { made_room })
    }

    /// Adds a token without a question, after all that were issued before it.
    pub(super) fn insert(&mut self, token: IssuedToken) {
        let token = Arc::new(token);
        if token.revoked_at.is_none() {
            let end = self.by_holder.entry(holder(&token)).or_default();
            *end = token.expires_at.max(*end);
        }
        self.by_end.insert((token.expires_at, token_name(&token)));
        if !token.key_id.is_empty() {
            self.by_key.insert(token.key_id.clone(), token.clone());
        }
        self.by_id.insert(token_name(&token), token);
    }

    /// The tokens that a query chooses, in the order of their ends.
    pub(super) fn page(&self, query: &TokenQuery) -> TokenPage {
        let start = match &query.after {
            Some(place) => Bound::Excluded(place.clone()),
            None => Bound::Unbounded,
        };
        let mut page = TokenPage::default();
        for (number, place) in self.by_end.range((start, Bound::Unbounded)).enumerate() {
            if page.tokens.len() >= query.limit || number >= TokenQuery::LOOKED_AT {
                page.more = true;
                break;
            }
            page.last = Some(place.clone());
            let token = self.by_id.get(&place.1);
            page.tokens
                .extend(token.filter(|token| query.chooses(token)).cloned());
        }
        page
    }

    pub(super) fn key_standing(
        &self,
        client: &str,
        resource_server: &str,
        key_id: &[u8],
        now: UnixSeconds,
    ) -> KeyStanding {
        if let Some(token) = self.by_key.get(key_id)
            && *token.client == *client
            && *token.resource_server == *resource_server
        {
            return if token.is_live(now) {
                KeyStanding::Live(token.clone())
            } else {
                KeyStanding::Ended
            };
        }
        let holder = (Arc::from(client), Arc::from(resource_server));
        KeyStanding::Unknown {
            holds_live_token: self.by_holder.get(&holder).is_some_and(|end| *end > now),
        }
    }

    /// Marks the live tokens of a selection as revoked and gives them. Looks at every token unless it is named.
    pub(super) fn revoke(
        &mut self,
        which: &TokenSelection,
        now: UnixSeconds,
    ) -> Vec<Arc<IssuedToken>> {
        let chosen: Vec<Arc<IssuedToken>> = match which {
            TokenSelection::Id {
                resource_server,
                token_id,
            } => {
                let name = (resource_server.clone(), token_id.clone());
                self.by_id.get(&name).cloned().into_iter().collect()
            }
            _ => self
                .by_id
                .values()
                .filter(|token| which.contains(token))
                .cloned()
                .collect(),
        };
        // RFC 9770 Section 5.1: only a token that has not expired is added to the list.
        let live = chosen.into_iter().filter(|token| token.is_live(now));
        let mut revoked = Vec::new();
        for token in live {
            let marked = Arc::new(IssuedToken {
                revoked_at: Some(now),
                ..IssuedToken::clone(&token)
            });
            if let Some(newest) = self.by_key.get_mut(&token.key_id)
                && Arc::ptr_eq(newest, &token)
            {
                *newest = marked.clone();
            }
            self.by_id.insert(token_name(&token), marked.clone());
            revoked.push(marked);
        }
        self.refresh_holders(&revoked, now);
        revoked
    }

    /// Sets anew when the last token of a client for a resource server ends, where tokens were revoked.
    fn refresh_holders(&mut self, revoked: &[Arc<IssuedToken>], now: UnixSeconds) {
        for token in revoked {
            self.by_holder.remove(&holder(token));
        }
        let changed: HashSet<_> = revoked.iter().map(|token| holder(token)).collect();
        let live = self.by_id.values().filter(|token| token.is_live(now));
        for token in live {
            let holder = holder(token);
            if changed.contains(&holder) {
                let end = self.by_holder.entry(holder).or_insert(token.expires_at);
                *end = token.expires_at.max(*end);
            }
        }
    }

    /// How many ends and keys there are.
    #[cfg(test)]
    pub(super) fn lengths(&self) -> (usize, usize) {
        (self.by_end.len(), self.by_key.len())
    }

    pub(super) fn remove_expired(&mut self, before: UnixSeconds) -> u64 {
        let mut removed = 0;
        while self.by_end.first().is_some_and(|(end, _)| *end < before) {
            let Some((_, name)) = self.by_end.pop_first() else {
                break;
            };
            let Some(token) = self.by_id.remove(&name) else {
                continue;
            };
            removed += 1;
            if self
                .by_key
                .get(&token.key_id)
                .is_some_and(|newest| Arc::ptr_eq(newest, &token))
            {
                self.by_key.remove(&token.key_id);
            }
            let holder = holder(&token);
            if self.by_holder.get(&holder).is_some_and(|end| *end < before) {
                self.by_holder.remove(&holder);
            }
        }
        removed
    }
}

/// Who holds a token, and for whom.
fn holder(token: &IssuedToken) -> (Arc<str>, Arc<str>) {
    (token.client.clone(), token.resource_server.clone())
}

fn token_name(token: &IssuedToken) -> TokenName {
    (token.resource_server.clone(), token.token_id.clone())
}
