//! Scenarios of the endpoint in virtual time.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

#[cfg(feature = "motekey")]
mod addresses;
mod adversity;
mod basics;
mod blocks;
mod echo;
mod fake_dtls;
#[cfg(feature = "motekey")]
mod first_answer;
mod floods;
mod many;
mod matching;
mod messages;
mod observe;
#[cfg(feature = "motekey")]
mod outcomes;
mod sessions;
mod sources;
mod support;
