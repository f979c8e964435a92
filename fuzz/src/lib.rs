//! The bodies of the fuzz targets: each takes any bytes and panics when a promise is broken. `fuzz_targets/` makes a
//! program of each; `cargo test` replays the seeds in `seeds/` through all of them.

pub mod coap;
pub mod cose;
pub mod replay;
mod target;

#[doc(hidden)]
#[cfg(fuzzing)]
pub use libfuzzer_sys;

/// A fuzz target: takes any bytes, panics when a promise is broken.
pub type Target = fn(&[u8]);

/// Every target with the name of its program and of its folder of seeds.
pub const TARGETS: &[(&str, Target)] = &[
    ("cbor", cose::cbor),
    ("coap_endpoint", coap::coap_endpoint),
    ("coap_packet", coap::coap_packet),
    ("cose_key", cose::cose_key),
    ("scope_aif", cose::scope_aif),
];
