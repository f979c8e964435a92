//! What authorization costs a device: round trips, datagrams and bytes over real DTLS on loopback, and the size of
//! each message. The tables go into `client/README.md`, one of them into `README.md` too:
//! `UPDATE_TABLES=1 cargo test -p motekey-server --test costs` writes them, and the tests fail when they are stale.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may panic, that is how they fail; and these print their tables"
)]

mod exchanges;
mod messages;
mod readme;
mod site;
