//! Cases of the handshake: whom it connects, whom it refuses, and a network that loses, repeats and reorders.

use super::pair::{self, Answers, End, Fate, Pair, credential};
use super::{KEY, SOON, Subject};
use crate::dtls::{
    CloseReason, ConnectError, PeerIdentity, PreSharedKey, PskAnswer, SendError, SessionEvent,
    Waker,
};
use crate::time::Instant;

pub(super) fn handshake(subject: &mut dyn Subject) {
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

pub(super) fn identities(subject: &mut dyn Subject) {
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

pub(super) fn keys(subject: &mut dyn Subject) {
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

pub(super) fn too_long_identity(subject: &mut dyn Subject) {
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

pub(super) fn wrong_key(subject: &mut dyn Subject) {
    refused(subject, b"device", b"fedcba9876543210");
}

pub(super) fn unknown_identity(subject: &mut dyn Subject) {
    let wrong_key = refused(subject, b"device", b"fedcba9876543210");
    assert_eq!(refused(subject, b"stranger", KEY), wrong_key);
}

pub(super) fn illegal_parameter(subject: &mut dyn Subject) {
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

pub(super) fn lost_datagrams(subject: &mut dyn Subject) {
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

pub(super) fn doubled_datagrams(subject: &mut dyn Subject) {
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

pub(super) fn reversed_datagrams(subject: &mut dyn Subject) {
    // So long that the client's flight takes several datagrams.
    let identity = vec![b'a'; 2000];
    let answers = Answers::one(&identity, KEY);
    let mut pair = Pair::new(subject, answers, &credential(&identity, KEY));
    pair.reversed = true;
    pair.run_until(SOON, Pair::is_connected);
    assert!(
        pair.is_connected(),
        "{:?} {:?}",
        pair.client_events,
        pair.server_events
    );
    pair.send(End::Client, b"one");
    pair.send(End::Client, b"two");
    pair.settle();
    assert_eq!(pair.data(End::Server), [b"two", b"one"]);
}

pub(super) fn early_data(subject: &mut dyn Subject) {
    let keeps_early_data = subject.keeps_early_data();
    let answers = Answers::one(b"device", KEY);
    let is_last_flight = |content_type: Option<u8>| content_type == Some(20);
    let mut pair = Pair::new(subject, answers, &credential(b"device", KEY)).over(move |passing| {
        if passing.from == End::Server && is_last_flight(passing.content_type) {
            Fate::Lose
        } else {
            Fate::Deliver
        }
    });
    pair.run_until(SOON, |pair| !pair.server_events.is_empty());
    pair.send(End::Server, b"early");
    pair.settle();
    assert_eq!(pair.client_events, []);
    let mut sent = pair.sent.iter().filter(|(from, _)| *from == End::Server);
    let last_flight = sent.find(|(_, datagram)| is_last_flight(datagram.first().copied()));
    let (_, last_flight) = last_flight
        .expect("a last flight that begins with ChangeCipherSpec")
        .clone();
    pair.inject(End::Client, &last_flight);
    pair.settle();
    pair.send(End::Server, b"late");
    pair.settle();
    let early = keeps_early_data.then(|| SessionEvent::Data(b"early".to_vec()));
    let wanted: Vec<_> = [SessionEvent::Connected { peer: None }]
        .into_iter()
        .chain(early)
        .chain([SessionEvent::Data(b"late".to_vec())])
        .collect();
    assert_eq!(pair.client_events, wanted);
}

pub(super) fn time_limit(subject: &mut dyn Subject) {
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
