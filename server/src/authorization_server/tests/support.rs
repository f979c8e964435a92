use std::sync::Arc;

use motekey_coap::dtls::{PeerIdentity, PreSharedKey};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::claims::{ClaimsSet, NumericDate};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::crypto::{AeadAlgorithm, SignatureAlgorithm};
use motekey_cose::key::CoseKey;
use motekey_cose::message::{ErrorResponse, TokenRequest, TokenResponse};
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};
use motekey_cose::token::{Protection, TrustedIssuers, VerificationKey, verify};

use crate::authorization_server::{AuthorizationServer, AuthorizationServerBuilder};
use crate::clock::VirtualClock;
use crate::event::{Event, Recorder};
use crate::public_key::subject_public_key_info;
use crate::registry::{
    Device, Group, PopKeyKinds, Registry, ResourceServerRecord, ScopeKind, ScopeRule, SharedKey,
};
use crate::store::{MemoryStore, Store};

/// The time at which every test begins.
pub(in crate::authorization_server) const NOW: i64 = 1_700_000_000;

/// A server with two devices, resource servers of every kind, and a group.
pub(in crate::authorization_server) struct Bench {
    pub(in crate::authorization_server) server: AuthorizationServer,
    pub(in crate::authorization_server) store: Arc<MemoryStore>,
    pub(in crate::authorization_server) clock: Arc<VirtualClock>,
    pub(in crate::authorization_server) events: Arc<Recorder>,
}

pub(in crate::authorization_server) fn key(number: u8) -> PreSharedKey {
    PreSharedKey::new(
        (0..16u8)
            .map(|index| index.wrapping_mul(index).wrapping_add(number))
            .collect(),
    )
}

/// The key pair of the device `sensor`, Ed25519.
pub(in crate::authorization_server) fn sensor_key() -> CoseKey {
    CoseKey::ed25519(&PROVIDER, &[7; 32], Some(b"sensor-key")).unwrap()
}

/// The key pair of the resource server `lock`.
pub(in crate::authorization_server) fn lock_key() -> CoseKey {
    CoseKey::ed25519(&PROVIDER, &[8; 32], Some(b"lock-key")).unwrap()
}

pub(in crate::authorization_server) fn signing_key() -> CoseKey {
    CoseKey::ed25519(&PROVIDER, &[9; 32], Some(b"as")).unwrap()
}

pub(in crate::authorization_server) fn methods(list: &[Method]) -> MethodSet {
    list.iter()
        .fold(MethodSet::EMPTY, |set, method| set.with(*method))
}

pub(in crate::authorization_server) fn aif(entries: &[(&str, &[Method])]) -> Aif {
    Aif::new(entries.iter().map(|(path, list)| (*path, methods(list))))
}

pub(in crate::authorization_server) fn registry() -> Registry {
    let mut registry = Registry::new();
    let readings = aif(&[
        ("/readings", &[Method::Get, Method::Post]),
        ("/status", &[Method::Get]),
    ]);
    let meter = Device::with_pre_shared_key("meter", b"meter-1", key(1))
        .allow("gateway", ScopeRule::Aif(readings.clone()))
        .allow("pump", ScopeRule::text("read write"))
        .allow("valve", ScopeRule::Aif(readings.clone()))
        .allow("lock", ScopeRule::Aif(readings.clone()))
        .allow("oscore", ScopeRule::Aif(readings.clone()))
        .allow("all", ScopeRule::Aif(readings.clone()));
    registry.put_device(meter).unwrap();
    let other = Device::with_pre_shared_key("other", b"meter-2", key(2)).allow(
        "gateway",
        ScopeRule::Aif(aif(&[("/status", &[Method::Get])])),
    );
    registry.put_device(other).unwrap();
    let sensor = Device::with_public_key("sensor", sensor_key().public().unwrap())
        .allow("lock", ScopeRule::Aif(readings.clone()))
        .allow("gateway", ScopeRule::Aif(readings.clone()))
        .allow("p256", ScopeRule::Aif(readings.clone()))
        .allow("all", ScopeRule::Aif(readings));
    registry.put_device(sensor).unwrap();
    let mut admin = Device::with_pre_shared_key("admin", b"admin", key(3));
    admin.administrator = true;
    registry.put_device(admin).unwrap();
    for record in resource_servers() {
        registry.put_resource_server(record).unwrap();
    }
    let group = Group {
        audience: "all".into(),
        members: vec!["lock".into(), "gate".into()],
    };
    registry.put_group(group).unwrap();
    registry
}

fn resource_servers() -> Vec<ResourceServerRecord> {
    let shared = |number| SharedKey::new(key(number));
    let public =
        |name: &str| ResourceServerRecord::with_public_key(name, lock_key().public().unwrap());
    let mut gateway =
        ResourceServerRecord::new("gateway", shared(11)).with_credential(b"gateway-rs", key(21));
    gateway.token_lifetime = 600;
    let mut pump = ResourceServerRecord::new("pump", shared(12));
    pump.scope_kind = ScopeKind::Text;
    let mut valve =
        ResourceServerRecord::new("valve", shared(13)).with_credential(b"valve-rs", key(23));
    valve.clockless = true;
    let mut oscore = ResourceServerRecord::new("oscore", shared(14));
    oscore.profiles = vec![2];
    let mut p256 = public("p256");
    p256.pop_keys = PopKeyKinds {
        symmetric: false,
        p256: true,
        ed25519: false,
    };
    vec![
        gateway,
        pump,
        valve,
        oscore,
        p256,
        public("lock").with_credential(b"lock-rs", key(24)),
        public("gate"),
    ]
}

