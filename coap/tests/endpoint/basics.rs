//! Requests and responses, plain and under DTLS.

use std::sync::Arc;

use motekey_coap::dtls::{ClientCredential, CloseReason, PeerIdentity, PreSharedKey};
use motekey_coap::endpoint::{EndpointConfig, Event, Security, SessionId};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_coap::simulation::{Link, Pair, Side};

use crate::fake_dtls::FakeBackend;
use crate::support::{Echoing, client_events, plain, seconds, send};

pub(crate) fn credential() -> ClientCredential {
    ClientCredential::PreSharedKey {
        identity: b"device".to_vec(),
        key: PreSharedKey::new(vec![1; 16]),
    }
}

/// A pair with one session.
pub(crate) fn secure(config: &EndpointConfig, link: Link, seed: u32) -> (Pair, SessionId) {
    let security = |seed| Security::Dtls(Box::new(FakeBackend::new(seed)));
    let client = (config.clone(), security(2 * seed + 1));
    let mut pair = Pair::new(
        client,
        (config.clone(), security(2 * seed + 2)),
        link,
        u64::from(seed),
    );
    let session = pair
        .client
        .open(pair.now(), Pair::SERVER, &credential())
        .unwrap();
    (pair, session)
}

#[test]
fn a_request_is_answered_in_one_round_trip() {
    let (mut pair, session) = plain(Link::default(), 1);
    let mut server = Echoing::default();
    let request = send(&mut pair, session, Request::get("/a/b?x=1"));
    pair.run(seconds(1), |endpoint, now, event| {
        server.serve(endpoint, now, event)
    });
    let events = client_events(&mut pair);
    let [
        Event::Response {
            request: answered,
            response,
        },
    ] = events.as_slice()
    else {
        panic!("{events:?}")
    };
    assert_eq!(*answered, request);
    assert_eq!(
        (response.code, response.payload.as_slice()),
        (Code::CONTENT, &b"/a/b"[..])
    );
    assert_eq!(server.handled[0].queries(), ["x=1"]);
    let figures = pair.client.statistics(session).unwrap();
    assert_eq!(
        (
            figures.datagrams_sent,
            figures.datagrams_received,
            figures.round_trips
        ),
        (1, 1, 1)
    );
}

#[test]
fn a_dtls_session_connects_carries_requests_and_closes() {
    let (mut pair, session) = secure(&EndpointConfig::default(), Link::default(), 1);
    let mut connected = None;
    let refused = pair.client.request(pair.now(), session, Request::get("/"));
    assert!(refused.is_err(), "the handshake has not ended");
    pair.run(seconds(1), |_, _, event| {
        if let Event::Connected { identity, .. } = event {
            connected = identity;
        }
    });
    assert_eq!(
        connected,
        Some(PeerIdentity::PreSharedKey(b"device".to_vec()))
    );
    assert!(matches!(
        pair.take_event(Side::Client),
        Some(Event::Connected { .. })
    ));
    let body = ContentFormat::OCTET_STREAM;
    send(
        &mut pair,
        session,
        Request::post("/x").with_payload(body, *b"12"),
    );
    let mut identities = Vec::new();
    pair.run(seconds(1), |endpoint, now, event| {
        if let Event::Request {
            handle,
            identity,
            request,
            ..
        } = event
        {
            identities.push(identity);
            endpoint.respond(
                now,
                handle,
                Response::new(Code::CHANGED).with_payload(body, request.payload),
            );
        }
    });
    assert_eq!(identities, [connected.map(Arc::new)]);
    let events = client_events(&mut pair);
    assert!(
        matches!(events.as_slice(), [Event::Response { response, .. }] if response.payload == b"12"),
        "{events:?}"
    );
    let figures = pair.client.statistics(session).unwrap();
    assert_eq!(
        (
            figures.handshake_datagrams_sent,
            figures.handshake_round_trips
        ),
        (2, 2)
    );
    assert_eq!((figures.datagrams_sent, figures.round_trips), (3, 3));
    pair.client.close(pair.now(), session);
    let mut reasons = Vec::new();
    pair.run(seconds(1), |_, _, event| {
        if let Event::Closed { reason, .. } = event {
            reasons.push(reason);
        }
    });
    assert_eq!(reasons, [CloseReason::Peer]);
    let events = client_events(&mut pair);
    assert!(
        matches!(
            events.as_slice(),
            [Event::Closed {
                reason: CloseReason::Local,
                ..
            }]
        ),
        "{events:?}"
    );
    assert_eq!(
        (pair.client.session_count(), pair.server.session_count()),
        (0, 0)
    );
}
