//! Handshakes over bad networks, in virtual time. The table goes into `README.md`: `UPDATE_TABLES=1 cargo test -p
//! motekey-dtls --test loss` writes it, and the test fails when it is stale.

#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;
mod handshakes;
mod readme;
