//! Loss, reordering and duplication: each request has one answer and one run of the application.

use std::collections::HashMap;

use motekey_coap::endpoint::{EndpointConfig, Event};
use motekey_coap::message::{ContentFormat, Request};
use motekey_coap::simulation::{Link, Pair};
use motekey_coap::time::Duration;

use crate::basics::secure;
use crate::support::{Echoing, client_events, plain, seconds};

const REQUESTS: u16 = 12;

fn link(loss_percent: u64, jitter: u64, duplicate_percent: u64) -> Link {
    Link {
        loss_percent,
        jitter: Duration::from_millis(jitter),
        duplicate_percent,
        ..Link::default()
    }
}

/// Sends requests one after the other and counts answers and runs by body.
fn answers_and_runs(
    mut pair: Pair,
    session: motekey_coap::endpoint::SessionId,
) -> (Vec<usize>, Vec<usize>) {
    let mut server = Echoing::default();
    for number in 0..REQUESTS {
        let body = number.to_be_bytes();
        let request = Request::post("/count").with_payload(ContentFormat::OCTET_STREAM, body);
        pair.client.request(pair.now(), session, request).unwrap();
    }
    pair.run(seconds(3600), |endpoint, now, event| {
        server.serve(endpoint, now, event)
    });
    let (mut answers, mut runs): (HashMap<Vec<u8>, usize>, HashMap<Vec<u8>, usize>) =
        Default::default();
    for event in client_events(&mut pair) {
        if let Event::Response { response, .. } = event {
            *answers
                .entry(response.payload.strip_prefix(b"/count").unwrap().to_vec())
                .or_default() += 1;
        }
    }
    for request in server.handled {
        *runs.entry(request.payload).or_default() += 1;
    }
    let count = |map: &HashMap<Vec<u8>, usize>| {
        (0..REQUESTS)
            .map(|number| {
                map.get(&number.to_be_bytes()[..])
                    .copied()
                    .unwrap_or_default()
            })
            .collect()
    };
    (count(&answers), count(&runs))
}

#[test]
fn h03_every_request_is_answered_once_and_run_once() {
    for loss in [0, 10, 25] {
        for jitter in [0, 500, 3000] {
            for duplicates in [0, 30, 100] {
                for seed in 0..3 {
                    let case =
                        format!("loss {loss} jitter {jitter} duplicates {duplicates} seed {seed}");
                    let (pair, session) = plain(link(loss, jitter, duplicates), seed);
                    let (answers, runs) = answers_and_runs(pair, session);
                    assert!(runs.iter().all(|runs| *runs <= 1), "{case}: {runs:?}");
                    assert!(
                        answers
                            .iter()
                            .zip(&runs)
                            .all(|(answers, runs)| answers <= runs),
                        "{case}: {answers:?}"
                    );
                    // With a quarter lost both ways, about one in 23 requests fails in all five attempts.
                    let answered = answers.iter().filter(|answers| **answers == 1).count();
                    let expected = if loss < 25 {
                        usize::from(REQUESTS)
                    } else {
                        usize::from(REQUESTS) - 3
                    };
                    assert!(answered >= expected, "{case}: {answers:?}");
                }
            }
        }
    }
}

#[test]
fn h03_the_same_holds_within_a_dtls_session() {
    for seed in 0..4 {
        let (mut pair, session) = secure(&EndpointConfig::default(), Link::default(), seed);
        pair.run(seconds(1), |_, _, _| {});
        pair.network.set_link(link(10, 500, 30));
        let (answers, runs) = answers_and_runs(pair, session);
        assert_eq!(
            (answers, runs),
            (
                vec![1; usize::from(REQUESTS)],
                vec![1; usize::from(REQUESTS)]
            ),
            "seed {seed}"
        );
    }
}
