//! The same two ends with every kind of credential. The certificates are files, so that every run has the same bytes;
//! they are P-256 with the private keys below, for ten years from 2026-11-23.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use motekey_dtls::crypto::SigningKey;
use motekey_dtls::crypto::rust::{P256Key, PROVIDER};
use motekey_dtls::x509::WebPkiVerifier;
use motekey_dtls::{
    CertifiedKey, CipherSuite, ClientConfig, ClientCredential, CredentialSource, PeerIdentity,
    PskAnswer, ServerConfig,
};

use super::{IDENTITY, KEY, Keys, client_config, credential};

const AUTHORITY: &[u8] = include_bytes!("../certificates/authority.der");
const SERVER: &[u8] = include_bytes!("../certificates/server.der");
const CLIENT: &[u8] = include_bytes!("../certificates/client.der");

/// Within the validity of the certificates, in seconds since 1970.
pub(crate) const DURING: u64 = 1_800_000_000;
/// After it.
pub(crate) const AFTER: u64 = 4_000_000_000;

/// What the ends authenticate each other with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Psk,
    EcdhePsk,
    RawPublicKey,
    X509,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Psk, Self::EcdhePsk, Self::RawPublicKey, Self::X509];
    pub(crate) const SIGNED: [Self; 2] = [Self::RawPublicKey, Self::X509];

    pub(crate) const fn suite(self) -> CipherSuite {
        match self {
            Self::Psk => CipherSuite::PskAes128Ccm8,
            Self::EcdhePsk => CipherSuite::EcdhePskAes128Ccm8,
            Self::RawPublicKey | Self::X509 => CipherSuite::EcdheEcdsaAes128Ccm8,
        }
    }

    /// What the server calls the client.
    pub(crate) fn client_identity(self) -> PeerIdentity {
        match self {
            Self::Psk | Self::EcdhePsk => PeerIdentity::PreSharedKey(IDENTITY.to_vec()),
            Self::RawPublicKey => PeerIdentity::RawPublicKey(info(&client_key())),
            Self::X509 => PeerIdentity::Certificate(vec![CLIENT.to_vec()]),
        }
    }

    /// What the client calls the server.
    pub(crate) fn server_identity(self) -> Option<PeerIdentity> {
        match self {
            Self::Psk | Self::EcdhePsk => None,
            Self::RawPublicKey => Some(PeerIdentity::RawPublicKey(info(&server_key()))),
            Self::X509 => Some(PeerIdentity::Certificate(vec![SERVER.to_vec()])),
        }
    }

    pub(crate) fn client_config(self) -> ClientConfig {
        ClientConfig {
            cipher_suites: vec![self.suite()],
            ..client_config()
        }
    }

    pub(crate) fn credential(self) -> ClientCredential {
        self.credential_at(&Clock::new(DURING))
    }

    pub(crate) fn credential_at(self, clock: &Clock) -> ClientCredential {
        match self {
            Self::Psk | Self::EcdhePsk => credential(IDENTITY, &KEY),
            Self::RawPublicKey => ClientCredential::RawPublicKey {
                key: client_key(),
                server: info(&server_key()),
            },
            Self::X509 => {
                let name = "server.motekey.test";
                let server =
                    WebPkiVerifier::server(&PROVIDER, &[AUTHORITY], name, clock.reader()).unwrap();
                ClientCredential::Certificate {
                    own: CertifiedKey {
                        chain: vec![CLIENT.to_vec()],
                        key: client_key(),
                    },
                    server: Arc::new(server),
                }
            }
        }
    }
}

/// A server for clients of all kinds.
pub(crate) fn server_for_all() -> ServerConfig {
    server_for_all_at(&Clock::new(DURING))
}

pub(crate) fn server_for_all_at(clock: &Clock) -> ServerConfig {
    let clients = WebPkiVerifier::clients(&PROVIDER, &[AUTHORITY], clock.reader()).unwrap();
    ServerConfig {
        raw_public_key: Some(server_key()),
        certificate: Some(CertifiedKey {
            chain: vec![SERVER.to_vec()],
            key: server_key(),
        }),
        client_certificates: Some(Arc::new(clients)),
        ..ServerConfig::new(&PROVIDER, Arc::new(Everybody))
    }
}

pub(crate) fn server_key() -> Arc<dyn SigningKey> {
    Arc::new(P256Key::new(&[2; 32]).unwrap())
}

pub(crate) fn client_key() -> Arc<dyn SigningKey> {
    Arc::new(P256Key::new(&[3; 32]).unwrap())
}

pub(crate) fn info(key: &Arc<dyn SigningKey>) -> Vec<u8> {
    key.public_key_info().to_vec()
}

/// The one device, by any of its credentials.
struct Everybody;

impl CredentialSource for Everybody {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        Keys::one().pre_shared_key(identity)
    }

    fn raw_public_key(&self, public_key_info: &[u8]) -> bool {
        public_key_info == client_key().public_key_info()
    }
}

/// A time of the day that can be set.
#[derive(Debug, Clone)]
pub(crate) struct Clock(Arc<AtomicU64>);

impl Clock {
    pub(crate) fn new(seconds: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seconds)))
    }

    pub(crate) fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }

    fn reader(&self) -> motekey_dtls::x509::Clock {
        let clock = self.clone();
        Box::new(move || Some(clock.0.load(Ordering::Relaxed)))
    }
}
