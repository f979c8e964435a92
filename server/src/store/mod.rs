//! What the authorization server must remember, behind one trait.
//!
//! # Contract of every [`Store`]
//! * Each method is atomic: two concurrent calls have the effect of one after the other, and a call that returns an
//!   error has changed nothing.
//! * What a method reported as done survives a crash of the process, except in [`MemoryStore`], and the registry in
//!   [`SqliteStore`], which say so.
//! * [`Store::reserve`] never hands out a number twice, also after a crash or a restart. Numbers may be lost. A wrong
//!   answer here repeats an AEAD nonce and with it gives away token contents (RFC 9053 Section 4.2.1).
//! * [`Store::record_token`] returns before the token leaves the server. A lost record costs a refused update of
//!   rights (RFC 9202 Section 4), never a right too many.
//! * [`Store::revoke`] returns before anybody is told. A lost revocation gives a thief his token back.
//! * Secrets are in the records that come back; how they are kept at rest is the implementation's business.
//!
//! [`conformance`] holds the suite that every implementation passes.

pub mod conformance;
mod counter_file;
mod memory;
mod query;
mod revocation;
mod sqlite;
mod state;
mod tokens;

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

pub use counter_file::CounterFileError;
pub use memory::MemoryStore;
pub use query::{TokenPage, TokenPlace, TokenQuery};
pub use revocation::{
    Change, Requester, RevocationList, RevocationView, TokenSelection, UPDATE_SIZE, UPDATES_KEPT,
};
pub use sqlite::{OpenError, SqliteStore};

use motekey_cose::revocation::TokenHash;

use crate::clock::UnixSeconds;
use crate::registry::{Device, Group, Registry, RegistryError, ResourceServerRecord};

/// The answer of a store that may have to wait for a disk or a network.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The memory of an authorization server. See the module for the contract.
pub trait Store: Send + Sync + 'static {
    /// Everything registered, as one consistent snapshot. Cheap when nothing changed since the last call.
    fn registry(&self) -> StoreFuture<'_, Arc<Registry>>;

    /// Adds or replaces a device. Refused with [`StoreError::Refused`] if the registry refuses it, for example
    /// because its key is in use by another party (RFC 9200 Section 6.3).
    fn put_device(&self, device: Device) -> StoreFuture<'_, ()>;

    /// Adds or replaces a resource server. Refused as [`Store::put_device`].
    fn put_resource_server(&self, resource_server: ResourceServerRecord) -> StoreFuture<'_, ()>;

    /// Adds or replaces a group audience. Refused as [`Store::put_device`].
    fn put_group(&self, group: Group) -> StoreFuture<'_, ()>;

    /// Removes whatever is registered under `name`; `false` if nothing is. Counters and issued tokens stay.
    fn remove<'a>(&'a self, name: &'a str) -> StoreFuture<'a, bool>;

    /// Reserves `count` consecutive numbers of a counter, durably, before it returns. The first number is 1.
    fn reserve<'a>(&'a self, counter: Counter<'a>, count: u64) -> StoreFuture<'a, Range<u64>>;

    /// Records a token before it is sent. Refused with [`StoreError::Conflict`] if its id was used before for the
    /// same resource server, or its key id belongs to a live token of another holder (RFC 8747 Section 6). An empty key
    /// id belongs to nobody.
    fn record_token(&self, token: IssuedToken, now: UnixSeconds) -> StoreFuture<'_, ()>;

    /// What the key id `key_id` is to `client` at `resource_server` (RFC 9202 Sections 3.3.1 and 4).
    fn key_standing<'a>(
        &'a self,
        client: &'a str,
        resource_server: &'a str,
        key_id: &'a [u8],
        now: UnixSeconds,
    ) -> StoreFuture<'a, KeyStanding>;

    /// The token with this id (`cti`) that was issued for this resource server or group, live or recently expired.
    fn token<'a>(
        &'a self,
        resource_server: &'a str,
        token_id: &'a [u8],
    ) -> StoreFuture<'a, Option<Arc<IssuedToken>>>;

    /// The tokens that a query chooses, live, revoked or recently expired, a page at a time.
    fn tokens<'a>(&'a self, query: &'a TokenQuery) -> StoreFuture<'a, TokenPage>;

    /// Keeps a device out whatever its record says, or leaves it to its record again. That outlasts
    /// [`Store::put_device`] and another registry. Whether the device is disabled then; `None` if there is none.
    fn set_disabled<'a>(&'a self, name: &'a str, disabled: bool) -> StoreFuture<'a, Option<bool>>;

    /// Forgets the tokens that expired before `before`; returns how many.
    fn remove_expired(&self, before: UnixSeconds) -> StoreFuture<'_, u64>;

    /// Revokes the live tokens of a selection, and gives them. They get [`IssuedToken::revoked_at`], are in the list from
    /// now until they expire, and are told as updates to everybody whom they concern (RFC 9770 Sections 5.1 and 6.2).
    fn revoke<'a>(
        &'a self,
        which: &'a TokenSelection,
        now: UnixSeconds,
    ) -> StoreFuture<'a, Vec<Arc<IssuedToken>>>;

    /// Takes the tokens that have expired at `now` from the list of revoked ones, and gives them (RFC 9770 Section 5.1).
    fn expire_revoked(&self, now: UnixSeconds) -> StoreFuture<'_, Vec<Arc<IssuedToken>>>;

    /// What a requester may see of the list of revoked tokens (RFC 9770 Section 14.1).
    fn revocations<'a>(&'a self, requester: &'a Requester) -> StoreFuture<'a, RevocationView>;
}

