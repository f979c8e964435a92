//! The message layer, message by message.

use motekey_coap::endpoint::{EndpointConfig, Event, RequestError};
use motekey_coap::message::options::number;
use motekey_coap::message::{Code, ContentFormat, Kind, Message, Request, Response, Token};
use motekey_coap::simulation::{Link, Pair};
use motekey_coap::time::Duration;
use proptest::prelude::*;
use serde_json::Value;

use crate::support::{Bench, client_events, message, plain, seconds, send};

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len())
        .step_by(2)
        .map(|index| u8::from_str_radix(&hex[index..index + 2], 16).unwrap())
        .collect()
}

#[test]
fn h01_h02_malformed_messages_are_reset_if_confirmable_and_ignored_if_not() {
    let vectors: Value =
        serde_json::from_str(include_str!("../vectors/rfc7252_messages.json")).unwrap();
    for known_peer in [false, true] {
        for vector in vectors["malformed"].as_array().unwrap() {
            let mut bench = Bench::new(EndpointConfig::default());
            if known_peer {
                bench.talk(&message(Kind::Confirmable, 9, Request::get("/")));
                bench.requests();
            }
            let mut datagram = bytes(&vector["hex"]);
            let what = vector["what"].as_str().unwrap();
            let expected = match what {
                "version 2" | "3 byte datagram" | "NON empty" => vec![],
                _ => vec![vec![0x70, 0, datagram[2], datagram[3]]],
            };
            assert_eq!(
                bench.exchange(&datagram),
                expected,
                "{what}, known {known_peer}"
            );
            datagram[0] |= 0x10;
            assert_eq!(
                bench.exchange(&datagram),
                Vec::<Vec<u8>>::new(),
                "{what} as NON"
            );
            assert!(bench.requests().is_empty());
        }
    }
}

#[test]
fn h02_a_ping_is_answered_and_unexpected_messages_are_rejected() {
    let mut bench = Bench::new(EndpointConfig::default());
    for known in [false, true] {
        assert_eq!(
            bench.exchange(&[0x40, 0, 1, 2]),
            [[0x70, 0, 1, 2]],
            "ping, known {known}"
        );
        assert_eq!(
            bench.exchange(&[0x41, 0x45, 1, 3, 9]),
            [[0x70, 0, 1, 3]],
            "CON response"
        );
        for silent in [
            &[0x51, 0x45, 1, 4, 9][..],
            &[0x61, 0x45, 1, 5, 9],
            &[0x60, 0, 1, 6],
            &[0x70, 0, 1, 7],
        ] {
            assert_eq!(bench.exchange(silent), Vec::<Vec<u8>>::new(), "{silent:?}");
        }
        bench.talk(&message(Kind::Confirmable, 99, Request::get("/")));
    }
}

#[test]
fn h03_a_repeated_request_has_the_same_answer_and_runs_once() {
    let mut bench = Bench::new(EndpointConfig::default());
    let request = message(Kind::Confirmable, 7, Request::post("/token"));
    assert!(bench.talk(&request).is_empty());
    let (handle, _) = bench.requests().pop().unwrap();
    let answer = bench.respond(
        handle,
        Response::new(Code::CREATED).with_payload(ContentFormat::CBOR, *b"\xa0"),
    );
    assert_eq!(
        (answer[0].kind, answer[0].id, answer[0].token),
        (Kind::Acknowledgement, 7, request.token)
    );
    for wait in [0, 100, 146] {
        bench.pass(seconds(wait));
        assert_eq!(bench.talk(&request), answer);
        assert!(bench.requests().is_empty());
    }
    bench.pass(seconds(2));
    assert!(bench.talk(&request).is_empty());
    assert_eq!(
        bench.requests().len(),
        1,
        "after EXCHANGE_LIFETIME the same Message ID is a new request"
    );
}

#[test]
fn h11_a_separate_response_to_an_unverified_peer_is_not_retransmitted() {
    let mut bench = Bench::new(EndpointConfig::default());
    let request = message(Kind::Confirmable, 7, Request::get("/slow"));
    bench.talk(&request);
    let (handle, _) = bench.requests().pop().unwrap();
    assert_eq!(
        bench.pass(seconds(1)),
        [Message::empty(Kind::Acknowledgement, 7)]
    );
    assert_eq!(
        bench.talk(&request),
        [Message::empty(Kind::Acknowledgement, 7)],
        "the duplicate too"
    );
    let sent = bench.respond(handle, Response::new(Code::CONTENT));
    assert_eq!(
        (sent[0].kind, sent[0].code, sent[0].token),
        (Kind::NonConfirmable, Code::CONTENT, request.token)
    );
    assert!(bench.pass(seconds(200)).is_empty());
}

