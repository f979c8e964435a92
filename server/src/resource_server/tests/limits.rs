use super::super::{Limits, ResourceServer, SequenceStorage, VolatileSequence};
use super::support::*;
use crate::event::{Event, TokenEnd};
use motekey_coap::dtls::{PskAnswer, SessionId};
use motekey_coap::message::Code;
use motekey_cose::claims::{ClaimsSet, NumericDate};
use motekey_cose::confirmation::Confirmation;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

#[tokio::test]
async fn f60_d40_flood_of_uploads_is_limited_and_the_table_bounded() {
    let limits = Limits {
        tokens: 4,
        uploads_per_second: 5,
        ..Limits::default()
    };
    let bench = bench_with(|builder| builder.limits(limits));
    let mut codes = Vec::new();
    for number in 0..40 {
        codes.push(bench.upload(&token(&claims(number))).await);
    }
    assert_eq!(
        codes.iter().filter(|code| **code == Code::CREATED).count(),
        20,
        "the burst"
    );
    assert_eq!(codes.last(), Some(&Code::TOO_MANY_REQUESTS));
    assert_eq!(bench.server.tokens(), 4);
}

#[tokio::test]
async fn f60_clock_that_goes_back_does_not_stop_uploads() {
    const YEAR: i64 = 31_536_000;
    let bench = bench();
    bench.clock.advance(YEAR);
    bench.upload(b"x").await;
    bench.clock.advance(-YEAR);
    let mut last = Code::CREATED;
    for _ in 0..100 {
        last = bench.upload(&token(&claims(1))).await;
    }
    assert_eq!(last, Code::TOO_MANY_REQUESTS);
    bench.clock.advance(1);
    assert_eq!(bench.upload(&token(&claims(1))).await, Code::CREATED);
}

#[tokio::test]
async fn f60_flood_of_tokens_as_identities_is_limited_and_known_tokens_pass() {
    let limits = Limits {
        bad_identities_per_second: 5,
        ..Limits::default()
    };
    let bench = bench_with(|builder| builder.limits(limits));
    let known = token(&claims(1));
    assert!(matches!(bench.psk(&known), PskAnswer::Key(_)));
    let forged = token_of("stranger", &claims(2));
    let answers: Vec<_> = (0..40).map(|_| bench.psk(&forged)).collect();
    let looked_at = |answer: &&PskAnswer| **answer == PskAnswer::IllegalParameter;
    assert_eq!(answers.iter().filter(looked_at).count(), 20, "the burst");
    assert_eq!(answers.last(), Some(&PskAnswer::Unknown));
    assert!(matches!(bench.psk(&known), PskAnswer::Key(_)));
    assert!(matches!(bench.psk(&form_a(1)), PskAnswer::Key(_)));
    assert_eq!(bench.psk(&token(&claims(3))), PskAnswer::Unknown);
    bench.clock.advance(1);
    assert!(matches!(bench.psk(&token(&claims(3))), PskAnswer::Key(_)));
}

