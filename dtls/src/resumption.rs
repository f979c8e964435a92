//! Abbreviated handshakes by session id (RFC 5246 Section 7.3): no key exchange, one round trip less.

use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

use crate::credentials::{CredentialSource, PeerIdentity, PskAnswer};
use crate::crypto::CryptoProvider;
use crate::schedule::MasterSecret;
use crate::suite::CipherSuite;
use crate::time::Instant;

/// How long after its full handshake a session can be resumed (RFC 5246 Section F.1.4: at most 24 hours).
pub const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Bytes of the session ids that a server gives out.
pub(crate) const SESSION_ID: usize = 8;

/// What a client keeps to resume a session.
#[derive(Debug, Clone)]
pub struct ClientSession {
    pub(crate) session_id: Box<[u8]>,
    pub(crate) suite: CipherSuite,
    pub(crate) master: MasterSecret,
}

/// What a server keeps to resume a session; about 200 bytes and the peer's identity.
#[derive(Clone)]
pub struct ServerSession {
    pub(crate) suite: CipherSuite,
    pub(crate) master: MasterSecret,
    pub(crate) peer: PeerIdentity,
    pub(crate) made: Instant,
    /// Tells whether the key of the identity is still the same.
    pub(crate) key_check: [u8; 32],
}

impl fmt::Debug for ServerSession {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ServerSession({:?})", self.suite)
    }
}

impl ServerSession {
    pub(crate) fn key_check(
        provider: &CryptoProvider,
        master: &MasterSecret,
        key: &[u8],
    ) -> [u8; 32] {
        provider
            .hash
            .hmac(master.expose(), &[b"key of the session", key])
    }

    /// Whether it may be resumed at `now`: it is not too old, and the identity still has the key that it had. A
    /// session does not outlive the credential that it was made with.
    pub(crate) fn is_valid(
        &self,
        provider: &CryptoProvider,
        now: Instant,
        credentials: &dyn CredentialSource,
    ) -> bool {
        if now.saturating_duration_since(self.made) > LIFETIME {
            return false;
        }
        match &self.peer {
            PeerIdentity::PreSharedKey(identity) => match credentials.pre_shared_key(identity) {
                PskAnswer::Key(key) => {
                    Self::key_check(provider, &self.master, key.expose()) == self.key_check
                }
                PskAnswer::Unknown | PskAnswer::IllegalParameter => false,
            },
            PeerIdentity::RawPublicKey(public_key_info) => {
                credentials.raw_public_key(public_key_info)
            }
            // A chain would have to be checked again: those sessions are not kept.
            PeerIdentity::Certificate(_) => false,
        }
    }
}

/// Where a server keeps sessions to resume. Called inside a handshake: answers from memory, at once. It may forget
/// any session at any time; it must be bounded, since every authenticated peer adds to it.
pub trait SessionCache: Send + Sync {
    /// Keeps a session under its id.
    fn insert(&self, session_id: &[u8], session: ServerSession);

    /// The session of an id. It stays: a client may resume it more than once.
    fn find(&self, session_id: &[u8]) -> Option<ServerSession>;

    /// Forgets a session (RFC 5246 Section 7.2.2: after a fatal alert).
    fn remove(&self, session_id: &[u8]);
}

/// A bounded cache: at most `capacity` sessions of at most 2.3 kB each (a PSK identity of 2 kB); the oldest goes
/// first.
#[cfg(feature = "std")]
#[derive(Debug)]
pub struct MemorySessionCache {
    capacity: usize,
    sessions: std::sync::Mutex<Sessions>,
}

#[cfg(feature = "std")]
#[derive(Debug, Default)]
struct Sessions {
    by_id: alloc::collections::BTreeMap<Box<[u8]>, ServerSession>,
    /// Ids, the oldest first. Ids that were removed stay until their turn comes.
    order: alloc::collections::VecDeque<Box<[u8]>>,
}

#[cfg(feature = "std")]
impl MemorySessionCache {
    /// A cache of at most `capacity` sessions.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            sessions: std::sync::Mutex::default(),
        }
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, Sessions> {
        self.sessions
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(feature = "std")]
impl SessionCache for MemorySessionCache {
    fn insert(&self, session_id: &[u8], session: ServerSession) {
        let mut sessions = self.sessions();
        while sessions.order.len() >= self.capacity {
            let Some(oldest) = sessions.order.pop_front() else {
                return;
            };
            sessions.by_id.remove(&oldest);
        }
        if sessions.by_id.insert(session_id.into(), session).is_none() {
            sessions.order.push_back(session_id.into());
        }
    }

    fn find(&self, session_id: &[u8]) -> Option<ServerSession> {
        self.sessions().by_id.get(session_id).cloned()
    }

    fn remove(&self, session_id: &[u8]) {
        self.sessions().by_id.remove(session_id);
    }
}
