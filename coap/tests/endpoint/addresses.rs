//! Peers that change their address or begin anew, over the real DTLS.

use std::net::SocketAddr;
use std::sync::Arc;

use motekey_coap::dtls::motekey::{Motekey, MotekeyConfig};
use motekey_coap::dtls::{CredentialSource, PreSharedKey, PskAnswer};
use motekey_coap::endpoint::{Endpoint, EndpointConfig, Event, Security, SessionId};
use motekey_coap::message::Request;
use motekey_coap::simulation::{Link, Pair, Side};
use motekey_coap::time::Duration;
use motekey_dtls::crypto::{RandomError, RandomSource};

use crate::basics::credential;
use crate::support::{Echoing, client_events, seconds, send};

/// Numbers that repeat from run to run.
pub(crate) struct Counter(pub(crate) u64);

impl RandomSource for Counter {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        for byte in bytes {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = u8::try_from(self.0 >> 56).unwrap();
        }
        Ok(())
    }
}

pub(crate) struct OneKey;

impl CredentialSource for OneKey {
    fn pre_shared_key(&self, _identity: &[u8]) -> PskAnswer {
        PskAnswer::Key(PreSharedKey::new(vec![1; 16]))
    }
}

fn client(seed: u64) -> Security {
    let backend = Motekey::client(MotekeyConfig::default(), Box::new(Counter(seed)));
    Security::Dtls(Box::new(backend))
}

/// A pair without a session; the server gives out Connection IDs of this length.
fn pair(connection_id_length: u8) -> Pair {
    pair_with(MotekeyConfig {
        connection_id_length,
        ..MotekeyConfig::default()
    })
}

fn pair_with(config: MotekeyConfig) -> Pair {
    let backend = Motekey::server(config, Arc::new(OneKey), Box::new(Counter(1)));
    let server = Security::Dtls(Box::new(backend));
    let config = EndpointConfig::default();
    Pair::new(
        (config.clone(), client(2)),
        (config, server),
        Link::default(),
        1,
    )
}

fn connected(connection_id_length: u8) -> (Pair, SessionId) {
    connect(pair(connection_id_length))
}

fn connect(mut pair: Pair) -> (Pair, SessionId) {
    let session = pair
        .client
        .open(pair.now(), Pair::SERVER, &credential())
        .unwrap();
    pair.run(seconds(1), |_, _, _| {});
    assert!(matches!(
        client_events(&mut pair).as_slice(),
        [Event::Connected { .. }]
    ));
    (pair, session)
}

fn elsewhere() -> SocketAddr {
    "198.51.100.7:1234".parse().unwrap()
}

/// Where the server sends what it has to send.
fn destinations(pair: &mut Pair) -> Vec<SocketAddr> {
    core::iter::from_fn(|| pair.server.poll_transmit())
        .map(|transmit| transmit.peer)
        .collect()
}

#[test]
fn l08_l09_a_session_with_a_connection_id_outlives_a_change_of_address() {
    for (length, answered) in [(8, true), (1, true), (0, false)] {
        let (mut pair, session) = connected(length);
        pair.move_client(elsewhere());
        let mut server = Echoing::default();
        for _ in 0..2 {
            send(&mut pair, session, Request::get("/"));
            pair.run(seconds(3), |endpoint, now, event| {
                server.serve(endpoint, now, event)
            });
        }
        let events = client_events(&mut pair);
        let responses = events
            .iter()
            .filter(|event| matches!(event, Event::Response { .. }));
        assert_eq!(
            responses.count(),
            if answered { 2 } else { 0 },
            "{length} bytes: {events:?}"
        );
        assert_eq!(pair.server.session_count(), 1);
    }
}

#[test]
fn l08_l09_by_default_a_session_goes_on_behind_a_nat_that_rebinds_again_and_again() {
    let (mut pair, session) = connect(pair_with(MotekeyConfig::default()));
    let mut server = Echoing::default();
    for port in 1..=5 {
        pair.move_client(SocketAddr::new(elsewhere().ip(), port));
        send(&mut pair, session, Request::get("/"));
        pair.run(seconds(3), |endpoint, now, event| {
            // A second session would be a second handshake.
            let expected = matches!(event, Event::Request { .. } | Event::Moved { .. });
            assert!(expected, "{event:?}");
            server.serve(endpoint, now, event)
        });
        let events = client_events(&mut pair);
        assert!(
            matches!(events.as_slice(), [Event::Response { .. }]),
            "port {port}: {events:?}"
        );
    }
    assert_eq!((server.handled.len(), pair.server.session_count()), (5, 1));
}

