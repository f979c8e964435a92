//! CoAP for peers that must prove who they are: the message layer of RFC 7252 with block-wise transfers
//! (RFC 7959), Observe (RFC 7641) and Echo (RFC 9175) as an endpoint without sockets or clocks, the seam to DTLS
//! behind it, and drivers that give it a socket and a clock.

pub mod block;
#[cfg(feature = "driver")]
pub mod driver;
pub mod dtls;
mod echo;
pub mod endpoint;
mod exchange;
pub mod link_format;
pub mod link_profile;
pub mod message;
mod observe;
mod random;
pub mod simulation;
pub mod time;
pub mod uri;
