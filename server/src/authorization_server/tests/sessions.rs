//! A session ends with the credential that opened it.

use std::sync::Arc;

use motekey_coap::dtls::{CredentialSource, PeerIdentity, PskAnswer, SessionId};
use motekey_coap::message::{Code, Request};
use motekey_cose::message::ErrorResponse;

use super::support::*;
use crate::authorization_server::AuthorizationServer;
use crate::event::Event;
use crate::registry::{Device, ScopeRule};
use crate::store::{MemoryStore, Store};

struct Site {
    server: Arc<AuthorizationServer>,
    store: Arc<MemoryStore>,
    events: Arc<crate::event::Recorder>,
    keys: Arc<dyn CredentialSource>,
}

const METER: SessionId = SessionId(1);
const OTHER: SessionId = SessionId(2);
const SENSOR: SessionId = SessionId(3);

fn device(name: &str, identity: &[u8], number: u8) -> Device {
    Device::with_pre_shared_key(name, identity, key(number)).allow(
        "gateway",
        ScopeRule::Aif(aif(&[("/readings", &[motekey_cose::scope::Method::Get])])),
    )
}

impl Site {
    /// With a session of every device.
    async fn new() -> Self {
        let Bench {
            server,
            store,
            events,
            ..
        } = bench().await;
        let server = Arc::new(server);
        let keys = server.credentials();
        let site = Self {
            server,
            store,
            events,
            keys,
        };
        site.connect(METER, b"meter-1");
        site.connect(OTHER, b"meter-2");
        site.server.open_session(SENSOR, &sensor());
        site
    }

    /// What the DTLS backend asks in the middle of a handshake.
    fn handshake(&self, identity: &[u8]) -> bool {
        matches!(self.keys.pre_shared_key(identity), PskAnswer::Key(_))
    }

    fn connect(&self, session: SessionId, identity: &[u8]) {
        assert!(self.handshake(identity), "{session:?}");
        self.finish(session, identity);
    }

    fn finish(&self, session: SessionId, identity: &[u8]) {
        let peer = PeerIdentity::PreSharedKey(identity.to_vec());
        self.server.open_session(session, &peer);
    }

    async fn ask(&self, session: SessionId, peer: &PeerIdentity, request: &Request) -> Code {
        let answer = self
            .server
            .answer_session(session, Some(peer), None, request);
        let response = answer.await;
        if response.code == Code::UNAUTHORIZED {
            let error = ErrorResponse::decode(&response.payload).unwrap();
            assert_eq!(error.error.to_i64(), 2, "invalid_client");
        }
        response.code
    }

    async fn token(&self, session: SessionId, peer: &PeerIdentity) -> Code {
        self.events.take();
        let code = self
            .ask(session, peer, &post(&ask("gateway").encode()))
            .await;
        let granted = self.events.take();
        let granted = granted
            .iter()
            .any(|event| matches!(event, Event::TokenGranted { .. }));
        assert_eq!(granted, code == Code::CREATED, "a token that nobody got");
        code
    }

    /// Takes the sessions that are to be closed, and reports them closed as the endpoint would.
    fn closed(&self) -> Vec<SessionId> {
        let closing = self.server.observers.take_closing();
        for session in &closing {
            self.server.close_session(*session);
        }
        closing
    }

    async fn others_stay(&self) {
        assert_eq!(self.token(OTHER, &other()).await, Code::CREATED);
        let links = Request::get("/.well-known/core");
        assert_eq!(self.ask(SENSOR, &sensor(), &links).await, Code::CONTENT);
    }
}

#[tokio::test]
async fn f13_session_ends_when_its_key_is_replaced() {
    let site = Site::new().await;
    assert_eq!(site.token(METER, &meter()).await, Code::CREATED);
    site.store
        .put_device(device("meter", b"meter-1", 77))
        .await
        .unwrap();
    site.server.refresh().await.unwrap();
    assert_eq!(site.token(METER, &meter()).await, Code::UNAUTHORIZED);
    for path in ["/introspect", "/revoke", "/.well-known/core"] {
        let code = site.ask(METER, &meter(), &Request::get(path)).await;
        assert_eq!(code, Code::UNAUTHORIZED, "{path}");
    }
    assert_eq!(site.closed(), [METER]);
    site.others_stay().await;
    site.connect(SessionId(9), b"meter-1");
    assert_eq!(
        site.token(SessionId(9), &meter()).await,
        Code::CREATED,
        "with the new key"
    );
    assert_eq!(site.closed(), []);
}

#[tokio::test]
async fn f13_session_is_not_that_of_the_next_owner_of_an_identity() {
    for number in [1, 78] {
        let site = Site::new().await;
        site.store.remove("meter").await.unwrap();
        site.store
            .put_device(device("heir", b"meter-1", number))
            .await
            .unwrap();
        site.server.refresh().await.unwrap();
        assert_eq!(
            site.token(METER, &meter()).await,
            Code::UNAUTHORIZED,
            "key {number}"
        );
        assert_eq!(site.closed(), [METER]);
        site.others_stay().await;
    }
}

#[tokio::test]
async fn f13_session_ends_when_its_device_is_removed_or_disabled() {
    for disabled in [false, true] {
        let site = Site::new().await;
        if disabled {
            let mut disabled = device("meter", b"meter-1", 1);
            disabled.disabled = true;
            site.store.put_device(disabled).await.unwrap();
        } else {
            site.store.remove("meter").await.unwrap();
        }
        site.server.refresh().await.unwrap();
        assert_eq!(site.token(METER, &meter()).await, Code::UNAUTHORIZED);
        assert_eq!(site.closed(), [METER]);
        assert!(!site.handshake(b"meter-1"));
        site.others_stay().await;
    }
}

#[tokio::test]
async fn new_rules_for_the_same_credential_end_nothing() {
    let site = Site::new().await;
    site.store
        .put_device(device("meter", b"meter-1", 1))
        .await
        .unwrap();
    site.store
        .put_device(device("late", b"late", 79))
        .await
        .unwrap();
    site.server.refresh().await.unwrap();
    assert_eq!(site.token(METER, &meter()).await, Code::CREATED);
    assert_eq!(site.closed(), []);
    site.others_stay().await;
}

#[tokio::test]
async fn f13_handshake_that_began_with_the_old_key_opens_nothing() {
    for asks_again in [false, true] {
        let site = Site::new().await;
        assert!(site.handshake(b"meter-1"), "still the old key");
        site.store
            .put_device(device("meter", b"meter-1", 77))
            .await
            .unwrap();
        site.server.refresh().await.unwrap();
        assert_eq!(site.closed(), [METER]);
        if asks_again {
            // A second handshake, which learns of the new key and never proves it.
            assert!(site.handshake(b"meter-1"));
        }
        site.finish(SessionId(9), b"meter-1");
        assert_eq!(site.token(SessionId(9), &meter()).await, Code::UNAUTHORIZED);
        assert_eq!(site.closed(), [SessionId(9)]);
    }
}
