//! Observations, both roles.

use motekey_coap::block::BlockSize;
use motekey_coap::endpoint::{EndpointConfig, Event, ObservationId, RequestId, SessionId};
use motekey_coap::message::options::number;
use motekey_coap::message::{Code, ContentFormat, Kind, Message, Request, Response};
use motekey_coap::simulation::{Link, Pair};
use motekey_coap::time::Duration;

use crate::basics::secure;
use crate::support::{Bench, client_events, message, seconds, send};

fn state(number: u8) -> Response {
    Response::new(Code::CONTENT)
        .with_payload(ContentFormat::OCTET_STREAM, vec![number; 40])
        .observable()
}

struct Observed {
    pair: Pair,
    session: SessionId,
    request: RequestId,
    observation: ObservationId,
}

/// A client that observes a resource in state 0.
fn observed(config: &EndpointConfig) -> Observed {
    let (mut pair, session) = secure(config, Link::default(), 1);
    pair.run(seconds(1), |_, _, _| {});
    client_events(&mut pair);
    let request = send(&mut pair, session, Request::get("/state").observe());
    let mut observation = None;
    pair.run(seconds(1), |endpoint, now, event| {
        if let Event::Request {
            handle, observe, ..
        } = event
        {
            observation = observe;
            endpoint.respond(now, handle, state(0));
        }
    });
    let events = client_events(&mut pair);
    let [Event::Response { response, .. }] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert!(response.options.observe().is_some());
    Observed {
        pair,
        session,
        request,
        observation: observation.unwrap(),
    }
}

/// Lets time pass; the observations that the server says have ended.
fn ended(pair: &mut Pair, duration: Duration) -> Vec<ObservationId> {
    let mut ended = Vec::new();
    pair.run(duration, |_, _, event| {
        if let Event::ObservationEnded { observation } = event {
            ended.push(observation);
        }
    });
    ended
}

#[test]
fn notifications_arrive_in_order_also_in_blocks() {
    for block_size in [BlockSize::B1024, BlockSize::B16] {
        let config = EndpointConfig {
            block_size,
            ..EndpointConfig::default()
        };
        let Observed {
            mut pair,
            request,
            observation,
            ..
        } = observed(&config);
        for number in 1..4 {
            pair.server.notify(pair.now(), observation, state(number));
            assert!(ended(&mut pair, seconds(1)).is_empty());
            let events = client_events(&mut pair);
            let [
                Event::Notification {
                    request: of,
                    response,
                    last: false,
                },
            ] = events.as_slice()
            else {
                panic!("{events:?}")
            };
            assert_eq!(
                (*of, response.payload.as_slice()),
                (request, &[number; 40][..])
            );
        }
    }
}

#[test]
fn h09_an_error_ends_the_observation_without_the_observe_option() {
    let Observed {
        mut pair,
        observation,
        ..
    } = observed(&EndpointConfig::default());
    pair.server.notify(
        pair.now(),
        observation,
        Response::new(Code::UNAUTHORIZED).observable(),
    );
    assert_eq!(ended(&mut pair, seconds(1)), [observation]);
    let events = client_events(&mut pair);
    let [
        Event::Notification {
            response,
            last: true,
            ..
        },
    ] = events.as_slice()
    else {
        panic!("{events:?}")
    };
    assert_eq!(
        (response.code, response.options.observe()),
        (Code::UNAUTHORIZED, None)
    );
    pair.server.notify(pair.now(), observation, state(1));
    pair.run(seconds(1), |_, _, _| {});
    assert!(client_events(&mut pair).is_empty());
}

#[test]
fn h10_an_observer_that_is_gone_is_removed() {
    let Observed {
        mut pair,
        observation,
        ..
    } = observed(&EndpointConfig::default());
    pair.network.set_link(Link {
        loss_percent: 100,
        ..Link::default()
    });
    pair.server.notify(pair.now(), observation, state(1));
    assert_eq!(ended(&mut pair, seconds(94)), [observation]);
}