/// A sequence of numbers that are given out once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counter<'a> {
    /// One for the whole store: AEAD nonces, key ids and token ids are made of it.
    Serial,
    /// Tokens with `exi` for the named resource server (RFC 9200 Section 5.10.3).
    ExpiresIn(&'a str),
}

/// What is remembered of a token. The token itself and its key are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedToken {
    /// The `cti` claim.
    pub token_id: Vec<u8>,
    /// The key id in `cnf`; empty if the key is named otherwise.
    pub key_id: Vec<u8>,
    /// Name of the device that holds the token.
    pub client: Arc<str>,
    /// Name of the resource server or group that the token is for.
    pub resource_server: Arc<str>,
    /// When it was issued.
    pub issued_at: UnixSeconds,
    /// When it ends. A token with `exi` ends this long after the resource server first saw it (RFC 9200 Section
    /// 5.10.3); this is its end if that was at once, and it can be used after this time if it was later.
    pub expires_at: UnixSeconds,
    /// What it is called in the revocation list.
    pub token_hash: TokenHash,
    /// Names of the resource servers that it is for, the members of a group one by one.
    pub recipients: Arc<[Arc<str>]>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<UnixSeconds>,
}

impl IssuedToken {
    /// Whether it has neither expired nor been revoked.
    pub fn is_live(&self, now: UnixSeconds) -> bool {
        self.revoked_at.is_none() && self.expires_at > now
    }
}

/// What a key id is to a client at a resource server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyStanding {
    /// The key of a live token that was issued to this client for this resource server.
    Live(Arc<IssuedToken>),
    /// Issued to this client for this resource server, but every token with it has expired or was revoked.
    Ended,
    /// Never issued to this client for this resource server, or so long ago that it is forgotten.
    Unknown {
        /// Whether the client holds another live token for this resource server.
        holds_live_token: bool,
    },
}

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The registry refuses the record.
    Refused(RegistryError),
    /// A token id of this resource server or a key id is taken.
    Conflict,
    /// No room: the store is bounded and nothing in it has expired.
    Full,
    /// The storage behind it failed; the text is for logs.
    Unavailable(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(formatter),
            Self::Conflict => formatter.write_str("the token id or key id is taken"),
            Self::Full => formatter.write_str("the store is full of live tokens"),
            Self::Unavailable(detail) => write!(formatter, "the store is not available: {detail}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<RegistryError> for StoreError {
    fn from(error: RegistryError) -> Self {
        Self::Refused(error)
    }
}
