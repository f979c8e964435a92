//! The messages of the ACE framework against another implementation: the crate `dcaf` reads what we write, and we read
//! what it writes. What it cannot read is listed in `ours::limits`, what it writes otherwise than the RFC says has a test
//! that says so.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, like the tests themselves"
)]

mod ours;
mod theirs;

use std::fmt::Debug;

use dcaf::ToCborMap;

/// The message that `dcaf` reads in these bytes.
fn read<M: ToCborMap>(bytes: &[u8]) -> Result<M, String> {
    M::deserialize_from(bytes).map_err(|error| error.to_string())
}

/// The bytes that `dcaf` writes.
fn written<M: ToCborMap + Debug>(message: M) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.serialize_into(&mut bytes).unwrap();
    bytes
}
