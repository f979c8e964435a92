//! Sessions of one address, and what belongs to which.

use motekey_coap::dtls::CloseReason;
use motekey_coap::endpoint::{EndpointConfig, Event, RequestError, RequestHandle};
use motekey_coap::message::{Code, Message, Request, Response, Token};
use motekey_coap::simulation::{Link, Pair, Side};

use crate::basics::{credential, secure};
use crate::fake_dtls::client_hello;
use crate::support::{Echoing, client_events, seconds, send};

#[test]
fn a_forged_client_hello_does_not_end_a_live_session() {
    let (mut pair, session) = secure(&EndpointConfig::default(), Link::default(), 1);
    pair.run(seconds(1), |_, _, _| {});
    client_events(&mut pair);
    pair.inject(
        Side::Server,
        Pair::CLIENT,
        &client_hello(0xdead_beef, b"nobody"),
    );
    assert_eq!(pair.server.session_count(), 2);
    let mut server = Echoing::default();
    send(&mut pair, session, Request::get("/"));
    pair.run(seconds(61), |endpoint, now, event| {
        server.serve(endpoint, now, event)
    });
    assert!(matches!(
        client_events(&mut pair).as_slice(),
        [Event::Response { .. }]
    ));
    assert_eq!(
        pair.server.session_count(),
        1,
        "the forged handshake has run out of time"
    );
}

#[test]
fn h06_a_new_session_of_the_same_address_takes_nothing_of_the_old_one() {
    let (mut pair, first) = secure(&EndpointConfig::default(), Link::default(), 1);
    pair.run(seconds(1), |_, _, _| {});
    client_events(&mut pair);
    let request = send(&mut pair, first, Request::get("/slow"));
    let mut handles = Vec::new();
    pair.run(seconds(1), |_, _, event| {
        if let Event::Request { handle, .. } = event {
            handles.push(handle);
        }
    });
    let second = pair
        .client
        .open(pair.now(), Pair::SERVER, &credential())
        .unwrap();
    let mut closed = Vec::new();
    pair.run(seconds(2), |_, _, event| {
        if let Event::Closed { reason, .. } = event {
            closed.push(reason);
        }
    });
    assert_eq!(closed, [CloseReason::Replaced]);
    pair.server.respond(
        pair.now(),
        handles.pop().unwrap(),
        Response::new(Code::CONTENT),
    );
    pair.run(seconds(2), |_, _, _| {});
    let events = client_events(&mut pair);
    let failed = Event::RequestFailed {
        request,
        error: RequestError::SessionClosed,
    };
    assert!(events.contains(&failed), "{events:?}");
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, Event::Response { .. })),
        "{events:?}"
    );
    let mut server = Echoing::default();
    send(&mut pair, second, Request::get("/"));
    pair.run(seconds(2), |endpoint, now, event| {
        server.serve(endpoint, now, event)
    });
    assert!(matches!(
        client_events(&mut pair).as_slice(),
        [Event::Response { .. }]
    ));
}

/// Lets two seconds pass; the request that came, which is acknowledged and not answered.
fn requested(pair: &mut Pair) -> RequestHandle {
    let mut handles = Vec::new();
    pair.run(seconds(2), |_, _, event| {
        if let Event::Request { handle, .. } = event {
            handles.push(handle);
        }
    });
    handles.pop().unwrap()
}

#[test]
fn h06_the_answer_of_an_old_session_answers_nothing_in_a_new_one() {
    let (mut pair, first) = secure(&EndpointConfig::default(), Link::default(), 1);
    pair.run(seconds(1), |_, _, _| {});
    send(&mut pair, first, Request::get("/first"));
    let handle = requested(&mut pair);
    let second = pair
        .client
        .open(pair.now(), Pair::SERVER, &credential())
        .unwrap();
    // The answer is on its way while the new session begins.
    pair.server
        .respond(pair.now(), handle, Response::new(Code::CONTENT));
    let late = pair.server.poll_transmit().unwrap();
    pair.run(seconds(2), |_, _, _| {});
    let request = send(&mut pair, second, Request::get("/second"));
    let handle = requested(&mut pair);
    client_events(&mut pair);
    let message = Message::decode(&late.datagram[17..], 100).unwrap();
    assert_eq!(message.token, Token::EMPTY, "as in the new session");
    pair.inject(Side::Client, Pair::SERVER, &late.datagram);
    assert_eq!(client_events(&mut pair), []);
    pair.server
        .respond(pair.now(), handle, Response::new(Code::CHANGED));
    pair.run(seconds(1), |_, _, _| {});
    let events = client_events(&mut pair);
    let [
        Event::Response {
            request: of,
            response,
        },
    ] = events.as_slice()
    else {
        panic!("{events:?}")
    };
    assert_eq!((*of, response.code), (request, Code::CHANGED));
}

#[test]
fn h13_tokens_under_dtls_are_counters() {
    let (mut pair, session) = secure(
        &EndpointConfig {
            nstart: 8,
            ..EndpointConfig::default()
        },
        Link::default(),
        1,
    );
    pair.run(seconds(1), |_, _, _| {});
    for _ in 0..4 {
        send(&mut pair, session, Request::get("/"));
    }
    // A record of the stand-in is a header of 13 bytes, a nonce of 4, then the message.
    let sent = core::iter::from_fn(|| pair.client.poll_transmit());
    let tokens: Vec<_> = sent
        .map(|transmit| {
            let message = Message::decode(&transmit.datagram[17..], 100).unwrap();
            message.token.as_bytes().to_vec()
        })
        .collect();
    assert_eq!(tokens, [vec![], vec![1], vec![2], vec![3]]);
}

#[test]
fn a_handshake_that_does_not_end_is_given_up() {
    let (mut pair, session) = secure(
        &EndpointConfig::default(),
        Link {
            loss_percent: 100,
            ..Link::default()
        },
        1,
    );
    pair.run(seconds(61), |_, _, _| {});
    let events = client_events(&mut pair);
    let expected = Event::Closed {
        session,
        identity: None,
        reason: CloseReason::HandshakeTimeout,
    };
    assert_eq!(events, [expected]);
    assert_eq!(pair.client.session_count(), 0);
}
