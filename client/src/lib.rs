//! The device side of ACE (RFC 9200) over CoAP and DTLS (RFC 9202).

mod clock;
mod error;
mod profile;
mod report;
mod token;

pub use clock::{Clock, OffsetClock, SystemClock};
pub use error::{Error, Fault, Role, Unusable, advice};
pub use motekey_coap::dtls::{ClientCredential, PreSharedKey};
pub use profile::{Approach, CoapDtls, HandshakeLimits, Profile, TokenTransport, Upload};
pub use report::{Exchange, Granted, Report, Step, Traffic};
pub use token::{Access, ProofKey};
