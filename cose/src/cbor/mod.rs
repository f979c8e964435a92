//! CBOR (RFC 8949) as authorization needs it: one strict pre-pass over bytes from the network ([`check`]), a reader of
//! checked items ([`Value`], [`MapReader`], [`ArrayReader`]) and a writer ([`Writer`], [`MapWriter`]).
//!
//! Items are read and written by minicbor. It takes more than authorization may take (the last of two equal keys
//! wins, bytes behind the item are left alone, reserved simple values pass), so the pre-pass says what is accepted on
//! input: definite lengths only, no map key twice, text that is UTF-8, bounded depth and size, nothing behind the item.
//! A head that is longer than needed is accepted on input, and never written.
//!
//! Nothing here panics, whatever the bytes are. The pre-pass takes time linear in the input (the search for
//! duplicate keys is bounded by [`Limits::map_entries`] for each key) and allocates at most one entry for each map key
//! that is open at a time.

mod check;
mod error;
mod reader;
mod writer;

pub use check::{Limits, check};
pub use error::{CborError, Kind, Label};
pub use reader::{ArrayReader, MapReader, Number, Value};
pub use writer::{MapWriter, Writer};

#[cfg(test)]
mod tests;
