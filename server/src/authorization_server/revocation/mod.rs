//! Revocation of tokens (RFC 9770): the commands, the list's endpoint, and who is told.

mod acknowledgements;
mod answer;
mod commands;
mod endpoint;
mod observers;
mod settings;
#[cfg(test)]
mod tests;

pub(super) use acknowledgements::Acknowledgements;
pub use acknowledgements::{AcknowledgedBy, Acknowledgement, Reached, Spread};
pub(super) use observers::Observers;
pub use settings::{Queries, RevocationSettings};