#[test]
fn h10_a_client_that_forgot_resets_and_one_that_cancels_deregisters() {
    let Observed {
        mut pair,
        request,
        observation,
        ..
    } = observed(&EndpointConfig::default());
    pair.client.cancel(pair.now(), request);
    assert_eq!(ended(&mut pair, seconds(1)), [observation], "deregistered");
    for (what, kind) in [
        ("confirmable", Kind::Confirmable),
        ("not confirmable", Kind::NonConfirmable),
    ] {
        let interval = if kind == Kind::Confirmable {
            Duration::ZERO
        } else {
            seconds(24 * 3600)
        };
        let mut bench = Bench::new(EndpointConfig {
            confirmable_notification_interval: interval,
            ..EndpointConfig::default()
        });
        let observation = register(&mut bench);
        bench.endpoint.notify(bench.now, observation, state(1));
        let sent = Message::decode(&bench.sent()[0], 2048).unwrap();
        assert_eq!(sent.kind, kind);
        bench.talk(&Message::empty(Kind::Reset, sent.id));
        let event = bench.endpoint.poll_event();
        assert_eq!(
            event,
            Some(Event::ObservationEnded { observation }),
            "{what}"
        );
    }
}

/// Registers by hand at a plain server.
fn register(bench: &mut Bench) -> ObservationId {
    bench.talk(&message(
        Kind::Confirmable,
        1,
        Request::get("/state").observe(),
    ));
    let Some(Event::Request {
        handle, observe, ..
    }) = bench.endpoint.poll_event()
    else {
        panic!()
    };
    let answer = bench.respond(handle, state(0));
    assert!(answer[0].options.observe().is_some());
    observe.unwrap()
}

#[test]
fn h10_one_notification_in_24_hours_is_confirmable() {
    let interval = seconds(7 * 24 * 3600);
    let config = EndpointConfig {
        confirmable_notification_interval: interval,
        plain_idle_time_limit: interval,
        ..EndpointConfig::default()
    };
    let mut bench = Bench::new(config);
    let observation = register(&mut bench);
    let mut kinds = Vec::new();
    for hours in [1, 22, 2, 1] {
        bench.pass(seconds(hours * 3600));
        bench.endpoint.notify(bench.now, observation, state(1));
        let sent = Message::decode(&bench.sent()[0], 2048).unwrap();
        kinds.push(sent.kind);
        bench.talk(&Message::empty(Kind::Acknowledgement, sent.id));
    }
    let (non, con) = (Kind::NonConfirmable, Kind::Confirmable);
    assert_eq!(kinds, [non, non, con, non]);
}

#[test]
fn the_newest_state_replaces_those_that_wait() {
    let Observed {
        mut pair,
        observation,
        ..
    } = observed(&EndpointConfig::default());
    for number in 1..10 {
        pair.server.notify(pair.now(), observation, state(number));
    }
    ended(&mut pair, seconds(5));
    let states: Vec<_> = client_events(&mut pair)
        .into_iter()
        .filter_map(|event| match event {
            Event::Notification { response, .. } => response.payload.first().copied(),
            _ => None,
        })
        .collect();
    assert_eq!(states, [1, 9]);
}

#[test]
fn a_silent_observation_is_registered_again_with_its_token() {
    let Observed {
        mut pair,
        observation,
        session,
        ..
    } = observed(&EndpointConfig::default());
    let mut registrations = Vec::new();
    pair.run(seconds(80), |endpoint, now, event| match event {
        Event::Request {
            handle, observe, ..
        } => {
            registrations.extend(observe);
            endpoint.respond(now, handle, state(5));
        }
        Event::ObservationEnded {
            observation: replaced,
        } => assert_eq!(replaced, observation),
        other => panic!("{other:?}"),
    });
    assert_eq!(
        registrations.len(),
        1,
        "Max-Age and 5 to 15 seconds have passed once"
    );
    assert!(matches!(
        client_events(&mut pair).as_slice(),
        [Event::Notification { last: false, .. }]
    ));
    pair.client.close(pair.now(), session);
    assert_eq!(ended(&mut pair, seconds(1)), registrations);
}

#[test]
fn observers_are_bounded_and_a_post_does_not_observe() {
    let mut bench = Bench::new(EndpointConfig {
        max_observations: 2,
        ..EndpointConfig::default()
    });
    let mut post = Request::post("/state");
    post.options.set_integer(number::OBSERVE, 0);
    let requests = (0..4)
        .map(|_| Request::get("/state").observe())
        .chain([post]);
    let mut accepted = Vec::new();
    for (id, request) in (1..).zip(requests) {
        bench.talk(&message(Kind::Confirmable, id, request));
        let Some(Event::Request { handle, .. }) = bench.endpoint.poll_event() else {
            panic!()
        };
        accepted.push(
            bench.respond(handle, state(0))[0]
                .options
                .observe()
                .is_some(),
        );
    }
    assert_eq!(accepted, [true, true, false, false, false]);
}

