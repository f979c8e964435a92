//! Targets for CoAP.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};

use motekey_coap::endpoint::{
    Endpoint, EndpointConfig, Event, ObservationId, RequestHandle, RequestId, Security, SessionId,
};
use motekey_coap::message::{Code, ContentFormat, Message, Request, Response};
use motekey_coap::time::{Duration, Instant};

/// Sessions that the endpoint under test may hold.
const MAX_SESSIONS: usize = 4;
/// Datagrams that one input may cause: a bound far above what the limits of the endpoint allow.
const MAX_TRANSMITS: usize = 4096;

/// A message that was read is written to bytes that read as the same message.
pub fn coap_packet(data: &[u8]) {
    let Ok(message) = Message::decode(data, data.len()) else {
        return;
    };
    let written = message.encode();
    assert_eq!(
        written.len(),
        message.encoded_len(),
        "length known before writing"
    );
    assert_eq!(
        Message::decode(&written, written.len()).as_ref(),
        Ok(&message),
        "round trip"
    );
}

/// An endpoint without DTLS keeps its bounds whatever peers, application and clock do. The input is a list of steps:
/// a byte that says what happens, a byte for its length, and as many bytes.
pub fn coap_endpoint(data: &[u8]) {
    let mut world = World::new();
    let mut rest = data;
    while let [action, length, tail @ ..] = rest {
        let (argument, after) = tail.split_at(usize::from(*length).min(tail.len()));
        world.step(*action, argument);
        rest = after;
    }
    world.settle();
}

/// The endpoint with everything that its application holds.
struct World {
    endpoint: Endpoint,
    now: Instant,
    handles: VecDeque<RequestHandle>,
    observations: Vec<ObservationId>,
    requests: Vec<RequestId>,
    sessions: Vec<SessionId>,
    transmits: usize,
}

impl World {
    fn new() -> Self {
        let config = EndpointConfig {
            max_sessions: MAX_SESSIONS,
            max_body: 4096,
            ..EndpointConfig::default()
        };
        Self {
            endpoint: Endpoint::new(config, Security::None, [7; 32]),
            now: Instant::ZERO,
            handles: VecDeque::new(),
            observations: Vec::new(),
            requests: Vec::new(),
            sessions: Vec::new(),
            transmits: 0,
        }
    }

    fn step(&mut self, action: u8, argument: &[u8]) {
        let number = argument
            .iter()
            .fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
        let now = self.now;
        match action % 8 {
            // More peers than sessions, so that the table overflows.
            0 | 1 => self
                .endpoint
                .handle_datagram(now, peer(action >> 3), argument),
            2 => {
                self.now = now + Duration::from_millis(number & 0xf_ffff);
                self.endpoint.handle_timeout(self.now);
            }
            3 => {
                if let Some(handle) = self.handles.pop_front() {
                    self.endpoint
                        .respond(now, handle, response(action, argument));
                }
            }
            4 => {
                if let Some(observation) = pick(&self.observations, number) {
                    self.endpoint
                        .notify(now, observation, response(action, argument));
                }
            }
            5 => self.request(action, argument),
            6 => {
                if let Some(request) = pick(&self.requests, number) {
                    self.endpoint.cancel(now, request);
                }
            }
            _ => {
                if let Some(session) = pick(&self.sessions, number) {
                    self.endpoint.close(now, session);
                }
            }
        }
        self.drain();
    }

    fn request(&mut self, action: u8, argument: &[u8]) {
        let session = self.endpoint.open_plain(self.now, peer(action >> 3));
        let request = match argument {
            [] => Request::get("/a?b=c").observe(),
            body => {
                Request::post("/a").with_payload(ContentFormat(0), body.repeat(usize::from(action)))
            }
        };
        if let Ok(request) = self.endpoint.request(self.now, session, request) {
            self.requests.push(request);
        }
    }

    /// Takes out what the endpoint has to say, and checks its bounds.
    fn drain(&mut self) {
        while let Some(event) = self.endpoint.poll_event() {
            if let Event::Request {
                handle,
                session,
                observe,
                ..
            } = event
            {
                self.handles.push_back(handle);
                self.sessions.push(session);
                self.observations.extend(observe);
            }
        }
        while self.endpoint.poll_transmit().is_some() {
            self.transmits += 1;
            assert!(
                self.transmits <= MAX_TRANSMITS,
                "the endpoint sends without end"
            );
        }
        assert!(
            self.endpoint.session_count() <= MAX_SESSIONS,
            "more sessions than the limit"
        );
    }

    /// Lets all timers run out: afterwards no session is left.
    fn settle(&mut self) {
        let mut rounds = 0;
        while let Some(next) = self.endpoint.poll_timeout() {
            rounds += 1;
            assert!(rounds <= MAX_TRANSMITS, "timers without end");
            self.now = self.now.max(next);
            self.endpoint.handle_timeout(self.now);
            self.drain();
        }
        assert_eq!(
            self.endpoint.session_count(),
            0,
            "a session without a timer never ends"
        );
    }
}

fn peer(number: u8) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 5683 + u16::from(number & 7)))
}

fn response(action: u8, argument: &[u8]) -> Response {
    let body = argument.repeat(usize::from(action));
    let response = Response::new(Code::CONTENT).with_payload(ContentFormat(0), body);
    if action & 8 == 0 {
        response
    } else {
        response.observable()
    }
}

fn pick<T: Copy>(all: &[T], number: u64) -> Option<T> {
    let count = u64::try_from(all.len()).ok().filter(|count| *count > 0)?;
    all.get(usize::try_from(number % count).ok()?).copied()
}
