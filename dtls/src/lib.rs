//! DTLS 1.2 (RFC 6347) for constrained fleets: sessions without sockets, clocks or tasks. Datagrams and the time go
//! in, datagrams, events and the time of the next timer come out.
//!
//! AEAD suites only, extended master secret always, no renegotiation, no compression.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod certificate;
mod client;
pub mod codec;
pub mod config;
mod connection;
pub mod credentials;
pub mod crypto;
pub mod error;
mod flight;
mod handshake;
mod random;
mod reassembly;
mod record;
pub mod resumption;
mod schedule;
mod server;
pub mod suite;
pub mod time;
mod timer;
#[cfg(feature = "webpki")]
pub mod x509;

pub use config::{ClientConfig, ConnectionIds, Limits, Lookups, ServerConfig, Timing};
pub use connection::{Connection, Event, Handover, ImportError, Received};
pub use credentials::{
    CertificateError, CertificateVerifier, CertifiedKey, ClientCredential, CredentialSource,
    PeerIdentity, PreSharedKey, PskAnswer,
};
pub use error::{CloseReason, HandshakeError, SendError};
#[cfg(feature = "std")]
pub use resumption::MemorySessionCache;
pub use resumption::{ClientSession, SessionCache};
pub use schedule::Role;
pub use server::{FirstContact, Server};
pub use suite::CipherSuite;
pub use time::Instant;
