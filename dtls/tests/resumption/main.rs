//! Sessions that go on, in this connection or in another.

#![cfg(test)]

mod alerts;
#[path = "../common/mod.rs"]
mod common;
mod continued;
mod pre_shared_key;
mod signed;
