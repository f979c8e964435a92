//! From nothing to the first answer: handshake, request, response.

use std::fmt::Write as _;
use std::time::Duration;

use motekey_dtls::{Event, Instant};

use crate::common::network::{End, Link, Simulation};
use crate::common::{IDENTITY, KEY, TestRandom, client_config, credential, server_config};
use crate::readme::{keep, percentile, seconds};

/// Runs of each row.
const RUNS: u64 = 1_000;
/// RFC 7252 Section 4.8: MAX_RETRANSMIT.
const MAX_RETRANSMIT: u32 = 4;

/// How the protocol above waits for its first answer.
#[derive(Clone, Copy)]
enum Wait {
    /// ACK_TIMEOUT of RFC 7252 Section 4.8: 2 s.
    Constant,
    /// Three round trips as the handshake measured them, at least 200 ms, at most ACK_TIMEOUT.
    Measured,
}

impl Wait {
    fn first(self, round_trip: Option<Duration>) -> Duration {
        let constant = Duration::from_secs(2);
        match self {
            Self::Constant => constant,
            Self::Measured => round_trip.map_or(constant, |round_trip| {
                (round_trip * 3).clamp(Duration::from_millis(200), constant)
            }),
        }
    }
}

/// A confirmable message of CoAP: repeated after a wait that doubles, with a factor of up to 1.5 once.
struct Request {
    sent: u32,
    wait: Duration,
    due: Instant,
}

/// The time of the first answer; `None` if there was none.
fn run(seed: u64, wait: Wait) -> Option<u64> {
    let link = Link {
        loss_percent: 10,
        ..Link::default()
    };
    let config = client_config();
    let credential = credential(IDENTITY, &KEY);
    let mut simulation = Simulation::new(seed, server_config(), &config, &credential, link);
    let mut chance = TestRandom::new(seed ^ 0x5555);
    let mut request: Option<Request> = None;
    loop {
        let until = request
            .as_ref()
            .map_or(Instant::from_micros(u64::MAX / 2), |request| request.due);
        if !simulation.step(until) {
            let request = request
                .as_mut()
                .filter(|request| request.sent <= MAX_RETRANSMIT)?;
            simulation.client.send(b"request").unwrap();
            request.sent += 1;
            request.wait *= 2;
            request.due = simulation.now + request.wait;
        }
        while let Some(event) = simulation.event(End::Server) {
            if let Event::Data(_) = event {
                simulation
                    .server
                    .as_mut()
                    .unwrap()
                    .send(b"response")
                    .unwrap();
            }
        }
        while let Some(event) = simulation.event(End::Client) {
            match event {
                Event::Connected { .. } => {
                    simulation.client.send(b"request").unwrap();
                    let first = wait.first(simulation.client.round_trip());
                    let wait = first * u32::try_from(100 + chance.below(51)).unwrap() / 100;
                    let due = simulation.now + wait;
                    request = Some(Request { sent: 1, wait, due });
                }
                Event::Data(_) => return Some(simulation.now.as_micros()),
                Event::Closed(_) | Event::KeyWanted { .. } => return None,
            }
        }
    }
}

#[test]
fn the_first_answer_comes_soon_over_a_network_that_loses_a_tenth() {
    let mut table = String::from(
        "| first wait for the response | answered of 1,000 | median s | p90 s | p99 s |\n|---|---|---|---|---|\n",
    );
    for (wait, name) in [
        (Wait::Constant, "2 to 3 s (RFC 7252)"),
        (
            Wait::Measured,
            "3 to 4.5 round trips measured by the handshake",
        ),
    ] {
        let mut times: Vec<u64> = (0..RUNS).filter_map(|seed| run(seed, wait)).collect();
        times.sort_unstable();
        let [median, p90, p99] = [50, 90, 99].map(|percent| percentile(&times, percent));
        writeln!(
            table,
            "| {name} | {} | {} | {} | {} |",
            times.len(),
            seconds(median),
            seconds(p90),
            seconds(p99)
        )
        .unwrap();
        if let Wait::Measured = wait {
            assert_eq!(times.len(), 1_000, "{table}");
            assert!(median <= 900_000 && p90 <= 2_600_000, "{table}");
        }
    }
    keep("first answer", &table);
}
