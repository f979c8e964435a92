//! DTLS 1.2 on `motekey-dtls`: the default backend, made for networks with hostile peers.
//!
//! Sessions do all their work when they are fed or polled: no task, no clock, no randomness but the source that the
//! caller gives. An unverified ClientHello leaves nothing behind (RFC 6347 Section 4.2.1).

mod signed;
mod stock;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use motekey_dtls::credentials::MAX_IDENTITY;
#[cfg(feature = "aws-lc")]
use motekey_dtls::crypto::aws_lc;
#[cfg(not(feature = "aws-lc"))]
use motekey_dtls::crypto::rust;
use motekey_dtls::crypto::{CryptoProvider, RandomSource};
use motekey_dtls::{
    CertificateVerifier, ClientConfig, Connection, ConnectionIds, Limits, Server, ServerConfig,
    Timing,
};

use self::signed::{ClientCheck, ServerCheck, certified_key, signing_key};
use self::stock::Stock;
use super::association::{identity, instant};
use super::{
    Backend, Capabilities, ClientCredential, ConnectError, CredentialSource, FirstContact,
    PskAnswer, Restored, Session, Waker,
};
use crate::time::Instant;

/// The fastest cryptography that is built in: with the feature `aws-lc` key exchange and signatures are those of
/// AWS-LC, else all is pure Rust. To a peer they are the same.
#[cfg(feature = "aws-lc")]
pub const FASTEST: &CryptoProvider = &aws_lc::PROVIDER;
/// The fastest cryptography that is built in: with the feature `aws-lc` key exchange and signatures are those of
/// AWS-LC, else all is pure Rust. To a peer they are the same.
#[cfg(not(feature = "aws-lc"))]
pub const FASTEST: &CryptoProvider = &rust::PROVIDER;

/// Bytes of the longest Connection ID.
const MAX_CONNECTION_ID: u8 = 20;

/// Limits and timers of the backend.
#[derive(Debug, Clone, Copy)]
pub struct MotekeyConfig {
    /// The cryptography. Default: [`FASTEST`]; `motekey_dtls::crypto::rust::PROVIDER` is pure Rust.
    pub provider: &'static CryptoProvider,
    /// How long a handshake may take, from its first datagram. Default 60 s: six sendings of each flight. The endpoint
    /// has a limit of its own; the shorter one counts.
    pub handshake_time_limit: Duration,
    /// Wait before a flight is sent again the first time; doubled with each repetition. Default 1 s (RFC 6347
    /// Section 4.2.4.1); RFC 7925 Section 11 recommends 9 s in networks of constrained devices.
    pub flight_interval: Duration,
    /// Longest datagram of a handshake in bytes of UDP payload. Default 1,232 (the IPv6 minimum MTU without headers).
    pub handshake_datagram: u16,
    /// Bytes of the Connection IDs that a server gives to clients who offer the extension (RFC 9146), up to 20; 0:
    /// none. With them, sessions outlive a change of the client's address behind a NAT, and each record of the client
    /// is longer by one byte more than the length. Default 8: they are random, and two sessions with the same one
    /// cannot be told apart: a chance of one in 3 billion among 100,000 sessions, where 4 bytes are more likely to fail
    /// than not. A client always offers to write what the server asks for, and asks for none itself (RFC 9146 Section 3:
    /// a zero-length one): its socket has one session with each server.
    pub connection_id_length: u8,
    /// The first byte of all Connection IDs, so that a router can pass datagrams on to the worker or node that they
    /// belong to. Default none: it is random too.
    pub connection_id_node: Option<u8>,
}

impl Default for MotekeyConfig {
    fn default() -> Self {
        Self {
            provider: FASTEST,
            handshake_time_limit: Duration::from_secs(60),
            flight_interval: Duration::from_secs(1),
            handshake_datagram: Limits::default().datagram,
            connection_id_length: 8,
            connection_id_node: None,
        }
    }
}

impl MotekeyConfig {
    fn timing(&self) -> Timing {
        Timing {
            initial: self.flight_interval,
            limit: self.handshake_time_limit,
            ..Timing::default()
        }
    }

    fn connection_ids(&self) -> Option<ConnectionIds> {
        let length = self.connection_id_length.min(MAX_CONNECTION_ID);
        // At least one byte stays random.
        let node = self.connection_id_node.filter(|_| length > 1);
        let ids = ConnectionIds {
            length,
            prefix: node.into_iter().collect(),
        };
        (length > 0).then_some(ids)
    }

    fn limits(&self) -> Limits {
        Limits {
            datagram: self.handshake_datagram,
            ..Limits::default()
        }
    }
}

/// The backend.
pub struct Motekey {
    random: Stock,
    client: ClientConfig,
    server: Option<ServerConfig>,
    /// Made with the first datagram, which brings the time.
    front: Option<Server>,
}

impl Motekey {
    /// A backend that can connect, and cannot be connected to. `random` makes keys: it must be unpredictable
    /// ([`SystemRandom`] in programs).
    pub fn client(config: MotekeyConfig, random: Box<dyn RandomSource + Send>) -> Self {
        let (timing, limits) = (config.timing(), config.limits());
        let client = ClientConfig {
            timing,
            limits,
            ..ClientConfig::new(config.provider)
        };
        Self {
            random: Stock::new(random),
            client,
            server: None,
            front: None,
        }
    }

