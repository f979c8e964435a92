//! Sessions of one address, and what belongs to which.

use motekey_coap::dtls::CloseReason;
use motekey_coap::endpoint::{EndpointConfig, Event, RequestError};
use motekey_coap::message::Request;
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
    pair.run(seconds(31), |endpoint, now, event| {
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
        motekey_coap::message::Response::new(motekey_coap::message::Code::CONTENT),
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
            let message =
                motekey_coap::message::Message::decode(&transmit.datagram[17..], 100).unwrap();
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
    pair.run(seconds(31), |_, _, _| {});
    let events = client_events(&mut pair);
    let expected = Event::Closed {
        session,
        identity: None,
        reason: CloseReason::HandshakeTimeout,
    };
    assert_eq!(events, [expected]);
    assert_eq!(pair.client.session_count(), 0);
}