#[test]
fn a_repetition_before_the_answer_is_acknowledged_at_once() {
    let mut bench = Bench::new(EndpointConfig::default());
    let request = message(Kind::Confirmable, 7, Request::get("/slow"));
    bench.talk(&request);
    assert_eq!(
        bench.talk(&request),
        [Message::empty(Kind::Acknowledgement, 7)]
    );
    assert_eq!(bench.requests().len(), 1);
}

#[test]
fn h03_a_non_confirmable_request_runs_once_and_is_answered_alike() {
    let mut bench = Bench::new(EndpointConfig::default());
    let request = message(Kind::NonConfirmable, 7, Request::get("/"));
    bench.talk(&request);
    let (handle, _) = bench.requests().pop().unwrap();
    let answer = bench.respond(handle, Response::new(Code::CONTENT));
    assert_eq!(
        (answer[0].kind, answer[0].token),
        (Kind::NonConfirmable, request.token)
    );
    assert!(bench.talk(&request).is_empty() && bench.requests().is_empty());
}

#[test]
fn h04_unknown_options_in_requests() {
    for (what, kind, option, answer, run) in [
        (
            "critical",
            Kind::Confirmable,
            2049,
            Some(Code::BAD_OPTION),
            0,
        ),
        ("critical in NON", Kind::NonConfirmable, 2049, None, 0),
        ("elective", Kind::Confirmable, 2050, None, 1),
        (
            "proxy",
            Kind::Confirmable,
            number::PROXY_SCHEME,
            Some(Code::PROXYING_NOT_SUPPORTED),
            0,
        ),
        (
            "declared",
            Kind::Confirmable,
            number::IF_NONE_MATCH,
            None,
            1,
        ),
        (
            "not declared",
            Kind::Confirmable,
            number::IF_MATCH,
            Some(Code::BAD_OPTION),
            0,
        ),
    ] {
        let config = EndpointConfig {
            understood_options: vec![number::IF_NONE_MATCH],
            ..EndpointConfig::default()
        };
        let mut bench = Bench::new(config);
        let mut request = Request::get("/");
        let value: &[u8] = if option == number::IF_NONE_MATCH {
            b""
        } else {
            b"coap"
        };
        request.options.add(option, value);
        let sent = bench.talk(&message(kind, 1, request));
        assert_eq!(sent.first().map(|sent| sent.code), answer, "{what}");
        assert_eq!(bench.requests().len(), run, "{what}");
    }
}

#[test]
fn h04_a_response_with_an_unknown_critical_option_is_rejected() {
    for (kind, reaction) in [
        (Kind::Acknowledgement, None),
        (Kind::Confirmable, Some(Kind::Reset)),
    ] {
        let (mut client, request) = client_with_request();
        let mut response = response_to(&request, kind);
        response.options.add(2049, b"");
        let sent = client.talk(&response);
        assert_eq!(sent.first().map(|sent| sent.kind), reaction);
        let failed = client.endpoint.poll_event();
        let error = RequestError::UnknownCriticalOption(2049);
        assert!(
            matches!(failed, Some(Event::RequestFailed { error: got, .. }) if got == error),
            "{failed:?}"
        );
    }
}

/// A client that has sent a request; the request as the server sees it.
fn client_with_request() -> (Bench, Message) {
    let mut client = Bench::new(EndpointConfig::default());
    let session = client.endpoint.open_plain(client.now, Pair::CLIENT);
    client
        .endpoint
        .request(client.now, session, Request::get("/"))
        .unwrap();
    let request = Message::decode(&client.sent()[0], 2048).unwrap();
    (client, request)
}

fn response_to(request: &Message, kind: Kind) -> Message {
    let id = if kind == Kind::Acknowledgement {
        request.id
    } else {
        77
    };
    Message {
        kind,
        id,
        code: Code::CONTENT,
        ..request.clone()
    }
}

