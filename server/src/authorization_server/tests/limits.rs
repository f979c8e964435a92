//! What one device can take from the others: nothing.

use std::sync::Arc;

use motekey_coap::message::{Code, Response};

use super::support::*;
use crate::authorization_server::ClientLimits;
use crate::event::Event;
use crate::store::MemoryStore;

async fn limited(limits: ClientLimits, capacity: usize) -> Bench {
    let store = MemoryStore::with_registry(registry()).with_capacity(capacity);
    bench_with(Arc::new(store), |builder| builder.client_limits(limits)).await
}

fn is_told_to_wait(response: &Response, seconds: u32) {
    assert_eq!(response.code, Code::TOO_MANY_REQUESTS);
    // RFC 8516 Section 3.
    assert_eq!(response.options.max_age(), Some(seconds));
    assert!(response.payload.is_empty());
}

#[tokio::test]
async fn greedy_device_waits_and_the_other_does_not() {
    let limits = ClientLimits {
        tokens_per_minute: 6,
        burst: 5,
        ..ClientLimits::default()
    };
    let bench = limited(limits, 1_000).await;
    for _ in 0..5 {
        bench.grant(&meter(), &ask("gateway")).await;
    }
    bench.events.take();
    is_told_to_wait(&bench.ask(&meter(), &ask("gateway")).await, 10);
    assert!(matches!(
        bench.events.take().as_slice(),
        [Event::TokenDenied { reason: "too_many", client: Some(client), .. }] if **client == *"meter"
    ));
    bench.grant(&other(), &ask("gateway")).await;
    bench.clock.advance(9);
    is_told_to_wait(&bench.ask(&meter(), &ask("gateway")).await, 1);
    bench.clock.advance(1);
    bench.grant(&meter(), &ask("gateway")).await;
    is_told_to_wait(&bench.ask(&meter(), &ask("gateway")).await, 10);
}

#[tokio::test]
async fn greedy_device_does_not_fill_the_store() {
    let limits = ClientLimits {
        burst: 1_000,
        live_tokens: 40,
        ..ClientLimits::default()
    };
    let bench = limited(limits, 50).await;
    for _ in 0..40 {
        bench.grant(&meter(), &ask("gateway")).await;
    }
    is_told_to_wait(&bench.ask(&meter(), &ask("pump")).await, 600);
    for _ in 0..10 {
        bench.grant(&other(), &ask("gateway")).await;
    }
    bench.clock.advance(601);
    bench.grant(&meter(), &ask("gateway")).await;
}

#[tokio::test]
async fn default_limits_stop_a_device_and_a_refused_request_costs_nothing() {
    let bench = bench().await;
    for _ in 0..100 {
        bench
            .refused(
                &meter(),
                &post(&ask("nowhere").encode()),
                4,
                "refused by policy",
            )
            .await;
    }
    let mut granted = 0;
    while bench.ask(&meter(), &ask("gateway")).await.code == Code::CREATED {
        granted += 1;
        assert!(granted < 1_000, "no limit");
    }
    assert_eq!(granted, 60);
    bench.grant(&other(), &ask("gateway")).await;
}