#[tokio::test]
async fn f60_a_whole_fleet_comes_back_at_once() {
    let bench = bench_with(|builder| {
        builder.limits(Limits {
            bad_identities_per_second: 1,
            ..Limits::default()
        })
    });
    for number in 0..250 {
        let answer = bench.psk(&token(&claims(number)));
        assert!(
            matches!(answer, PskAnswer::Key(_)),
            "device {number}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn d40_sweep_finds_each_end_in_its_time() {
    let bench = bench();
    let ending = |number, seconds| ClaimsSet {
        iat: Some(NumericDate::from_seconds(NOW + seconds)),
        exp: Some(NumericDate::from_seconds(NOW + seconds)),
        ..claims(number)
    };
    for claims in [
        ending(1, 5_000),
        ending(2, 100),
        ending(3, 5_000),
        ending(4, 700),
        ending(4, 50),
        ending(4, 800),
    ] {
        bench.upload(&token(&claims)).await;
    }
    bench.connect(3, &form_a(3));
    let left = |seconds: i64| {
        bench.clock.advance(seconds);
        bench.server.sweep();
        bench.server.tokens()
    };
    assert_eq!(left(99), 4);
    assert_eq!(left(1), 3, "2 has expired");
    assert_eq!(left(499), 3);
    assert_eq!(left(1), 1, "1 and 4 were not used for 600 seconds");
    assert_eq!(left(4_399), 1, "3 was used");
    assert_eq!(left(1), 0);
}

#[tokio::test]
async fn d40_unused_tokens_are_dropped_and_used_ones_stay() {
    let limits = Limits {
        unused_token_seconds: 300,
        ..Limits::default()
    };
    let bench = bench_with(|builder| builder.limits(limits));
    bench.upload(&token(&claims(1))).await;
    bench.upload(&token(&claims(2))).await;
    bench.connect(7, &form_a(2));
    bench.events.take();
    bench.clock.advance(300);
    assert!(bench.server.sweep().orphans.is_empty());
    let events = bench.events.take();
    assert_eq!(
        events,
        [Event::TokenEnded {
            key_id: b"key-1".to_vec(),
            why: TokenEnd::Unused
        }]
    );
    assert_eq!(bench.get(7, "/a").await, Code::CONTENT);
}

#[tokio::test]
async fn full_table_of_used_tokens_refuses_and_keeps_them() {
    let bench = bench_with(|builder| {
        builder.limits(Limits {
            tokens: 2,
            ..Limits::default()
        })
    });
    for number in 1..=2 {
        assert_eq!(bench.upload(&token(&claims(number))).await, Code::CREATED);
        bench.connect(u64::from(number), &form_a(number));
    }
    assert_eq!(
        bench.upload(&token(&claims(3))).await,
        Code::SERVICE_UNAVAILABLE
    );
    assert_eq!(
        (bench.get(1, "/a").await, bench.get(2, "/a").await),
        (Code::CONTENT, Code::CONTENT)
    );
}

#[tokio::test]
async fn d16_every_authorized_client_has_room_for_its_token() {
    let bench = bench();
    for number in 1..=200 {
        assert_eq!(
            bench.upload(&token(&claims(number))).await,
            Code::CREATED,
            "client {number}"
        );
        bench.connect(u64::from(number), &form_a(number));
        bench.clock.advance(1);
    }
    for number in 1..=200 {
        assert_eq!(
            bench.get(number, "/a").await,
            Code::CONTENT,
            "client {number}"
        );
    }
}

/// The claims of token `sequence` with `exi`.
fn counted(number: u8, sequence: u64) -> ClaimsSet {
    ClaimsSet {
        exp: None,
        exi: Some(100),
        cti: Some(format!("gateway{sequence}").into_bytes()),
        ..claims(number)
    }
}

#[tokio::test]
async fn f58_exi_counts_from_the_first_upload() {
    let bench = bench_with(|builder| builder.sequence_storage(VolatileSequence::default()));
    let first = token(&counted(1, 1));
    assert_eq!(bench.upload(&first).await, Code::CREATED);
    bench.connect(7, &form_a(1));
    bench.clock.advance(60);
    assert_eq!(
        bench.upload(&first).await,
        Code::CREATED,
        "again, as the same token"
    );
    bench.clock.advance(39);
    assert_eq!(bench.get(7, "/a").await, Code::CONTENT);
    bench.clock.advance(1);
    assert_eq!(bench.get(7, "/a").await, Code::UNAUTHORIZED);
    bench.server.sweep();
    assert_eq!(
        bench.upload(&first).await,
        Code::UNAUTHORIZED,
        "and it does not begin again"
    );
}

#[tokio::test]
async fn f66_lower_sequence_numbers_than_an_expired_one_are_refused() {
    let bench = bench_with(|builder| builder.sequence_storage(VolatileSequence::default()));
    assert_eq!(bench.upload(&token(&counted(3, 3))).await, Code::CREATED);
    bench.clock.advance(100);
    bench.server.sweep();
    for (sequence, code) in [
        (2, Code::UNAUTHORIZED),
        (3, Code::UNAUTHORIZED),
        (4, Code::CREATED),
    ] {
        assert_eq!(
            bench.upload(&token(&counted(9, sequence))).await,
            code,
            "sequence number {sequence}"
        );
    }
}

#[tokio::test]
async fn f66_replaced_or_dropped_tokens_end_nobody_elses() {
    let bench = bench_with(|builder| {
        builder
            .limits(Limits {
                unused_token_seconds: 30,
                ..Limits::default()
            })
            .sequence_storage(VolatileSequence::default())
    });
    let update = |sequence| ClaimsSet {
        cnf: Some(Confirmation::KeyId(b"key-1".to_vec())),
        ..counted(1, sequence)
    };
    for claims in [counted(1, 2), update(9), update(10)] {
        assert_eq!(bench.upload(&token(&claims)).await, Code::CREATED);
    }
    assert_eq!(
        bench.upload(&token(&counted(2, 8))).await,
        Code::CREATED,
        "of another device, issued before the updates"
    );
    bench.clock.advance(30);
    bench.server.sweep();
    assert_eq!(bench.server.tokens(), 0, "none was used");
    for (what, claims, code) in [
        ("dropped as unused", update(10), Code::UNAUTHORIZED),
        ("replaced", update(9), Code::UNAUTHORIZED),
        ("replaced first", counted(1, 2), Code::UNAUTHORIZED),
        ("never seen", counted(3, 7), Code::CREATED),
    ] {
        assert_eq!(bench.upload(&token(&claims)).await, code, "{what}");
    }
    bench.clock.advance(70);
    assert_eq!(
        bench.upload(&token(&counted(4, 6))).await,
        Code::UNAUTHORIZED,
        "below 10, whose time is over now"
    );
}

/// A storage that looks whether others can use the server while it writes.
#[derive(Default)]
struct Curious {
    server: OnceLock<Arc<ResourceServer>>,
    server_was_free: AtomicBool,
}

impl SequenceStorage for Curious {
    fn highest(&self) -> u64 {
        0
    }

    fn accepted(&self, _: u64) {
        let server = self.server.get().unwrap().clone();
        let (sender, answer) = mpsc::channel();
        std::thread::spawn(move || sender.send(server.tokens()));
        let free = answer.recv_timeout(Duration::from_secs(5)).is_ok();
        self.server_was_free.store(free, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn sequence_numbers_are_written_while_others_use_the_server() {
    let storage = Arc::new(Curious::default());
    let bench = bench_with(|builder| builder.sequence_storage(storage.clone()));
    storage.server.set(bench.server.clone()).unwrap();
    assert_eq!(bench.upload(&token(&counted(1, 1))).await, Code::CREATED);
    assert!(storage.server_was_free.load(Ordering::SeqCst));
}

#[tokio::test]
async fn f73_f66_tokens_from_before_a_reboot_have_ended() {
    let storage = Arc::new(VolatileSequence::default());
    let before = bench_with(|builder| builder.sequence_storage(storage.clone()));
    assert_eq!(before.upload(&token(&counted(1, 5))).await, Code::CREATED);
    let after = bench_with(|builder| builder.sequence_storage(storage));
    assert_eq!(
        after.upload(&token(&counted(1, 5))).await,
        Code::UNAUTHORIZED
    );
    assert_eq!(after.upload(&token(&counted(2, 6))).await, Code::CREATED);
    let without = bench();
    assert_eq!(
        without.upload(&token(&counted(2, 6))).await,
        Code::BAD_REQUEST,
        "no place for the number"
    );
}

#[tokio::test]
async fn exi_needs_a_cti_of_this_server() {
    let bench = bench_with(|builder| builder.sequence_storage(VolatileSequence::default()));
    for cti in [
        None,
        Some("gateway"),
        Some("pump1"),
        Some("gateway1x"),
        Some("gateway+1"),
        Some("1"),
    ] {
        let cti = cti.map(|text| text.as_bytes().to_vec());
        let claims = ClaimsSet {
            cti: cti.clone(),
            ..counted(1, 1)
        };
        assert_eq!(
            bench.upload(&token(&claims)).await,
            Code::BAD_REQUEST,
            "{cti:?}"
        );
    }
}

/// A peer that comes back with a new token each time must not keep others out.
#[tokio::test]
async fn d40_tokens_without_a_session_give_way_and_those_with_one_never_do() {
    const HANDSHAKE_OVER: i64 = 61;
    let limits = Limits {
        tokens: 4,
        ..Limits::default()
    };
    let bench = bench_with(|builder| builder.limits(limits));
    let long = |number: u8| ClaimsSet {
        exp: Some(NumericDate::from_seconds(NOW + 1_000_000)),
        ..claims(number)
    };
    bench.connect(1, &token(&long(1)));
    for number in 2..60 {
        let session = u64::from(number);
        bench.clock.advance(HANDSHAKE_OVER);
        bench.connect(session, &token(&long(number)));
        assert_eq!(bench.get(session, "/a").await, Code::CONTENT);
        bench.server.unbind_session(SessionId(session), "test");
    }
    assert_eq!(bench.server.tokens(), 4);
    assert_eq!(bench.get(1, "/a").await, Code::CONTENT);
    // The one whose session ended first went first.
    bench.clock.advance(HANDSHAKE_OVER);
    bench.connect(100, &form_a(59));
    assert_eq!(bench.psk(&form_a(2)), PskAnswer::IllegalParameter);
}

#[tokio::test]
async fn d40_a_table_of_live_sessions_refuses_newcomers() {
    let limits = Limits {
        tokens: 2,
        ..Limits::default()
    };
    let bench = bench_with(|builder| builder.limits(limits));
    for number in 1..=2 {
        bench.connect(u64::from(number), &token(&claims(number)));
    }
    bench.clock.advance(61);
    assert_eq!(
        bench.upload(&token(&claims(3))).await,
        Code::SERVICE_UNAVAILABLE
    );
    assert_eq!(bench.get(1, "/a").await, Code::CONTENT);
    assert_eq!(bench.get(2, "/a").await, Code::CONTENT);
}
