//! What an endpoint with very many sessions keeps in memory, counted by the allocator: real handshakes, everything that
//! the endpoint holds. One test: nothing else may allocate meanwhile.
#![cfg(feature = "motekey")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and its figures are printed"
)]

mod fleet;

use std::alloc::System;
use std::time::Duration;

use fleet::Fleet;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes of an idle session, everything included, as the allocator counts them.
const MOST: usize = 780;

/// Bytes of resident memory for each of very many sessions, a tenth of which has asked something lately: 100,000 in
/// 100 MB.
const MOST_RESIDENT: usize = 1_000;

/// From how many on: with fewer, what belongs to no session counts too much.
const VERY_MANY: usize = 50_000;

/// Sessions, unless the environment variable `SESSIONS` says otherwise: `scripts/test memory` takes 100,000.
const SESSIONS: u32 = 5_000;

/// Bytes that are allocated now.
fn held() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// Waits until the test harness, which has a thread of its own, has allocated what it needs.
fn settle() {
    let mut before = usize::MAX;
    while held() != before {
        before = held();
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Resident memory of this process in kB, where the system tells.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn check(what: &str, sessions: usize, bytes: usize, before: Option<usize>) {
    let resident = resident()
        .zip(before)
        .map_or(0, |(now, before)| now - before);
    println!(
        "{what}: {} bytes per session, {resident} kB resident for all",
        bytes / sessions
    );
    assert!(
        sessions < VERY_MANY || resident * 1024 <= sessions * MOST_RESIDENT,
        "{resident} kB resident for {sessions} sessions"
    );
}

#[test]
fn an_idle_session_takes_at_most_780_bytes_with_all_that_the_endpoint_keeps_of_it() {
    let count = std::env::var("SESSIONS").map_or(SESSIONS, |number| number.parse().unwrap());
    settle();
    let (before, resident_before) = (held(), resident());
    let mut fleet = Fleet::new(count);
    let empty = held() - before;
    println!("{count} sessions; endpoint without any: {empty} bytes");
    for number in 0..count {
        let device = fleet.connect(number);
        // Every tenth asks once: an answer is remembered for a while, and then no more.
        if number % 10 == 0 {
            fleet.ask(device);
        }
    }
    let sessions = fleet.endpoint.session_count();
    assert_eq!(sessions, usize::try_from(count).unwrap());
    check("connected", sessions, held() - before, resident_before);
    fleet.pass(Duration::from_secs(300));
    let idle = held() - before;
    check("idle", sessions, idle, resident_before);
    assert_eq!(fleet.endpoint.session_count(), sessions);
    assert!(
        idle / sessions <= MOST,
        "{} bytes for each idle session",
        idle / sessions
    );
}
