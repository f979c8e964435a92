//! Block-wise transfers, both ways.

use motekey_coap::block::BlockSize;
use motekey_coap::endpoint::{EndpointConfig, Event};
use motekey_coap::message::options::number;
use motekey_coap::message::{Code, ContentFormat, Kind, Message, Request, Response};
use motekey_coap::simulation::{Link, Pair};
use motekey_coap::time::Duration;

use crate::basics::secure;
use crate::support::{Bench, Echoing, client_events, message, seconds, send};

fn config(block_size: BlockSize) -> EndpointConfig {
    EndpointConfig {
        block_size,
        ..EndpointConfig::default()
    }
}

fn body(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 7 % 251) as u8).collect()
}

/// Sends a body through a session and has it sent back.
fn round_trip(
    pair: &mut Pair,
    session: motekey_coap::endpoint::SessionId,
    length: usize,
) -> Vec<Event> {
    let mut server = Echoing::default();
    let request = Request::post("/").with_payload(ContentFormat::OCTET_STREAM, body(length));
    send(pair, session, request);
    pair.run(seconds(1200), |endpoint, now, event| {
        server.serve(endpoint, now, event)
    });
    assert!(server.handled.len() <= 1);
    client_events(pair)
}

#[test]
fn h07_h08_bodies_travel_in_blocks_both_ways() {
    for (size, length) in [
        (BlockSize::B64, 1024),
        (BlockSize::B64, 64),
        (BlockSize::B64, 65),
        (BlockSize::B16, 1000),
        (BlockSize::B1024, 16 * 1024 - 1),
    ] {
        for loss_percent in [0, 10] {
            let (mut pair, session) = secure(&config(size), Link::default(), 3);
            pair.run(seconds(1), |_, _, _| {});
            client_events(&mut pair);
            let jitter = Duration::from_millis(loss_percent * 30);
            pair.network.set_link(Link {
                loss_percent,
                jitter,
                duplicate_percent: loss_percent,
                ..Link::default()
            });
            let events = round_trip(&mut pair, session, length);
            let [Event::Response { response, .. }] = events.as_slice() else {
                panic!("{size:?} {length}: {events:?}")
            };
            assert_eq!(response.payload, [b"/", &body(length)[..]].concat());
            assert!(
                response.options.block_free(),
                "blocks are not shown to the application"
            );
        }
    }
}

trait BlockFree {
    fn block_free(&self) -> bool;
}

impl BlockFree for motekey_coap::message::Options {
    fn block_free(&self) -> bool {
        [number::BLOCK1, number::BLOCK2, number::SIZE2]
            .iter()
            .all(|number| self.first(*number).is_none())
    }
}

#[test]
fn a_side_with_smaller_blocks_is_followed() {
    let security = |seed| {
        motekey_coap::endpoint::Security::Dtls(Box::new(crate::fake_dtls::FakeBackend::new(seed)))
    };
    for (client, server) in [
        (BlockSize::B1024, BlockSize::B32),
        (BlockSize::B32, BlockSize::B1024),
    ] {
        let sides = ((config(client), security(1)), (config(server), security(2)));
        let mut pair = Pair::new(sides.0, sides.1, Link::default(), 1);
        let session = pair
            .client
            .open(pair.now(), Pair::SERVER, &crate::basics::credential())
            .unwrap();
        pair.run(seconds(1), |_, _, _| {});
        client_events(&mut pair);
        let events = round_trip(&mut pair, session, 3000);
        let [Event::Response { response, .. }] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!(response.payload.len(), 3001);
    }
}

/// A block of a request to `/`.
fn block(id: u16, tag: Option<u8>, number: u32, more: bool, payload: &[u8]) -> Message {
    let mut request = Request::put("/");
    request
        .options
        .set_integer(number::BLOCK1, number << 4 | u32::from(more) << 3);
    tag.into_iter()
        .for_each(|tag| request.options.add(number::REQUEST_TAG, &[tag]));
    request.payload = payload.to_vec();
    message(Kind::Confirmable, id, request)
}

#[test]
fn h12_interleaved_uploads_with_different_tags_are_not_joined() {
    let mut bench = Bench::new(EndpointConfig::default());
    let parts = [
        block(1, Some(1), 0, true, &[1; 16]),
        block(2, Some(2), 0, true, &[2; 16]),
        block(3, Some(1), 1, true, &[1; 16]),
        block(4, Some(2), 1, true, &[2; 16]),
    ];
    for part in &parts {
        assert_eq!(bench.talk(part)[0].code, Code::CONTINUE);
    }
    assert_eq!(
        bench.talk(&block(5, None, 2, false, &[3; 4]))[0].code,
        Code::REQUEST_ENTITY_INCOMPLETE
    );
    bench.talk(&block(6, Some(1), 2, false, &[1; 4]));
    bench.talk(&block(7, Some(2), 2, false, &[2; 4]));
    let bodies: Vec<_> = bench
        .requests()
        .into_iter()
        .map(|(_, request)| request.payload)
        .collect();
    assert_eq!(bodies, [vec![1; 36], vec![2; 36]]);
}

