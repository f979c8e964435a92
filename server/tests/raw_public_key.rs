//! RawPublicKey mode of the DTLS profile (RFC 9202 Section 3.2) over DTLS on loopback: authorization server, resource
//! server, and a client that drives the protocol by hand.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panic")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use motekey_coap::driver::{Connected, Driver, Handle, OpenError};
use motekey_coap::dtls::{
    CertificateCheck, CertificateError, CertificateVerifier, CertifiedKey, ClientCredential,
    CloseReason, Implementation, KeyPair, PreSharedKey,
};
use motekey_coap::endpoint::{EndpointConfig, Security};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::claims::{ClaimsSet, NumericDate};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::AeadAlgorithm;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::CoseKey;
use motekey_cose::message::{ErrorResponse, TokenRequest, TokenResponse};
use motekey_cose::scope::{Aif, Method, MethodSet};
use motekey_cose::token::{TrustedIssuers, VerificationKey, verify};
use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::clock::{Clock, SystemClock, VirtualClock};
use motekey_server::listen::{Listen, Running};
use motekey_server::registry::{
    Device, PopKeyKinds, Registry, ResourceServerRecord, ScopeRule, SharedKey,
};
use motekey_server::resource_server::{Authorized, ResourceServer};
use motekey_server::store::MemoryStore;
use tokio::net::UdpSocket;

/// Numbers of the key pairs of the two servers; those of the devices are 1 to [`DEVICES`].
const AUTHORIZATION_SERVER: u8 = 100;
const GATEWAY: u8 = 101;
const BARN: u8 = 102;
const DEVICES: u8 = 8;

/// Even numbers are P-256 keys, odd ones Ed25519 keys.
fn key_pair(number: u8) -> KeyPair {
    if number.is_multiple_of(2) {
        KeyPair::p256(&[number; 32]).unwrap()
    } else {
        KeyPair::ed25519(&[number; 32])
    }
}

fn public_key(number: u8) -> CoseKey {
    let name = format!("key-{number}");
    let key = if number.is_multiple_of(2) {
        CoseKey::p256(&PROVIDER, &[number; 32], Some(name.as_bytes()))
    } else {
        CoseKey::ed25519(&PROVIDER, &[number; 32], Some(name.as_bytes()))
    };
    key.unwrap().public().unwrap()
}

fn shared_key(number: u8) -> PreSharedKey {
    PreSharedKey::new((0..16_u8).map(|index| index ^ number).collect())
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    let readings = Aif::new([("/readings", MethodSet::EMPTY.with(Method::Get))]);
    for number in 1..=DEVICES {
        let device = Device::with_public_key(&format!("meter-{number}"), public_key(number))
            .allow("gateway", ScopeRule::Aif(readings.clone()))
            .allow("barn", ScopeRule::Aif(readings.clone()));
        registry.put_device(device).unwrap();
    }
    for (name, number) in [("gateway", GATEWAY), ("barn", BARN)] {
        let mut record = ResourceServerRecord::new(name, SharedKey::new(shared_key(number)));
        record.token_lifetime = 600;
        record.public_keys = vec![public_key(number)];
        record.pop_keys = PopKeyKinds {
            symmetric: true,
            p256: true,
            ed25519: true,
        };
        registry.put_resource_server(record).unwrap();
    }
    registry
}

/// Both servers, and a client with a socket for each kind of session.
struct World {
    authorization_server: Running,
    resource_server: Running,
    clock: Arc<VirtualClock>,
    secure: Handle,
    plain: Handle,
}

