//! What becomes of a handshake and of its session, as a server on the real DTLS reports it.

use std::net::SocketAddr;
use std::sync::Arc;

use motekey_coap::dtls::motekey::{Motekey, MotekeyConfig};
use motekey_coap::dtls::{CloseReason, CredentialSource, PreSharedKey, PskAnswer};
use motekey_coap::endpoint::{Endpoint, EndpointConfig, Event, Security};
use motekey_coap::time::Instant;
use motekey_dtls::crypto::{RandomError, RandomSource, rust};
use motekey_dtls::{ClientConfig, ClientCredential, Connection};

const KEY: [u8; 16] = [0x5a; 16];
const PEER: &str = "192.0.2.1:40000";
const ELSEWHERE: &str = "198.51.100.7:1234";

/// Numbers that repeat from run to run.
struct Numbers(u64);

impl RandomSource for Numbers {
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

struct Keys;

impl CredentialSource for Keys {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        match identity {
            b"device" => PskAnswer::Key(PreSharedKey::new(KEY.to_vec())),
            b"token" => PskAnswer::IllegalParameter,
            _ => PskAnswer::Unknown,
        }
    }
}

/// A server and a device.
struct Scene {
    server: Endpoint,
    device: Connection,
    address: SocketAddr,
    now: Instant,
}

impl Scene {
    fn new(identity: &[u8], key: &[u8]) -> Self {
        let config = MotekeyConfig {
            connection_id_length: 8,
            ..MotekeyConfig::default()
        };
        let backend = Motekey::server(config, Arc::new(Keys), Box::new(Numbers(1)));
        let security = Security::Dtls(Box::new(backend));
        let credential = ClientCredential::PreSharedKey {
            identity: identity.to_vec(),
            key: motekey_dtls::PreSharedKey::new(key.to_vec()),
        };
        let config = ClientConfig::new(&rust::PROVIDER);
        let now = motekey_dtls::Instant::from_micros(1_000_000);
        Self {
            server: Endpoint::new(EndpointConfig::default(), security, [1; 32]),
            device: Connection::connect(&config, &credential, now, &mut Numbers(2)).unwrap(),
            address: PEER.parse().unwrap(),
            now: Instant::from_micros(1_000_000),
        }
    }

    /// One that is connected.
    fn connected() -> Self {
        let mut scene = Self::new(b"device", &KEY);
        scene.run(usize::MAX);
        let [Event::Connected { peer_address, .. }] = &scene.events()[..] else {
            panic!("not connected")
        };
        assert_eq!(*peer_address, scene.address);
        scene
    }

    /// Carries so many datagrams of the device, and the answers.
    fn run(&mut self, datagrams: usize) {
        let device_now = motekey_dtls::Instant::from_micros(self.now.as_micros());
        for _ in 0..datagrams {
            let Some(datagram) = self.device.poll_transmit() else {
                return;
            };
            self.feed(&datagram);
            while let Some(transmit) = self.server.poll_transmit() {
                self.device.handle_datagram(device_now, &transmit.datagram);
            }
        }
    }

    fn feed(&mut self, datagram: &[u8]) {
        self.server
            .handle_datagram(self.now, self.address, datagram);
    }

    fn events(&mut self) -> Vec<Event> {
        core::iter::from_fn(|| self.server.poll_event()).collect()
    }

    /// The reason of the one handshake that failed, at the latest when its time is over.
    fn failure(&mut self) -> CloseReason {
        let mut events = self.events();
        while events.is_empty()
            && let Some(at) = self.server.poll_timeout()
        {
            self.now = at;
            self.server.handle_timeout(at);
            events = self.events();
        }
        let [
            Event::HandshakeFailed {
                peer_address,
                reason,
                ..
            },
        ] = &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(*peer_address, self.address);
        assert_eq!(self.server.dropped().handshakes_failed, 1);
        assert_eq!(self.server.session_count(), 0);
        reason.clone()
    }
}

/// A record without protection.
fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    let header = [kind, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, length];
    [&header[..], content].concat()
}

#[test]
fn a_handshake_with_a_bad_credential_is_reported_with_the_reason_and_without_the_key() {
    let mut reasons = Vec::new();
    for (identity, key) in [
        (&b"device"[..], &[0xa5; 16]),
        (b"nobody", &KEY),
        (b"token", &KEY),
    ] {
        let mut scene = Scene::new(identity, key);
        scene.run(usize::MAX);
        let CloseReason::HandshakeFailed(text) = scene.failure() else {
            panic!("{identity:?}")
        };
        for secret in ["90, 90", "5a5a", "165, 165", "a5a5", "ZZZZ"] {
            assert!(!text.contains(secret), "{text}");
        }
        reasons.push(text);
    }
    // Whether a stranger knew an identity is not told apart from a wrong key.
    assert_eq!(reasons[0], reasons[1]);
    assert_ne!(reasons[0], reasons[2]);
}

