//! How many handshakes complete, and when.

use std::fmt::Write as _;

use motekey_dtls::crypto::rust::PROVIDER;
use motekey_dtls::{ClientConfig, Instant, Limits, ServerConfig};
use std::sync::Arc;

use crate::common::network::{Link, Simulation};
use crate::common::{IDENTITY, KEY, Keys, client_config, credential};
use crate::readme::{keep, percentile, seconds};

/// Handshakes of each row.
const RUNS: u64 = 300;

/// One line of the table.
struct Row {
    network: &'static str,
    link: Link,
    identity: Vec<u8>,
    /// Fewest handshakes that must complete.
    wanted: u64,
}

struct Outcome {
    completed: u64,
    /// When each of them was complete at both ends, in microseconds.
    times: Vec<u64>,
    datagrams: u64,
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (loss_percent, network, wanted) in [
        (0, "-", RUNS),
        (10, "10 % lost", RUNS),
        (20, "20 % lost", RUNS * 99 / 100),
        (30, "30 % lost", RUNS * 95 / 100),
    ] {
        for (mtu, identity) in [
            (1280, IDENTITY.to_vec()),
            (127, IDENTITY.to_vec()),
            (1280, vec![0xd0; 400]),
            (576, vec![0xd0; 900]),
            (256, vec![0xd0; 400]),
            (127, vec![0xd0; 400]),
        ] {
            let link = Link {
                loss_percent,
                mtu,
                ..Link::default()
            };
            rows.push(Row {
                network,
                link,
                identity,
                wanted,
            });
        }
    }
    let jitter = 100_000;
    for (network, link) in [
        (
            "reordered",
            Link {
                jitter,
                ..Link::default()
            },
        ),
        (
            "20 % twice",
            Link {
                duplicate_percent: 20,
                ..Link::default()
            },
        ),
        (
            "10 % lost, 20 % twice, reordered",
            Link {
                jitter,
                duplicate_percent: 20,
                loss_percent: 10,
                ..Link::default()
            },
        ),
    ] {
        for mtu in [1280, 127] {
            rows.push(Row {
                network,
                link: Link { mtu, ..link },
                identity: vec![0xd0; 400],
                wanted: RUNS,
            });
        }
    }
    rows
}

fn run(row: &Row) -> Outcome {
    let limits = Limits {
        datagram: u16::try_from(row.link.mtu).unwrap(),
        ..Limits::default()
    };
    let client = ClientConfig {
        limits,
        ..client_config()
    };
    let keys = Arc::new(Keys {
        keys: [(row.identity.clone(), KEY.to_vec())].into(),
        hint: None,
    });
    let credential = credential(&row.identity, &KEY);
    let mut outcome = Outcome {
        completed: 0,
        times: Vec::new(),
        datagrams: 0,
    };
    for seed in 0..RUNS {
        let server = ServerConfig {
            limits,
            ..ServerConfig::new(&PROVIDER, keys.clone())
        };
        let mut simulation = Simulation::new(seed, server, &client, &credential, row.link);
        while !simulation.is_connected() && simulation.step(Instant::from_micros(120_000_000)) {}
        outcome.datagrams += simulation.wire.sent;
        if simulation.is_connected() {
            outcome.completed += 1;
            outcome.times.push(simulation.now.as_micros());
        }
    }
    outcome.times.sort_unstable();
    outcome
}

/// All rows, on two threads.
fn outcomes(rows: &[Row]) -> Vec<Outcome> {
    let (first, second) = rows.split_at(rows.len() / 2);
    std::thread::scope(|scope| {
        let second = scope.spawn(|| second.iter().map(run).collect::<Vec<_>>());
        let mut all: Vec<_> = first.iter().map(run).collect();
        all.extend(second.join().unwrap());
        all
    })
}

#[test]
fn handshakes_complete_over_networks_that_lose_reorder_and_repeat() {
    let rows = rows();
    let mut table = String::from(
        "| network, each way | longest datagram | identity | complete of 300 | median s | p90 s | slowest s | datagrams, mean |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    let mut missed = Vec::new();
    for (row, outcome) in rows.iter().zip(outcomes(&rows)) {
        let tenths = outcome.datagrams * 10 / RUNS;
        let line = format!(
            "| {} | {} | {} | {} | {} | {} | {} | {}.{} |",
            row.network,
            row.link.mtu,
            row.identity.len(),
            outcome.completed,
            seconds(percentile(&outcome.times, 50)),
            seconds(percentile(&outcome.times, 90)),
            seconds(percentile(&outcome.times, 100)),
            tenths / 10,
            tenths % 10
        );
        if outcome.completed < row.wanted {
            missed.push(format!("{line} wanted {}", row.wanted));
        }
        writeln!(table, "{line}").unwrap();
    }
    assert!(missed.is_empty(), "{missed:#?}\n{table}");
    keep("loss", &table);
}