    /// A backend that accepts whom `credentials` knows, and can connect too. `random` as in [`Motekey::client`].
    /// Clients with raw public keys or certificates need a key pair or certificate of the server's own.
    pub fn server(
        config: MotekeyConfig,
        credentials: Arc<dyn CredentialSource>,
        random: Box<dyn RandomSource + Send>,
    ) -> Self {
        let (timing, limits) = (config.timing(), config.limits());
        let client_certificates = credentials.client_certificates().map(|check| {
            let credentials = Arc::clone(&credentials);
            Arc::new(ClientCheck { check, credentials }) as Arc<dyn CertificateVerifier>
        });
        let own_certificate = credentials.own_certificate();
        let server = ServerConfig {
            raw_public_key: credentials.key_pair().as_ref().map(signing_key),
            certificate: own_certificate.as_ref().map(certified_key),
            client_certificates,
            timing,
            limits,
            connection_ids: config.connection_ids(),
            ..ServerConfig::new(config.provider, Arc::new(Credentials(credentials)))
        };
        Self {
            server: Some(server),
            ..Self::client(config, random)
        }
    }

    fn front(&mut self, now: Instant) -> Option<(&mut Server, &mut dyn RandomSource)> {
        if self.front.is_none() {
            let config = Arc::new(self.server.clone()?);
            self.front = Server::new(config, instant(now), &mut self.random).ok();
        }
        self.front
            .as_mut()
            .map(|front| (front, &mut self.random as &mut dyn RandomSource))
    }
}

impl Backend for Motekey {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "motekey-dtls",
            pre_shared_key: true,
            raw_public_key: true,
            certificate: true,
            connection_id: true,
            stateless_cookie: true,
            max_identity: MAX_IDENTITY,
            hostile_networks: true,
        }
    }

    fn first_contact(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        datagram: &[u8],
        _waker: Waker,
    ) -> FirstContact {
        let Some((front, random)) = self.front(now) else {
            return FirstContact::Ignore;
        };
        match front.first_contact(instant(now), peer, datagram, random) {
            Ok(
                motekey_dtls::FirstContact::Reply(reply)
                | motekey_dtls::FirstContact::Refuse { reply, .. },
            ) => FirstContact::Reply(reply),
            Ok(motekey_dtls::FirstContact::Accept(connection)) => FirstContact::Accept(connection),
            Ok(motekey_dtls::FirstContact::Ignore) | Err(_) => FirstContact::Ignore,
        }
    }

    fn connect(
        &mut self,
        now: Instant,
        _peer: SocketAddr,
        credential: &ClientCredential,
        _waker: Waker,
    ) -> Result<Box<dyn Session>, ConnectError> {
        let credential = client_credential(credential)?;
        let now = instant(now);
        let connection = Connection::connect(&self.client, &credential, now, &mut self.random)
            .map_err(|_| ConnectError::UnsupportedCredential)?;
        Ok(Box::new(connection))
    }

    fn route<'a>(&self, datagram: &'a [u8]) -> Option<&'a [u8]> {
        self.front.as_ref()?.connection_id(datagram)
    }

    fn restore(&mut self, now: Instant, saved: &[u8]) -> Option<Restored> {
        // Records for the session can come before any ClientHello: they are routed by the front.
        self.front(now);
        let (connection, peer) = Connection::import(self.client.provider, saved).ok()?;
        let session = Box::new(connection);
        Some((session, peer.map(identity)))
    }
}

/// The credential of a client in the words of `motekey-dtls`.
fn client_credential(
    credential: &ClientCredential,
) -> Result<motekey_dtls::ClientCredential, ConnectError> {
    Ok(match credential {
        ClientCredential::PreSharedKey { identity, .. } if identity.len() > MAX_IDENTITY => {
            return Err(ConnectError::IdentityTooLong {
                got: identity.len(),
                limit: MAX_IDENTITY,
            });
        }
        ClientCredential::PreSharedKey { identity, key } => {
            motekey_dtls::ClientCredential::PreSharedKey {
                identity: identity.clone(),
                key: motekey_dtls::PreSharedKey::new(key.expose().to_vec()),
            }
        }
        ClientCredential::RawPublicKey { key, server } => {
            motekey_dtls::ClientCredential::RawPublicKey {
                key: signing_key(key),
                server: server.clone(),
            }
        }
        ClientCredential::Certificate { own, server } => {
            motekey_dtls::ClientCredential::Certificate {
                own: certified_key(own),
                server: Arc::new(ServerCheck(server.clone())),
            }
        }
    })
}

/// The seam's credentials in the words of `motekey-dtls`.
struct Credentials(Arc<dyn CredentialSource>);

impl motekey_dtls::CredentialSource for Credentials {
    fn pre_shared_key(&self, identity: &[u8]) -> motekey_dtls::PskAnswer {
        match self.0.pre_shared_key(identity) {
            PskAnswer::Key(key) => {
                motekey_dtls::PskAnswer::Key(motekey_dtls::PreSharedKey::new(key.expose().to_vec()))
            }
            PskAnswer::Unknown => motekey_dtls::PskAnswer::Unknown,
            PskAnswer::IllegalParameter => motekey_dtls::PskAnswer::IllegalParameter,
        }
    }

    fn raw_public_key(&self, public_key_info: &[u8]) -> bool {
        self.0.raw_public_key(public_key_info)
    }

    fn identity_hint(&self) -> Option<Vec<u8>> {
        self.0.identity_hint()
    }
}

/// The randomness of the operating system.
#[cfg(feature = "driver")]
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

#[cfg(feature = "driver")]
impl RandomSource for SystemRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), motekey_dtls::crypto::RandomError> {
        getrandom::fill(bytes).map_err(|_| motekey_dtls::crypto::RandomError)
    }
}
