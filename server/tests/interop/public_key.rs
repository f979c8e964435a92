//! The whole flow with a raw public key (RFC 9202 Section 3.2): Debian's libcoap client on GnuTLS, with the key pair of a
//! sensor, at our two servers with key pairs of their own. (libcoap on OpenSSL has no raw public keys; it has no way to
//! be told which key the server should have, so that D-17 is not shown here.)

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use motekey_coap::dtls::{KeyPair, PreSharedKey};
use motekey_coap::message::{Code, ContentFormat, Response};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::CoseKey;
use motekey_cose::message::{ProfileRequest, TokenRequest, TokenResponse};
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};
use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::listen::{Listen, Running};
use motekey_server::registry::{
    Device, PopKeyKinds, Registry, ResourceServerRecord, ScopeRule, SharedKey,
};
use motekey_server::resource_server::{Authorized, ResourceServer};
use motekey_server::store::MemoryStore;

use crate::libcoap::Client;

const PROGRAM: &str = "coap-client-gnutls";
const AUDIENCE: &str = "lock";
const SHARED: &[u8] = b"\x5e\x01\xc3\x88\xf0\x42\x9d\x17\x6b\x3a\xe4\x90\x2c\xd5\x71\xac";

/// Numbers of key pairs. The stranger is not registered, the other sensor is and has no token.
const SENSOR: u8 = 1;
const OTHER: u8 = 2;
const STRANGER: u8 = 3;
const AUTHORIZATION_SERVER: u8 = 4;
const LOCK: u8 = 5;

fn key_pair(number: u8) -> KeyPair {
    KeyPair::p256(&[number; 32]).unwrap()
}

fn public_key(number: u8) -> CoseKey {
    let pair = CoseKey::p256(&PROVIDER, &[number; 32], Some(&[b'k', number])).unwrap();
    pair.public().unwrap()
}

fn rights(path: &str) -> Aif {
    Aif::new([(path, MethodSet::EMPTY.with(Method::Get))])
}

/// Both servers, and the file with the key of each device.
struct Site {
    authorization_server: Running,
    resource_server: Running,
    keys: PathBuf,
}

