//! Scenarios of the endpoint in virtual time.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod basics;
mod fake_dtls;
mod support;
