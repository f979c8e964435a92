//! Which answer belongs to which request.

use motekey_coap::endpoint::{EndpointConfig, Event};
use motekey_coap::message::{Code, Kind, Message, Request, Token};
use motekey_coap::simulation::Pair;

use crate::support::Bench;

/// Two token requests are under way. Their answers come in either order, with one between that has no request.
#[test]
fn d09_an_answer_belongs_to_the_request_whose_token_it_has() {
    let foreign = Token::new(b"foreign").unwrap();
    for swapped in [false, true] {
        let mut client = Bench::new(EndpointConfig {
            nstart: 2,
            ..EndpointConfig::default()
        });
        let session = client.endpoint.open_plain(client.now, Pair::CLIENT);
        let requests = [(); 2].map(|()| {
            let request = Request::post("/token");
            let sent = client.endpoint.request(client.now, session, request);
            sent.unwrap()
        });
        let tokens: Vec<Token> = client
            .sent()
            .iter()
            .map(|datagram| Message::decode(datagram, 2048).unwrap().token)
            .collect();
        assert_ne!(tokens[0], tokens[1]);
        let order = if swapped { [1, 0] } else { [0, 1] };
        for (id, (token, body)) in [
            (foreign, &b"nobody's"[..]),
            (tokens[order[0]], b"first to come"),
            (tokens[order[1]], b"second to come"),
            // Both requests have their answers.
            (tokens[order[0]], b"too late"),
        ]
        .into_iter()
        .enumerate()
        {
            let answer = Message {
                kind: Kind::NonConfirmable,
                id: 100 + u16::try_from(id).unwrap(),
                code: Code::CREATED,
                token,
                options: Default::default(),
                payload: body.to_vec(),
            };
            client.talk(&answer);
        }
        let got: Vec<_> = core::iter::from_fn(|| client.endpoint.poll_event())
            .map(|event| match event {
                Event::Response { request, response } => (request, response.payload),
                other => panic!("{other:?}"),
            })
            .collect();
        let expected = [
            (requests[order[0]], b"first to come".to_vec()),
            (requests[order[1]], b"second to come".to_vec()),
        ];
        assert_eq!(got, expected, "swapped: {swapped}");
    }
}
