//! DTLS 1.2 (RFC 6347) for constrained fleets: sessions without sockets, clocks or tasks. Datagrams and the time go
//! in, datagrams, events and the time of the next timer come out.
//!
//! AEAD suites only, extended master secret always, no renegotiation, no compression.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

pub mod codec;
