//! Proof-of-possession keys that both servers derive from the token (RFC 9202 Section 3.3.1), with the device library
//! over DTLS on loopback.

#![expect(clippy::unwrap_used, reason = "tests may panic: that is how they fail")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use motekey_client as device;
use motekey_client::{Client, ClientCredential, Error, Step, TokenTransport};
use motekey_coap::dtls::PreSharedKey;
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::crypto::SignatureAlgorithm;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::CoseKey;
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};
use motekey_cose::token::{TrustedIssuer, VerificationKey};
use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::listen::{Listen, Running};
use motekey_server::registry::{Device, Registry, ResourceServerRecord, ScopeRule, SharedKey};
use motekey_server::resource_server::{Authorized, BuildError, ResourceServer};
use motekey_server::store::MemoryStore;

/// Numbers of keys.
const DEVICE: u8 = 1;
const SHARED: u8 = 2;
const DERIVATION: u8 = 3;
const OTHER: u8 = 4;

fn key(number: u8) -> PreSharedKey {
    PreSharedKey::new(
        (0..16)
            .map(|index: u8| index.wrapping_mul(11) ^ number)
            .collect(),
    )
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn aif(entries: &[(&str, Method)]) -> Aif {
    let entries = entries.iter();
    Aif::new(entries.map(|(path, method)| (*path, MethodSet::EMPTY.with(*method))))
}

struct World {
    authorization_server: Running,
    resource_server: Running,
}

async fn answer(authorized: Authorized, _: Request) -> Response {
    let client = authorized.client().unwrap_or_default().to_owned();
    Response::new(Code::CONTENT).with_payload(ContentFormat::TEXT_PLAIN, client)
}

/// With encrypted tokens. `derivation`: that of the resource server; the authorization server has [`DERIVATION`].
async fn world(derivation: u8) -> World {
    start(derivation, false).await
}

async fn start(derivation: u8, signed: bool) -> World {
    let mut registry = Registry::new();
    let rights = aif(&[("/readings", Method::Get), ("/relay", Method::Put)]);
    let meter = Device::with_pre_shared_key("meter-1", b"meter-1", key(DEVICE))
        .allow("gateway", ScopeRule::Aif(rights));
    registry.put_device(meter).unwrap();
    let mut gateway = ResourceServerRecord::new("gateway", SharedKey::new(key(SHARED)))
        .with_derivation_key(key(DERIVATION));
    let signing = CoseKey::p256(&PROVIDER, &[9; 32], None).unwrap();
    let mut own = ResourceServer::builder("gateway").derivation_key("as", key(derivation));
    own = if signed {
        gateway.shared_key = None;
        let key = signing
            .public()
            .unwrap()
            .verifying_key(&PROVIDER, SignatureAlgorithm::Es256);
        own.trust(TrustedIssuer {
            name: "as".to_owned(),
            keys: vec![VerificationKey::Signature(key.unwrap())],
        })
    } else {
        own.shared_key("as", key(SHARED))
    };
    registry.put_resource_server(gateway).unwrap();
    let store = Arc::new(MemoryStore::with_registry(registry));
    let server =
        AuthorizationServer::builder(store).signing_key(SignatureAlgorithm::Es256, signing);
    let server = Arc::new(server.build().await.unwrap());
    let authorization_server = server.start(Listen::secure(loopback())).await.unwrap();
    let listen = Listen::secure(loopback()).and_plain(loopback());
    let resource_server = own.fallback(answer).build().unwrap().start(listen).await;
    World {
        authorization_server,
        resource_server: resource_server.unwrap(),
    }
}

impl World {
    fn url(&self, path: &str) -> String {
        format!("coaps://{}{path}", self.resource_server.secure_address())
    }

    fn known(&self) -> device::ResourceServer {
        let plain = self.resource_server.plain_address().unwrap().port();
        device::ResourceServer::new(&self.url("/"))
            .unwrap()
            .plain_port(plain)
            .audience("gateway")
    }

    async fn client(&self, known: device::ResourceServer) -> Client {
        let credential = ClientCredential::PreSharedKey {
            identity: b"meter-1".to_vec(),
            key: key(DEVICE),
        };
        let uri = format!("coaps://{}", self.authorization_server.secure_address());
        let server = device::AuthorizationServer::new(&uri, credential).unwrap();
        let builder = Client::builder().authorization_server(server);
        builder.resource_server(known).build().await.unwrap()
    }
}

fn steps(client: &Client) -> Vec<Step> {
    let report = client.take_report();
    report.exchanges.iter().map(|entry| entry.step).collect()
}

#[tokio::test]
async fn d21_a_derived_key_opens_a_session_in_either_form_of_the_identity() {
    let world = world(DERIVATION).await;
    for transport in [TokenTransport::InHandshake, TokenTransport::Upload] {
        let client = world.client(world.known().token_transport(transport)).await;
        let response = client.get(&world.url("/readings")).await.unwrap();
        assert_eq!(response.payload, b"meter-1", "{transport:?}");
        let uploaded = steps(&client).contains(&Step::TokenUpload);
        assert_eq!(uploaded, transport == TokenTransport::Upload);
    }
}

#[tokio::test]
async fn d21_rights_are_updated_under_the_derived_key_of_the_session() {
    let world = world(DERIVATION).await;
    let readings = aif(&[("/readings", Method::Get)]);
    let both = aif(&[("/readings", Method::Get), ("/relay", Method::Put)]);
    let known = world
        .known()
        .scope(Scope::from(&readings))
        .wider_scope(Scope::from(&both));
    let client = world.client(known).await;
    client.get(&world.url("/readings")).await.unwrap();
    steps(&client);
    let text = ContentFormat::TEXT_PLAIN;
    let response = client.put(&world.url("/relay"), text, *b"on").await;
    assert_eq!(response.unwrap().code, Code::CONTENT);
    let expected = [
        Step::Request,
        Step::UpdateRequest,
        Step::UpdateUpload,
        Step::Request,
    ];
    assert_eq!(steps(&client), expected);
}

#[tokio::test]
async fn d21_a_resource_server_with_another_derivation_key_gives_no_session() {
    let world = world(OTHER).await;
    let client = world.client(world.known()).await;
    let error = client.get(&world.url("/readings")).await.unwrap_err();
    assert!(matches!(error, Error::HandshakeRefused { .. }), "{error}");
}

/// A token that carries only the name of its key needs no encryption.
#[tokio::test]
async fn d21_signed_tokens_can_name_derived_keys() {
    let world = start(DERIVATION, true).await;
    let client = world.client(world.known()).await;
    let response = client.get(&world.url("/readings")).await.unwrap();
    assert_eq!(response.payload, b"meter-1");
    let granted = client.report().granted.remove(0);
    assert!(
        granted.token_structure.starts_with("COSE_Sign1"),
        "{}",
        granted.token_structure
    );
}

#[test]
fn d22_a_derivation_key_of_another_use_is_refused() {
    let builder = |issuer: &str, number: u8| {
        ResourceServer::builder("gateway")
            .shared_key("as", key(SHARED))
            .derivation_key("as", key(DERIVATION))
            .derivation_key(issuer, key(number))
    };
    let in_use = |issuer: &str| BuildError::KeyInUse {
        issuer: issuer.to_owned(),
    };
    assert!(builder("other", OTHER).build().is_ok());
    let shared = builder("other", SHARED).build().err();
    assert_eq!(shared, Some(in_use("other")));
    let derivation = builder("other", DERIVATION).build().err();
    assert_eq!(derivation, Some(in_use("as")));
    let short = ResourceServer::builder("gateway")
        .shared_key("as", key(SHARED))
        .derivation_key("as", PreSharedKey::new(vec![1; 15]));
    let short = short.build().err();
    assert!(
        matches!(short, Some(BuildError::SharedKey { .. })),
        "{short:?}"
    );
}
