//! Tokens that survive a restart, in one sealed file.
//!
//! Lifetimes are counted on a monotonic clock, which begins anew with each start. The file therefore holds the date of
//! each end, and the date when it was written. A date before that one means that the clock went back: all tokens are
//! dropped. No token lives longer than it was granted for, whatever the clock says.

mod entry;
mod error;
mod file;
mod seal;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use motekey_coap::time::Instant;

use crate::clock::{SystemWallClock, WallClock};
use crate::token::Access;

use entry::Content;
pub(crate) use entry::Entry;
pub use error::CacheError;
pub use seal::CacheKey;

/// Tokens kept at most; the one that ends first gives way.
const MAX_ENTRIES: usize = 64;

/// Where tokens are kept over a restart. The file is written with each new token: replaced as a whole, readable by its
/// owner only, at most 1 MiB. One program uses one file at a time.
///
/// Sessions are not kept: after a restart one handshake with the resource server is needed, and nothing of the
/// authorization server.
#[derive(Debug, Clone)]
pub struct TokenCache {
    path: PathBuf,
    key: CacheKey,
    clock: Arc<dyn WallClock>,
    keep_without_date: bool,
}

impl TokenCache {
    /// A cache in the file `path`, sealed under `key`. The file need not exist.
    pub fn new(path: impl Into<PathBuf>, key: CacheKey) -> Self {
        Self {
            path: path.into(),
            key,
            clock: Arc::new(SystemWallClock),
            keep_without_date: false,
        }
    }

    /// Where the date comes from; default: the operating system.
    #[must_use]
    pub fn wall_clock(mut self, clock: Arc<dyn WallClock>) -> Self {
        self.clock = clock;
        self
    }

    /// Keeps tokens although the date is not known, with the time that was left when the file was written: the
    /// device then shows tokens that have ended, which the resource server refuses, and asks for new ones. Default:
    /// without a date no token is taken from the file.
    #[must_use]
    pub fn keep_without_date(mut self) -> Self {
        self.keep_without_date = true;
        self
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The file in use: what is in it, and what will be.
#[derive(Debug)]
pub(crate) struct Keeper {
    cache: TokenCache,
    /// No later file says that it was written earlier.
    written_at: Option<u64>,
    entries: Vec<Entry>,
}

impl Keeper {
    /// Reads the file. Nothing is written.
    pub(crate) fn open(cache: TokenCache, now: Instant) -> Result<Self, CacheError> {
        let content = match file::read(&cache.path)? {
            Some(bytes) => Content::decode(&seal::open(&cache.key, &bytes)?)
                .map_err(|_| CacheError::Damaged)?,
            None => Content::default(),
        };
        let date = cache.clock.unix_seconds();
        let mut keeper = Self {
            cache,
            written_at: None,
            entries: Vec::new(),
        };
        keeper.entries = content
            .entries
            .into_iter()
            .filter_map(|mut entry| {
                let left = keeper.time_left(&entry, content.written_at, date)?;
                entry.access.expires_at = now + left;
                Some(entry)
            })
            .take(MAX_ENTRIES)
            .collect();
        Ok(keeper)
    }

    /// How long the token of an entry lives from now on; `None` for one that has ended, or of which nobody knows.
    fn time_left(
        &self,
        entry: &Entry,
        written_at: Option<u64>,
        date: Option<u64>,
    ) -> Option<Duration> {
        let lifetime = entry.access.lifetime;
        let left = match (date, written_at, entry.ends_at) {
            // A clock that went back says nothing about how much time has passed.
            (Some(date), Some(written_at), Some(_)) if date < written_at => return None,
            (Some(date), Some(_), Some(ends_at)) => ends_at.saturating_sub(date),
            _ if self.cache.keep_without_date => entry.seconds_left,
            _ => return None,
        };
        (left > 0).then(|| Duration::from_secs(left).min(lifetime))
    }

    /// What is in the file for this resource server, issuer and device.
    pub(crate) fn find(
        &self,
        resource_server: &str,
        issuer: &str,
        device: &[u8],
    ) -> Option<&Access> {
        self.entries
            .iter()
            .find(|entry| entry.is_for(resource_server, issuer, device))
            .map(|entry| &entry.access)
    }

    /// Takes a token in the place of the one for the same resource server, issuer and device.
    pub(crate) fn put(&mut self, entry: Entry) {
        self.remove(&entry.resource_server, &entry.issuer, &entry.device);
        if self.entries.len() >= MAX_ENTRIES {
            self.drop_first_to_end();
        }
        self.entries.push(entry);
    }

    /// Drops a token; whether there was one.
    pub(crate) fn remove(&mut self, resource_server: &str, issuer: &str, device: &[u8]) -> bool {
        let before = self.entries.len();
        self.entries
            .retain(|entry| !entry.is_for(resource_server, issuer, device));
        self.entries.len() < before
    }

    /// Drops the tokens that `is_dropped` names; whether there were any.
    pub(crate) fn remove_all(&mut self, is_dropped: impl Fn(&Access) -> bool) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| !is_dropped(&entry.access));
        self.entries.len() < before
    }

    /// Writes the file. `now` is on the clock that the ends of the tokens are counted on.
    pub(crate) fn write(&mut self, now: Instant) -> Result<(), CacheError> {
        self.entries.retain(|entry| entry.access.is_valid(now));
        let date = self.cache.clock.unix_seconds();
        self.written_at = date.max(self.written_at);
        for entry in &mut self.entries {
            let left = (entry.access.expires_at - now).as_secs();
            entry.seconds_left = left;
            entry.ends_at = date.map(|date| date.saturating_add(left));
        }
        let bytes = loop {
            let content = Content {
                written_at: self.written_at,
                entries: self.entries.clone(),
            };
            let bytes = self.seal(&content)?;
            if bytes.len() as u64 <= file::MAX_FILE || self.entries.is_empty() {
                break bytes;
            }
            self.drop_first_to_end();
        };
        file::replace(&self.cache.path, &bytes)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.cache.path
    }

    fn seal(&self, content: &Content) -> Result<Vec<u8>, CacheError> {
        let mut salt = [0; seal::SALT];
        getrandom::fill(&mut salt).map_err(|error| CacheError::Cryptography(error.to_string()))?;
        seal::seal(&self.cache.key, &salt, &content.encode())
            .map_err(|error| CacheError::Cryptography(error.to_string()))
    }

    fn drop_first_to_end(&mut self) {
        let first = self
            .entries
            .iter()
            .enumerate()
            .min_by_key(|(_, entry)| entry.access.expires_at)
            .map(|(index, _)| index);
        if let Some(index) = first {
            self.entries.swap_remove(index);
        }
    }
}

impl Entry {
    fn is_for(&self, resource_server: &str, issuer: &str, device: &[u8]) -> bool {
        self.resource_server == resource_server && self.issuer == issuer && self.device == device
    }
}

#[cfg(test)]
mod tests;
