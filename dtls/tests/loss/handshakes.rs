//! How many handshakes complete, and when.

use std::fmt::Write as _;

use std::sync::Arc;

use motekey_dtls::crypto::rust::PROVIDER;
use motekey_dtls::{ClientConfig, ClientCredential, Instant, Limits, ServerConfig};

use crate::common::kinds::{Kind, server_for_all};
use crate::common::network::{Link, Simulation};
use crate::common::{IDENTITY, KEY, Keys, client_config, credential};
use crate::readme::{keep, percentile, seconds};

/// Handshakes of each row.
const RUNS: u64 = 300;

/// What the ends authenticate each other with.
#[derive(Clone)]
enum Means {
    /// An identity of so many bytes.
    Psk(usize),
    Signed(Kind),
}

impl Means {
    fn name(&self) -> String {
        match self {
            Self::Psk(length) => format!("PSK, identity of {length}"),
            Self::Signed(Kind::RawPublicKey) => "raw public keys".to_owned(),
            Self::Signed(_) => "certificates".to_owned(),
        }
    }

    /// Server, client, credential, each with datagrams of at most `mtu`.
    fn ends(&self, mtu: usize) -> (ServerConfig, ClientConfig, ClientCredential) {
        let limits = Limits {
            datagram: u16::try_from(mtu).unwrap(),
            ..Limits::default()
        };
        let (server, client, credential) = match self {
            Self::Psk(length) => {
                let identity = match *length {
                    15 => IDENTITY.to_vec(),
                    length => vec![0xd0; length],
                };
                let keys = Keys {
                    keys: [(identity.clone(), KEY.to_vec())].into(),
                    hint: None,
                };
                let server = ServerConfig::new(&PROVIDER, Arc::new(keys));
                (server, client_config(), credential(&identity, &KEY))
            }
            Self::Signed(kind) => (server_for_all(), kind.client_config(), kind.credential()),
        };
        let (server, client) = (
            ServerConfig { limits, ..server },
            ClientConfig { limits, ..client },
        );
        (server, client, credential)
    }
}

/// One line of the table.
struct Row {
    network: &'static str,
    link: Link,
    means: Means,
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
    let mut rows = losing();
    rows.extend(disordered());
    rows
}

fn losing() -> Vec<Row> {
    let mut rows = Vec::new();
    for (loss_percent, network, wanted) in [
        (0, "-", RUNS),
        (10, "10 % lost", RUNS),
        (20, "20 % lost", RUNS * 99 / 100),
        (30, "30 % lost", RUNS * 95 / 100),
    ] {
        for (mtu, means) in [
            (1280, Means::Psk(15)),
            (127, Means::Psk(15)),
            (1280, Means::Psk(400)),
            (576, Means::Psk(900)),
            (256, Means::Psk(400)),
            (127, Means::Psk(400)),
            (1280, Means::Signed(Kind::RawPublicKey)),
            (256, Means::Signed(Kind::RawPublicKey)),
            (127, Means::Signed(Kind::RawPublicKey)),
            (1280, Means::Signed(Kind::X509)),
            (256, Means::Signed(Kind::X509)),
            (127, Means::Signed(Kind::X509)),
        ] {
            let link = Link {
                loss_percent,
                mtu,
                ..Link::default()
            };
            rows.push(Row {
                network,
                link,
                means,
                wanted,
            });
        }
    }
    rows
}

fn disordered() -> Vec<Row> {
    let mut rows = Vec::new();
    for (network, jitter, duplicate_percent, loss_percent) in [
        ("reordered", 100_000, 0, 0),
        ("20 % twice", 0, 20, 0),
        ("10 % lost, 20 % twice, reordered", 100_000, 20, 10),
    ] {
        let link = Link {
            jitter,
            duplicate_percent,
            loss_percent,
            ..Link::default()
        };
        for (mtu, means) in [
            (1280, Means::Psk(400)),
            (127, Means::Psk(400)),
            (127, Means::Signed(Kind::RawPublicKey)),
            (127, Means::Signed(Kind::X509)),
        ] {
            rows.push(Row {
                network,
                link: Link { mtu, ..link },
                means,
                wanted: RUNS,
            });
        }
    }
    rows
}

fn run(row: &Row) -> Outcome {
    let (server, client, credential) = row.means.ends(row.link.mtu);
    let mut outcome = Outcome {
        completed: 0,
        times: Vec::new(),
        datagrams: 0,
    };
    for seed in 0..RUNS {
        let mut simulation = Simulation::new(seed, server.clone(), &client, &credential, row.link);
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

/// All rows, on two threads that take turns.
fn outcomes(rows: &[Row]) -> Vec<Outcome> {
    let half = |first: usize| {
        rows.iter()
            .skip(first)
            .step_by(2)
            .map(run)
            .collect::<Vec<_>>()
    };
    let (even, odd) = std::thread::scope(|scope| {
        let odd = scope.spawn(|| half(1));
        (half(0), odd.join().unwrap())
    });
    let mut odd = odd.into_iter();
    even.into_iter()
        .flat_map(|outcome| [Some(outcome), odd.next()])
        .flatten()
        .collect()
}

#[test]
fn handshakes_complete_over_networks_that_lose_reorder_and_repeat() {
    let rows = rows();
    let mut table = String::from(
        "| network, each way | longest datagram | credential | complete of 300 | median s | p90 s | slowest s | datagrams, mean |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    let mut missed = Vec::new();
    for (row, outcome) in rows.iter().zip(outcomes(&rows)) {
        let tenths = outcome.datagrams * 10 / RUNS;
        let line = format!(
            "| {} | {} | {} | {} | {} | {} | {} | {}.{} |",
            row.network,
            row.link.mtu,
            row.means.name(),
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
