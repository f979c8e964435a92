//! Answers to peers whose address is not verified (RFC 9175 Section 2.6).

use motekey_coap::endpoint::EndpointConfig;
use motekey_coap::message::{Code, ContentFormat, Kind, Request, Response};
use motekey_coap::simulation::Link;

use crate::support::{Bench, client_events, message, plain, seconds, send};

fn large() -> Response {
    Response::new(Code::CONTENT).with_payload(ContentFormat::LINK_FORMAT, vec![b'x'; 400])
}

#[test]
fn h11_a_spoofed_source_gets_no_more_than_three_times_the_request() {
    for (length, kind) in [
        (0, Kind::Confirmable),
        (0, Kind::NonConfirmable),
        (60, Kind::Confirmable),
    ] {
        let mut bench = Bench::new(EndpointConfig::default());
        let request = message(
            kind,
            1,
            Request::get("/").with_payload(ContentFormat::CBOR, vec![0; length]),
        );
        bench.talk(&request);
        let (handle, _) = bench.requests().pop().unwrap();
        let sent = bench.respond(handle, large());
        assert_eq!(sent[0].code, Code::UNAUTHORIZED);
        assert_eq!(sent[0].options.echo().map(<[u8]>::len), Some(12));
        let bytes: usize = sent.iter().map(|message| message.encoded_len()).sum();
        assert!(bytes <= 136.max(3 * request.encoded_len()));
        assert!(bench.pass(seconds(300)).is_empty(), "nothing is sent again");
    }
}

#[test]
fn h11_a_client_echoes_by_itself_and_what_changes_something_runs_once() {
    for (request, runs) in [(Request::get("/"), 2), (Request::post("/"), 1)] {
        let (mut pair, session) = plain(Link::default(), 1);
        let mut handled = 0;
        for round in 1..=2 {
            send(&mut pair, session, request.clone());
            pair.run(seconds(10), |endpoint, now, event| {
                if let motekey_coap::endpoint::Event::Request { handle, .. } = event {
                    handled += 1;
                    endpoint.respond(now, handle, large());
                }
            });
            let events = client_events(&mut pair);
            let [motekey_coap::endpoint::Event::Response { response, .. }] = events.as_slice()
            else {
                panic!("{events:?}")
            };
            assert_eq!(response.payload.len(), 400);
            assert_eq!(
                handled,
                runs + round - 1,
                "the second time the address is known"
            );
        }
    }
}
