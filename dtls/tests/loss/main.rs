//! Handshakes over bad networks, in virtual time. The tables go into `README.md`: `UPDATE_TABLES=1 cargo test -p
//! motekey-dtls --test loss` writes them, and the tests fail when they are stale.

#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;
mod first_answer;
mod handshakes;
mod readme;
