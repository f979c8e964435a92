//! Whether a request may reach the application (RFC 9200 Section 5.10.2, RFC 9202 Section 3.4).

use motekey_coap::message::options::number;
use motekey_coap::message::{Code, Request};
use motekey_cose::scope::{Permission, local_part};

use super::token_table::Entry;

/// What is asked for: path and query in the form that AIF compares. `None` if an option is not UTF-8, which no token
/// can cover.
pub(super) fn target(request: &Request) -> Option<String> {
    let texts = |number| {
        request
            .options
            .values(number)
            .map(std::str::from_utf8)
            .collect::<Result<Vec<_>, _>>()
            .ok()
    };
    Some(local_part(
        texts(number::URI_PATH)?,
        texts(number::URI_QUERY)?,
    ))
}

/// The answer that refuses a request, if it is not covered by the token of its session.
pub(super) fn refuse(entry: Option<&Entry>, target: &str, method: Code) -> Option<Code> {
    // RFC 9200 Section 5.10.2: no valid token for this peer is 4.01.
    let Some(entry) = entry else {
        return Some(Code::UNAUTHORIZED);
    };
    match entry.rights.permits(target, method) {
        Permission::Allowed => None,
        // RFC 9200 Section 5.10.2: a valid token that does not cover the resource is 4.03, one that covers the
        // resource and not the action 4.05.
        Permission::PathNotCovered => Some(Code::FORBIDDEN),
        Permission::MethodNotCovered => Some(Code::METHOD_NOT_ALLOWED),
    }
}
