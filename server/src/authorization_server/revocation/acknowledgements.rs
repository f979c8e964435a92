//! Which resource server knows of which revocation, and since when.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use motekey_coap::endpoint::ObservationId;
use tokio::sync::watch;

use crate::authorization_server::AuthorizationServer;
use crate::clock::UnixSeconds;
use crate::store::{IssuedToken, Requester, RevocationView, StoreError};

/// How many acknowledgements are remembered of a resource server: an older one is told as the oldest of them.
const KEPT: usize = 64;

/// A resource server has the revocation list as it was after so many updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Updates of the list for this resource server, from the first on.
    pub updates: u64,
    /// When this server knew.
    pub at: UnixSeconds,
    /// From what.
    pub by: AcknowledgedBy,
}

/// What shows that a resource server has the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcknowledgedBy {
    /// It acknowledged a notification (RFC 7641 Section 4.5).
    Notification,
    /// It asked, and was answered.
    Query,
}

/// Which updates the resource servers must know of, to know that certain tokens are revoked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread(BTreeMap<Arc<str>, u64>);

/// Whether a resource server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Its name.
    pub resource_server: Arc<str>,
    /// The first acknowledgement that includes the tokens; `None` as long as there is none. They are forgotten when this
    /// server restarts, until the resource server asks again.
    pub acknowledged: Option<Acknowledgement>,
}

/// What each resource server has acknowledged: at most [`KEPT`] entries of 32 bytes for each that is registered.
#[derive(Debug, Default)]
pub(in crate::authorization_server) struct Acknowledgements {
    by_name: Mutex<HashMap<Arc<str>, VecDeque<Acknowledgement>>>,
    changed: watch::Sender<()>,
}

impl Acknowledgements {
    fn add(&self, name: &Arc<str>, acknowledgement: Acknowledgement) {
        let mut by_name = self.state();
        let known = by_name.entry(name.clone()).or_default();
        // A store that began anew counts anew.
        let last = known.back().map(|last| last.updates);
        if last.is_some_and(|last| last > acknowledgement.updates) {
            known.clear();
        } else if last == Some(acknowledgement.updates) {
            return;
        }
        if known.len() >= KEPT {
            known.pop_front();
        }
        known.push_back(acknowledgement);
        drop(by_name);
        self.changed.send_replace(());
    }

    /// The first that includes so many updates.
    fn first(&self, name: &str, updates: u64) -> Option<Acknowledgement> {
        let by_name = self.state();
        let known = by_name.get(name)?;
        let first = known.iter().find(|known| known.updates >= updates);
        first.copied()
    }

    fn state(&self) -> MutexGuard<'_, HashMap<Arc<str>, VecDeque<Acknowledgement>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spread {
    /// Whether it concerns no resource server.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, name: &Arc<str>, updates: u64) {
        let wanted = self.0.entry(name.clone()).or_default();
        *wanted = updates.max(*wanted);
    }
}

impl AuthorizationServer {
    /// What the resource servers must know of, to know that these tokens are revoked. Tokens that are not in the list,
    /// because they were not revoked or have expired, count for nothing.
    ///
    /// # Errors
    /// The store failed.
    pub async fn spread<'a>(
        &self,
        tokens: impl IntoIterator<Item = &'a Arc<IssuedToken>>,
    ) -> Result<Spread, StoreError> {
        let mut views: HashMap<Arc<str>, RevocationView> = HashMap::new();
        let mut spread = Spread::default();
        for token in tokens {
            for name in &*token.recipients {
                if !views.contains_key(name) {
                    let requester = Requester::Party(name.clone());
                    let view = self.store.revocations(&requester).await?;
                    views.insert(name.clone(), view);
                }
                let needed = views.get(name).and_then(|view| updates_until(view, token));
                needed
                    .into_iter()
                    .for_each(|needed| spread.add(name, needed));
            }
        }
        Ok(spread)
    }

    /// Which of the resource servers know, by name.
    pub fn reached(&self, spread: &Spread) -> Vec<Reached> {
        let reached = spread.0.iter().map(|(name, updates)| Reached {
            resource_server: name.clone(),
            acknowledged: self.acknowledgements.first(name, *updates),
        });
        reached.collect()
    }

    /// Sees a change when a resource server has acknowledged something.
    pub fn watch_acknowledgements(&self) -> watch::Receiver<()> {
        self.acknowledgements.changed.subscribe()
    }

    /// A notification arrived.
    pub(in crate::authorization_server) fn notification_arrived(
        &self,
        observation: ObservationId,
        updates: u64,
    ) {
        if let Some(requester) = self.observers.requester(observation) {
            self.acknowledged(&requester, updates, AcknowledgedBy::Notification);
        }
    }

    /// A requester has the list as it was after so many updates.
    pub(super) fn acknowledged(&self, requester: &Requester, updates: u64, by: AcknowledgedBy) {
        let Requester::Party(name) = requester else {
            return;
        };
        let registry = &self.current.get().registry;
        if registry.resource_server(name).is_some() {
            let at = self.clock.now();
            let acknowledgement = Acknowledgement { updates, at, by };
            self.acknowledgements.add(name, acknowledgement);
        }
    }

    /// Of how many updates a requester has shown that it knows.
    pub(super) fn last_acknowledged(&self, requester: &Requester) -> Option<u64> {
        let Requester::Party(name) = requester else {
            return None;
        };
        let by_name = self.acknowledgements.state();
        by_name.get(name)?.back().map(|last| last.updates)
    }

    /// Forgets resource servers that are not registered any more.
    pub(in crate::authorization_server) fn forget_acknowledgements(&self) {
        let registry = &self.current.get().registry;
        self.acknowledgements
            .state()
            .retain(|name, _| registry.resource_server(name).is_some());
    }
}

/// After how many updates a token is in the list; `None` if it is not in it.
fn updates_until(view: &RevocationView, token: &IssuedToken) -> Option<u64> {
    let kept = u64::try_from(view.updates.len()).ok()?;
    let first = view.count.checked_sub(kept)?;
    let updates = (first..).zip(&view.updates);
    let mut adding = updates.filter(|(_, update)| update.added.contains(&token.token_hash));
    match adding.next() {
        _ if !view.hashes.contains(&token.token_hash) => None,
        Some((number, _)) => Some(number + 1),
        // Before the updates that are kept.
        None => Some(first),
    }
}
