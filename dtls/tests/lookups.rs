//! Pre-shared keys that are looked up elsewhere: the handshake waits, others go on, the answer comes later.

#![cfg(test)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::kinds::Kind;
use common::network::{End, Link, Simulation};
use common::*;
use motekey_dtls::codec::alert::AlertDescription;
use motekey_dtls::crypto::rust::PROVIDER;
use motekey_dtls::*;

const SLOW: &[u8] = b"slow-00000001";

/// Every identity that begins with `slow` is looked up elsewhere.
struct Elsewhere;

impl CredentialSource for Elsewhere {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        if identity.starts_with(b"slow") {
            PskAnswer::Pending
        } else {
            Keys::one().pre_shared_key(identity)
        }
    }
}

fn server(lookups: Lookups) -> ServerConfig {
    ServerConfig {
        lookups,
        ..ServerConfig::new(&PROVIDER, Arc::new(Elsewhere))
    }
}

fn key() -> PskAnswer {
    PskAnswer::Key(PreSharedKey::new(KEY.to_vec()))
}

fn wanted(identity: &[u8]) -> Event {
    Event::KeyWanted {
        identity: identity.to_vec(),
    }
}

fn connected(identity: &[u8]) -> Event {
    Event::Connected {
        peer: Some(PeerIdentity::PreSharedKey(identity.to_vec())),
    }
}

/// A pair whose server waits for the key of [`SLOW`].
fn waiting(kind: Kind, lookups: Lookups) -> Pair {
    let credential = credential(SLOW, &KEY);
    let mut pair = Pair::new(server(lookups), kind.client_config(), &credential);
    pair.run();
    assert_eq!(pair.server_events, [wanted(SLOW)]);
    pair
}

fn sent_by_server(pair: &Pair) -> usize {
    pair.trace.iter().filter(|(client, _)| !client).count()
}

#[test]
fn a_key_that_comes_later_connects_and_nothing_is_sent_meanwhile() {
    for kind in [Kind::Psk, Kind::EcdhePsk] {
        let mut pair = waiting(kind, Lookups::default());
        let sent = sent_by_server(&pair);
        assert_eq!(pair.front.waiting_lookups(), 1);
        // The client repeats its flight; the server has nothing to say.
        for _ in 0..2 {
            pair.wait();
        }
        assert_eq!(sent_by_server(&pair), sent, "{kind:?}");
        let now = pair.now;
        assert!(pair.server().answer_pre_shared_key(now, key()));
        assert_eq!(pair.front.waiting_lookups(), 0);
        pair.run();
        assert!(pair.is_connected(), "{kind:?}");
        assert_eq!(pair.server_events[1..], [connected(SLOW)]);
        let round_trip = pair.server().round_trip().unwrap();
        assert!(
            round_trip < Duration::from_millis(1),
            "not with the wait in it: {round_trip:?}"
        );
        pair.client.send(b"up").unwrap();
        pair.run();
        assert_eq!(pair.server_events[2..], [Event::Data(b"up".to_vec())]);
    }
}

#[test]
fn others_connect_while_one_waits() {
    let mut pair = waiting(Kind::Psk, Lookups::default());
    let held = pair.server.take();
    let (now, credential) = (pair.now, credential(IDENTITY, &KEY));
    let other = Connection::connect(&client_config(), &credential, now, &mut pair.random).unwrap();
    let first = std::mem::replace(&mut pair.client, other);
    pair.run();
    assert!(pair.is_connected());
    assert_eq!(pair.server_events[1..], [connected(IDENTITY)]);
    (pair.client, pair.server) = (first, held);
    assert!(pair.server().answer_pre_shared_key(now, key()));
    pair.run();
    assert!(pair.is_connected());
    assert_eq!(pair.server_events[2..], [connected(SLOW)]);
}

