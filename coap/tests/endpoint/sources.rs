//! Limits of one source, and who gives way.

use std::net::{Ipv4Addr, SocketAddr};

use motekey_coap::dtls::CloseReason;
use motekey_coap::endpoint::{
    Dropped, Endpoint, EndpointConfig, Event, Refusal, Security, SessionId,
};
use motekey_coap::time::{Duration, Instant};

use crate::fake_dtls::{FakeBackend, client_hello, finished};

const ONE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const OTHER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

fn peer(source: Ipv4Addr, port: u16) -> SocketAddr {
    SocketAddr::from((source, port))
}

/// What an endpoint reported, in few words.
#[derive(Debug, PartialEq, Eq)]
enum Report {
    Connected(SocketAddr),
    Closed(CloseReason),
    Failed(SocketAddr, CloseReason),
    Refused(SocketAddr, Refusal),
}

struct Server {
    endpoint: Endpoint,
    now: Instant,
    sessions: Vec<SessionId>,
}

impl Server {
    fn new(config: EndpointConfig) -> Self {
        let security = Security::Dtls(Box::new(FakeBackend::new(1)));
        Self {
            endpoint: Endpoint::new(config, security, [1; 32]),
            now: Instant::from_micros(1_000_000),
            sessions: Vec::new(),
        }
    }

    fn pass(&mut self, duration: Duration) {
        self.now = self.now + duration;
    }

    fn begin(&mut self, peer: SocketAddr) -> Vec<Report> {
        let number = u32::from(peer.port());
        let hello = client_hello(number, &number.to_be_bytes());
        self.endpoint.handle_datagram(self.now, peer, &hello);
        self.reports()
    }

    /// A whole handshake.
    fn connect(&mut self, peer: SocketAddr) -> Vec<Report> {
        let mut reports = self.begin(peer);
        let finished = finished(u32::from(peer.port()));
        self.endpoint.handle_datagram(self.now, peer, &finished);
        reports.extend(self.reports());
        reports
    }

