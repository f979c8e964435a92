//! From nothing to the first answer over a bad network: handshake, request, response, by two endpoints in virtual
//! time. The table goes into the README of motekey-dtls: `UPDATE_TABLES=1 cargo test -p motekey-coap --test endpoint`
//! writes it, and the test fails when it is stale.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::{env, fs};

use motekey_coap::dtls::motekey::{Motekey, MotekeyConfig};
use motekey_coap::endpoint::{EndpointConfig, Event, Security};
use motekey_coap::message::Request;
use motekey_coap::simulation::{Link, Pair, Side};
use motekey_coap::time::Duration;

use crate::addresses::{Counter, OneKey};
use crate::basics::credential;
use crate::support::{Echoing, seconds};

/// Runs of each row.
const RUNS: u64 = 1_000;

/// 100 ms there and back, every tenth datagram lost.
const NETWORK: Link = Link {
    delay: Duration::from_millis(50),
    jitter: Duration::ZERO,
    loss_percent: 10,
    duplicate_percent: 0,
    mtu: 1280,
};

/// Microseconds from the first ClientHello to the first answer; `None` if there was none.
fn run(seed: u64, config: &EndpointConfig) -> Option<u64> {
    let chance = |end: u64| Box::new(Counter(seed * 2 + end));
    let client = Motekey::client(MotekeyConfig::default(), chance(0));
    let server = Motekey::server(MotekeyConfig::default(), Arc::new(OneKey), chance(1));
    let mut pair = Pair::new(
        (config.clone(), Security::Dtls(Box::new(client))),
        (config.clone(), Security::Dtls(Box::new(server))),
        NETWORK,
        seed,
    );
    let begin = pair.now();
    pair.client
        .open(begin, Pair::SERVER, &credential())
        .unwrap();
    let mut application = Echoing::default();
    loop {
        while let Some(event) = pair.take_event(Side::Server) {
            let now = pair.now();
            application.serve(&mut pair.server, now, event);
        }
        while let Some(event) = pair.take_event(Side::Client) {
            match event {
                Event::Connected { session, .. } => {
                    let request = Request::get("/temperature");
                    pair.client.request(pair.now(), session, request).unwrap();
                }
                Event::Response { .. } => {
                    let taken = pair.now() - begin;
                    return Some(u64::try_from(taken.as_micros()).unwrap());
                }
                Event::Closed { .. } | Event::RequestFailed { .. } => return None,
                _ => {}
            }
        }
        if !pair.step(begin + seconds(600)) {
            return None;
        }
    }
}

#[test]
fn the_first_answer_comes_soon_over_a_network_that_loses_a_tenth() {
    let measured = EndpointConfig::default();
    let constant = EndpointConfig {
        min_ack_timeout: measured.ack_timeout,
        max_ack_timeout: measured.ack_timeout,
        ..measured.clone()
    };
    let mut table = String::from(
        "| first wait for the response | answered of 1,000 | median s | p90 s | p99 s |\n|---|---|---|---|---|\n",
    );
    for (config, name) in [
        (constant, "2 to 3 s (RFC 7252)"),
        (
            measured,
            "3 to 4.5 round trips measured by the handshake (default)",
        ),
    ] {
        let mut times: Vec<u64> = (0..RUNS).filter_map(|seed| run(seed, &config)).collect();
        times.sort_unstable();
        let [median, p90, p99] = [50, 90, 99].map(|percent| times[times.len() * percent / 100]);
        let [a, b, c] = [median, p90, p99].map(as_seconds);
        writeln!(table, "| {name} | {} | {a} | {b} | {c} |", times.len()).unwrap();
        if config == EndpointConfig::default() {
            assert_eq!(times.len(), 1_000, "{table}");
            assert!(median <= 900_000 && p90 <= 2_600_000, "{table}");
        }
    }
    keep("first answer", &table);
}

/// Microseconds as seconds with two digits.
fn as_seconds(micros: u64) -> String {
    format!("{}.{:02}", micros / 1_000_000, micros % 1_000_000 / 10_000)
}

/// Compares a table with the one between its marks; with `UPDATE_TABLES` set, writes it there.
fn keep(name: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dtls/README.md");
    let text = fs::read_to_string(&path).unwrap();
    let (begin, end) = (
        format!("<!-- {name}: begin -->\n"),
        format!("<!-- {name}: end -->\n"),
    );
    let (before, rest) = text.split_once(&begin).unwrap();
    let (found, after) = rest.split_once(&end).unwrap();
    if env::var_os("UPDATE_TABLES").is_some() {
        fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(
        found, table,
        "the table '{name}' is stale: UPDATE_TABLES=1 cargo test -p motekey-coap --test endpoint"
    );
}
