//! Which store the server works on.

use std::sync::Arc;

use motekey_server::clock::{Clock, SystemClock};
use motekey_server::registry::Registry;
use motekey_server::store::{MemoryStore, OpenError, SqliteStore, Store, StoreError};

use super::data_directory::DataDirectory;
use crate::failure::Failure;

/// Puts another registry in the place of the store's.
pub(super) type ReplaceRegistry = Box<dyn Fn(Registry) -> Result<(), StoreError> + Send + Sync>;

/// A store, and what is not a matter of every store.
pub(super) struct Opened {
    pub(super) store: Arc<dyn Store>,
    pub(super) replace: ReplaceRegistry,
}

/// In the data directory, or in memory if there is none.
pub(super) fn open(
    registry: Registry,
    capacity: usize,
    data: Option<&DataDirectory>,
) -> Result<Opened, Failure> {
    let Some(data) = data else {
        let store = Arc::new(MemoryStore::with_registry(registry).with_capacity(capacity));
        let replacing = store.clone();
        return Ok(Opened {
            store,
            replace: Box::new(move |registry| replacing.replace_registry(registry)),
        });
    };
    let store = SqliteStore::open(data.path(), registry, SystemClock.now())
        .map_err(|error| failure(&error))?;
    let store = Arc::new(store.with_capacity(capacity));
    let replacing = store.clone();
    Ok(Opened {
        store,
        replace: Box::new(move |registry| replacing.replace_registry(registry)),
    })
}

fn failure(error: &OpenError) -> Failure {
    let next = match error {
        OpenError::Newer { .. } => "start the newer program, or give another --data DIR",
        OpenError::Foreign(_) => "give another --data DIR",
        _ => {
            "restore it from a backup, or start with another --data and new shared keys for resource servers"
        }
    };
    Failure::Local(format!("{error}; next: {next}"))
}
