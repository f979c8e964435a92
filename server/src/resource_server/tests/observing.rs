//! Observations over the driver, as only an endpoint names them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use motekey_coap::driver::{Driver, Handle, Observation};
use motekey_coap::dtls::webrtc::{Webrtc, WebrtcConfig};
use motekey_coap::dtls::{ClientCredential, PreSharedKey, SessionId};
use motekey_coap::endpoint::{EndpointConfig, ObservationId, Security};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::claims::{ClaimsSet, NumericDate};
use motekey_cose::scope::Scope;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::super::{Authorized, Limits};
use super::support::*;
use crate::listen::{Listen, Running};

const PATIENCE: Duration = Duration::from_secs(10);

/// A resource server on loopback and a client with a session, key 1, GET on /a, /b and /c.
struct Site {
    bench: Bench,
    running: Running,
    client: Handle,
    session: SessionId,
    /// The observations that the resources accepted.
    accepted: Arc<Mutex<Vec<ObservationId>>>,
}

fn state(text: &str) -> Response {
    Response::new(Code::CONTENT).with_payload(ContentFormat::TEXT_PLAIN, text)
}

impl Site {
    async fn new(limits: Limits) -> Self {
        let accepted = Arc::new(Mutex::new(Vec::new()));
        let noted = accepted.clone();
        let watched = move |authorized: Authorized, _: Request| {
            noted.lock().unwrap().extend(authorized.observation());
            async { state("first").observable() }
        };
        let bench = bench_with(|builder| {
            ["/a", "/b", "/c"]
                .into_iter()
                .fold(builder.limits(limits), |builder, path| {
                    builder.resource(path, watched.clone())
                })
        });
        let scope = Some(Scope::from(&aif(&[("/a", GET), ("/b", GET), ("/c", GET)])));
        let first = token(&ClaimsSet { scope, ..claims(1) });
        assert_eq!(bench.upload(&first).await, Code::CREATED);
        let address = "127.0.0.1:0".parse().unwrap();
        let running = bench.server.start(Listen::secure(address)).await.unwrap();
        let backend = Webrtc::client(tokio::runtime::Handle::current(), WebrtcConfig::default());
        let client = Driver::start(
            UdpSocket::bind(address).await.unwrap(),
            EndpointConfig::default(),
            Security::Dtls(Box::new(backend)),
            None,
        )
        .unwrap();
        let credential = ClientCredential::PreSharedKey {
            identity: form_a(1),
            key: PreSharedKey::new(pop_key(1)),
        };
        let connected = client.open(running.secure_address(), credential).await;
        let session = connected.unwrap().session;
        Self {
            bench,
            running,
            client,
            session,
            accepted,
        }
    }

    async fn observe(&self, path: &str) -> Observation {
        let request = Request::get(path);
        let observation = self.client.observe(self.session, request).await.unwrap();
        assert_eq!(observation.first().code, Code::CONTENT, "{path}");
        observation
    }

    async fn notify(&self, index: usize, text: &str) {
        let observation = self.accepted.lock().unwrap()[index];
        let handle = self.running.secure_handle();
        self.bench
            .server
            .notify(handle, observation, state(text))
            .await;
    }
}

async fn next(observation: &mut Observation) -> Response {
    let next = timeout(PATIENCE, observation.next()).await.unwrap();
    next.unwrap().unwrap()
}

#[tokio::test]
async fn d37_h09_narrowed_rights_end_what_they_do_not_cover_and_nothing_else() {
    let site = Site::new(Limits::default()).await;
    let mut observed = Vec::new();
    for path in ["/a", "/b", "/c"] {
        observed.push(site.observe(path).await);
    }
    let narrower = ClaimsSet {
        iat: Some(NumericDate::from_seconds(NOW)),
        scope: Some(Scope::from(&aif(&[("/b", PUT), ("/c", GET)]))),
        ..claims(1)
    };
    assert_eq!(site.bench.upload(&token(&narrower)).await, Code::CREATED);
    for (index, code) in [(0, Code::FORBIDDEN), (1, Code::METHOD_NOT_ALLOWED)] {
        site.notify(index, "secret").await;
        let last = next(&mut observed[index]).await;
        assert_eq!(last.code, code);
        assert_eq!(last.options.observe(), None, "the end has no Observe");
        site.notify(index, "secret").await;
    }
    site.notify(2, "second").await;
    assert_eq!(next(&mut observed[2]).await.payload, b"second");
}

#[tokio::test]
async fn d37_update_that_covers_the_resource_lets_its_observation_run() {
    let site = Site::new(Limits::default()).await;
    let mut observed = site.observe("/a").await;
    let wider = ClaimsSet {
        iat: Some(NumericDate::from_seconds(NOW)),
        scope: Some(Scope::from(&aif(&[("/a", GET | PUT)]))),
        ..claims(1)
    };
    assert_eq!(site.bench.upload(&token(&wider)).await, Code::CREATED);
    site.notify(0, "second").await;
    let notification = next(&mut observed).await;
    assert_eq!(notification.payload, b"second");
    assert!(notification.options.observe().is_some());
}

#[tokio::test]
async fn f67_notification_after_the_end_of_the_token_is_4_01() {
    let site = Site::new(Limits::default()).await;
    let mut observed = site.observe("/a").await;
    site.bench.clock.advance(600);
    site.notify(0, "secret").await;
    let last = next(&mut observed).await;
    assert_eq!(
        (last.code, last.options.observe()),
        (Code::UNAUTHORIZED, None)
    );
}

#[tokio::test]
async fn observations_of_a_session_are_bounded_and_free_their_place() {
    let limits = Limits {
        observations: 2,
        ..Limits::default()
    };
    let site = Site::new(limits).await;
    let first = site.observe("/a").await;
    let _second = site.observe("/b").await;
    let third = site.observe("/c").await;
    assert_eq!(third.first().options.observe(), None, "as a plain answer");
    assert_eq!(third.first().payload, b"first");
    drop(first);
    for _ in 0..100 {
        if site.observe("/c").await.first().options.observe().is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the place did not become free");
}
