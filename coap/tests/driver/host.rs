//! One DTLS session over one real socket, below CoAP.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use motekey_coap::dtls::webrtc::{Webrtc, WebrtcConfig};
use motekey_coap::dtls::{
    Backend, ClientCredential, CredentialSource, FirstContact, PreSharedKey, PskAnswer, Session,
    SessionEvent, Waker,
};
use motekey_coap::time::Instant;

use crate::program::Program;

/// The key of `device`.
pub(crate) const KEY: &[u8] = b"0123456789abcdef";

struct Device;

impl CredentialSource for Device {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        match identity {
            b"device" => PskAnswer::Key(PreSharedKey::new(KEY.to_vec())),
            b"token" => PskAnswer::IllegalParameter,
            _ => PskAnswer::Unknown,
        }
    }
}

/// One session over one real socket.
pub(crate) struct Host {
    /// Kept alive for the handshakes.
    _runtime: tokio::runtime::Runtime,
    backend: Webrtc,
    socket: UdpSocket,
    peer: Option<SocketAddr>,
    session: Option<Box<dyn Session>>,
    pub(crate) events: Vec<SessionEvent>,
    begin: Clock,
}

impl Host {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let backend = Webrtc::server(
            runtime.handle().clone(),
            WebrtcConfig::default(),
            Arc::new(Device),
        );
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(2)))
            .unwrap();
        Self {
            _runtime: runtime,
            backend,
            socket,
            peer: None,
            session: None,
            events: Vec::new(),
            begin: Clock::now(),
        }
    }

    pub(crate) fn address(&self) -> String {
        self.socket.local_addr().unwrap().to_string()
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::ZERO + self.begin.elapsed()
    }

    pub(crate) fn connect(&mut self, peer: SocketAddr, identity: &[u8]) {
        let key = PreSharedKey::new(KEY.to_vec());
        let credential = ClientCredential::PreSharedKey {
            identity: identity.to_vec(),
            key,
        };
        let now = self.now();
        let session = self
            .backend
            .connect(now, peer, &credential, Waker::none())
            .unwrap();
        (self.session, self.peer) = (Some(session), Some(peer));
    }

    pub(crate) fn send(&mut self, data: &[u8]) {
        let now = self.now();
        self.session.as_mut().unwrap().send(now, data).unwrap();
    }

    pub(crate) fn data(&self) -> Vec<u8> {
        let data = self.events.iter().map(|event| match event {
            SessionEvent::Data(data) => data.as_slice(),
            _ => &[],
        });
        data.flatten().copied().collect()
    }

    pub(crate) fn run_until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let end = Clock::now() + Duration::from_secs(15);
        while !done(self) {
            assert!(Clock::now() < end, "{what}: {:?}", self.events);
            self.step();
        }
    }

    pub(crate) fn run_until_written(&mut self, program: &mut Program, text: &[u8]) {
        let end = Clock::now() + Duration::from_secs(15);
        while !program.has_written(text) {
            assert!(
                Clock::now() < end,
                "no {:?} in:\n{}",
                String::from_utf8_lossy(text),
                program.text()
            );
            self.step();
        }
    }

    pub(crate) fn step(&mut self) {
        let mut buffer = [0; 2048];
        let received = self.socket.recv_from(&mut buffer).ok();
        let now = self.now();
        if let Some((length, peer)) = received {
            if let Some(session) = &mut self.session {
                session.handle_datagram(now, &buffer[..length]);
            } else if let FirstContact::Accept(session) =
                self.backend
                    .first_contact(now, peer, &buffer[..length], Waker::none())
            {
                (self.session, self.peer) = (Some(session), Some(peer));
            }
        }
        if let (Some(session), Some(peer)) = (&mut self.session, self.peer) {
            while let Some(event) = session.poll_event() {
                self.events.push(event);
            }
            while let Some(datagram) = session.poll_transmit() {
                self.socket.send_to(&datagram, peer).unwrap();
            }
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        matches!(self.events.first(), Some(SessionEvent::Connected { .. }))
    }

    /// Closes the session.
    pub(crate) fn close(&mut self) {
        let now = self.now();
        self.session.as_mut().unwrap().close(now);
    }
}
