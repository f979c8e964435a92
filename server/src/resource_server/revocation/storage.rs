use std::sync::{Arc, Mutex, PoisonError};

use motekey_cose::revocation::TokenHash;

use crate::clock::UnixSeconds;

/// The hash of a revoked token, as it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldHash {
    /// The hash.
    pub hash: TokenHash,
    /// The authorization server has taken it from its list: the token has expired.
    pub unlisted: bool,
    /// The token came here.
    pub seen: bool,
    /// When the token ends, if it came here and says so.
    pub ends_at: Option<UnixSeconds>,
    /// The sequence number of a token with `exi` that came here.
    pub sequence: Option<u64>,
}

/// Where the hashes of revoked tokens survive a restart. Without it a token that was revoked before is refused only
/// from the first answer of the authorization server on.
pub trait RevocationStorage: Send + Sync + 'static {
    /// What was saved last, the oldest first; nothing at the first start.
    fn load(&self) -> Vec<HeldHash>;

    /// Takes the place of what was saved before. Quick: requests wait for it.
    fn save(&self, held: &[HeldHash]);
}

/// Keeps the hashes in memory: for tests.
#[derive(Debug, Default)]
pub struct VolatileRevocations(Mutex<Vec<HeldHash>>);

impl RevocationStorage for VolatileRevocations {
    fn load(&self) -> Vec<HeldHash> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.clone()
    }

    fn save(&self, held: &[HeldHash]) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = held.to_vec();
    }
}

impl<T: RevocationStorage + ?Sized> RevocationStorage for Arc<T> {
    fn load(&self) -> Vec<HeldHash> {
        (**self).load()
    }

    fn save(&self, held: &[HeldHash]) {
        (**self).save(held);
    }
}
