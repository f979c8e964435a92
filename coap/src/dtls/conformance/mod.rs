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

mod handshake;
mod hostile;
mod pair;
mod signed;

use std::sync::Arc;
use std::time::Duration;

use self::pair::{End, Pair};
use super::{
    Backend, CertificateCheck, CloseReason, CredentialSource, KeyPair, SendError, SessionEvent,
};

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

    /// Data that overtakes the last flight is delivered after the handshake. RFC 6347 Section 4.1 allows to discard it
    /// as well, which is the default here; the peer then pays with a retransmission.
    fn keeps_early_data(&self) -> bool {
        false
    }

    /// The P-256 key pair whose scalar is 32 times `number`. A backend with raw public keys or certificates gives one.
    fn key_pair(&self, number: u8) -> Option<KeyPair> {
        let _ = number;
        None
    }

    /// The check of chains to `anchor` (DER) at some time in 2027: of the server `name`, or of clients without a name.
    /// A backend with certificates gives one.
    fn certificate_check(&self, anchor: &[u8], name: Option<&str>) -> Option<CertificateCheck> {
        let _ = (anchor, name);
        None
    }
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
            datagrams_of_a_flight_may_come_in_the_opposite_order,
            data_that_overtakes_the_last_flight_does_no_harm,
            closing_sends_close_notify,
            a_handshake_has_a_time_limit,
            too_much_data_for_a_record_is_refused,
            first_contact_ignores_what_is_no_client_hello,
            d01_replayed_records_are_delivered_once,
            d01_records_out_of_order_are_delivered_once,
            garbled_records_change_nothing,
            records_in_clear_change_nothing_after_the_handshake,
            garbage_during_the_handshake_does_not_stop_it,
            d13_l06_raw_public_keys_connect_and_are_told,
            a_raw_public_key_that_nobody_knows_is_refused,
            l07_a_server_with_another_raw_public_key_is_refused,
            l06_without_a_common_certificate_type_the_client_gets_unsupported_certificate,
            certificates_connect_and_are_told,
            certificates_for_another_name_or_of_nobody_are_refused,
            every_kind_of_credential_connects_to_one_server,
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
        handshake::handshake,
    ),
    (
        "l02_l03_identities_are_bytes_of_any_value_and_length",
        handshake::identities,
    ),
    ("l03_keys_of_up_to_64_bytes_are_taken", handshake::keys),
    (
        "too_long_identities_are_refused_before_the_handshake",
        handshake::too_long_identity,
    ),
    ("a_wrong_key_connects_neither_end", handshake::wrong_key),
    (
        "an_unknown_identity_looks_like_a_wrong_key",
        handshake::unknown_identity,
    ),
    (
        "d28_illegal_parameter_reaches_the_client",
        handshake::illegal_parameter,
    ),
    ("data_goes_both_ways_and_keeps_its_record_boundaries", data),
    (
        "any_lost_datagram_of_the_handshake_is_made_good",
        handshake::lost_datagrams,
    ),
    (
        "datagrams_of_a_flight_may_come_in_the_opposite_order",
        handshake::reversed_datagrams,
    ),
    (
        "every_datagram_may_come_twice",
        handshake::doubled_datagrams,
    ),
    (
        "data_that_overtakes_the_last_flight_does_no_harm",
        handshake::early_data,
    ),
    ("closing_sends_close_notify", closing),
    ("a_handshake_has_a_time_limit", handshake::time_limit),
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
    (
        "d13_l06_raw_public_keys_connect_and_are_told",
        signed::raw_public_keys,
    ),
    (
        "a_raw_public_key_that_nobody_knows_is_refused",
        signed::unknown_raw_public_key,
    ),
    (
        "l07_a_server_with_another_raw_public_key_is_refused",
        signed::other_server_key,
    ),
    (
        "l06_without_a_common_certificate_type_the_client_gets_unsupported_certificate",
        signed::no_common_type,
    ),
    ("certificates_connect_and_are_told", signed::certificates),
    (
        "certificates_for_another_name_or_of_nobody_are_refused",
        signed::refused_certificates,
    ),
    (
        "every_kind_of_credential_connects_to_one_server",
        signed::all_kinds,
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
