//! A store in one file, `motekey.db` in the data directory.

mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::counter_file::{self, CounterFileError};
use super::memory::ready;
use super::revocation::{Requester, RevocationView, TokenSelection};
use super::state::State;
use super::{
    Counter, IssuedToken, KeyStanding, Store, StoreError, StoreFuture, TokenPage, TokenQuery,
};
use crate::clock::UnixSeconds;
use crate::registry::{Device, Group, Registry, ResourceServerRecord};
use writer::Writer;

/// Name of the file. SQLite adds `-wal` and `-shm` to it while it is open.
pub(super) const FILE: &str = "motekey.db";

/// First number that a counter does not reach: what a column holds.
const COUNTER_LIMIT: u64 = i64::MAX as u64;

/// Keeps counters, issued tokens, the revocation list with its updates, and who is kept out, in a file. The registry
/// comes from elsewhere, for example from a configuration file, and is as that was: records that are put here are
/// forgotten at the end.
///
/// What a method reported as done is on the disk (SQLite with a write-ahead log, `synchronous=FULL`). One thread
/// writes; whatever waits for it goes into one transaction, so that many tokens share the wait for the disk. A crash
/// leaves each change whole or not at all. If a transaction fails, every call in it fails, and what the file holds counts.
///
/// Reads are of memory, which holds all that the file does: see [`MemoryStore`](super::MemoryStore) for its size. In
/// the file a token takes about 250 bytes. Rows go when tokens expire; the file keeps the size that it once needed.
///
/// At most one store may have the file open; the program holds a lock on the directory. Others can read it with SQLite.
/// No secret is in it.
pub struct SqliteStore {
    path: PathBuf,
    capacity: usize,
    state: Arc<Mutex<State>>,
    writer: Writer,
}