async fn client(security: Security) -> Handle {
    let socket = UdpSocket::bind(loopback()).await.unwrap();
    Driver::start(socket, EndpointConfig::default(), security, None).unwrap()
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(VirtualClock::running(SystemClock));
        let server = AuthorizationServer::builder(Arc::new(MemoryStore::with_registry(registry())))
            .clock(clock.clone())
            .key_pair(key_pair(AUTHORIZATION_SERVER));
        let server = Arc::new(server.build().await.unwrap());
        let authorization_server = server.start(Listen::secure(loopback())).await.unwrap();
        let who = |authorized: Authorized, _: Request| async move {
            let client = authorized.client().unwrap_or_default().to_owned();
            Response::new(Code::CONTENT).with_payload(ContentFormat::TEXT_PLAIN, client)
        };
        let gateway = ResourceServer::builder("gateway")
            .shared_key("as", shared_key(GATEWAY))
            .key_pair(key_pair(GATEWAY))
            .fallback(who)
            .clock(clock.clone())
            .build()
            .unwrap();
        let listen = Listen::secure(loopback()).and_plain(loopback());
        let resource_server = gateway.start(listen).await.unwrap();
        let backend = Implementation::default().client(Duration::from_secs(10));
        Self {
            authorization_server,
            resource_server,
            clock,
            secure: client(Security::Dtls(backend)).await,
            plain: client(Security::None).await,
        }
    }

    /// A handshake of the device `own` with the server that should have the key `server`.
    async fn open(&self, peer: SocketAddr, own: u8, server: u8) -> Result<Connected, OpenError> {
        let credential = ClientCredential::RawPublicKey {
            key: key_pair(own),
            server: key_pair(server).public_key_info().to_vec(),
        };
        self.secure.open(peer, credential).await
    }

    async fn open_gateway(&self, own: u8) -> Result<Connected, OpenError> {
        let peer = self.resource_server.secure_address();
        self.open(peer, own, GATEWAY).await
    }

    /// Asks for a token in a session of the device `own`.
    async fn ask(&self, own: u8, audience: &str, requested: Confirmation) -> Response {
        let peer = self.authorization_server.secure_address();
        let session = self.open(peer, own, AUTHORIZATION_SERVER).await.unwrap();
        let request = TokenRequest {
            audience: Some(audience.to_owned()),
            req_cnf: Some(requested),
            ..TokenRequest::default()
        };
        let request =
            Request::post("/token").with_payload(ContentFormat::ACE_CBOR, request.encode());
        let response = self.secure.request(session.session, request).await;
        response.unwrap()
    }

    async fn token(&self, own: u8, audience: &str) -> TokenResponse {
        let requested = Confirmation::Key(public_key(own));
        let response = self.ask(own, audience, requested).await;
        assert_eq!(response.code, Code::CREATED);
        TokenResponse::decode(&response.payload).unwrap()
    }

    async fn upload(&self, token: &[u8]) -> Code {
        let peer = self.resource_server.plain_address().unwrap();
        let session = self.plain.open_plain(peer).await.unwrap();
        let request = Request::post("/authz-info").with_payload(ContentFormat::CWT, token);
        self.plain.request(session, request).await.unwrap().code
    }

    async fn get(&self, session: &Connected, path: &str) -> Response {
        let request = self.secure.request(session.session, Request::get(path));
        request.await.unwrap()
    }

    /// The claims of a token, as the resource server with this key reads them.
    fn claims(&self, token: &[u8], audience: &str, key: u8) -> ClaimsSet {
        let key = CoseKey::symmetric(shared_key(key).expose(), None)
            .decryption_key(&PROVIDER, AeadAlgorithm::AesCcm16_64_128)
            .unwrap();
        let issuers = TrustedIssuers::one("as".to_owned(), vec![VerificationKey::Decryption(key)]);
        let now = NumericDate::from_seconds(self.clock.now());
        let verified = verify(&PROVIDER, token, &issuers, now, &[audience]).unwrap();
        verified.claims().clone()
    }
}

fn reason(outcome: Result<Connected, OpenError>) -> CloseReason {
    match outcome {
        Err(OpenError::Closed(reason)) => reason,
        other => panic!("a handshake that fails, not {other:?}"),
    }
}

#[tokio::test]
async fn d04_d05_d06_d07_d15_p02_the_proven_key_gets_a_token_and_the_key_of_its_resource_server() {
    let world = World::new().await;
    for own in [1, 2] {
        for (audience, server) in [("gateway", GATEWAY), ("barn", BARN)] {
            let response = world.token(own, audience).await;
            let claims = world.claims(&response.access_token, audience, server);
            assert_eq!(claims.cnf, Some(Confirmation::Key(public_key(own))));
            assert_eq!(
                response.rs_cnf,
                Some(Confirmation::Key(public_key(server))),
                "{audience}"
            );
            assert_eq!(response.cnf, None);
        }
    }
}

#[tokio::test]
async fn d04_p02_a_key_that_the_session_did_not_prove_is_refused() {
    let world = World::new().await;
    // Of another device, and of nobody.
    for foreign in [2, 3, 50] {
        let requested = Confirmation::Key(public_key(foreign));
        let response = world.ask(1, "gateway", requested).await;
        assert_eq!(response.code, Code::BAD_REQUEST, "{foreign}");
        ErrorResponse::decode(&response.payload).unwrap();
    }
    world.token(1, "gateway").await;
}

