//! What to do next, by the code or error number of the other side.

use std::fmt;

use motekey_coap::message::Code;
use motekey_cose::message::ErrorResponse;

/// What to do when a resource server answers a protected request with `code`. `None` for codes that have nothing to
/// do with authorization.
pub fn advice(code: Code) -> Option<&'static str> {
    match (code.class(), code.detail()) {
        (4, 1) => Some(
            "the resource server accepts no token of this device, not even a fresh one: check that it trusts the \
             authorization server, and its clock",
        ),
        (4, 3) => Some(
            "the token does not cover this resource: ask the operator to allow it, or ask for a wider scope",
        ),
        (4, 5) => Some(
            "the token covers the resource but not this method, or the resource does not have it: ask the operator \
             to allow the method, or ask for a wider scope",
        ),
        _ => None,
    }
}

pub(super) fn fmt_token_refused(
    formatter: &mut fmt::Formatter<'_>,
    code: Code,
    error: Option<&ErrorResponse>,
) -> fmt::Result {
    let Some(error) = error else {
        return write!(
            formatter,
            "the authorization server refused the token request with {code} and no reason that this client can \
             read; look into its log"
        );
    };
    let number = error.error.to_i64();
    write!(
        formatter,
        "the authorization server refused the token request: {} ({number})",
        error.error.name()
    )?;
    if let Some(description) = &error.description {
        write!(formatter, ": {description}")?;
    }
    write!(formatter, "; {}", error_advice(number))
}

fn error_advice(number: i64) -> &'static str {
    match number {
        1 => "check that the audience is a resource server that the authorization server knows",
        2 => "check that this device is registered under the identity that it uses",
        3 | 4 => "ask the operator to allow this device tokens for this audience",
        6 => "ask the operator to allow this scope, or ask for a smaller one",
        7 => {
            "ask the operator which keys the resource server takes, pre-shared or public ones; if this was an update, \
             its key has ended there: begin a new session"
        }
        8 => "ask the operator which profile the resource server has",
        _ => "look into the log of the authorization server",
    }
}

pub(super) fn upload_advice(code: Code) -> &'static str {
    match (code.class(), code.detail()) {
        (4, 1) => {
            "its protection, issuer or lifetime does not hold there; check keys and clock of the resource server. If \
             it demands client nonces, configure that, and its port of plain CoAP"
        }
        (4, 3) => "it is for another audience; check the configured audience",
        (4, 0) => "it cannot read the token; check that it is registered with the same token style",
        _ => "check that its authz-info path is the configured one",
    }
}
