//! A network in virtual time for tests: delay, loss, reordering, duplication and a largest datagram, all from a seed,
//! so that a failure repeats.

mod network;
mod pair;

pub use network::{Link, Network};
pub use pair::{Pair, Side};