impl Site {
    async fn start(name: &str) -> Self {
        let server = AuthorizationServer::builder(Arc::new(MemoryStore::with_registry(registry())))
            .issuer("as")
            .key_pair(key_pair(AUTHORIZATION_SERVER))
            .build()
            .await
            .unwrap();
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = Arc::new(server);
        let authorization_server = server.start(Listen::secure(loopback)).await.unwrap();
        let lock = ResourceServer::builder(AUDIENCE)
            .shared_key("as", shared())
            .key_pair(key_pair(LOCK))
            .resource("/state", |who: Authorized, _| async move {
                let name = who.client().unwrap_or_default().to_owned();
                Response::new(Code::CONTENT).with_payload(ContentFormat::TEXT_PLAIN, name)
            })
            .resource("/secret", |_, _| async { Response::new(Code::CONTENT) })
            .build()
            .unwrap();
        let listen = Listen::secure(loopback).and_plain(loopback);
        let keys = std::env::temp_dir().join(format!("motekey-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&keys).unwrap();
        let site = Self {
            authorization_server,
            resource_server: lock.start(listen).await.unwrap(),
            keys,
        };
        for number in [SENSOR, OTHER, STRANGER] {
            site.write_key(number);
        }
        site
    }

    /// The program with the key pair of this number.
    fn client(&self, number: u8) -> Client {
        Client::new(PROGRAM).with_key_pair(&self.key_file(number))
    }

    fn key_file(&self, number: u8) -> PathBuf {
        self.keys.join(format!("{number}.pem"))
    }

    /// As SEC 1 in PEM: libcoap reads nothing else for a raw public key.
    fn write_key(&self, number: u8) {
        // PKCS #8 of a P-256 key without its public half (RFC 5208, RFC 5915).
        let head = b"\x30\x41\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\
            \x03\x01\x07\x04\x27\x30\x25\x02\x01\x01\x04\x20";
        let der = self.keys.join("der");
        std::fs::write(&der, [head.as_slice(), &[number; 32]].concat()).unwrap();
        let mut command = Command::new("openssl");
        command.args(["ec", "-inform", "DER", "-in"]).arg(der);
        let output = command.arg("-out").arg(self.key_file(number)).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn token_uri(&self) -> String {
        let address = self.authorization_server.secure_address();
        format!("coaps://{address}/token")
    }

    fn uri(&self, path: &str) -> String {
        format!("coaps://{}{path}", self.resource_server.secure_address())
    }

    fn plain_uri(&self, path: &str) -> String {
        let address = self.resource_server.plain_address().unwrap();
        format!("coap://{address}{path}")
    }

    async fn token(&self, requested: Confirmation) -> TokenResponse {
        let client = self.client(SENSOR);
        let body = request(requested).encode();
        let answer = client.post(&self.token_uri(), 19, &body).await;
        assert!(answer.has_code("2.01"), "{answer}");
        TokenResponse::decode(&answer.payload).unwrap()
    }

    async fn shutdown(self) {
        let _ = std::fs::remove_dir_all(&self.keys);
        self.resource_server.shutdown().await;
        self.authorization_server.shutdown().await;
    }
}

fn shared() -> PreSharedKey {
    PreSharedKey::new(SHARED.to_vec())
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    for (number, name) in [(SENSOR, "sensor"), (OTHER, "other")] {
        let device = Device::with_public_key(name, public_key(number));
        let device = device.allow(AUDIENCE, ScopeRule::Aif(rights("/state")));
        registry.put_device(device).unwrap();
    }
    let mut lock = ResourceServerRecord::new(AUDIENCE, SharedKey::new(shared()));
    lock.public_keys = vec![public_key(LOCK)];
    lock.pop_keys = PopKeyKinds {
        symmetric: false,
        p256: true,
        ed25519: false,
    };
    registry.put_resource_server(lock).unwrap();
    registry
}

fn request(requested: Confirmation) -> TokenRequest {
    TokenRequest {
        audience: Some(AUDIENCE.to_owned()),
        scope: Some(Scope::from(&rights("/state"))),
        ace_profile: Some(ProfileRequest::Ask),
        req_cnf: Some(requested),
        ..TokenRequest::default()
    }
}

/// The token response has no `cnf` (the key is the client's own) and the `rs_cnf` of this resource server.
#[tokio::test(flavor = "multi_thread")]
async fn d06_d14_f46_libcoap_with_a_raw_public_key_does_the_whole_flow() {
    let site = Site::start("interop-rpk").await;
    // The key itself, or its name as registered.
    for requested in [
        Confirmation::Key(public_key(SENSOR)),
        Confirmation::KeyId(vec![b'k', SENSOR]),
    ] {
        let granted = site.token(requested).await;
        assert_eq!(granted.ace_profile, Some(1));
        assert_eq!(granted.cnf, None);
        assert_eq!(granted.rs_cnf, Some(Confirmation::Key(public_key(LOCK))));

        let plain = Client::new(PROGRAM);
        let uri = site.plain_uri("/authz-info");
        let uploaded = plain.post(&uri, 61, &granted.access_token).await;
        assert!(uploaded.has_code("2.01"), "{uploaded}");

        let client = site.client(SENSOR);
        let state = client.get(&site.uri("/state")).await;
        assert_eq!(state.payload, b"sensor", "{state}");
        let refused = client.get(&site.uri("/secret")).await;
        assert!(refused.has_code("4.03"), "{refused}");
    }
    site.shutdown().await;
}

/// Before the token is there, and with a key that no token names, there is no session; a key that is not the one of the
/// session gets no token; a stranger gets no session at the authorization server.
#[tokio::test(flavor = "multi_thread")]
async fn d04_d14_f13_libcoap_with_another_raw_public_key_is_refused() {
    let site = Site::start("interop-rpk-refused").await;
    let early = site.client(SENSOR).get(&site.uri("/state")).await;
    assert!(early.payload.is_empty(), "{early}");
    assert!(early.mentions_alert(""), "{early}");

    let granted = site.token(Confirmation::Key(public_key(SENSOR))).await;
    let plain = Client::new(PROGRAM);
    let uri = site.plain_uri("/authz-info");
    let uploaded = plain.post(&uri, 61, &granted.access_token).await;
    assert!(uploaded.has_code("2.01"), "{uploaded}");
    let other = site.client(OTHER).get(&site.uri("/state")).await;
    assert!(other.payload.is_empty(), "{other}");
    assert!(other.mentions_alert(""), "{other}");

    let body = request(Confirmation::Key(public_key(SENSOR))).encode();
    let foreign = site.client(OTHER).post(&site.token_uri(), 19, &body).await;
    assert!(foreign.has_code("4.00"), "{foreign}");
    assert!(!foreign.has_code("2.01"), "{foreign}");
    let stranger = site
        .client(STRANGER)
        .post(&site.token_uri(), 19, &body)
        .await;
    assert!(stranger.payload.is_empty(), "{stranger}");
    assert!(stranger.mentions_alert(""), "{stranger}");

    // The way is open for whom it should be.
    let state = site.client(SENSOR).get(&site.uri("/state")).await;
    assert_eq!(state.payload, b"sensor", "{state}");
    site.shutdown().await;
}
