//! What every DTLS backend must do: one suite, run over any backend by [`crate::dtls_conformance`].
//!
//! The suite feeds and polls sessions through the seam, with the network in memory and time as an argument, so it
//! needs no socket and no clock. A backend that works beside its caller is given time by [`Subject::pass`].

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a suite of tests: panicking is how it fails"
)]

mod hostile;
mod pair;

use std::sync::Arc;
use std::time::Duration;

use self::pair::{Answers, End, Fate, Pair, credential};
use super::{
    Backend, CloseReason, ConnectError, CredentialSource, FirstContact, PeerIdentity, PreSharedKey,
    PskAnswer, SendError, SessionEvent, Waker,
};
use crate::time::Instant;

/// A backend under test.
pub trait Subject {
    /// A backend that accepts whom `credentials` knows.
    fn server(&mut self, credentials: Arc<dyn CredentialSource>) -> Box<dyn Backend>;

    /// A backend that connects.
    fn client(&mut self) -> Box<dyn Backend>;

    /// Lets `duration` pass for whatever the backend runs beside its caller. A backend without such work does
    /// nothing here.
    fn pass(&mut self, duration: Duration);

    /// The time limit of handshakes that [`Subject::server`] and [`Subject::client`] set; at least 10 s.
    fn handshake_time_limit(&self) -> Duration;
}

/// A name that carries the ids of the requirements shown, and the test itself.
pub type Case = (&'static str, fn(&mut dyn Subject));

/// Makes one `#[test]` of each case, over the backend that `$subject` makes.
#[macro_export]
macro_rules! dtls_conformance {
    ($subject:expr) => {
        $crate::dtls_conformance!(@cases $subject;
            d23_a_psk_handshake_connects_and_tells_the_identity,
            l02_l03_identities_are_bytes_of_any_value_and_length,
            l03_keys_of_up_to_64_bytes_are_taken,
            too_long_identities_are_refused_before_the_handshake,
            a_wrong_key_connects_neither_end,
            an_unknown_identity_looks_like_a_wrong_key,
            d28_illegal_parameter_reaches_the_client,
            data_goes_both_ways_and_keeps_its_record_boundaries,
            any_lost_datagram_of_the_handshake_is_made_good,
            every_datagram_may_come_twice,
            closing_sends_close_notify,
            a_handshake_has_a_time_limit,
            too_much_data_for_a_record_is_refused,
            first_contact_ignores_what_is_no_client_hello,
            d01_replayed_records_are_delivered_once,
            d01_records_out_of_order_are_delivered_once,
            garbled_records_change_nothing,
            records_in_clear_change_nothing_after_the_handshake,
            garbage_during_the_handshake_does_not_stop_it,
        );
    };
    (@cases $subject:expr; $($case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                $crate::dtls::conformance::run(stringify!($case), &mut $subject);
            }
        )*

        #[test]
        fn every_case_of_the_suite_is_run() {
            let run = [$(stringify!($case)),*];
            assert_eq!(run.len(), $crate::dtls::conformance::CASES.len());
        }
    };
}

/// The whole suite.
pub const CASES: &[Case] = &[
    (
        "d23_a_psk_handshake_connects_and_tells_the_identity",
        handshake,
    ),
    (
        "l02_l03_identities_are_bytes_of_any_value_and_length",
        identities,
    ),
    ("l03_keys_of_up_to_64_bytes_are_taken", keys),
    (
        "too_long_identities_are_refused_before_the_handshake",
        too_long_identity,
    ),
    ("a_wrong_key_connects_neither_end", wrong_key),
    (
        "an_unknown_identity_looks_like_a_wrong_key",
        unknown_identity,
    ),
    (
        "d28_illegal_parameter_reaches_the_client",
        illegal_parameter,
    ),
    ("data_goes_both_ways_and_keeps_its_record_boundaries", data),
    (
        "any_lost_datagram_of_the_handshake_is_made_good",
        lost_datagrams,
    ),
    ("every_datagram_may_come_twice", doubled_datagrams),
    ("closing_sends_close_notify", closing),
    ("a_handshake_has_a_time_limit", time_limit),
    ("too_much_data_for_a_record_is_refused", too_much_data),
    (
        "first_contact_ignores_what_is_no_client_hello",
        hostile::first_contact,
    ),
    ("d01_replayed_records_are_delivered_once", hostile::replayed),
    (
        "d01_records_out_of_order_are_delivered_once",
        hostile::out_of_order,
    ),
    ("garbled_records_change_nothing", hostile::garbled),
    (
        "records_in_clear_change_nothing_after_the_handshake",
        hostile::in_clear,
    ),
    (
        "garbage_during_the_handshake_does_not_stop_it",
        hostile::garbage,
    ),
];

