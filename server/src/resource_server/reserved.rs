//! Key ids whose token is gone while a handshake may still run with its key.

use std::collections::HashMap;
use std::sync::Arc;

use super::proof_key::ProofKey;
use crate::clock::UnixSeconds;

/// Seconds for which a key id stays with the key that a handshake got. Longer than any handshake: the default limit is
/// 30 s.
pub(super) const HANDSHAKE_TIME: UnixSeconds = 60;

/// A key, and whose it is.
#[derive(Debug, Clone)]
pub(super) struct Holder {
    pub(super) key: ProofKey,
    pub(super) issuer: Arc<str>,
    pub(super) client: Option<Arc<str>>,
}

/// The key ids that no other key may have yet. A session is bound to rights by the key id when its handshake ends, so
/// the key id must mean the same as when it began. They count as tokens in the capacity of the table.
#[derive(Debug, Default)]
pub(super) struct Reserved(HashMap<Arc<[u8]>, (Holder, UnixSeconds)>);

impl Reserved {
    /// Keeps a key id for its holder until `end`.
    pub(super) fn keep(&mut self, key_id: Arc<[u8]>, holder: Holder, end: UnixSeconds) {
        self.0.insert(key_id, (holder, end));
    }

    /// The holder of a key id.
    pub(super) fn holder(&self, key_id: &[u8], now: UnixSeconds) -> Option<&Holder> {
        self.0
            .get(key_id)
            .filter(|(_, end)| *end > now)
            .map(|(holder, _)| holder)
    }

    /// Forgets what is over.
    pub(super) fn sweep(&mut self, now: UnixSeconds) {
        self.0.retain(|_, (_, end)| *end > now);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
