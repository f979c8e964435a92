//! The server side of motekey: the authorization server (RFC 9200 Section 5), the resource-server library that
//! applications build on, and what both need: registry, store, clock, events.

pub mod authorization_server;
pub mod certificates;
pub mod clock;
pub mod config;
#[cfg(unix)]
pub mod control;
pub mod event;
pub mod listen;
pub mod public_key;
pub mod random;
mod rate_limit;
pub mod registry;
pub mod resource_server;
pub mod store;