/// Runs one case by its name.
///
/// # Panics
/// If the backend does not pass, or if there is no such case.
pub fn run(name: &str, subject: &mut dyn Subject) {
    let (_, case) = CASES
        .iter()
        .find(|(case, _)| *case == name)
        .expect("a case of this name");
    case(subject);
}

const KEY: &[u8] = b"0123456789abcdef";
const SOON: Duration = Duration::from_secs(10);

fn handshake(subject: &mut dyn Subject) {
    let mut pair = Pair::new(
        subject,
        Answers::one(b"device", KEY),
        &credential(b"device", KEY),
    );
    pair.run_until(SOON, Pair::is_connected);
    let peer = Some(PeerIdentity::PreSharedKey(b"device".to_vec()));
    assert_eq!(pair.server_events, [SessionEvent::Connected { peer }]);
    assert_eq!(pair.client_events, [SessionEvent::Connected { peer: None }]);
}

fn identities(subject: &mut dyn Subject) {
    for length in [1, 16, 128, 255, 1000, 2000] {
        // All values, zero and what is no UTF-8 among them.
        let identity: Vec<u8> = (0..=255_u8).cycle().take(length).collect();
        let answers = Answers::new([
            (
                identity.clone(),
                PskAnswer::Key(PreSharedKey::new(KEY.to_vec())),
            ),
            // As text, cut at the zero, this would be the same.
            (
                Vec::new(),
                PskAnswer::Key(PreSharedKey::new(b"another".to_vec())),
            ),
        ]);
        let mut pair = Pair::new(subject, answers, &credential(&identity, KEY));
        pair.run_until(SOON, Pair::is_connected);
        let peer = Some(PeerIdentity::PreSharedKey(identity));
        assert_eq!(
            pair.server_events,
            [SessionEvent::Connected { peer }],
            "{length}"
        );
        assert!(pair.is_connected(), "{length}: {:?}", pair.client_events);
    }
}

fn keys(subject: &mut dyn Subject) {
    for length in [1, 16, 32, 64] {
        let key: Vec<u8> = (0..length).collect();
        let mut pair = Pair::new(
            subject,
            Answers::one(b"device", &key),
            &credential(b"device", &key),
        );
        pair.run_until(SOON, Pair::is_connected);
        assert!(pair.is_connected(), "{length}: {:?}", pair.client_events);
    }
}

fn too_long_identity(subject: &mut dyn Subject) {
    let mut backend = subject.client();
    let limit = backend.capabilities().max_identity;
    assert!(limit >= 128, "RFC 4279 Section 5.3");
    let credential = credential(&vec![b'a'; limit + 1], KEY);
    let outcome = backend.connect(
        Instant::ZERO,
        pair::client_address(),
        &credential,
        Waker::none(),
    );
    assert_eq!(
        outcome.err(),
        Some(ConnectError::IdentityTooLong {
            got: limit + 1,
            limit
        })
    );
}

/// What the client sees when it uses `key` for `device`, whose right key is `KEY`.
fn refused(subject: &mut dyn Subject, identity: &[u8], key: &[u8]) -> CloseReason {
    let limit = subject.handshake_time_limit() * 2;
    let mut pair = Pair::new(
        subject,
        Answers::one(b"device", KEY),
        &credential(identity, key),
    );
    pair.run_until_closed(limit);
    assert!(
        matches!(pair.server_events[..], [SessionEvent::Closed(_)]),
        "{:?}",
        pair.server_events
    );
    match &pair.client_events[..] {
        [SessionEvent::Closed(reason)] => reason.clone(),
        events => panic!("one Closed and nothing else, not {events:?}"),
    }
}

fn wrong_key(subject: &mut dyn Subject) {
    refused(subject, b"device", b"fedcba9876543210");
}

fn unknown_identity(subject: &mut dyn Subject) {
    let wrong_key = refused(subject, b"device", b"fedcba9876543210");
    assert_eq!(refused(subject, b"stranger", KEY), wrong_key);
}

fn illegal_parameter(subject: &mut dyn Subject) {
    let answers = Answers::new([(b"token".to_vec(), PskAnswer::IllegalParameter)]);
    let mut pair = Pair::new(subject, answers, &credential(b"token", KEY));
    pair.run_until_closed(SOON);
    // RFC 9202 Section 3.3.2: illegal_parameter is 47.
    assert_eq!(
        pair.client_events,
        [SessionEvent::Closed(CloseReason::Alert(47))]
    );
    let [SessionEvent::Closed(CloseReason::HandshakeFailed(detail))] = &pair.server_events[..]
    else {
        panic!(
            "the server's handshake failed, not {:?}",
            pair.server_events
        );
    };
    assert!(!detail.is_empty());
}