#[test]
fn an_alert_and_a_message_with_errors_end_a_handshake_and_are_told_apart() {
    let mut scene = Scene::new(b"device", &KEY);
    scene.run(2);
    scene.feed(&record(21, &[2, 40]));
    assert_eq!(scene.failure(), CloseReason::Alert(40));

    let mut scene = Scene::new(b"device", &KEY);
    scene.run(2);
    // A ClientKeyExchange whose identity is longer than the message.
    let message = [16, 0, 0, 3, 0, 2, 0, 0, 0, 0, 0, 3, 0, 200, 1];
    scene.feed(&record(22, &message));
    let sent: Vec<_> = core::iter::from_fn(|| scene.server.poll_transmit()).collect();
    assert_eq!(sent.len(), 1, "an alert");
    assert_eq!((sent[0].datagram[0], sent[0].datagram[13]), (21, 2));
    assert!(matches!(scene.failure(), CloseReason::HandshakeFailed(_)));
}

#[test]
fn a_goodbye_of_the_peer_is_reported() {
    let mut scene = Scene::connected();
    scene.device.close();
    scene.run(1);
    let events = scene.events();
    assert!(
        matches!(
            &events[..],
            [Event::Closed {
                reason: CloseReason::Peer,
                identity: Some(_),
                ..
            }]
        ),
        "{events:?}"
    );
}

#[test]
fn l09_a_change_of_the_address_is_reported_once() {
    let mut scene = Scene::connected();
    let before = scene.address;
    scene.address = ELSEWHERE.parse().unwrap();
    for _ in 0..2 {
        scene.device.send(b"\x60\x00\x00\x01").unwrap();
        scene.run(1);
    }
    let events = scene.events();
    let [Event::Moved { from, to, .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((*from, *to), (before, scene.address));
}

#[test]
fn l08_a_record_with_an_unknown_connection_id_is_dropped_silently() {
    for address in [PEER, ELSEWHERE] {
        let mut scene = Scene::connected();
        // A ping (RFC 7252 Section 4.3).
        scene.device.send(b"\x40\x00\x00\x01").unwrap();
        let datagram = scene.device.poll_transmit().unwrap();
        let (address, timeout) = (address.parse().unwrap(), scene.server.poll_timeout());
        // RFC 9146 Section 4: type, version, epoch, sequence number, and then the Connection ID.
        assert_eq!(datagram[0], 25);
        for byte in 11..19 {
            let mut unknown = datagram.clone();
            unknown[byte] ^= 1;
            scene.server.handle_datagram(scene.now, address, &unknown);
            assert_eq!(scene.server.poll_transmit(), None, "{address}");
            assert_eq!(scene.events(), [], "{address}");
        }
        assert_eq!(scene.server.session_count(), 1);
        assert_eq!(scene.server.poll_timeout(), timeout);
        // Its number is still free: the one with the right Connection ID is taken, and answered.
        scene.feed(&datagram);
        assert!(scene.server.poll_transmit().is_some(), "{address}");
    }
}

#[test]
fn a_fresh_client_hello_takes_the_place_of_a_half_open_handshake_of_its_address() {
    let mut scene = Scene::new(b"device", &KEY);
    scene.run(2);
    assert_eq!(scene.server.session_count(), 1);
    assert_eq!(scene.events(), []);
    // The device begins anew: it has another random.
    let (config, now) = (
        ClientConfig::new(&rust::PROVIDER),
        motekey_dtls::Instant::from_micros(scene.now.as_micros()),
    );
    let credential = ClientCredential::PreSharedKey {
        identity: b"device".to_vec(),
        key: motekey_dtls::PreSharedKey::new(KEY.to_vec()),
    };
    let mut anew = Connection::connect(&config, &credential, now, &mut Numbers(3)).unwrap();
    core::mem::swap(&mut scene.device, &mut anew);
    scene.run(1);
    assert_eq!(
        scene.events(),
        [],
        "a hello without cookie ends nothing (RFC 6347 Section 4.2.1)"
    );
    scene.run(1);
    let events = scene.events();
    assert!(
        matches!(
            &events[..],
            [Event::HandshakeFailed {
                reason: CloseReason::Replaced,
                ..
            }]
        ),
        "{events:?}"
    );
    assert_eq!(scene.server.session_count(), 1);
    // What is left of the first one does no harm, and gets no answer.
    let late = anew.poll_transmit().unwrap();
    scene.feed(&late);
    assert_eq!(scene.events(), []);
    scene.run(usize::MAX);
    assert!(scene.device.is_established());
    assert!(matches!(&scene.events()[..], [Event::Connected { .. }]));
    assert_eq!(scene.server.session_count(), 1);
}