/// What a client sees until its handshake ends: when, from whom, how long.
fn seen(answer: PskAnswer) -> Vec<(u64, bool, usize)> {
    let mut pair = waiting(Kind::Psk, Lookups::default());
    let (mut seen, mut old) = (Vec::new(), 0);
    pair.now = pair.now + Duration::from_millis(300);
    let now = pair.now;
    assert!(pair.server().answer_pre_shared_key(now, answer));
    pair.run();
    loop {
        for (client, datagram) in &pair.trace[old..] {
            seen.push((pair.now.as_micros(), *client, datagram.len()));
        }
        old = pair.trace.len();
        if pair.client.poll_timeout().is_none() {
            break;
        }
        pair.wait();
    }
    let reason = CloseReason::Alert(AlertDescription::DECRYPT_ERROR);
    assert_eq!(pair.client_events, [Event::Closed(reason)]);
    seen
}

#[test]
fn an_identity_that_turns_out_unknown_looks_like_a_wrong_key() {
    let wrong = PskAnswer::Key(PreSharedKey::new(vec![1; 16]));
    let (unknown, wrong) = (seen(PskAnswer::Unknown), seen(wrong));
    assert!(unknown.len() > 5, "{unknown:?}");
    assert_eq!(unknown, wrong);
}

#[test]
fn d28_an_identity_that_turns_out_to_select_no_token_gets_illegal_parameter() {
    let mut pair = waiting(Kind::Psk, Lookups::default());
    let now = pair.now;
    assert!(
        pair.server()
            .answer_pre_shared_key(now, PskAnswer::IllegalParameter)
    );
    pair.run();
    let reason = CloseReason::Alert(AlertDescription::ILLEGAL_PARAMETER);
    assert_eq!(pair.client_events, [Event::Closed(reason)]);
    let failed = CloseReason::HandshakeFailed(HandshakeError::IdentityRefused);
    assert_eq!(pair.server_events[1..], [Event::Closed(failed)]);
}

#[test]
fn a_look_up_that_is_not_answered_ends_at_its_limit_with_internal_error() {
    let limit = Duration::from_secs(2);
    let mut pair = waiting(Kind::Psk, Lookups { waiting: 1, limit });
    assert_eq!(pair.server().poll_timeout(), Some(Instant::ZERO + limit));
    while pair.server().poll_timeout().is_some() {
        pair.wait();
    }
    assert_eq!(pair.now, Instant::ZERO + limit);
    let reason = CloseReason::Alert(AlertDescription::INTERNAL_ERROR);
    assert_eq!(pair.client_events, [Event::Closed(reason)]);
    let failed = CloseReason::HandshakeFailed(HandshakeError::LookupTimeout);
    assert_eq!(pair.server_events[1..], [Event::Closed(failed)]);
    assert_eq!(pair.front.waiting_lookups(), 0);
    let now = pair.now;
    assert!(!pair.server().answer_pre_shared_key(now, key()), "too late");
}

#[test]
fn only_so_many_handshakes_wait_and_a_place_becomes_free_again() {
    let lookups = Lookups {
        waiting: 2,
        ..Lookups::default()
    };
    let mut pair = waiting(Kind::Psk, lookups);
    let mut held = Vec::new();
    let another = |pair: &mut Pair, held: &mut Vec<Option<Connection>>| {
        held.push(pair.server.take());
        let (now, credential) = (pair.now, credential(SLOW, &KEY));
        let random = &mut pair.random;
        pair.client = Connection::connect(&client_config(), &credential, now, random).unwrap();
        pair.server_events.clear();
        pair.client_events.clear();
        pair.run();
    };
    another(&mut pair, &mut held);
    assert_eq!(pair.server_events, [wanted(SLOW)]);
    another(&mut pair, &mut held);
    let failed = CloseReason::HandshakeFailed(HandshakeError::TooManyLookups);
    assert_eq!(pair.server_events, [Event::Closed(failed)]);
    let reason = CloseReason::Alert(AlertDescription::INTERNAL_ERROR);
    assert_eq!(pair.client_events, [Event::Closed(reason)]);
    assert_eq!(pair.front.waiting_lookups(), 2);
    // One gives up: its session is dropped.
    held.remove(0);
    assert_eq!(pair.front.waiting_lookups(), 1);
    another(&mut pair, &mut held);
    assert_eq!(pair.server_events, [wanted(SLOW)]);
}

