//! Round trips, datagrams and bytes.

use std::fmt::Write as _;
use std::time::Duration;

use motekey_client::{Client, Step, TokenTransport, Traffic};
use motekey_coap::message::{Code, ContentFormat};
use motekey_cose::scope::Scope;

use crate::readme;
use crate::site::{LIFETIME, Site, rights};

/// What is measured, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Case {
    Cold,
    Upload,
    Hints,
    LiveSession,
    Restart,
    Warm,
    Renewed,
    Updated,
}

const CASES: [(Case, &str, u64); 8] = [
    (Case::Cold, "cold start, token in the handshake", 8),
    (
        Case::Upload,
        "cold start, token uploaded before the handshake",
        9,
    ),
    (
        Case::Hints,
        "cold start that begins with the hints of the resource server",
        9,
    ),
    (
        Case::LiveSession,
        "token and handshake, session to the authorization server live",
        5,
    ),
    (Case::Restart, "after a restart, token from the cache", 4),
    (Case::Warm, "warm: a request on the running session", 1),
    (Case::Renewed, "renewed token on the running session", 2),
    (
        Case::Updated,
        "wider rights on the running session, then the request",
        3,
    ),
];

/// Sum over all exchanges since the last call.
fn spent(client: &Client) -> Traffic {
    let report = client.take_report();
    report
        .exchanges
        .iter()
        .fold(Traffic::default(), |sum, exchange| {
            sum.plus(exchange.traffic)
        })
}

async fn measure(case: Case) -> Traffic {
    let site = Site::start().await;
    let configured = match case {
        Case::Upload => site.configured().token_transport(TokenTransport::Upload),
        Case::Hints => site.known().trust_hinted_audience(true),
        _ => site.configured(),
    };
    let client = site.client(configured.clone()).await;
    match case {
        Case::Cold | Case::Upload | Case::Hints => site.get(&client).await,
        Case::LiveSession => {
            client.connect(0).await.unwrap();
            spent(&client);
            site.get(&client).await;
        }
        Case::Restart => {
            site.get(&client).await;
            client.shutdown().await;
            let client = site.client(configured).await;
            site.get(&client).await;
            return spent(&client);
        }
        Case::Warm => {
            site.get(&client).await;
            spent(&client);
            site.get(&client).await;
        }
        Case::Renewed => return renewed(&site, &client).await,
        Case::Updated => {
            site.get(&client).await;
            spent(&client);
            let wider = Scope::from(&rights(&["/readings", "/relay"]));
            client.request_scope(&site.url("/"), wider).await.unwrap();
            let relay = site.url("/relay");
            let put = client.put(&relay, ContentFormat::TEXT_PLAIN, *b"on");
            assert_eq!(put.await.unwrap().code, Code::CHANGED);
        }
    }
    spent(&client)
}

/// The exchanges of the renewal alone; and it holds: far beyond the end of the first token there is no handshake.
async fn renewed(site: &Site, client: &Client) -> Traffic {
    site.get(client).await;
    site.pass(LIFETIME - 60);
    spent(client);
    // No request beside it, which would be counted into it.
    client.token(&site.url("/")).await.unwrap();
    let mut seen = Traffic::default();
    for _ in 0..500 {
        let report = client.report();
        if report.total(Step::UpdateUpload).round_trips > 0 {
            let (token, upload) = (Step::UpdateRequest, Step::UpdateUpload);
            seen = report.total(token).plus(report.total(upload));
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    spent(client);
    site.pass(LIFETIME / 2);
    site.get(client).await;
    assert_eq!(client.report().exchanges.len(), 1, "{:?}", client.report());
    seen
}

/// The least of some runs: on a loaded machine something may be sent twice.
async fn least(case: Case) -> Traffic {
    let mut best = measure(case).await;
    for _ in 0..2 {
        let other = measure(case).await;
        let order = |traffic: &Traffic| {
            let bytes = traffic.bytes_sent + traffic.bytes_received;
            (
                traffic.round_trips,
                traffic.datagrams_sent + traffic.datagrams_received,
                bytes,
            )
        };
        if order(&other) < order(&best) {
            best = other;
        }
    }
    best
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d25_d34_d37_round_trips_and_bytes_of_each_way_to_an_answer() {
    let mut table = "| what | round trips | datagrams sent | received | bytes sent | received |\n\
                     |---|---|---|---|---|---|\n"
        .to_owned();
    let mut beyond = Vec::new();
    for (case, name, most) in CASES {
        let Traffic {
            datagrams_sent,
            datagrams_received,
            bytes_sent,
            bytes_received,
            round_trips,
            ..
        } = least(case).await;
        writeln!(
            table,
            "| {name} | {round_trips} | {datagrams_sent} | {datagrams_received} | {bytes_sent} | {bytes_received} |"
        )
        .unwrap();
        if round_trips > most {
            beyond.push(format!("{name}: {round_trips}, at most {most}"));
        }
    }
    println!("{table}");
    assert!(beyond.is_empty(), "{beyond:?}");
    readme::keep("round trips", &table);
}
