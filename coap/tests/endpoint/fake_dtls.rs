//! A stand-in for DTLS with one round trip and no secrets, so that the scenarios can tell sessions apart. Records have
//! the header of DTLS 1.2, so that they are routed as real ones. The body is the nonce of the handshake, then data.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use motekey_coap::dtls::{
    Backend, Capabilities, ClientCredential, CloseReason, ConnectError, FirstContact, PeerIdentity,
    Received, SendError, Session, SessionEvent, Waker,
};
use motekey_coap::time::{Duration, Instant};

const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
const DATA: u8 = 23;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const FINISHED: u8 = 20;

#[derive(Default)]
pub(crate) struct FakeBackend {
    next: u32,
    visits: Visits,
}

/// How often the endpoint turned to any of the sessions.
pub(crate) type Visits = Arc<AtomicU64>;

impl FakeBackend {
    /// Backends with different seeds make different sessions.
    pub(crate) fn new(seed: u32) -> Self {
        Self {
            next: seed << 16,
            visits: Visits::default(),
        }
    }

    pub(crate) fn visits(&self) -> Visits {
        Arc::clone(&self.visits)
    }
}

struct FakeSession {
    client: bool,
    connected: bool,
    closed: bool,
    nonce: u32,
    identity: Vec<u8>,
    retransmit_at: Option<Instant>,
    events: VecDeque<SessionEvent>,
    transmits: VecDeque<Vec<u8>>,
    visits: Visits,
}

pub(crate) fn record(kind: u8, epoch: u8, body: &[u8]) -> Vec<u8> {
    let mut datagram = vec![kind, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 0, 0, 0];
    datagram.extend_from_slice(body);
    datagram
}

/// The first flight of a client, as anybody can forge it.
pub(crate) fn client_hello(nonce: u32, identity: &[u8]) -> Vec<u8> {
    let mut body = vec![CLIENT_HELLO];
    body.extend_from_slice(&nonce.to_be_bytes());
    body.extend_from_slice(identity);
    record(HANDSHAKE, 0, &body)
}

/// The last flight of a client.
pub(crate) fn finished(nonce: u32) -> Vec<u8> {
    let body = [&[FINISHED][..], &nonce.to_be_bytes()].concat();
    record(HANDSHAKE, 1, &body)
}

impl FakeSession {
    fn new(client: bool, nonce: u32, identity: &[u8], visits: &Visits) -> Self {
        Self {
            client,
            connected: false,
            closed: false,
            nonce,
            identity: identity.to_vec(),
            retransmit_at: None,
            events: VecDeque::new(),
            transmits: VecDeque::new(),
            visits: Arc::clone(visits),
        }
    }

    fn visit(&self) {
        self.visits.fetch_add(1, Ordering::Relaxed);
    }

    fn connect(&mut self) {
        if !self.connected {
            self.connected = true;
            self.retransmit_at = None;
            let peer = (!self.client).then(|| PeerIdentity::PreSharedKey(self.identity.clone()));
            self.events.push_back(SessionEvent::Connected { peer });
        }
    }

    fn handshake(&mut self, kind: u8, epoch: u8) {
        let hello = |kind: u8, nonce: u32| [&[kind][..], &nonce.to_be_bytes()].concat();
        match (self.client, kind, epoch) {
            (false, CLIENT_HELLO, 0) => {
                self.transmits
                    .push_back(record(HANDSHAKE, 0, &hello(SERVER_HELLO, self.nonce)));
            }
            (true, SERVER_HELLO, 0) => {
                self.transmits
                    .push_back(record(HANDSHAKE, 1, &hello(FINISHED, self.nonce)));
            }
            (false, FINISHED, 1) => {
                self.transmits
                    .push_back(record(HANDSHAKE, 1, &hello(FINISHED, self.nonce)));
                self.connect();
            }
            (true, FINISHED, 1) => self.connect(),
            _ => {}
        }
    }

    fn start(&mut self, now: Instant) {
        self.transmits
            .push_back(client_hello(self.nonce, &self.identity));
        self.retransmit_at = Some(now + Duration::from_secs(1));
    }
}

impl Session for FakeSession {
    fn handle_datagram(&mut self, _now: Instant, datagram: &[u8]) -> Received {
        self.visit();
        let (Some(kind), Some(epoch), Some(body)) =
            (datagram.first(), datagram.get(4), datagram.get(13..))
        else {
            return Received::Unverified;
        };
        let (message, body) = match *kind {
            HANDSHAKE => (body.first().copied(), body.get(1..).unwrap_or(&[])),
            _ => (None, body),
        };
        let Some((nonce, data)) = body.split_first_chunk::<4>() else {
            return Received::Unverified;
        };
        if u32::from_be_bytes(*nonce) != self.nonce || self.closed {
            return Received::Unverified;
        }
        match (*kind, message) {
            (HANDSHAKE, Some(message)) => self.handshake(message, *epoch),
            (DATA, _) if self.connected => self.events.push_back(SessionEvent::Data(data.to_vec())),
            (ALERT, _) if self.connected => {
                self.closed = true;
                self.events
                    .push_back(SessionEvent::Closed(CloseReason::Peer));
            }
            _ => {}
        }
        Received::Newest
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.visit();
        self.start(now);
    }

    fn send(&mut self, _now: Instant, data: &[u8]) -> Result<(), SendError> {
        if !self.connected {
            return Err(SendError::NotConnected);
        }
        if self.closed {
            return Err(SendError::Closed);
        }
        let body = [&self.nonce.to_be_bytes()[..], data].concat();
        self.transmits.push_back(record(DATA, 1, &body));
        Ok(())
    }

    fn close(&mut self, _now: Instant) {
        if !self.closed {
            self.closed = true;
            self.transmits
                .push_back(record(ALERT, 1, &self.nonce.to_be_bytes()));
            self.events
                .push_back(SessionEvent::Closed(CloseReason::Local));
        }
    }

    fn poll_event(&mut self) -> Option<SessionEvent> {
        self.visit();
        self.events.pop_front()
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.visit();
        self.transmits.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.visit();
        self.retransmit_at
    }
}

impl Backend for FakeBackend {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "fake",
            pre_shared_key: true,
            raw_public_key: false,
            certificate: false,
            connection_id: false,
            stateless_cookie: false,
            max_identity: 128,
            hostile_networks: false,
        }
    }

    fn first_contact(
        &mut self,
        now: Instant,
        _peer: SocketAddr,
        datagram: &[u8],
        _waker: Waker,
    ) -> FirstContact {
        let hello = datagram.strip_prefix(&record(HANDSHAKE, 0, &[CLIENT_HELLO])[..]);
        let Some((nonce, identity)) = hello.and_then(|hello| hello.split_first_chunk::<4>()) else {
            return FirstContact::Ignore;
        };
        let mut session =
            FakeSession::new(false, u32::from_be_bytes(*nonce), identity, &self.visits);
        session.handle_datagram(now, datagram);
        FirstContact::Accept(Box::new(session))
    }

    fn connect(
        &mut self,
        now: Instant,
        _peer: SocketAddr,
        credential: &ClientCredential,
        _waker: Waker,
    ) -> Result<Box<dyn Session>, ConnectError> {
        let identity = credential.identity().unwrap();
        self.next += 1;
        let mut session = FakeSession::new(true, self.next, identity, &self.visits);
        session.start(now);
        Ok(Box::new(session))
    }
}