    fn reports(&mut self) -> Vec<Report> {
        while self.endpoint.poll_transmit().is_some() {}
        let events = core::iter::from_fn(|| self.endpoint.poll_event());
        events
            .map(|event| match event {
                Event::Connected {
                    session,
                    peer_address,
                    ..
                } => {
                    self.sessions.push(session);
                    Report::Connected(peer_address)
                }
                Event::Closed { reason, .. } => Report::Closed(reason),
                Event::HandshakeFailed {
                    peer_address,
                    reason,
                    ..
                } => Report::Failed(peer_address, reason),
                Event::Refused {
                    peer_address,
                    reason,
                } => Report::Refused(peer_address, reason),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn dropped(&self) -> Dropped {
        self.endpoint.dropped()
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn one_source_cannot_take_all_handshakes_and_its_stuck_ones_give_way() {
    let mut server = Server::new(EndpointConfig {
        max_half_open_per_source: 3,
        ..EndpointConfig::default()
    });
    for port in 1..=3 {
        assert_eq!(server.begin(peer(ONE, port)), []);
    }
    let refused = Report::Refused(peer(ONE, 4), Refusal::SourceHandshakes);
    assert_eq!(server.begin(peer(ONE, 4)), [refused]);
    assert_eq!(server.dropped().source_full, 1);
    // Another source is not concerned, and what has begun goes on.
    let connected = Report::Connected(peer(OTHER, 9));
    assert_eq!(server.connect(peer(OTHER, 9)), [connected]);
    server.pass(seconds(1));
    let connected = Report::Connected(peer(ONE, 1));
    assert_eq!(server.connect(peer(ONE, 1)), [connected]);
    assert_eq!(server.begin(peer(ONE, 4)), [], "its place is free again");
    // What makes no progress gives way, the oldest first.
    server.pass(seconds(1));
    let failed = Report::Failed(peer(ONE, 2), CloseReason::Evicted);
    assert_eq!(server.begin(peer(ONE, 5)), [failed]);
    assert_eq!(server.endpoint.session_count(), 5);
}

#[test]
fn one_source_cannot_take_all_sessions_and_its_silent_ones_give_way() {
    let mut server = Server::new(EndpointConfig {
        max_sessions_per_source: 3,
        ..EndpointConfig::default()
    });
    for port in 1..=3 {
        server.connect(peer(ONE, port));
        server.pass(seconds(1));
    }
    let refused = Report::Refused(peer(ONE, 4), Refusal::SourceSessions);
    assert_eq!(server.begin(peer(ONE, 4)), [refused]);
    let connected = Report::Connected(peer(OTHER, 9));
    assert_eq!(server.connect(peer(OTHER, 9)), [connected]);
    // A device that begins anew replaces its own session.
    let replaced = [
        Report::Closed(CloseReason::Replaced),
        Report::Connected(peer(ONE, 2)),
    ];
    assert_eq!(server.connect(peer(ONE, 2)), replaced);
    // The first one is silent for long enough now, the third one not yet.
    server.pass(seconds(57));
    let evicted = [
        Report::Closed(CloseReason::Evicted),
        Report::Connected(peer(ONE, 4)),
    ];
    assert_eq!(server.connect(peer(ONE, 4)), evicted);
    assert!(server.endpoint.statistics(server.sessions[0]).is_none());
    let refused = Report::Refused(peer(ONE, 5), Refusal::SourceSessions);
    assert_eq!(server.begin(peer(ONE, 5)), [refused]);
    let dropped = server.dropped();
    assert_eq!((dropped.source_full, dropped.sessions_evicted), (2, 1));
}

#[test]
fn a_network_of_64_bits_is_one_source() {
    let mut server = Server::new(EndpointConfig {
        max_sessions_per_source: 2,
        ..EndpointConfig::default()
    });
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    for (text, connects) in [
        ("[2001:db8::1]:1", true),
        ("[2001:db8::2]:2", true),
        ("[2001:db8::3]:3", false),
        ("[2001:db8:0:1::3]:4", true),
        ("192.0.2.1:5", true),
        ("[::ffff:192.0.2.1]:6", true),
        ("192.0.2.1:7", false),
    ] {
        let peer = address(text);
        let expected = if connects {
            Report::Connected(peer)
        } else {
            Report::Refused(peer, Refusal::SourceSessions)
        };
        assert_eq!(server.connect(peer), [expected], "{text}");
    }
}

#[test]
fn a_thousand_devices_behind_one_address_connect_with_the_default_limits() {
    let mut server = Server::new(EndpointConfig::default());
    for port in 1..=1000 {
        let connected = Report::Connected(peer(ONE, port));
        assert_eq!(server.connect(peer(ONE, port)), [connected]);
    }
    assert_eq!(server.endpoint.session_count(), 1000);
}

#[test]
fn in_a_full_table_sessions_give_way_in_the_stated_order() {
    let mut server = Server::new(EndpointConfig {
        max_sessions: 5,
        ..EndpointConfig::default()
    });
    let other = |number: u8| peer(Ipv4Addr::new(198, 51, 100, number), u16::from(number));
    for number in 1..=3 {
        server.connect(other(number));
        server.pass(seconds(1));
    }
    server.begin(other(4));
    server.connect(other(5));
    // One that was closed here leaves its place at once.
    server.endpoint.close(server.now, server.sessions[2]);
    assert_eq!(server.reports(), [Report::Closed(CloseReason::Local)]);
    server.connect(other(6));
    let half_open = [
        Report::Failed(other(4), CloseReason::Evicted),
        Report::Connected(other(7)),
    ];
    assert_eq!(server.connect(other(7)), half_open, "half-open ones first");
    let refused = [Report::Refused(other(8), Refusal::TableFull)];
    assert_eq!(server.connect(other(8)), refused, "none is silent for long");
    assert_eq!(server.dropped().table_full, 1);
    server.pass(seconds(57));
    let silent = [
        Report::Closed(CloseReason::Evicted),
        Report::Connected(other(9)),
    ];
    assert_eq!(server.connect(other(9)), silent, "then the most silent one");
    assert!(server.endpoint.statistics(server.sessions[0]).is_none());
    let last = *server.sessions.last().unwrap();
    assert!(
        server.endpoint.statistics(last).is_some(),
        "the newest stays"
    );
}

#[test]
fn a_handshake_that_ends_in_time_or_is_begun_anew_is_reported() {
    let mut server = Server::new(EndpointConfig::default());
    server.begin(peer(ONE, 1));
    server.pass(server.endpoint.config().handshake_time_limit);
    server.endpoint.handle_timeout(server.now);
    let failed = Report::Failed(peer(ONE, 1), CloseReason::HandshakeTimeout);
    assert_eq!(server.reports(), [failed]);
    assert_eq!(server.dropped().handshakes_failed, 1);
}