#[tokio::test]
async fn a_public_key_may_be_named_by_its_registered_key_id() {
    let world = World::new().await;
    let requested = Confirmation::KeyId(b"key-1".to_vec());
    let response = world.ask(1, "gateway", requested).await;
    let response = TokenResponse::decode(&response.payload).unwrap();
    let claims = world.claims(&response.access_token, "gateway", GATEWAY);
    assert_eq!(claims.cnf, Some(Confirmation::Key(public_key(1))));
}

#[tokio::test]
async fn strangers_have_no_session_with_the_authorization_server() {
    let world = World::new().await;
    let peer = world.authorization_server.secure_address();
    let outcome = world.open(peer, 50, AUTHORIZATION_SERVER).await;
    assert!(matches!(reason(outcome), CloseReason::Alert(_)));
}

#[tokio::test]
async fn d14_only_a_key_that_a_stored_valid_token_names_gets_a_session() {
    let world = World::new().await;
    let token = world.token(1, "gateway").await.access_token;
    let outcome = world.open_gateway(1).await;
    assert!(matches!(reason(outcome), CloseReason::Alert(_)));
    assert_eq!(world.upload(&token).await, Code::CREATED);
    let session = world.open_gateway(1).await.unwrap();
    let response = world.get(&session, "/readings").await;
    assert_eq!(response.code, Code::CONTENT);
    assert_eq!(response.payload, b"meter-1");
    assert_eq!(world.get(&session, "/other").await.code, Code::FORBIDDEN);
    // The token is the other's, and expired ones are nobody's.
    let outcome = world.open_gateway(2).await;
    assert!(matches!(reason(outcome), CloseReason::Alert(_)));
    world.clock.advance(601);
    let outcome = world.open_gateway(1).await;
    assert!(matches!(reason(outcome), CloseReason::Alert(_)));
}

#[tokio::test]
async fn d16_each_client_has_its_own_token_and_rights() {
    let world = World::new().await;
    let mut sessions = Vec::new();
    for own in 1..=DEVICES {
        let token = world.token(own, "gateway").await.access_token;
        assert_eq!(world.upload(&token).await, Code::CREATED);
        // A second token takes the place of the first; the room is that of one.
        let token = world.token(own, "gateway").await.access_token;
        assert_eq!(world.upload(&token).await, Code::CREATED);
    }
    for own in 1..=DEVICES {
        let backend = Implementation::default().client(Duration::from_secs(10));
        let secure = client(Security::Dtls(backend)).await;
        let credential = ClientCredential::RawPublicKey {
            key: key_pair(own),
            server: key_pair(GATEWAY).public_key_info().to_vec(),
        };
        let peer = world.resource_server.secure_address();
        let session = secure.open(peer, credential).await.unwrap().session;
        sessions.push((own, secure, session));
    }
    for (own, secure, session) in sessions {
        let response = secure.request(session, Request::get("/readings")).await;
        let name = format!("meter-{own}");
        assert_eq!(response.unwrap().payload, name.as_bytes());
    }
}

#[tokio::test]
async fn l07_a_server_with_another_key_is_left() {
    let world = World::new().await;
    let token = world.token(1, "gateway").await.access_token;
    world.upload(&token).await;
    for (peer, wanted) in [
        (world.resource_server.secure_address(), BARN),
        (world.authorization_server.secure_address(), GATEWAY),
    ] {
        let outcome = world.open(peer, 1, wanted).await;
        assert!(matches!(reason(outcome), CloseReason::HandshakeFailed(_)));
    }
}

/// Accepts nothing; is not asked.
struct Unused;

impl CertificateVerifier for Unused {
    fn verify(&self, _: &[&[u8]]) -> Result<Vec<u8>, CertificateError> {
        Err(CertificateError::Bad)
    }
}

#[tokio::test]
async fn l06_a_client_with_certificates_only_gets_unsupported_certificate() {
    let world = World::new().await;
    for peer in [
        world.authorization_server.secure_address(),
        world.resource_server.secure_address(),
    ] {
        let own = CertifiedKey {
            chain: vec![vec![0x30, 0]],
            key: key_pair(1),
        };
        let server = CertificateCheck::new(Unused);
        let credential = ClientCredential::Certificate { own, server };
        let outcome = world.secure.open(peer, credential).await;
        // RFC 7250 Section 4.2: unsupported_certificate is 43.
        assert_eq!(reason(outcome), CloseReason::Alert(43));
    }
}