/// Why a store cannot be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The file was written by a newer version.
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version of the schema.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// Another program's SQLite file.
    Foreign(PathBuf),
    /// The file cannot be read or written, or is damaged.
    Unusable(PathBuf, String),
    /// The counters of before there was a data file cannot be taken over.
    Counters(CounterFileError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer { path, found, known } => write!(
                formatter,
                "{} has version {found} of its schema, this program knows {known} at most",
                path.display()
            ),
            Self::Foreign(path) => write!(
                formatter,
                "{} is an SQLite file of another program",
                path.display()
            ),
            Self::Unusable(path, detail) => write!(formatter, "{}: {detail}", path.display()),
            Self::Counters(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for OpenError {}

impl SqliteStore {
    /// Opens the file in `directory`, or makes it, readable for its owner alone. `now` is noted with each step that
    /// brings the schema up to date.
    ///
    /// # Errors
    /// The file is of a newer version, of another program, or damaged, or cannot be written.
    pub fn open(directory: &Path, registry: Registry, now: UnixSeconds) -> Result<Self, OpenError> {
        let path = directory.join(FILE);
        let unusable =
            |error: rusqlite::Error| OpenError::Unusable(path.clone(), error.to_string());
        let mut connection = schema::open(&path, now)?;
        take_over_counters(&mut connection, directory, &unusable)?;
        let mut state = rows::load(&connection).map_err(unusable)?;
        let replaced = state.replace_registry(registry);
        replaced.map_err(|error| OpenError::Unusable(path.clone(), error.to_string()))?;
        let state = Arc::new(Mutex::new(state));
        Ok(Self {
            writer: Writer::start(connection, state.clone())
                .map_err(|error| OpenError::Unusable(path.clone(), error.to_string()))?,
            path,
            capacity: super::MemoryStore::DEFAULT_CAPACITY,
            state,
        })
    }

    /// The same store for at most `capacity` tokens.
    #[must_use]
    pub fn with_capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// Puts another registry in the place of the present one, as
    /// [`MemoryStore::replace_registry`](super::MemoryStore::replace_registry).
    ///
    /// # Errors
    /// As there.
    pub fn replace_registry(&self, registry: Registry) -> Result<(), StoreError> {
        Ok(self.state().replace_registry(registry)?)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SqliteStore({})", self.path.display())
    }
}

/// Counters of the file of before, where they are ahead. It goes when they are in the data file.
fn take_over_counters(
    connection: &mut Connection,
    directory: &Path,
    unusable: &dyn Fn(rusqlite::Error) -> OpenError,
) -> Result<(), OpenError> {
    let counters = counter_file::read(directory).map_err(OpenError::Counters)?;
    if counters.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction().map_err(unusable)?;
    for (name, last) in &counters {
        rows::raise_counter(&transaction, name, *last).map_err(unusable)?;
    }
    transaction.commit().map_err(unusable)?;
    // If it stays, it is behind from now on and changes nothing.
    let _ = std::fs::remove_file(directory.join(counter_file::FILE));
    Ok(())
}

impl Store for SqliteStore {
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
        let result = Arc::make_mut(&mut self.state().registry).put_group(group);
        ready(result.map_err(StoreError::from))
    }

    fn remove<'a>(&'a self, name: &'a str) -> StoreFuture<'a, bool> {
        ready(Ok(Arc::make_mut(&mut self.state().registry).remove(name)))
    }

    fn reserve<'a>(&'a self, counter: Counter<'a>, count: u64) -> StoreFuture<'a, Range<u64>> {
        let expires_in = match counter {
            Counter::Serial => None,
            Counter::ExpiresIn(name) => Some(name.to_owned()),
        };
        self.writer.submit(move |state, connection| {
            let counter = match &expires_in {
                None => Counter::Serial,
                Some(name) => Counter::ExpiresIn(name),
            };
            let reserved = state.reserve(counter, count, COUNTER_LIMIT);
            if let Ok(range) = &reserved {
                rows::write_counter(connection, counter, range.end - 1)?;
            }
            Ok(reserved)
        })
    }

    fn record_token(&self, token: IssuedToken, now: UnixSeconds) -> StoreFuture<'_, ()> {
        let names = [&token.resource_server, &token.client];
        if names
            .into_iter()
            .chain(&*token.recipients)
            .any(|name| name.contains(char::is_control))
        {
            let detail = "a control character in a name".to_owned();
            return ready(Err(StoreError::Unavailable(detail)));
        }
        let capacity = self.capacity;
        self.writer.submit(move |state, connection| {
            let recorded = match state.tokens.record(token.clone(), now, capacity) {
                Ok(recorded) => recorded,
                Err(error) => return Ok(Err(error)),
            };
            if recorded.made_room {
                rows::delete_expired(connection, now)?;
            }
            rows::insert_token(connection, &token)?;
            Ok(Ok(()))
        })
    }

    fn key_standing<'a>(
        &'a self,
        client: &'a str,
        resource_server: &'a str,
        key_id: &'a [u8],
        now: UnixSeconds,
    ) -> StoreFuture<'a, KeyStanding> {
        let tokens = &self.state().tokens;
        ready(Ok(tokens.key_standing(
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
        let name = name.to_owned();
        self.writer.submit(move |state, connection| {
            let outcome = state.set_disabled(&name, disabled);
            if let Ok(Some(_)) = outcome {
                rows::write_kept_out(connection, &name, disabled)?;
            }
            Ok(outcome.map_err(StoreError::from))
        })
    }

    fn remove_expired(&self, before: UnixSeconds) -> StoreFuture<'_, u64> {
        self.writer.submit(move |state, connection| {
            let removed = state.tokens.remove_expired(before);
            if removed > 0 {
                rows::delete_expired(connection, before)?;
            }
            Ok(Ok(removed))
        })
    }

    fn revoke<'a>(
        &'a self,
        which: &'a TokenSelection,
        now: UnixSeconds,
    ) -> StoreFuture<'a, Vec<Arc<IssuedToken>>> {
        let which = which.clone();
        self.writer.submit(move |state, connection| {
            let (revoked, changes) = state.revoke(&which, now);
            for token in &revoked {
                rows::write_revoked(connection, token)?;
            }
            rows::write_changes(connection, &changes)?;
            Ok(Ok(revoked))
        })
    }

    fn expire_revoked(&self, now: UnixSeconds) -> StoreFuture<'_, Vec<Arc<IssuedToken>>> {
        self.writer.submit(move |state, connection| {
            let (expired, changes) = state.revocations.expire(now);
            if !expired.is_empty() {
                rows::delete_revoked(connection, now)?;
            }
            rows::write_changes(connection, &changes)?;
            Ok(Ok(expired))
        })
    }

    fn revocations<'a>(&'a self, requester: &'a Requester) -> StoreFuture<'a, RevocationView> {
        // Behind the writer, so that nobody is told of a change that the disk may yet refuse: the numbers of updates
        // would come again with others in their place.
        let requester = requester.clone();
        self.writer
            .submit(move |state, _| Ok(Ok(state.revocations.view(&requester))))
    }
}
