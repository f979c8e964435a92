//! Clocks of devices that jump: the trait wants one that does not go back, and hardware does not always keep to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use motekey_client::{Client, Clock, Step};
use motekey_coap::message::Code;
use motekey_coap::time::Instant;

use crate::scripted::World;

/// Lifetime of the tokens of the script in seconds; they are renewed in the last tenth.
const LIFETIME: u64 = 3600;
const START: u64 = 1_000_000;

/// Shows what it is told to.
#[derive(Debug)]
struct JumpingClock(AtomicU64);

impl JumpingClock {
    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Instant {
        Instant::ZERO + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

async fn begin() -> (World, Client, Arc<JumpingClock>) {
    let world = World::start().await;
    let clock = Arc::new(JumpingClock(AtomicU64::new(START)));
    let builder = world.builder(world.known().audience("rs1"));
    let client = builder.clock(clock.clone()).build().await.unwrap();
    get(&world, &client, 1).await;
    (world, client, clock)
}

/// Requests with pauses, in which a renewal in the background could begin.
async fn get(world: &World, client: &Client, times: usize) {
    for _ in 0..times {
        let response = client.get(&world.url("/temperature")).await.unwrap();
        assert_eq!(response.code, Code::CONTENT);
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

fn tokens(world: &World) -> usize {
    world.script().token_requests.len()
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_costs_one_token() {
    for (ahead, what) in [
        (LIFETIME - 10, "into the time of renewal"),
        (LIFETIME, "to the end of the token"),
        (LIFETIME * 1000, "far behind it"),
        (u64::from(u32::MAX), "by 136 years"),
    ] {
        let (world, client, clock) = begin().await;
        clock.set(START + ahead);
        get(&world, &client, 10).await;
        assert_eq!(tokens(&world), 2, "{what}");
    }
}

#[tokio::test]
async fn d32_a_clock_that_jumps_back_costs_nothing_until_the_token_is_refused() {
    for back in [1, LIFETIME, START] {
        let (world, client, clock) = begin().await;
        clock.set(START - back);
        get(&world, &client, 5).await;
        assert_eq!(tokens(&world), 1, "{back}");
        // The token has ended at the resource server, which this clock does not know.
        world.script().forget_tokens = 1;
        get(&world, &client, 5).await;
        assert_eq!(tokens(&world), 2, "{back}");
        // From here on the times are those of the new token.
        clock.set(START - back + LIFETIME - 10);
        get(&world, &client, 10).await;
        assert_eq!(tokens(&world), 3, "{back}");
    }
}

#[tokio::test]
async fn a_clock_that_jumps_to_and_fro_makes_no_storm() {
    let (world, client, clock) = begin().await;
    client.take_report();
    for round in 0..20 {
        clock.set(START + if round % 2 == 0 { LIFETIME * 2 } else { 0 });
        get(&world, &client, 3).await;
    }
    // Each token is one of the later time, and holds at the earlier one too.
    assert_eq!(tokens(&world), 2);
    let report = client.take_report();
    let handshakes = report.exchanges.iter();
    let handshakes = handshakes.filter(|exchange| exchange.step == Step::ResourceServerHandshake);
    assert_eq!(handshakes.count(), 1);
}
