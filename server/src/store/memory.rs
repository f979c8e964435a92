//! A store that forgets everything when the process ends: for tests, for the demo, and for a server whose records
//! all come from its configuration file.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::revocation::{Requester, RevocationView, TokenSelection};
use super::state::State;
use super::{
    Counter, IssuedToken, KeyStanding, Store, StoreError, StoreFuture, TokenPage, TokenQuery,
};
use crate::clock::UnixSeconds;
use crate::registry::{Device, Group, Registry, ResourceServerRecord};

/// Keeps everything in memory.
///
/// Bounded: at most [`MemoryStore::DEFAULT_CAPACITY`] issued tokens (about 400 bytes each, 400 MB at worst), unless
/// built with another capacity. When full, tokens that have expired make room; if none has, nothing more is issued.
///
/// Nothing survives a restart, counters neither. The authorization server therefore mixes random bytes that it draws
/// at each start into what must never repeat.
#[derive(Debug)]
pub struct MemoryStore {
    capacity: usize,
    state: Mutex<State>,
}

impl MemoryStore {
    /// How many tokens are remembered at most, by default.
    pub const DEFAULT_CAPACITY: usize = 1_000_000;

    /// An empty store.
    pub fn new() -> Self {
        Self::with_registry(Registry::new())
    }

    /// A store with these records.
    pub fn with_registry(registry: Registry) -> Self {
        Self {
            capacity: Self::DEFAULT_CAPACITY,
            state: Mutex::new(State {
                registry: Arc::new(registry),
                ..State::default()
            }),
        }
    }

    /// The same store for at most `capacity` tokens.
    #[must_use]
    pub fn with_capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// Puts another registry in the place of the present one, in one step. Counters and issued tokens stay, and devices
    /// that are kept out by [`Store::set_disabled`].
    ///
    /// # Errors
    /// The registry does not take a device of its own again, which does not happen. The former one stays.
    pub fn replace_registry(&self, registry: Registry) -> Result<(), StoreError> {
        Ok(self.state().replace_registry(registry)?)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No method leaves the state half changed, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    fn registry(&self) -> StoreFuture<'_, Arc<Registry>> {
        ready(Ok(self.state().registry.clone()))
    }

    fn put_device(&self, device: Device) -> StoreFuture<'_, ()> {
        ready(self.state().put_device(device).map_err(StoreError::from))
    }

    fn put_resource_server(&self, resource_server: ResourceServerRecord) -> StoreFuture<'_, ()> {
        let result = Arc::make_mut(&mut self.state().registry).put_resource_server(resource_server);
        ready(result.map_err(StoreError::from))
    }

    fn put_group(&self, group: Group) -> StoreFuture<'_, ()> {
        ready(
            Arc::make_mut(&mut self.state().registry)
                .put_group(group)
                .map_err(StoreError::from),
        )
    }

    fn remove<'a>(&'a self, name: &'a str) -> StoreFuture<'a, bool> {
        ready(Ok(Arc::make_mut(&mut self.state().registry).remove(name)))
    }

    fn reserve<'a>(&'a self, counter: Counter<'a>, count: u64) -> StoreFuture<'a, Range<u64>> {
        ready(self.state().reserve(counter, count, u64::MAX))
    }

    fn record_token(&self, token: IssuedToken, now: UnixSeconds) -> StoreFuture<'_, ()> {
        let recorded = self.state().tokens.record(token, now, self.capacity);
        ready(recorded.map(drop))
    }

    fn key_standing<'a>(
        &'a self,
        client: &'a str,
        resource_server: &'a str,
        key_id: &'a [u8],
        now: UnixSeconds,
    ) -> StoreFuture<'a, KeyStanding> {
        ready(Ok(self.state().tokens.key_standing(
            client,
            resource_server,
            key_id,
            now,
        )))
    }

    fn token<'a>(
        &'a self,
        resource_server: &'a str,
        token_id: &'a [u8],
    ) -> StoreFuture<'a, Option<Arc<IssuedToken>>> {
        let name = (Arc::from(resource_server), token_id.to_vec());
        ready(Ok(self.state().tokens.by_id.get(&name).cloned()))
    }

    fn tokens<'a>(&'a self, query: &'a TokenQuery) -> StoreFuture<'a, TokenPage> {
        ready(Ok(self.state().tokens.page(query)))
    }

    fn set_disabled<'a>(&'a self, name: &'a str, disabled: bool) -> StoreFuture<'a, Option<bool>> {
        let outcome = self.state().set_disabled(name, disabled);
        ready(outcome.map_err(StoreError::from))
    }

    fn remove_expired(&self, before: UnixSeconds) -> StoreFuture<'_, u64> {
        ready(Ok(self.state().tokens.remove_expired(before)))
    }

    fn revoke<'a>(
        &'a self,
        which: &'a TokenSelection,
        now: UnixSeconds,
    ) -> StoreFuture<'a, Vec<Arc<IssuedToken>>> {
        ready(Ok(self.state().revoke(which, now).0))
    }

    fn expire_revoked(&self, now: UnixSeconds) -> StoreFuture<'_, Vec<Arc<IssuedToken>>> {
        ready(Ok(self.state().revocations.expire(now).0))
    }

    fn revocations<'a>(&'a self, requester: &'a Requester) -> StoreFuture<'a, RevocationView> {
        ready(Ok(self.state().revocations.view(requester)))
    }
}

/// The answer that is there already.
pub(super) fn ready<'a, T: Send + 'a>(result: Result<T, StoreError>) -> StoreFuture<'a, T> {
    Box::pin(std::future::ready(result))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance;

    #[tokio::test]
    async fn f72_p16_memory_store_passes_the_suite() {
        conformance::run(|| std::future::ready(MemoryStore::new())).await;
    }

    #[tokio::test]
    async fn another_registry_lets_nobody_in_who_is_kept_out() {
        let registry = |disabled| {
            let mut registry = Registry::new();
            let device = conformance::device("meter", 1);
            registry.put_device(Device { disabled, ..device }).unwrap();
            registry
        };
        let store = MemoryStore::with_registry(registry(false));
        assert_eq!(store.set_disabled("meter", true).await, Ok(Some(true)));
        let is_disabled = || {
            store
                .state()
                .registry
                .device("meter")
                .map(|device| device.disabled)
        };
        for (next, wanted) in [
            (registry(false), Some(true)),
            (Registry::new(), None),
            (registry(true), Some(true)),
            (registry(false), Some(true)),
        ] {
            store.replace_registry(next).unwrap();
            assert_eq!(is_disabled(), wanted);
        }
        assert_eq!(store.set_disabled("meter", false).await, Ok(Some(false)));
        store.replace_registry(registry(true)).unwrap();
        assert_eq!(is_disabled(), Some(true));
    }

    #[tokio::test]
    async fn full_store_issues_nothing_until_a_token_expires() {
        let store = MemoryStore::new().with_capacity(2);
        for serial in 1..=2 {
            store
                .record_token(conformance::token(serial, "meter", 100), 10)
                .await
                .unwrap();
        }
        let third = conformance::token(3, "meter", 200);
        assert_eq!(
            store.record_token(third.clone(), 10).await,
            Err(StoreError::Full)
        );
        assert_eq!(store.record_token(third, 101).await, Ok(()));
        assert_eq!(store.state().tokens.lengths().0, 1);
        assert_eq!(store.state().tokens.lengths().1, 1);
    }
}
