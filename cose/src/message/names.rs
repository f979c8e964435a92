//! Names of members for errors, one table for each number space.

use crate::cbor::Label;
use crate::registry::{hint, introspection, parameter};

/// RFC 9200 Table 5, RFC 9201 Table 1.
pub(super) const TOKEN: &[Label] = &[
    ACCESS_TOKEN,
    label(parameter::EXPIRES_IN, "expires_in"),
    label(parameter::REQ_CNF, "req_cnf"),
    label(parameter::AUDIENCE, "audience"),
    CNF,
    label(parameter::SCOPE, "scope"),
    label(parameter::CLIENT_ID, "client_id"),
    label(parameter::CLIENT_SECRET, "client_secret"),
    ERROR,
    label(parameter::ERROR_DESCRIPTION, "error_description"),
    label(parameter::ERROR_URI, "error_uri"),
    label(parameter::GRANT_TYPE, "grant_type"),
    label(parameter::TOKEN_TYPE, "token_type"),
    label(parameter::REFRESH_TOKEN, "refresh_token"),
    label(parameter::ACE_PROFILE, "ace_profile"),
    label(parameter::CNONCE, "cnonce"),
    label(parameter::RS_CNF, "rs_cnf"),
];

/// RFC 9200 Table 6, RFC 9201 Section 4.
pub(super) const INTROSPECTION: &[Label] = &[
    label(introspection::ISS, "iss"),
    label(introspection::SUB, "sub"),
    label(introspection::AUD, "aud"),
    label(introspection::EXP, "exp"),
    label(introspection::NBF, "nbf"),
    label(introspection::IAT, "iat"),
    label(introspection::CTI, "cti"),
    label(introspection::CNF, "cnf"),
    label(introspection::SCOPE, "scope"),
    ACTIVE,
    INTROSPECTED_TOKEN,
    label(introspection::CLIENT_ID, "client_id"),
    label(introspection::TOKEN_TYPE_HINT, "token_type_hint"),
    label(introspection::TOKEN_TYPE, "token_type"),
    label(introspection::USERNAME, "username"),
    label(introspection::ACE_PROFILE, "ace_profile"),
    label(introspection::CNONCE, "cnonce"),
    label(introspection::EXI, "exi"),
];

/// RFC 9200 Table 1.
pub(super) const HINTS: &[Label] = &[
    label(hint::AS, "AS"),
    label(hint::KID, "kid"),
    label(hint::AUDIENCE, "audience"),
    label(hint::SCOPE, "scope"),
    label(hint::CNONCE, "cnonce"),
];

pub(super) const ACCESS_TOKEN: Label = label(parameter::ACCESS_TOKEN, "access_token");
pub(super) const CNF: Label = label(parameter::CNF, "cnf");
pub(super) const ERROR: Label = label(parameter::ERROR, "error");
pub(super) const ACTIVE: Label = label(introspection::ACTIVE, "active");
pub(super) const INTROSPECTED_TOKEN: Label = label(introspection::TOKEN, "token");

const fn label(number: i64, name: &'static str) -> Label {
    Label { number, name }
}
