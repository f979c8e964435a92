//! The device side of ACE (RFC 9200) over CoAP and DTLS (RFC 9202): one call finds out whom to ask, gets a token,
//! proves possession of its key, and sends the request.
//!
//! ```no_run
//! # async fn example() -> Result<(), motekey_client::Error> {
//! use motekey_client::{AuthorizationServer, Client, ClientCredential, PreSharedKey, ResourceServer};
//!
//! let key = PreSharedKey::new(vec![0x42; 16]);
//! let credential = ClientCredential::PreSharedKey { identity: b"meter-1".to_vec(), key };
//! let client = Client::builder()
//!     .authorization_server(AuthorizationServer::new("coaps://as.example.com", credential)?)
//!     .resource_server(ResourceServer::new("coaps://gateway.example.com")?.audience("gateway"))
//!     .build()
//!     .await?;
//! let response = client.get("coaps://gateway.example.com/meters").await?;
//! println!("{}", response.code);
//! # Ok(())
//! # }
//! ```
//!
//! What a first call does, and what each later one saves, is in [`Client::report`]. The client decides by its own
//! configuration which authorization server may issue tokens for which resource server; hints from the network can
//! only agree with it.

mod acquire;
mod authorization;
mod builder;
mod cache;
mod client;
mod clock;
mod configuration;
mod error;
mod flow;
mod kept;
mod nonce;
mod own_key;
mod problem;
mod profile;
mod renewal;
mod report;
mod revocation;
mod session;
mod subscription;
mod target;
mod token;
mod update;
mod wire;

pub use builder::ClientBuilder;
pub use cache::{CacheError, CacheKey, TokenCache};
pub use client::{Body, Client};
pub use clock::{Clock, NoWallClock, OffsetClock, SystemClock, SystemWallClock, WallClock};
pub use configuration::{AuthorizationServer, KeyChoice, Limits, ResourceServer, Timers};
pub use error::{Error, Fault, Role, Unusable, advice};
pub use motekey_coap::dtls::{
    CertificateCheck, CertifiedKey, ClientCredential, KeyPair, PreSharedKey,
};
pub use motekey_coap::link_profile::LinkProfile;
pub use profile::{
    Approach, CoapDtls, HandshakeLimits, KeyOffer, Means, Profile, TokenTransport, Upload,
};
pub use renewal::Renewal;
pub use report::{Exchange, Granted, Report, Step, Traffic};
pub use revocation::RevocationList;
pub use subscription::Subscription;
pub use token::{Access, ProofKey};
