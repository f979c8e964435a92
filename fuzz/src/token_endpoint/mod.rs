//! Target for the token endpoint: no grant, no token. Whatever bytes come from whichever peer, a token comes out only
//! where the table of this target, which is not the code of the policy, allows it.

mod allowed;
mod world;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use motekey_coap::dtls::PeerIdentity;
use motekey_coap::message::{Code, ContentFormat, Message, Request, Response};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::message::{TokenRequest, TokenResponse};
use motekey_server::event::Event;

use world::{Peer, World};

/// Bit of the first byte of a step: the bytes are a whole CoAP message, not the payload of a request.
const WHOLE_MESSAGE: u8 = 0x80;
/// Bit of the first byte of a step: the request names the key of the token that was issued last.
const LAST_KEY: u8 = 0x40;

/// The input is a list of steps: a byte that says who asks and how, a byte for a length, and as many bytes.
pub fn token_endpoint(data: &[u8]) {
    run(data);
}

/// Runs the steps; how many tokens came out.
fn run(data: &[u8]) -> usize {
    let Some(mut world) = World::new() else {
        return 0;
    };
    let mut granted = 0;
    let mut last_key = Vec::new();
    let mut rest = data;
    while let [how, length, tail @ ..] = rest {
        let (bytes, after) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = after;
        let request = if how & WHOLE_MESSAGE == 0 {
            Some(post(*how, bytes, &last_key))
        } else {
            whole(bytes)
        };
        if let Some(request) = request {
            granted += step(&mut world, Peer::of(*how), &request, &mut last_key);
        }
    }
    granted
}

/// A request with these bytes as parameters, or with the last key in place of the one that they name.
fn post(how: u8, bytes: &[u8], last_key: &[u8]) -> Request {
    let mut payload = bytes.to_vec();
    if how & LAST_KEY != 0
        && let Ok(mut parameters) = TokenRequest::decode(bytes)
    {
        parameters.req_cnf = Some(Confirmation::KeyId(last_key.to_vec()));
        payload = parameters.encode();
    }
    Request::post("/token").with_payload(ContentFormat::ACE_CBOR, payload)
}

fn whole(bytes: &[u8]) -> Option<Request> {
    let message = Message::decode(bytes, bytes.len()).ok()?;
    message.code.is_request().then_some(Request {
        method: message.code,
        options: message.options,
        payload: message.payload,
    })
}

/// One request and its answer; how many tokens came out.
fn step(world: &mut World, peer: Peer, request: &Request, last_key: &mut Vec<u8>) -> usize {
    let identity = world.identity(peer);
    let response = answer(world, identity.as_ref(), request);
    let granted = world
        .take_events()
        .into_iter()
        .filter(|event| matches!(event, Event::TokenGranted { .. }))
        .count();
    if response.code != Code::CREATED {
        assert_eq!(granted, 0, "a token that nobody got");
        assert!(
            TokenResponse::decode(&response.payload).is_err(),
            "a token in a refusal"
        );
        return 0;
    }
    assert_eq!(granted, 1, "a token without a grant");
    assert_eq!(request.method, Code::POST, "a token for another method");
    assert_eq!(request.path(), "/token", "a token elsewhere");
    let token = TokenResponse::decode(&response.payload);
    assert!(token.is_ok(), "2.01 without a token");
    let Ok(token) = token else { return 0 };
    assert_eq!(
        response.options.max_age().map(u64::from),
        token.expires_in,
        "Max-Age and expires_in differ"
    );
    let claims = world.open(&token);
    allowed::check(peer, identity.as_ref(), &token, &claims);
    if let Some(key_id) = claims.cnf.as_ref().and_then(Confirmation::kid) {
        *last_key = key_id.to_vec();
    }
    granted
}

/// The answer. The store is in memory, so nothing is waited for.
fn answer(world: &World, peer: Option<&PeerIdentity>, request: &Request) -> Response {
    let mut future = pin!(world.server().answer_request(peer, request));
    loop {
        if let Poll::Ready(response) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return response;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The target is worth nothing if its seeds are all refused.
    #[test]
    fn seeds_reach_the_tokens_that_are_allowed() {
        let seed = |name: &str| {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds/token_endpoint");
            std::fs::read(std::path::Path::new(folder).join(name)).unwrap()
        };
        let cases = [
            ("aif-narrowed", 1),
            ("text-narrowed", 3),
            ("update-of-rights", 4),
            ("public-key", 2),
            ("public-key-by-kid", 1),
            ("symmetric-key-value", 0),
            ("coap-post", 1),
            ("coap-query", 0),
            ("empty-maps", 1),
            ("coap-two-segments", 0),
            ("rfc9200-fig6", 1),
        ];
        for (name, tokens) in cases {
            assert_eq!(run(&seed(name)), tokens, "{name}");
        }
    }
}
