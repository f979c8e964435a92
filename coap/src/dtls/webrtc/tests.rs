//! The suite of all backends over this one.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::{Webrtc, WebrtcConfig};
use crate::dtls::conformance::Subject;
use crate::dtls::{
    Backend, ClientCredential, CloseReason, CredentialSource, FirstContact, PreSharedKey,
    PskAnswer, Session, SessionEvent, Waker,
};
use crate::time::Instant;

/// The crate's timers run on the paused clock of this runtime.
struct Paused(Runtime);

impl Paused {
    fn new() -> Self {
        Self(
            Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap(),
        )
    }
}

impl Subject for Paused {
    fn server(&mut self, credentials: Arc<dyn CredentialSource>) -> Box<dyn Backend> {
        Box::new(Webrtc::server(
            self.0.handle().clone(),
            WebrtcConfig::default(),
            credentials,
        ))
    }

    fn client(&mut self) -> Box<dyn Backend> {
        Box::new(Webrtc::client(
            self.0.handle().clone(),
            WebrtcConfig::default(),
        ))
    }

    fn pass(&mut self, duration: Duration) {
        self.0
            .block_on(async { tokio::time::sleep(duration).await });
    }

    fn handshake_time_limit(&self) -> Duration {
        WebrtcConfig::default().handshake_time_limit
    }

    fn keeps_early_data(&self) -> bool {
        true
    }
}

crate::dtls_conformance!(Paused::new());

/// Panics for one identity, in the middle of the crate's work.
struct Careless;

impl CredentialSource for Careless {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        assert_ne!(identity, b"panic");
        PskAnswer::Key(PreSharedKey::new(b"key".to_vec()))
    }
}

/// The server's events of a handshake with `backend`.
fn shake_hands(
    paused: &mut Paused,
    server_backend: &mut dyn Backend,
    identity: &[u8],
) -> Vec<SessionEvent> {
    let credential = ClientCredential::PreSharedKey {
        identity: identity.to_vec(),
        key: PreSharedKey::new(b"key".to_vec()),
    };
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 5684));
    let now = Instant::ZERO;
    let mut client = paused
        .client()
        .connect(now, peer, &credential, Waker::none())
        .unwrap();
    let mut server: Option<Box<dyn Session>> = None;
    let mut events = Vec::new();
    for _ in 0..100 {
        paused.pass(Duration::from_millis(5));
        while let Some(datagram) = client.poll_transmit() {
            match &mut server {
                Some(server) => {
                    server.handle_datagram(now, &datagram);
                }
                None => match server_backend.first_contact(now, peer, &datagram, Waker::none()) {
                    FirstContact::Accept(session) => server = Some(session),
                    _ => panic!("a ClientHello"),
                },
            }
        }
        if let Some(server) = &mut server {
            events.extend(std::iter::from_fn(|| server.poll_event()));
            while let Some(datagram) = server.poll_transmit() {
                client.handle_datagram(now, &datagram);
            }
        }
    }
    events
}

#[test]
fn a_panic_in_one_handshake_ends_that_handshake_only() {
    let mut paused = Paused::new();
    let mut server = paused.server(Arc::new(Careless));
    let events = shake_hands(&mut paused, &mut *server, b"panic");
    assert!(
        matches!(
            events[..],
            [SessionEvent::Closed(CloseReason::HandshakeFailed(_))]
        ),
        "{events:?}"
    );
    let events = shake_hands(&mut paused, &mut *server, b"fine");
    assert!(
        matches!(events[..], [SessionEvent::Connected { .. }]),
        "{events:?}"
    );
}
