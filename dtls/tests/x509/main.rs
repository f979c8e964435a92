//! X.509: chains made by OpenSSL, checked by us; handshakes with OpenSSL, both directions.

#![cfg(test)]

mod authority;
mod chains;
#[path = "../common/mod.rs"]
mod common;
mod openssl;
mod resumption;