#[test]
fn answers_that_nobody_waits_for_change_nothing() {
    let mut pair = Pair::connected();
    let now = pair.now;
    assert!(!pair.server().answer_pre_shared_key(now, key()));
    assert!(!pair.client.answer_pre_shared_key(now, key()));
    assert!(pair.is_connected());
    let mut pair = waiting(Kind::Psk, Lookups::default());
    assert!(
        pair.server().answer_pre_shared_key(now, PskAnswer::Pending),
        "still waiting"
    );
    assert!(pair.server().answer_pre_shared_key(now, key()));
    assert!(
        !pair.server().answer_pre_shared_key(now, key()),
        "only once"
    );
}

#[test]
fn a_finished_that_was_lost_meanwhile_is_made_good() {
    let credential = credential(SLOW, &KEY);
    let mut pair = Pair::new(server(Lookups::default()), client_config(), &credential);
    for _ in 0..2 {
        let hello = pair.client.poll_transmit().unwrap();
        pair.feed_server(&hello);
    }
    let (now, answer) = (pair.now, pair.server().poll_transmit().unwrap());
    pair.client.handle_datagram(now, &answer);
    let flight = pair.client.poll_transmit().unwrap();
    // ClientKeyExchange arrives, ChangeCipherSpec and Finished do not.
    pair.feed_server(&flight[..13 + 12 + 2 + SLOW.len()]);
    assert!(pair.server().answer_pre_shared_key(now, key()));
    pair.run();
    assert!(!pair.is_connected());
    pair.wait();
    assert!(pair.is_connected());
}

#[test]
fn a_session_whose_key_would_have_to_be_looked_up_is_not_resumed() {
    let server = ServerConfig {
        sessions: Some(Arc::new(MemorySessionCache::new(2))),
        ..server(Lookups::default())
    };
    let credential = credential(SLOW, &KEY);
    let mut pair = Pair::new(server, client_config(), &credential);
    pair.run();
    let now = pair.now;
    pair.server().answer_pre_shared_key(now, key());
    pair.run();
    let session = pair.client.resumption().unwrap();
    let (config, random) = (client_config(), &mut pair.random);
    pair.client = Connection::resume(&config, &credential, &session, now, random).unwrap();
    pair.server = None;
    pair.server_events.clear();
    pair.run();
    assert_eq!(pair.server_events, [wanted(SLOW)], "a full handshake");
}

/// Answers come after 0 to 2 s, over a network that loses.
#[test]
fn handshakes_that_wait_complete_over_a_network_that_loses_a_tenth() {
    let link = Link {
        loss_percent: 10,
        ..Link::default()
    };
    let credential = credential(SLOW, &KEY);
    for seed in 0..300 {
        let config = server(Lookups::default());
        let mut simulation = Simulation::new(seed, config, &client_config(), &credential, link);
        let (mut chance, mut answer) = (TestRandom::new(seed), None);
        while !simulation.is_connected() {
            let until = answer.unwrap_or(Instant::from_micros(120_000_000));
            if !simulation.step(until) {
                assert!(answer.take().is_some(), "seed {seed}: nothing happens");
                let now = simulation.now;
                let server = simulation.server.as_mut().unwrap();
                assert!(server.answer_pre_shared_key(now, key()));
            }
            while let Some(event) = simulation.event(End::Server) {
                if event == wanted(SLOW) {
                    let wait = Duration::from_micros(chance.below(2_000_000));
                    answer = Some(simulation.now + wait);
                }
            }
        }
    }
}
