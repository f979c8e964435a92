//! What the scenarios share.

use motekey_coap::endpoint::{Endpoint, EndpointConfig, Event, RequestId, SessionId};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_coap::simulation::{Link, Pair, Side};
use motekey_coap::time::{Duration, Instant};

/// A server that answers each request with its path and body, and counts.
#[derive(Default)]
pub(crate) struct Echoing {
    pub(crate) handled: Vec<Request>,
}

impl Echoing {
    pub(crate) fn serve(&mut self, endpoint: &mut Endpoint, now: Instant, event: Event) {
        if let Event::Request {
            handle, request, ..
        } = event
        {
            let mut body = request.path().into_bytes();
            body.extend_from_slice(&request.payload);
            self.handled.push(request);
            let response =
                Response::new(Code::CONTENT).with_payload(ContentFormat::OCTET_STREAM, body);
            endpoint.respond(now, handle, response);
        }
    }
}

pub(crate) fn plain(link: Link, seed: u64) -> (Pair, SessionId) {
    plain_with(&EndpointConfig::default(), link, seed)
}

pub(crate) fn plain_with(config: &EndpointConfig, link: Link, seed: u64) -> (Pair, SessionId) {
    let mut pair = Pair::plain(config, link, seed);
    let session = pair.client.open_plain(pair.now(), Pair::SERVER);
    (pair, session)
}

pub(crate) fn send(pair: &mut Pair, session: SessionId, request: Request) -> RequestId {
    pair.client.request(pair.now(), session, request).unwrap()
}

/// All events of the client that wait.
pub(crate) fn client_events(pair: &mut Pair) -> Vec<Event> {
    core::iter::from_fn(|| pair.take_event(Side::Client)).collect()
}

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
