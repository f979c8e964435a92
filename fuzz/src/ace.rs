//! Targets for the messages of the ACE framework and for claims: what was read is written to bytes that read as the
//! same value.

use std::fmt::Debug;

use motekey_cose::claims::ClaimsSet;
use motekey_cose::confirmation::Confirmation;
use motekey_cose::message::{
    ErrorResponse, IntrospectionRequest, IntrospectionResponse, PskIdentity, RequestCreationHints,
    TokenRequest, TokenResponse,
};

/// A claims set (RFC 8392 Section 3).
pub fn claims_set(data: &[u8]) {
    round_trip(data, ClaimsSet::decode, ClaimsSet::encode);
}

/// A confirmation (RFC 8747 Section 3.1).
pub fn confirmation(data: &[u8]) {
    round_trip(data, Confirmation::decode, Confirmation::encode);
}

/// A token request (RFC 9200 Section 5.8.1).
pub fn token_request(data: &[u8]) {
    round_trip(data, TokenRequest::decode, TokenRequest::encode);
}

/// A token response (RFC 9200 Section 5.8.2).
pub fn token_response(data: &[u8]) {
    round_trip(data, TokenResponse::decode, TokenResponse::encode);
}

/// An error response (RFC 9200 Section 5.8.3).
pub fn error_response(data: &[u8]) {
    round_trip(data, ErrorResponse::decode, ErrorResponse::encode);
}

/// AS Request Creation Hints (RFC 9200 Section 5.3).
pub fn creation_hints(data: &[u8]) {
    round_trip(
        data,
        RequestCreationHints::decode,
        RequestCreationHints::encode,
    );
}

/// An introspection request (RFC 9200 Section 5.9.1).
pub fn introspection_request(data: &[u8]) {
    round_trip(
        data,
        IntrospectionRequest::decode,
        IntrospectionRequest::encode,
    );
}

/// An introspection response (RFC 9200 Section 5.9.2).
pub fn introspection_response(data: &[u8]) {
    round_trip(
        data,
        IntrospectionResponse::decode,
        IntrospectionResponse::encode,
    );
}

/// A PSK identity that names a key (RFC 9202 Section 3.3.2).
pub fn psk_identity(data: &[u8]) {
    round_trip(data, PskIdentity::decode, PskIdentity::encode);
}

pub(crate) fn round_trip<T: PartialEq, E: Debug>(
    data: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, E>,
    encode: impl Fn(&T) -> Vec<u8>,
) {
    let Ok(value) = decode(data) else { return };
    let written = encode(&value);
    let again = decode(&written);
    assert!(
        again.is_ok(),
        "written bytes do not read: {:?}",
        again.err()
    );
    assert!(again.is_ok_and(|again| again == value), "round trip");
}