fn data(subject: &mut dyn Subject) {
    let mut pair = Pair::connected(subject);
    let records: [&[u8]; 4] = [b"one", b"", b"two", &[7; 1200]];
    for record in records {
        pair.send(End::Client, record);
        pair.send(End::Server, record);
    }
    pair.settle();
    assert_eq!(pair.data(End::Server), records);
    assert_eq!(pair.data(End::Client), records);
    assert!(
        pair.sent
            .iter()
            .all(|(_, datagram)| !datagram.windows(20).any(|part| part == [7; 20]))
    );
}

fn lost_datagrams(subject: &mut dyn Subject) {
    for lossy in [End::Client, End::Server] {
        for lost in 0..6 {
            let answers = Answers::one(b"device", KEY);
            let mut pair =
                Pair::new(subject, answers, &credential(b"device", KEY)).over(move |passing| {
                    if passing.from == lossy && passing.number == lost {
                        Fate::Lose
                    } else {
                        Fate::Deliver
                    }
                });
            pair.run_until(SOON, Pair::is_connected);
            assert!(
                pair.is_connected(),
                "{lossy:?} {lost}: {:?} {:?}",
                pair.client_events,
                pair.server_events
            );
            pair.settle();
            pair.send(End::Client, b"up");
            pair.send(End::Server, b"down");
            pair.send(End::Client, b"up");
            pair.send(End::Server, b"down");
            pair.settle();
            assert!(!pair.data(End::Server).is_empty(), "{lossy:?} {lost}");
            assert!(!pair.data(End::Client).is_empty(), "{lossy:?} {lost}");
        }
    }
}

fn doubled_datagrams(subject: &mut dyn Subject) {
    let answers = Answers::one(b"device", KEY);
    let mut pair = Pair::new(subject, answers, &credential(b"device", KEY)).over(|_| Fate::Double);
    pair.run_until(SOON, Pair::is_connected);
    assert!(
        pair.is_connected(),
        "{:?} {:?}",
        pair.client_events,
        pair.server_events
    );
    pair.send(End::Client, b"up");
    pair.send(End::Server, b"down");
    pair.settle();
    assert_eq!(pair.data(End::Server), [b"up"]);
    assert_eq!(pair.data(End::Client), [b"down"]);
}

fn closing(subject: &mut dyn Subject) {
    for (end, other) in [(End::Client, End::Server), (End::Server, End::Client)] {
        let mut pair = Pair::connected(subject);
        pair.close(end);
        pair.settle();
        assert_eq!(pair.events(end), [SessionEvent::Closed(CloseReason::Local)]);
        assert_eq!(
            pair.events(other),
            [SessionEvent::Closed(CloseReason::Peer)]
        );
        for end in [end, other] {
            let now = pair.now;
            assert_eq!(pair.session(end).send(now, b"late"), Err(SendError::Closed));
            assert_eq!(pair.session(end).poll_timeout(), None);
        }
    }
}

fn time_limit(subject: &mut dyn Subject) {
    let limit = subject.handshake_time_limit();
    // The first datagram arrives, everything after it is lost.
    let answers = Answers::one(b"device", KEY);
    let mut pair = Pair::new(subject, answers, &credential(b"device", KEY)).over(|passing| {
        if passing.from == End::Client && passing.number == 0 {
            Fate::Deliver
        } else {
            Fate::Lose
        }
    });
    let now = pair.now;
    assert_eq!(
        pair.session(End::Client).send(now, b"early"),
        Err(SendError::NotConnected)
    );
    pair.run_until_closed(limit * 2);
    assert!(pair.now >= Instant::ZERO + limit);
    assert!(pair.now < Instant::ZERO + limit + limit / 2);
    assert_eq!(
        pair.client_events,
        [SessionEvent::Closed(CloseReason::HandshakeTimeout)]
    );
    // A server without state before the cookie has nothing to give up.
    if !pair.server_events.is_empty() {
        assert_eq!(
            pair.server_events,
            [SessionEvent::Closed(CloseReason::HandshakeTimeout)]
        );
    }
}

fn too_much_data(subject: &mut dyn Subject) {
    let mut pair = Pair::connected(subject);
    let now = pair.now;
    // RFC 5246 Section 6.2.1: 2^14 bytes at most.
    let outcome = pair.session(End::Client).send(now, &[0; (1 << 14) + 1]);
    assert_eq!(outcome, Err(SendError::TooLarge));
    pair.send(End::Client, b"less");
    pair.settle();
    assert_eq!(pair.data(End::Server), [b"less"]);
}
