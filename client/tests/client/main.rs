//! The client against scripted servers, as a library and as a program.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may panic: that is how they fail"
)]

mod clocks;
mod flow;
mod lasting;
#[cfg(feature = "program")]
mod mote;
#[cfg(feature = "program")]
mod mote_keys;
mod nonces;
mod refusals;
mod restarts;
mod scripted;
