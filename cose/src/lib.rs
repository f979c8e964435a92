//! The CBOR formats of authorization for constrained devices: COSE structures (RFC 9052), CBOR Web Tokens
//! (RFC 8392) with proof-of-possession keys (RFC 8747), AIF scopes (RFC 9237) and the messages of the ACE
//! framework (RFC 9200, RFC 9201). Bytes in, types out, and back.
//!
//! No sockets, no clock, no global state; `no_std` with `alloc`. Bytes that come from the network are read by
//! one strict pre-pass ([`cbor`]): definite lengths, no duplicate keys, no trailing bytes, bounded depth.
#![no_std]

extern crate alloc;

pub mod cbor;
pub mod claims;
pub mod confirmation;
pub mod crypto;
pub mod envelope;
pub mod key;
pub mod message;
pub mod registry;
pub mod revocation;
pub mod scope;
pub mod token;