#[test]
fn responses_match_by_token_and_piggybacked_ones_by_message_id_too() {
    for (what, change, expected) in [
        ("right", (|_| ()) as fn(&mut Message), 1),
        (
            "other token",
            |message| message.token = Token::new(b"other").unwrap(),
            0,
        ),
        ("other Message ID", |message| message.id ^= 1, 0),
    ] {
        let (mut client, request) = client_with_request();
        let mut response = response_to(&request, Kind::Acknowledgement);
        response.options = Default::default();
        change(&mut response);
        assert!(client.talk(&response).is_empty());
        let events = core::iter::from_fn(|| client.endpoint.poll_event()).count();
        assert_eq!(events, expected, "{what}");
    }
}

#[test]
fn tokens_and_message_ids_on_plain_coap_are_not_a_sequence() {
    let mut client = Bench::new(EndpointConfig {
        nstart: 16,
        ..EndpointConfig::default()
    });
    let session = client.endpoint.open_plain(client.now, Pair::CLIENT);
    for _ in 0..16 {
        client
            .endpoint
            .request(client.now, session, Request::get("/"))
            .unwrap();
    }
    let sent: Vec<_> = client
        .sent()
        .iter()
        .map(|datagram| Message::decode(datagram, 2048).unwrap())
        .collect();
    assert!(
        sent.iter()
            .all(|message| message.token.as_bytes().len() == 8)
    );
    let steps = sent
        .windows(2)
        .filter(|pair| pair[1].id.wrapping_sub(pair[0].id) == 1)
        .count();
    assert!(
        steps < 3,
        "{steps} of 15 Message IDs follow on the one before"
    );
}

#[test]
fn retransmissions_back_off_and_end() {
    let (mut pair, session) = plain(
        Link {
            loss_percent: 100,
            ..Link::default()
        },
        5,
    );
    let begin = pair.now();
    let request = send(&mut pair, session, Request::get("/"));
    pair.run(seconds(94), |_, _, _| {});
    let events = client_events(&mut pair);
    let expected = Event::RequestFailed {
        request,
        error: RequestError::Timeout,
    };
    assert_eq!(events, [expected]);
    assert_eq!(pair.network.counts(), (5, 5));
    assert!(
        pair.now() - begin >= Duration::from_secs(62),
        "MAX_TRANSMIT_WAIT is at least 31 times ACK_TIMEOUT"
    );
    assert_eq!(pair.client.statistics(session).unwrap().retransmissions, 4);
}

#[test]
fn nstart_holds_messages_back_and_queues_are_bounded() {
    let config = EndpointConfig {
        max_queued: 3,
        ..EndpointConfig::default()
    };
    let (mut pair, session) = crate::support::plain_with(&config, Link::default(), 1);
    let outcomes: Vec<_> = (0..6)
        .map(|_| {
            pair.client
                .request(pair.now(), session, Request::get("/"))
                .err()
        })
        .collect();
    let full = Some(RequestError::QueueFull);
    assert_eq!(outcomes, [None, None, None, None, full, full]);
    assert_eq!(
        core::iter::from_fn(|| pair.client.poll_transmit()).count(),
        1
    );
}

#[test]
fn message_ids_are_not_used_again_within_their_lifetime() {
    let mut client = Bench::new(EndpointConfig::default());
    let session = client.endpoint.open_plain(client.now, Pair::CLIENT);
    let mut request = || {
        let request = client
            .endpoint
            .request(client.now, session, Request::get("/"));
        request.map(|request| client.endpoint.cancel(client.now, request))
    };
    for number in 0..65536 {
        assert_eq!(request(), Ok(()), "{number}");
    }
    assert_eq!(request(), Err(RequestError::MessageIdsExhausted));
    client.endpoint.close(client.now, session);
}

proptest! {
    #[test]
    fn arbitrary_datagrams_never_panic(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..40)) {
        let (mut client, _) = client_with_request();
        for mut datagram in datagrams {
            if let Some(first) = datagram.first_mut() {
                // Mostly version 1, so that more than the first check is tried.
                *first = *first & 0x3f | 0x40;
            }
            client.endpoint.handle_datagram(client.now, Pair::CLIENT, &datagram);
            client.pass(Duration::from_millis(300));
            for (handle, _) in client.requests() {
                client.endpoint.respond(client.now, handle, Response::new(Code::CONTENT).observable());
            }
        }
    }
}