#[test]
fn l08_connection_ids_begin_with_the_node_and_differ_after_it() {
    let config = MotekeyConfig {
        connection_id_node: Some(0x2a),
        ..MotekeyConfig::default()
    };
    let mut ids = Vec::new();
    let (mut pair, mut session) = connect(pair_with(config));
    for _ in 0..2 {
        send(&mut pair, session, Request::get("/"));
        let datagram = pair.client.poll_transmit().unwrap().datagram;
        // RFC 9146 Section 4: content type 25, version, epoch, sequence number, then the Connection ID.
        assert_eq!((datagram[0], datagram[11]), (25, 0x2a));
        ids.push(datagram[11..19].to_vec());
        let begin = pair.now();
        session = pair
            .client
            .open(begin, Pair::SERVER, &credential())
            .unwrap();
        pair.run(seconds(1), |_, _, _| {});
    }
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn l09_only_a_verified_record_newer_than_all_before_moves_the_address() {
    let (mut pair, session) = connected(8);
    send(&mut pair, session, Request::get("/"));
    let held = pair.client.poll_transmit().unwrap().datagram;
    // The request is sent again with a newer record number, which arrives first.
    let mut server = Echoing::default();
    pair.run(seconds(5), |endpoint, now, event| {
        server.serve(endpoint, now, event)
    });
    assert_eq!(server.handled.len(), 1);
    let mut forged = held.clone();
    *forged.last_mut().unwrap() ^= 1;
    // A repeated request is answered again: to where the session is.
    for (what, datagram, answers) in [
        ("forged", &forged, 0),
        ("verified, but older", &held, 1),
        ("replayed", &held, 0),
    ] {
        pair.inject(Side::Server, elsewhere(), datagram);
        assert_eq!(
            destinations(&mut pair),
            vec![Pair::CLIENT; answers],
            "{what}"
        );
    }
}

#[test]
fn a_device_that_restarts_in_the_middle_of_its_handshake_connects_at_once() {
    let mut pair = pair(0);
    let first = pair.now();
    pair.client
        .open(first, Pair::SERVER, &credential())
        .unwrap();
    while pair.server.session_count() == 0 {
        assert!(pair.step(first + seconds(1)));
    }
    pair.network.set_link(Link {
        loss_percent: 100,
        ..Link::default()
    });
    let config = EndpointConfig::default();
    pair.client = Endpoint::new(config, client(3), [9; 32]);
    pair.run(Duration::from_millis(500), |_, _, _| {});
    pair.network.set_link(Link::default());
    pair.client
        .open(pair.now(), Pair::SERVER, &credential())
        .unwrap();
    let mut connections = 0;
    pair.run(seconds(2), |_, _, event| {
        connections += usize::from(matches!(event, Event::Connected { .. }));
    });
    let events = client_events(&mut pair);
    assert!(
        matches!(events.as_slice(), [Event::Connected { .. }]),
        "{events:?} {:?}",
        pair.server.dropped()
    );
    assert_eq!((connections, pair.server.session_count()), (1, 1));
}

#[test]
fn a_client_hello_that_is_sent_again_stays_with_its_handshake() {
    let mut pair = pair(0);
    let begin = pair.now();
    pair.client
        .open(begin, Pair::SERVER, &credential())
        .unwrap();
    // The ClientHello with its cookie has reached the server; from now on half of everything is lost.
    while pair.server.session_count() == 0 {
        assert!(pair.step(begin + seconds(1)));
    }
    pair.run(Duration::from_millis(1), |_, _, _| {});
    pair.network.set_link(Link {
        loss_percent: 50,
        ..Link::default()
    });
    pair.run(seconds(25), |_, _, event| {
        assert!(matches!(event, Event::Connected { .. }), "{event:?}");
    });
    assert!(matches!(
        client_events(&mut pair).as_slice(),
        [Event::Connected { .. }]
    ));
    assert_eq!(pair.server.dropped().handshakes_failed, 0);
}
