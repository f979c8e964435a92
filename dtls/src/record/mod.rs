//! The record layer: protection of records, replay window, sequence numbers.

mod channel;
mod protect;
mod replay;

pub(crate) use channel::{Channel, PROTECTED, Protection, SEQUENCES};
pub(crate) use protect::{ConnectionId, MAX_PLAINTEXT, OpenError, Opened, Protected, TrafficKey};
pub(crate) use replay::ReplayWindow;
