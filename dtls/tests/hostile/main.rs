//! Strangers, thieves and liars, at every step of a session.

#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;
mod edit;
mod forgeries;
mod fragments;
mod liars;
mod long_ids;
mod mutations;
mod sessions;
mod strangers;
