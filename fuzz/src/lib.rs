//! The bodies of the fuzz targets: each takes any bytes and panics when a promise is broken. `fuzz_targets/` makes a
//! program of each; `cargo test` replays the seeds in `seeds/` through all of them.

pub mod ace;
pub mod coap;
pub mod cose;
pub mod dtls;
pub mod envelope;
pub mod replay;
pub mod resource_server;
pub mod revocation;
mod target;
pub mod token;
pub mod token_endpoint;

#[doc(hidden)]
#[cfg(fuzzing)]
pub use libfuzzer_sys;

/// A fuzz target: takes any bytes, panics when a promise is broken.
pub type Target = fn(&[u8]);

/// Every target with the name of its program and of its folder of seeds.
pub const TARGETS: &[(&str, Target)] = &[
    ("authz_info", resource_server::authz_info),
    ("cbor", cose::cbor),
    ("claims_set", ace::claims_set),
    ("coap_endpoint", coap::coap_endpoint),
    ("coap_packet", coap::coap_packet),
    ("confirmation", ace::confirmation),
    ("cose_encrypt0", envelope::cose_encrypt0),
    ("cose_encrypted_key", envelope::cose_encrypted_key),
    ("cose_key", cose::cose_key),
    ("cose_mac0", envelope::cose_mac0),
    ("cose_sign1", envelope::cose_sign1),
    ("creation_hints", ace::creation_hints),
    ("dtls_client", dtls::dtls_client),
    ("dtls_handshake", dtls::dtls_handshake),
    ("dtls_record", dtls::dtls_record),
    ("dtls_server", dtls::dtls_server),
    ("error_response", ace::error_response),
    ("introspection_endpoint", revocation::introspection_endpoint),
    ("introspection_request", ace::introspection_request),
    ("introspection_response", ace::introspection_response),
    ("psk_identity", ace::psk_identity),
    ("revocation_problem", revocation::revocation_problem),
    ("revocation_query", revocation::revocation_query),
    ("revocation_response", revocation::revocation_response),
    ("scope_aif", cose::scope_aif),
    ("token", token::token),
    ("token_endpoint", token_endpoint::token_endpoint),
    ("token_identity", resource_server::token_identity),
    ("token_request", ace::token_request),
    ("token_response", ace::token_response),
];