/// Asks for an observation; the handle of the request and the number that the observation would have.
fn ask(
    bench: &mut Bench,
    id: u16,
) -> (motekey_coap::endpoint::RequestHandle, Option<ObservationId>) {
    bench.talk(&message(
        Kind::Confirmable,
        id,
        Request::get("/state").observe(),
    ));
    match bench.endpoint.poll_event() {
        Some(Event::Request {
            handle, observe, ..
        }) => (handle, observe),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_observation_that_was_offered_and_does_not_begin_ends() {
    let refused = Response::new(Code::FORBIDDEN).observable();
    let plain = Response::new(Code::CONTENT);
    for (what, second) in [
        ("no room any more", state(0)),
        ("refused", refused),
        ("not observable", plain),
    ] {
        let mut bench = Bench::new(EndpointConfig {
            max_observations: 1,
            ..EndpointConfig::default()
        });
        let (first_handle, first) = ask(&mut bench, 1);
        let (second_handle, offered) = ask(&mut bench, 2);
        bench.respond(first_handle, state(0));
        assert_eq!(bench.endpoint.poll_event(), None, "{what}");
        let answer = bench.respond(second_handle, second);
        assert_eq!(answer[0].options.observe(), None, "{what}");
        let ended: Vec<_> = core::iter::from_fn(|| bench.endpoint.poll_event()).collect();
        assert_ne!(first, offered);
        let observation = offered.unwrap();
        assert_eq!(ended, [Event::ObservationEnded { observation }], "{what}");
    }
}

#[test]
fn an_observation_whose_request_is_never_answered_ends_with_its_session() {
    let (mut pair, session) = secure(&EndpointConfig::default(), Link::default(), 1);
    pair.run(seconds(1), |_, _, _| {});
    send(&mut pair, session, Request::get("/state").observe());
    let mut offered = Vec::new();
    pair.run(seconds(1), |_, _, event| {
        if let Event::Request { observe, .. } = event {
            offered.extend(observe);
        }
    });
    pair.client.close(pair.now(), session);
    assert_eq!(offered.len(), 1);
    assert_eq!(ended(&mut pair, seconds(1)), offered);
}

#[test]
fn h09_an_answer_that_finds_no_room_for_its_body_begins_no_observation() {
    let mut bench = Bench::new(EndpointConfig {
        block_size: BlockSize::B16,
        max_body_bytes: 10,
        ..EndpointConfig::default()
    });
    let (handle, observe) = ask(&mut bench, 1);
    let answer = bench.respond(handle, state(0));
    assert_eq!(
        (answer[0].code, answer[0].options.observe()),
        (Code::SERVICE_UNAVAILABLE, None)
    );
    let observation = observe.unwrap();
    assert_eq!(
        bench.endpoint.poll_event(),
        Some(Event::ObservationEnded { observation })
    );
    bench.endpoint.notify(bench.now, observation, state(1));
    assert!(bench.sent().is_empty());
}

/// Lets time pass; the receipts of acknowledged notifications.
fn acknowledged(pair: &mut Pair, duration: Duration) -> Vec<(ObservationId, u64)> {
    let mut receipts = Vec::new();
    pair.run(duration, |_, _, event| {
        if let Event::NotificationAcknowledged {
            observation,
            receipt,
        } = event
        {
            receipts.push((observation, receipt));
        }
    });
    receipts
}

#[test]
fn receipts_tell_which_notifications_were_acknowledged() {
    let config = EndpointConfig {
        // Without a receipt, notifications are not confirmable.
        confirmable_notification_interval: seconds(3600),
        ..EndpointConfig::default()
    };
    let Observed {
        mut pair,
        observation,
        ..
    } = observed(&config);
    let notify = |pair: &mut Pair, response: Response| {
        pair.server.notify(pair.now(), observation, response);
    };
    notify(&mut pair, state(1));
    assert_eq!(acknowledged(&mut pair, seconds(1)), []);
    notify(&mut pair, state(2).with_receipt(2));
    assert_eq!(acknowledged(&mut pair, seconds(1)), [(observation, 2)]);
    // Of three at once the first is sent, the last replaces the one between them.
    for number in 3..6 {
        notify(&mut pair, state(number).with_receipt(number.into()));
    }
    assert_eq!(
        acknowledged(&mut pair, seconds(1)),
        [(observation, 3), (observation, 5)]
    );
    // Nobody acknowledges: there is no receipt, and the observation ends.
    pair.network.set_link(Link {
        loss_percent: 100,
        ..Link::default()
    });
    notify(&mut pair, state(6).with_receipt(6));
    assert_eq!(acknowledged(&mut pair, seconds(200)), []);
}
