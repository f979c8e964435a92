//! Messages, claims and scopes against the examples of the RFCs, and their round trips.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod properties;
mod support;
mod vectors;
