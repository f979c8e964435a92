//! What the scenarios share.

use motekey_coap::endpoint::{
    Endpoint, EndpointConfig, Event, RequestHandle, RequestId, Security, SessionId,
};
use motekey_coap::message::{Code, ContentFormat, Kind, Message, Request, Response, Token};
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

/// A plain server that is fed messages by hand.
pub(crate) struct Bench {
    pub(crate) endpoint: Endpoint,
    pub(crate) now: Instant,
}

impl Bench {
    pub(crate) fn new(config: EndpointConfig) -> Self {
        let now = Instant::from_micros(1_000_000);
        Self {
            endpoint: Endpoint::new(config, Security::None, [3; 32]),
            now,
        }
    }

    /// Gives a datagram to the endpoint; what it sends at once.
    pub(crate) fn exchange(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        self.endpoint
            .handle_datagram(self.now, Pair::CLIENT, datagram);
        self.sent()
    }

    /// As [`Bench::exchange`], with messages.
    pub(crate) fn talk(&mut self, message: &Message) -> Vec<Message> {
        let sent = self.exchange(&message.encode());
        sent.iter()
            .map(|datagram| Message::decode(datagram, 2048).unwrap())
            .collect()
    }

    pub(crate) fn sent(&mut self) -> Vec<Vec<u8>> {
        core::iter::from_fn(|| self.endpoint.poll_transmit())
            .map(|transmit| transmit.datagram)
            .collect()
    }

    /// The requests that wait for the application.
    pub(crate) fn requests(&mut self) -> Vec<(RequestHandle, Request)> {
        core::iter::from_fn(|| self.endpoint.poll_event())
            .filter_map(|event| match event {
                Event::Request {
                    handle, request, ..
                } => Some((handle, request)),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn respond(&mut self, handle: RequestHandle, response: Response) -> Vec<Message> {
        self.endpoint.respond(self.now, handle, response);
        self.sent()
            .iter()
            .map(|datagram| Message::decode(datagram, 2048).unwrap())
            .collect()
    }

    /// Lets time pass, timer by timer; what was sent.
    pub(crate) fn pass(&mut self, duration: Duration) -> Vec<Message> {
        let until = self.now + duration;
        let mut sent = Vec::new();
        while let Some(at) = self.endpoint.poll_timeout().filter(|at| *at <= until) {
            self.now = at;
            self.endpoint.handle_timeout(at);
            sent.extend(
                self.sent()
                    .iter()
                    .map(|datagram| Message::decode(datagram, 2048).unwrap()),
            );
        }
        self.now = until;
        sent
    }
}

/// A request as bytes on the wire would carry it.
pub(crate) fn message(kind: Kind, id: u16, request: Request) -> Message {
    let Request {
        method,
        options,
        payload,
    } = request;
    Message {
        kind,
        code: method,
        id,
        token: Token::new(&id.to_be_bytes()).unwrap(),
        options,
        payload,
    }
}
