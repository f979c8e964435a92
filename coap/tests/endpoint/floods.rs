//! Tables stay within their bounds whatever comes.

use std::net::SocketAddr;

use motekey_coap::block::BlockSize;
use motekey_coap::dtls::CloseReason;
use motekey_coap::endpoint::{Endpoint, EndpointConfig, Event, Security};
use motekey_coap::message::{Code, ContentFormat, Kind, Message, Request, Response};
use motekey_coap::simulation::{Link, Pair, Side};
use motekey_coap::time::{Duration, Instant};

use crate::fake_dtls::{FakeBackend, client_hello, finished};
use crate::support::{Bench, Echoing, client_events, message, plain_with, seconds, send};

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
    let mut endpoint = Endpoint::new(config, security, [1; 32]);
    for number in 0..1000 {
        let now = Instant::from_micros(u64::from(number));
        endpoint.handle_datagram(now, address(number), &client_hello(number, b"x"));
        drain(&mut endpoint);
        assert!(endpoint.session_count() <= 10);
    }
    assert_eq!(endpoint.dropped().half_open_evicted, 990);
    endpoint.handle_timeout(Instant::ZERO + seconds(61));
    assert_eq!(endpoint.session_count(), 0);
}

#[test]
fn plain_peers_are_bounded_and_active_ones_stay() {
    let config = EndpointConfig {
        max_sessions: 20,
        ..EndpointConfig::default()
    };
    let mut endpoint = Endpoint::new(config, Security::None, [1; 32]);
    let request = message(Kind::NonConfirmable, 1, Request::get("/")).encode();
    let mut now = Instant::ZERO;
    for number in 0..1000 {
        now = now + Duration::from_millis(1);
        endpoint.handle_datagram(now, address(number), &request);
        drain(&mut endpoint);
        assert!(endpoint.session_count() <= 20);
    }
    let dropped = endpoint.dropped();
    assert_eq!(
        (dropped.sessions_evicted, dropped.echoed),
        (0, 980),
        "forged addresses displace nobody and are asked to echo"
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
    bench.endpoint.open_plain(bench.now, Pair::CLIENT);
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

/// A pair whose server is flooded with requests from forged addresses; the requests that it handled.
fn under_flood(pair: &mut Pair, duration: Duration, first: u32, per_second: u32) -> Vec<Request> {
    let mut server = Echoing::default();
    let request = message(Kind::Confirmable, 1, Request::get("/")).encode();
    let pause = Duration::from_secs(1) / per_second;
    let count = u32::try_from(duration.as_micros() / pause.as_micros()).unwrap();
    for number in first..first + count {
        pair.inject(Side::Server, address(number), &request);
        pair.run(pause, |endpoint, now, event| {
            server.serve(endpoint, now, event)
        });
    }
    server.handled
}

#[test]
fn h11_an_honest_plain_client_uploads_through_a_flood_of_forged_addresses() {
    let config = EndpointConfig {
        max_sessions: 50,
        block_size: BlockSize::B64,
        ..EndpointConfig::default()
    };
    let (mut pair, session) = plain_with(&config, Link::default(), 1);
    under_flood(&mut pair, seconds(1), 0x0a00_0000, 200);
    assert_eq!(pair.server.session_count(), 50);
    let body = vec![7; 1000];
    let upload = Request::post("/authz-info").with_payload(ContentFormat::CWT, body.clone());
    send(&mut pair, session, upload);
    let handled = under_flood(&mut pair, seconds(3), 0x0b00_0000, 200);
    let uploaded = handled.iter().filter(|request| request.payload == body);
    assert_eq!(uploaded.count(), 1);
    let events = client_events(&mut pair);
    assert!(
        matches!(events.as_slice(), [Event::Response { response, .. }] if response.code == Code::CONTENT),
        "{events:?}"
    );
    assert_eq!(pair.server.session_count(), 50);
    let dropped = pair.server.dropped();
    assert_eq!(dropped.sessions_evicted, 1, "one forged peer gave way");
}

#[test]
fn h11_the_question_to_a_forged_address_is_small_and_leaves_nothing() {
    let config = EndpointConfig {
        max_sessions: 1,
        ..EndpointConfig::default()
    };
    for (kind, answer) in [
        (Kind::Confirmable, Kind::Acknowledgement),
        (Kind::NonConfirmable, Kind::NonConfirmable),
    ] {
        let mut bench = Bench::new(config.clone());
        bench.talk(&message(kind, 1, Request::get("/")));
        bench.requests();
        let request = message(kind, 2, Request::get("/"));
        bench
            .endpoint
            .handle_datagram(bench.now, address(1), &request.encode());
        let sent = bench.sent();
        let [challenge] = sent.as_slice() else {
            panic!("{sent:?}")
        };
        assert!(challenge.len() <= request.encoded_len() + 16);
        let challenge = Message::decode(challenge, 100).unwrap();
        assert_eq!(
            (challenge.kind, challenge.code, challenge.token),
            (answer, Code::UNAUTHORIZED, request.token)
        );
        assert_eq!(challenge.options.echo().map(<[u8]>::len), Some(12));
        assert!(bench.requests().is_empty());
        assert_eq!(bench.endpoint.session_count(), 1);
    }
}

#[test]
fn one_identity_has_a_bounded_number_of_sessions_and_the_oldest_gives_way() {
    let config = EndpointConfig {
        max_sessions_per_identity: 3,
        ..EndpointConfig::default()
    };
    let security = Security::Dtls(Box::new(FakeBackend::new(1)));
    let mut endpoint = Endpoint::new(config, security, [1; 32]);
    let mut connected = Vec::new();
    let mut evicted = Vec::new();
    for number in 0..20_u32 {
        let identity = if number == 0 {
            &b"other"[..]
        } else {
            b"greedy"
        };
        let now = Instant::from_micros(u64::from(number / 2));
        endpoint.handle_datagram(now, address(number), &client_hello(number, identity));
        endpoint.handle_datagram(now, address(number), &finished(number));
        while let Some(event) = endpoint.poll_event() {
            match event {
                Event::Connected { session, .. } => connected.push(session),
                Event::Closed {
                    session, reason, ..
                } => {
                    assert_eq!(reason, CloseReason::Evicted);
                    evicted.push(session);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(connected.len(), 20);
    assert_eq!(evicted, connected[1..17], "the oldest of the greedy one");
    assert_eq!(endpoint.session_count(), 4);
}
