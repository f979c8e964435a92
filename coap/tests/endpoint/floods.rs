//! Tables stay within their bounds whatever comes.

use std::net::SocketAddr;

use motekey_coap::endpoint::{Endpoint, EndpointConfig, Event, Security};
use motekey_coap::message::{Code, Kind, Request, Response};
use motekey_coap::time::{Duration, Instant};

use crate::fake_dtls::{FakeBackend, client_hello};
use crate::support::{Bench, message, seconds};

fn address(number: u32) -> SocketAddr {
    SocketAddr::from((number.to_be_bytes(), 5683))
}

fn drain(endpoint: &mut Endpoint) {
    while endpoint.poll_event().is_some() {}
    while endpoint.poll_transmit().is_some() {}
}

#[test]
fn half_open_sessions_are_bounded_and_the_oldest_gives_way() {
    let config = EndpointConfig {
        max_half_open: 10,
        max_sessions: 50,
        ..EndpointConfig::default()
    };
    let security = Security::Dtls(Box::new(FakeBackend::new(1)));
    let mut endpoint = Endpoint::new(config, security, [1; 32], Instant::ZERO);
    for number in 0..1000 {
        let now = Instant::from_micros(u64::from(number));
        endpoint.handle_datagram(now, address(number), &client_hello(number, b"x"));
        drain(&mut endpoint);
        assert!(endpoint.session_count() <= 10);
    }
    assert_eq!(endpoint.dropped().half_open_evicted, 990);
    endpoint.handle_timeout(Instant::ZERO + seconds(31));
    assert_eq!(endpoint.session_count(), 0);
}

#[test]
fn plain_peers_are_bounded_and_active_ones_stay() {
    let config = EndpointConfig {
        max_sessions: 20,
        ..EndpointConfig::default()
    };
    let mut endpoint = Endpoint::new(config, Security::None, [1; 32], Instant::ZERO);
    let request = message(Kind::NonConfirmable, 1, Request::get("/")).encode();
    let mut now = Instant::ZERO;
    for number in 0..1000 {
        now = now + Duration::from_millis(1);
        endpoint.handle_datagram(now, address(number), &request);
        drain(&mut endpoint);
        assert!(endpoint.session_count() <= 20);
    }
    assert_eq!(
        endpoint.dropped().table_full,
        980,
        "nobody was silent long enough to give way"
    );
    endpoint.handle_datagram(now + seconds(61), address(2000), &request);
    assert_eq!(endpoint.dropped().sessions_evicted, 1);
    assert!(
        matches!(endpoint.poll_event(), Some(Event::Request { peer_address, .. }) if peer_address == address(2000))
    );
}

#[test]
fn requests_of_one_peer_are_bounded() {
    let mut bench = Bench::new(EndpointConfig::default());
    let answers: Vec<_> = (0..40)
        .flat_map(|id| bench.talk(&message(Kind::Confirmable, id, Request::get("/"))))
        .map(|answer| answer.code)
        .collect();
    assert_eq!(answers, [Code::SERVICE_UNAVAILABLE; 24]);
    assert_eq!(bench.requests().len(), 16);
}

#[test]
fn separate_responses_to_a_peer_that_acknowledges_nothing_are_bounded() {
    let config = EndpointConfig {
        unverified_answer: 500,
        ..EndpointConfig::default()
    };
    let mut bench = Bench::new(config);
    // Opened from here, so that the peer counts as verified and separate responses are confirmable.
    bench
        .endpoint
        .open_plain(bench.now, motekey_coap::simulation::Pair::CLIENT);
    for id in 0..100 {
        bench.talk(&message(Kind::Confirmable, id, Request::get("/")));
        bench.pass(seconds(1));
        for (handle, _) in bench.requests() {
            bench.respond(handle, Response::new(Code::CONTENT));
        }
    }
    assert!(
        bench.endpoint.dropped().send_failed > 70,
        "{:?}",
        bench.endpoint.dropped()
    );
}
