//! Very many sessions, and what they cost those that work.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use motekey_coap::endpoint::{Endpoint, EndpointConfig, Event, Security};
use motekey_coap::message::{Code, Kind, Request, Response};
use motekey_coap::time::{Duration, Instant};

use crate::fake_dtls::{FakeBackend, Visits, client_hello, finished, record};
use crate::support::message;

const BUSY: u32 = 0;

fn address(number: u32) -> SocketAddr {
    SocketAddr::from((number.to_be_bytes(), 5683))
}

/// A server with sessions of which one works.
struct Server {
    endpoint: Endpoint,
    now: Instant,
    visits: Visits,
    next_message: u16,
}

impl Server {
    fn new(sessions: u32) -> Self {
        let backend = FakeBackend::new(0);
        let visits = backend.visits();
        let config = EndpointConfig {
            max_sessions: 1_000_000,
            ..EndpointConfig::default()
        };
        let mut server = Self {
            endpoint: Endpoint::new(config, Security::Dtls(Box::new(backend)), [1; 32]),
            now: Instant::from_micros(1_000_000),
            visits,
            next_message: 0,
        };
        for number in 0..sessions {
            server.feed(number, &client_hello(number, &number.to_be_bytes()));
            server.feed(number, &finished(number));
            server.serve();
        }
        assert_eq!(
            server.endpoint.session_count(),
            usize::try_from(sessions).unwrap()
        );
        server
    }

    fn feed(&mut self, number: u32, datagram: &[u8]) {
        self.endpoint
            .handle_datagram(self.now, address(number), datagram);
    }

    fn serve(&mut self) -> usize {
        while let Some(event) = self.endpoint.poll_event() {
            if let Event::Request { handle, .. } = event {
                let response = Response::new(Code::CONTENT);
                self.endpoint.respond(self.now, handle, response);
            }
        }
        core::iter::from_fn(|| self.endpoint.poll_transmit()).count()
    }

    /// A request of the busy session, a newcomer that connects and says goodbye, and the timers of the time that
    /// passes meanwhile.
    fn work(&mut self, round: u32) {
        let stranger = 0x0b00_0000 + round;
        self.next_message += 1;
        let request = message(Kind::Confirmable, self.next_message, Request::get("/"));
        let body = [&BUSY.to_be_bytes()[..], &request.encode()].concat();
        self.feed(BUSY, &record(23, 1, &body));
        assert_eq!(self.serve(), 1);
        self.feed(stranger, &client_hello(stranger, b"stranger"));
        self.feed(stranger, &finished(stranger));
        self.feed(stranger, &record(21, 1, &stranger.to_be_bytes()));
        self.serve();
        self.now = self.now + Duration::from_millis(1100);
        if self
            .endpoint
            .poll_timeout()
            .is_some_and(|at| at <= self.now)
        {
            self.endpoint.handle_timeout(self.now);
        }
        self.serve();
    }

    /// How often sessions were turned to in some rounds, and the shortest time of one.
    fn rounds(&mut self) -> (u64, Duration) {
        let before = self.visits.load(Ordering::Relaxed);
        let mut shortest = Duration::MAX;
        for round in 0..300 {
            let begun = std::time::Instant::now();
            self.work(round);
            shortest = shortest.min(begun.elapsed());
        }
        (self.visits.load(Ordering::Relaxed) - before, shortest)
    }
}

#[test]
fn idle_sessions_cost_those_that_work_nothing() {
    let few = Server::new(1_000).rounds();
    let many = Server::new(100_000).rounds();
    println!("1,000 sessions: {few:?}; 100,000 sessions: {many:?}");
    assert_eq!(few.0, many.0, "idle sessions are not turned to");
    // Where anything went through all sessions, the time would be a hundredfold.
    assert!(many.1 < few.1 * 15, "{many:?} against {few:?}");
}

#[test]
fn idle_sessions_end_when_they_were_silent_for_too_long() {
    let mut server = Server::new(50);
    let begun = server.now;
    let limit = server.endpoint.config().idle_time_limit;
    server.now = begun + Duration::from_secs(3600);
    let request = message(Kind::NonConfirmable, 1, Request::get("/"));
    let body = [&BUSY.to_be_bytes()[..], &request.encode()].concat();
    server.feed(BUSY, &record(23, 1, &body));
    server.serve();
    let mut ended = Vec::new();
    while let Some(at) = server.endpoint.poll_timeout() {
        server.now = at;
        server.endpoint.handle_timeout(at);
        while let Some(event) = server.endpoint.poll_event() {
            let Event::Closed {
                identity, reason, ..
            } = event
            else {
                panic!("{event:?}")
            };
            assert_eq!(reason, motekey_coap::dtls::CloseReason::IdleTimeout);
            ended.push((at - begun, identity));
        }
    }
    assert_eq!(ended.len(), 50);
    assert!(ended[..49].iter().all(|(after, _)| *after == limit));
    assert_eq!(ended[49].0, limit + Duration::from_secs(3600));
    assert_eq!(server.endpoint.session_count(), 0);
}