pub(in crate::authorization_server) async fn bench() -> Bench {
    bench_on(Arc::new(MemoryStore::with_registry(registry()))).await
}

pub(in crate::authorization_server) async fn bench_on(store: Arc<MemoryStore>) -> Bench {
    bench_with(store, |builder| builder).await
}

pub(in crate::authorization_server) async fn bench_with(
    store: Arc<MemoryStore>,
    configure: impl FnOnce(AuthorizationServerBuilder) -> AuthorizationServerBuilder,
) -> Bench {
    let clock = Arc::new(VirtualClock::fixed(NOW));
    let events = Arc::new(Recorder::new());
    let builder = AuthorizationServer::builder(store.clone() as Arc<dyn Store>)
        .clock(clock.clone())
        .subscriber(events.clone())
        .signing_key(SignatureAlgorithm::EdDsa, signing_key());
    let server = configure(builder).build().await.unwrap();
    events.take();
    Bench {
        server,
        store,
        clock,
        events,
    }
}

pub(in crate::authorization_server) fn meter() -> PeerIdentity {
    PeerIdentity::PreSharedKey(b"meter-1".to_vec())
}

pub(in crate::authorization_server) fn other() -> PeerIdentity {
    PeerIdentity::PreSharedKey(b"meter-2".to_vec())
}

/// Any party with a pre-shared key, by its identity.
pub(in crate::authorization_server) fn peer(identity: &str) -> PeerIdentity {
    PeerIdentity::PreSharedKey(identity.as_bytes().to_vec())
}

pub(in crate::authorization_server) fn sensor() -> PeerIdentity {
    PeerIdentity::RawPublicKey(subject_public_key_info(&sensor_key()).unwrap())
}

pub(in crate::authorization_server) fn ask(audience: &str) -> TokenRequest {
    TokenRequest {
        audience: Some(audience.to_owned()),
        ..TokenRequest::default()
    }
}

pub(in crate::authorization_server) fn ask_for_key(audience: &str, key_id: &[u8]) -> TokenRequest {
    TokenRequest {
        req_cnf: Some(Confirmation::KeyId(key_id.to_vec())),
        ..ask(audience)
    }
}

pub(in crate::authorization_server) fn scoped(audience: &str, scope: Scope) -> TokenRequest {
    TokenRequest {
        scope: Some(scope),
        ..ask(audience)
    }
}

pub(in crate::authorization_server) fn post(payload: &[u8]) -> Request {
    Request::post("/token").with_payload(ContentFormat::ACE_CBOR, payload)
}

impl Bench {
    pub(in crate::authorization_server) async fn send(
        &self,
        peer: &PeerIdentity,
        request: &Request,
    ) -> Response {
        self.server.answer_request(Some(peer), request).await
    }

    pub(in crate::authorization_server) async fn ask(
        &self,
        peer: &PeerIdentity,
        request: &TokenRequest,
    ) -> Response {
        self.send(peer, &post(&request.encode())).await
    }

    /// The decoded answer of a request that must be granted.
    pub(in crate::authorization_server) async fn grant(
        &self,
        peer: &PeerIdentity,
        request: &TokenRequest,
    ) -> TokenResponse {
        let response = self.ask(peer, request).await;
        assert_eq!(
            response.code,
            Code::CREATED,
            "{:?}",
            ErrorResponse::decode(&response.payload)
        );
        TokenResponse::decode(&response.payload).unwrap()
    }

    /// Asserts the refusal that the peer sees, and that no token was issued.
    pub(in crate::authorization_server) async fn refused(
        &self,
        peer: &PeerIdentity,
        request: &Request,
        error: i64,
        what: &str,
    ) {
        self.events.take();
        let response = self.send(peer, request).await;
        let wanted = if error == 2 {
            Code::UNAUTHORIZED
        } else {
            Code::BAD_REQUEST
        };
        assert_eq!(response.code, wanted, "{what}");
        assert_eq!(
            response.options.content_format(),
            Some(ContentFormat::ACE_CBOR),
            "{what}"
        );
        let body = ErrorResponse::decode(&response.payload).unwrap();
        assert_eq!(body.error.to_i64(), error, "{what}: {:?}", body.description);
        let events = self.events.take();
        assert!(
            matches!(events.as_slice(), [Event::TokenDenied { .. }]),
            "{what}: {events:?}"
        );
    }
}

/// Verifies a token as the resource server would and gives its claims and protection.
pub(in crate::authorization_server) fn open(
    response: &TokenResponse,
    audience: &str,
    shared: Option<u8>,
) -> (ClaimsSet, Protection) {
    let key = match shared {
        Some(number) => VerificationKey::Decryption(
            CoseKey::symmetric(key(number).expose(), None)
                .decryption_key(&PROVIDER, AeadAlgorithm::AesCcm16_64_128)
                .unwrap(),
        ),
        None => VerificationKey::Signature(
            signing_key()
                .public()
                .unwrap()
                .verifying_key(&PROVIDER, SignatureAlgorithm::EdDsa)
                .unwrap(),
        ),
    };
    let issuers = TrustedIssuers::one("as", vec![key]);
    let now = NumericDate::from_seconds(NOW);
    let token = verify(
        &PROVIDER,
        &response.access_token,
        &issuers,
        now,
        &[audience],
    )
    .unwrap();
    (token.claims().clone(), token.protection())
}
