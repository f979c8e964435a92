//! The bytes of DTLS 1.2: records, handshake fragments and messages, alerts. Parsing is strict and borrows; it never
//! panics and never allocates. Writing appends to a vector.

pub mod alert;
pub mod extension;
pub mod handshake;
pub mod hello;
pub mod key_exchange;
mod reader;
pub mod record;
mod writer;

pub use reader::{DecodeError, Reader};
pub use writer::{TooLong, Writer};

/// `ProtocolVersion` of DTLS 1.2 (RFC 6347 Section 4.1).
pub const DTLS_1_2: u16 = 0xfefd;
/// `ProtocolVersion` of DTLS 1.0, on the wire in the first records of a handshake only.
pub const DTLS_1_0: u16 = 0xfeff;
