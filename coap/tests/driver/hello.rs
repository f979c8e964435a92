//! A small CoAP server for tests, over DTLS with the device `device`.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use motekey_coap::driver::{Context, Driver, Handle, Handler, HandlerFuture};
use motekey_coap::dtls::webrtc::{Webrtc, WebrtcConfig};
use motekey_coap::dtls::{
    ClientCredential, CloseReason, CredentialSource, PeerIdentity, PreSharedKey, PskAnswer,
    SessionId,
};
use motekey_coap::endpoint::{EndpointConfig, ObservationId, Security};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use tokio::net::UdpSocket;
use tokio::runtime;
use tokio::sync::{Notify, mpsc};

/// The key of `device`.
pub(crate) const KEY: &[u8] = b"0123456789abcdef";

pub(crate) struct Device;

impl CredentialSource for Device {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        match identity {
            b"device" => PskAnswer::Key(PreSharedKey::new(KEY.to_vec())),
            b"token" => PskAnswer::IllegalParameter,
            _ => PskAnswer::Unknown,
        }
    }
}

pub(crate) fn credential(identity: &[u8], key: &[u8]) -> ClientCredential {
    ClientCredential::PreSharedKey {
        identity: identity.to_vec(),
        key: PreSharedKey::new(key.to_vec()),
    }
}

/// `/hello` greets, `/who` tells the identity, `/slow` waits to be released, `/state` can be observed.
#[derive(Default)]
pub(crate) struct Hello {
    pub(crate) began: Notify,
    pub(crate) release: Notify,
    pub(crate) observation_ended: Notify,
    closed: Mutex<Option<mpsc::UnboundedSender<CloseReason>>>,
    observer: Mutex<Option<ObservationId>>,
}

fn text(payload: &[u8]) -> Response {
    Response::new(Code::CONTENT).with_payload(ContentFormat::TEXT_PLAIN, payload)
}

impl Handler for Hello {
    fn handle<'a>(&'a self, context: Context, request: Request) -> HandlerFuture<'a> {
        Box::pin(async move {
            match request.path().as_str() {
                "/who" => match context.identity.as_deref() {
                    Some(PeerIdentity::PreSharedKey(identity)) if context.secure => text(identity),
                    _ => text(b"nobody"),
                },
                "/hello" => text(b"hello from motekey"),
                "/slow" => {
                    self.began.notify_one();
                    self.release.notified().await;
                    text(b"at last")
                }
                "/state" => {
                    *self.observer.lock().unwrap() = context.observation;
                    text(b"0").observable()
                }
                _ => Response::new(Code::NOT_FOUND),
            }
        })
    }

    fn closed(&self, _session: SessionId, reason: &CloseReason) {
        if let Some(sender) = &*self.closed.lock().unwrap() {
            let _ = sender.send(reason.clone());
        }
    }

    fn observation_ended(&self, _observation: ObservationId) {
        self.observation_ended.notify_one();
    }
}

/// A port that is free, and the one after it probably too.
pub(crate) fn free_port() -> u16 {
    std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

pub(crate) struct TestServer {
    pub(crate) handle: Handle,
    pub(crate) hello: Arc<Hello>,
    closed: tokio::sync::Mutex<mpsc::UnboundedReceiver<CloseReason>>,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let backend = Webrtc::server(
            runtime::Handle::current(),
            WebrtcConfig::default(),
            Arc::new(Device),
        );
        let security = Security::Dtls(Box::new(backend));
        let (sender, closed) = mpsc::unbounded_channel();
        let hello = Arc::new(Hello {
            closed: Mutex::new(Some(sender)),
            ..Hello::default()
        });
        let handler = Arc::clone(&hello);
        let handle =
            Driver::start(socket, EndpointConfig::default(), security, Some(handler)).unwrap();
        Self {
            handle,
            hello,
            closed: tokio::sync::Mutex::new(closed),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.handle.local_addr()
    }

    pub(crate) async fn next_closed(&self) -> CloseReason {
        self.closed.lock().await.recv().await.unwrap()
    }

    pub(crate) async fn set_state(&self, state: &str) {
        let observer = self.hello.observer.lock().unwrap().unwrap();
        self.handle.notify(observer, text(state.as_bytes())).await;
    }
}

pub(crate) async fn start_client() -> Handle {
    start_client_with(EndpointConfig::default()).await
}

pub(crate) async fn start_client_with(config: EndpointConfig) -> Handle {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let backend = Webrtc::client(runtime::Handle::current(), WebrtcConfig::default());
    Driver::start(socket, config, Security::Dtls(Box::new(backend)), None).unwrap()
}