#[test]
fn h07_gaps_sizes_and_limits_have_their_codes() {
    let mut bench = Bench::new(EndpointConfig {
        max_body: 40,
        ..EndpointConfig::default()
    });
    assert_eq!(
        bench.talk(&block(1, None, 1, true, &[0; 16]))[0].code,
        Code::REQUEST_ENTITY_INCOMPLETE
    );
    let first = bench.talk(&block(2, None, 0, true, &[0; 16]));
    assert_eq!(
        (first[0].code, first[0].options.integer(number::BLOCK1)),
        (Code::CONTINUE, Some(8))
    );
    assert_eq!(
        bench.talk(&block(3, None, 2, true, &[0; 16]))[0].code,
        Code::REQUEST_ENTITY_INCOMPLETE
    );
    assert_eq!(
        bench.talk(&block(4, None, 1, true, &[0; 16]))[0].code,
        Code::CONTINUE
    );
    let refused = bench.talk(&block(5, None, 2, true, &[0; 16]));
    assert_eq!(refused[0].code, Code::REQUEST_ENTITY_TOO_LARGE);
    assert_eq!(refused[0].options.integer(number::SIZE1), Some(40));
    let mut reserved = block(6, None, 0, true, &[0; 16]);
    reserved.options.set_integer(number::BLOCK1, 7);
    assert_eq!(bench.talk(&reserved)[0].code, Code::BAD_REQUEST);
    assert!(bench.requests().is_empty());
}

#[test]
fn h07_an_upload_that_stops_is_forgotten() {
    let mut bench = Bench::new(EndpointConfig::default());
    bench.talk(&block(1, None, 0, true, &[0; 16]));
    bench.pass(seconds(61));
    assert_eq!(
        bench.talk(&block(2, None, 1, false, &[0; 16]))[0].code,
        Code::REQUEST_ENTITY_INCOMPLETE
    );
    assert_eq!(bench.endpoint.dropped().bodies, 2);
}

#[test]
fn h08_h12_two_fetches_of_a_resource_that_changes_are_not_mixed() {
    let config = config(BlockSize::B16);
    let (mut pair, session) = secure(&config, Link::default(), 1);
    pair.run(seconds(1), |_, _, _| {});
    client_events(&mut pair);
    send(&mut pair, session, Request::get("/"));
    // The application answers; then the same resource is fetched in a newer state.
    let mut states = 0;
    pair.run(Duration::from_millis(50), |endpoint, now, event| {
        if let Event::Request { handle, .. } = event {
            states += 1;
            let response =
                Response::new(Code::CONTENT).with_payload(ContentFormat::CBOR, vec![states; 40]);
            endpoint.respond(now, handle, response);
        }
    });
    send(&mut pair, session, Request::get("/"));
    pair.run(seconds(60), |endpoint, now, event| {
        if let Event::Request { handle, .. } = event {
            states += 1;
            let response =
                Response::new(Code::CONTENT).with_payload(ContentFormat::CBOR, vec![states; 40]);
            endpoint.respond(now, handle, response);
        }
    });
    let events = client_events(&mut pair);
    for event in &events {
        let Event::Response { response, .. } = event else {
            panic!("{event:?}")
        };
        assert_eq!(response.payload, [response.payload[0]; 40]);
    }
    assert_eq!(
        (events.len(), states),
        (2, 2),
        "both are complete, and the application ran once for each"
    );
}

#[test]
fn h08_a_body_that_gave_way_and_changed_is_fetched_from_its_beginning() {
    let config = EndpointConfig {
        max_bodies: 1,
        ..config(BlockSize::B16)
    };
    let (mut pair, session) = secure(&config, Link::default(), 1);
    pair.run(seconds(1), |_, _, _| {});
    client_events(&mut pair);
    for path in ["/a", "/b"] {
        send(&mut pair, session, Request::get(path));
    }
    let mut runs = 0;
    pair.run(seconds(60), |endpoint, now, event| {
        if let Event::Request {
            handle, request, ..
        } = event
        {
            runs += u8::from(request.path() == "/a");
            let state = if request.path() == "/a" {
                runs.min(2)
            } else {
                9
            };
            let response =
                Response::new(Code::CONTENT).with_payload(ContentFormat::CBOR, vec![state; 40]);
            endpoint.respond(now, handle, response);
        }
    });
    let mut states: Vec<_> = client_events(&mut pair)
        .into_iter()
        .map(|event| match event {
            Event::Response { response, .. } => response.payload,
            other => panic!("{other:?}"),
        })
        .collect();
    states.sort();
    assert_eq!(states, [vec![2; 40], vec![9; 40]]);
}

/// A request for a block of 16 bytes of the body at `/`.
fn fetch(bench: &mut Bench, id: u16, number: u32) -> Vec<Message> {
    let mut request = Request::get("/");
    request.options.set_integer(number::BLOCK2, number << 4);
    bench.talk(&message(Kind::Confirmable, id, request))
}

/// A server that keeps a body of a thousand bytes, of which the first block was fetched.
fn keeping() -> (Bench, motekey_coap::endpoint::SessionId) {
    let mut bench = Bench::new(config(BlockSize::B16));
    assert_eq!(fetch(&mut bench, 1, 0), []);
    let (handle, _) = bench.requests().pop().unwrap();
    let session = handle.session();
    let response = Response::new(Code::CONTENT).with_payload(ContentFormat::CBOR, body(1000));
    let answer = bench.respond(handle, response);
    assert_eq!(answer[0].payload, body(16));
    (bench, session)
}

#[test]
fn h08_a_kept_body_has_a_lifetime_from_its_beginning() {
    let (mut bench, _) = keeping();
    let mut served = 0;
    for block in 1..20 {
        bench.pass(seconds(50));
        served += fetch(&mut bench, 1 + block, u32::from(block)).len();
    }
    assert_eq!(served, 4, "five blocks in 247 s");
    assert!(
        !bench.requests().is_empty(),
        "the application is asked again"
    );
}

#[test]
fn h08_bodies_that_are_forgotten_are_asked_of_the_application_again() {
    let (mut bench, session) = keeping();
    assert_eq!(fetch(&mut bench, 2, 1)[0].payload, &body(32)[16..]);
    bench.endpoint.forget_bodies(session);
    assert_eq!(fetch(&mut bench, 3, 2), []);
    assert_eq!(bench.requests().len(), 1);
}
