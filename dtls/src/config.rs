//! What servers and clients can be told.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::credentials::{CertificateVerifier, CertifiedKey, CredentialSource};
use crate::crypto::{CryptoProvider, NamedGroup, SigningKey};
use crate::resumption::SessionCache;
use crate::suite::CipherSuite;

/// When flights are sent again (RFC 6347 Section 4.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Wait before the first repetition; doubled with each. Default 1 s (RFC 6347 Section 4.2.4.1); RFC 7925
    /// Section 11 recommends 9 s for slow networks.
    pub initial: Duration,
    /// Lower bound once the round trip has been measured: the wait is then three round trips
    /// (RFC 6298 Section 2.2), between this and `initial`. Default 200 ms.
    pub minimum: Duration,
    /// Upper bound of the wait. Default 60 s (RFC 6347 Section 4.2.4.1).
    pub maximum: Duration,
    /// The handshake ends after this time, whatever happened. Default 60 s.
    pub limit: Duration,
    /// Each wait is longer by a random part of up to this many percent, so that devices that start together do not
    /// stay together. Default 25.
    pub jitter_percent: u8,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(1),
            minimum: Duration::from_millis(200),
            maximum: Duration::from_secs(60),
            limit: Duration::from_secs(60),
            jitter_percent: 25,
        }
    }
}

/// How much a session takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest datagram that a handshake sends, in bytes of UDP payload; at least 96. Default 1,232 (the IPv6
    /// minimum MTU without headers).
    ///
    /// A ClientHello that does not fit goes out in parts, which servers without state before the cookie, ours among
    /// them, do not take. With the defaults it needs 92 bytes with a pre-shared key, 112 with a certificate, 124 with a
    /// raw public key. To it comes the own Connection ID. An offer to resume (8 bytes with our server) is left out
    /// where it does not fit.
    pub datagram: u16,
    /// Bytes of handshake messages that wait for missing parts. Default 4,096; an eighth more is used to keep track.
    pub handshake_buffer: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            datagram: 1232,
            handshake_buffer: 4096,
        }
    }
}

/// Look-ups of pre-shared keys that are answered later ([`crate::PskAnswer::Pending`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookups {
    /// Handshakes that may wait for an answer at the same time; the next one ends with `internal_error`. Default
    /// 1,024. Each keeps at most 4 kB (an identity of 2 kB, ephemeral keys) beside [`Limits::handshake_buffer`].
    pub waiting: usize,
    /// A handshake ends with `internal_error` when its answer has not come after this time. Default 10 s.
    pub limit: Duration,
}

impl Default for Lookups {
    fn default() -> Self {
        Self {
            waiting: 1024,
            limit: Duration::from_secs(10),
        }
    }
}

/// Connection IDs that a server gives to peers who offer the extension (RFC 9146).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionIds {
    /// Bytes of each; 1 to 20. All sessions of a socket have the same, since it is not on the wire.
    pub length: u8,
    /// How each begins, to name a worker or a node; the rest is random. Shorter than `length`.
    pub prefix: Vec<u8>,
}

/// What a server does; shared by all its sessions.
#[derive(Clone)]
pub struct ServerConfig {
    /// The cryptography.
    pub provider: &'static CryptoProvider,
    /// Cipher suites, the preferred first. Default: all.
    pub cipher_suites: Vec<CipherSuite>,
    /// Who may connect.
    pub credentials: Arc<dyn CredentialSource>,
    /// Groups for ephemeral keys, the preferred first. Default: all.
    pub groups: Vec<NamedGroup>,
    /// Our raw public key (RFC 7250), for clients that take one. Default none.
    pub raw_public_key: Option<Arc<dyn SigningKey>>,
    /// Our X.509 certificate. Default none.
    pub certificate: Option<CertifiedKey>,
    /// Whether clients of the signed suites must authenticate themselves. Default yes.
    pub client_authentication: bool,
    /// Checks X.509 certificates of clients; without it, they authenticate by raw public key only. Default none.
    pub client_certificates: Option<Arc<dyn CertificateVerifier>>,
    /// When flights are sent again.
    pub timing: Timing,
    /// How much a session takes.
    pub limits: Limits,
    /// Connection IDs; default none.
    pub connection_ids: Option<ConnectionIds>,
    /// Sessions that can be resumed by their id; default none.
    pub sessions: Option<Arc<dyn SessionCache>>,
    /// Look-ups that are answered later.
    pub lookups: Lookups,
}

impl ServerConfig {
    /// Everything at its default.
    pub fn new(provider: &'static CryptoProvider, credentials: Arc<dyn CredentialSource>) -> Self {
        Self {
            provider,
            cipher_suites: CipherSuite::ALL.to_vec(),
            credentials,
            groups: NamedGroup::ALL.to_vec(),
            raw_public_key: None,
            certificate: None,
            client_authentication: true,
            client_certificates: None,
            timing: Timing::default(),
            limits: Limits::default(),
            connection_ids: None,
            sessions: None,
            lookups: Lookups::default(),
        }
    }
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ServerConfig")
            .field("provider", self.provider)
            .field("cipher_suites", &self.cipher_suites)
            .field("timing", &self.timing)
            .field("limits", &self.limits)
            .field("connection_ids", &self.connection_ids)
            .finish_non_exhaustive()
    }
}

/// What a client does.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// The cryptography.
    pub provider: &'static CryptoProvider,
    /// Cipher suites to offer, the preferred first; those that do not fit the credential are left out. Default:
    /// TLS_PSK_WITH_AES_128_CCM_8 and TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, which every peer of RFC 9202 has.
    pub cipher_suites: Vec<CipherSuite>,
    /// Groups for ephemeral keys, the preferred first. Default: all.
    pub groups: Vec<NamedGroup>,
    /// When flights are sent again.
    pub timing: Timing,
    /// How much a session takes.
    pub limits: Limits,
    /// Offers the Connection ID extension and asks the peer to use this one (RFC 9146 Section 3); empty: the peer
    /// may give one, but needs none to reach us. Default `Some(empty)`.
    pub connection_id: Option<Vec<u8>>,
}

impl ClientConfig {
    /// Everything at its default.
    pub fn new(provider: &'static CryptoProvider) -> Self {
        Self {
            provider,
            cipher_suites: [
                CipherSuite::PskAes128Ccm8,
                CipherSuite::EcdheEcdsaAes128Ccm8,
            ]
            .to_vec(),
            groups: NamedGroup::ALL.to_vec(),
            timing: Timing::default(),
            limits: Limits::default(),
            connection_id: Some(Vec::new()),
        }
    }
}
