//! Abbreviated handshakes by session id (RFC 5246 Section 7.3): no key exchange, one round trip less.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use crate::config::ServerConfig;
use crate::credentials::{CertificateVerifier, ClientCredential, PeerIdentity, PskAnswer};
use crate::crypto::CryptoProvider;
use crate::schedule::MasterSecret;
use crate::suite::CipherSuite;
use crate::time::Instant;

/// How long after its full handshake a session can be resumed (RFC 5246 Section F.1.4: at most 24 hours).
pub const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Bytes of the session ids that a server gives out.
pub(crate) const SESSION_ID: usize = 8;

/// What a client keeps to resume a session. It is offered only with the credential that it was made with, and only
/// while the peer's key or certificate is still accepted. After a fatal alert on any connection of the session, all
/// its copies are void.
#[derive(Debug, Clone)]
pub struct ClientSession {
    pub(crate) session_id: Box<[u8]>,
    pub(crate) suite: CipherSuite,
    pub(crate) master: MasterSecret,
    pub(crate) origin: ClientOrigin,
}

/// Where the session of a client comes from.
#[derive(Debug, Clone)]
pub(crate) struct ClientOrigin {
    /// Whom the full handshake authenticated.
    pub(crate) peer: Option<PeerIdentity>,
    /// See [`client_binding`].
    pub(crate) binding: [u8; 32],
    /// A connection of the session ended by a fatal alert.
    pub(crate) failed: Arc<AtomicBool>,
}

impl ClientOrigin {
    pub(crate) fn new(peer: Option<PeerIdentity>, binding: [u8; 32]) -> Self {
        Self {
            peer,
            binding,
            failed: Arc::default(),
        }
    }
}

impl ClientSession {
    /// Whether it may be offered by a client with this credential. The server's certificate is checked again: it may
    /// have expired, and its name must still be the one that is wanted.
    pub(crate) fn fits(&self, provider: &CryptoProvider, credential: &ClientCredential) -> bool {
        let ClientOrigin {
            peer,
            binding,
            failed,
        } = &self.origin;
        // RFC 5246 Section 7.2.2: what a fatal alert ended MUST NOT be resumed.
        if failed.load(Ordering::Relaxed)
            || client_binding(provider, &self.master, credential) != *binding
        {
            return false;
        }
        match (peer, credential) {
            (None, ClientCredential::PreSharedKey { .. }) => true,
            (
                Some(PeerIdentity::RawPublicKey(info)),
                ClientCredential::RawPublicKey { server, .. },
            ) => info == server,
            (
                Some(PeerIdentity::Certificate(chain)),
                ClientCredential::Certificate { server, .. },
            ) => accepted(&**server, chain),
            _ => false,
        }
    }
}

/// Binds a session to the credential that a client made it with.
pub(crate) fn client_binding(
    provider: &CryptoProvider,
    master: &MasterSecret,
    credential: &ClientCredential,
) -> [u8; 32] {
    let (kind, own, other): (u8, &[u8], &[u8]) = match credential {
        ClientCredential::PreSharedKey { identity, key } => (1, identity, key.expose()),
        ClientCredential::RawPublicKey { key, server } => (2, key.public_key_info(), server),
        ClientCredential::Certificate { own, .. } => (3, own.key.public_key_info(), &[]),
    };
    let length = (own.len() as u64).to_be_bytes();
    let parts: [&[u8]; 5] = [b"credential of the session", &[kind], &length, own, other];
    provider.hash.hmac(master.expose(), &parts)
}

fn accepted(verifier: &dyn CertificateVerifier, chain: &[Vec<u8>]) -> bool {
    let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    verifier.verify(&chain).is_ok()
}

/// How an established session can be resumed.
pub(crate) enum Resumable {
    Client {
        session_id: Box<[u8]>,
        origin: ClientOrigin,
    },
    Server {
        session_id: Box<[u8]>,
        /// `None` for a session that was saved: its owner keeps the cache.
        cache: Option<Arc<dyn SessionCache>>,
    },
}

impl Resumable {
    pub(crate) fn session_id(&self) -> &[u8] {
        match self {
            Self::Client { session_id, .. } | Self::Server { session_id, .. } => session_id,
        }
    }

    /// RFC 5246 Section 7.2.2: both ends MUST forget the session when a connection ends by a fatal alert. Only for
    /// alerts that are authentic, or follow from what is: the session id goes over the network in clear, and
    /// whoever reads it could otherwise end the resumption of others.
    pub(crate) fn forget(&self) {
        match self {
            Self::Client { origin, .. } => origin.failed.store(true, Ordering::Relaxed),
            Self::Server { session_id, cache } => {
                if let Some(cache) = cache {
                    cache.remove(session_id);
                }
            }
        }
    }
}

/// What a server keeps to resume a session; about 200 bytes and the peer's identity.
#[derive(Clone)]
pub struct ServerSession {
    pub(crate) suite: CipherSuite,
    pub(crate) master: MasterSecret,
    pub(crate) peer: PeerIdentity,
    pub(crate) made: Instant,
    /// See [`ServerSession::binding`].
    pub(crate) binding: [u8; 32],
}

impl fmt::Debug for ServerSession {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ServerSession({:?})", self.suite)
    }
}

impl ServerSession {
    /// Binds a session to the name that the client called the server, and to the pre-shared key, if there is one.
    pub(crate) fn binding(
        provider: &CryptoProvider,
        master: &MasterSecret,
        server_name: &[u8],
        key: &[u8],
    ) -> [u8; 32] {
        let length = (server_name.len() as u64).to_be_bytes();
        let parts: [&[u8]; 4] = [b"key of the session", &length, server_name, key];
        provider.hash.hmac(master.expose(), &parts)
    }

    /// Whether it may be resumed at `now`: it is not too old, the name is the same, and the peer's credential would
    /// still be accepted. A session does not outlive the credential that it was made with.
    pub(crate) fn is_valid(&self, config: &ServerConfig, now: Instant, server_name: &[u8]) -> bool {
        if now.saturating_duration_since(self.made) > LIFETIME {
            return false;
        }
        let (provider, credentials) = (config.provider, &config.credentials);
        // RFC 6066 Section 3: no resumption under another name.
        let bound =
            |key: &[u8]| Self::binding(provider, &self.master, server_name, key) == self.binding;
        match &self.peer {
            PeerIdentity::PreSharedKey(identity) => match credentials.pre_shared_key(identity) {
                PskAnswer::Key(key) => bound(key.expose()),
                PskAnswer::Unknown | PskAnswer::Pending | PskAnswer::IllegalParameter => false,
            },
            PeerIdentity::RawPublicKey(public_key_info) => {
                bound(&[]) && credentials.raw_public_key(public_key_info)
            }
            PeerIdentity::Certificate(chain) => {
                let verifier = config.client_certificates.as_deref();
                bound(&[]) && verifier.is_some_and(|verifier| accepted(verifier, chain))
            }
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

    /// Forgets a session. A [`crate::Connection`] calls it after a fatal alert (RFC 5246 Section 7.2.2).
    fn remove(&self, session_id: &[u8]);
}

/// A bounded cache: at most `capacity` sessions, each about 200 bytes and the peer's identity: a PSK identity of at most
/// 2 kB, a public key, or a chain of at most [`crate::config::Limits::handshake_buffer`]. The oldest goes first.
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
