//! How long a token may be on each way to the resource server, over UDP and DTLS on loopback: 4096 bytes at
//! authz-info, in blocks; 2048 bytes as PSK identity, which is the limit of the DTLS implementation.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panic")]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use motekey_coap::driver::{Driver, Handle, OpenError};
use motekey_coap::dtls::{ClientCredential, ConnectError, Implementation, PreSharedKey, SessionId};
use motekey_coap::endpoint::{EndpointConfig, Security};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::claims::{Audience, ClaimsSet, NumericDate};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::AeadAlgorithm;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::CoseKey;
use motekey_cose::message::PskIdentity;
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};
use motekey_cose::token::{ProtectionKey, TokenStyle, mint};
use motekey_server::clock::VirtualClock;
use motekey_server::listen::{Listen, Running};
use motekey_server::resource_server::{Authorized, ResourceServer};
use tokio::net::UdpSocket;

const NOW: i64 = 1_700_000_000;
const SHARED: &[u8] = b"\x5e\x01\xc3\x88\xf0\x42\x9d\x17\x6b\x3a\xe4\x90\x2c\xd5\x71\xac";
const POP: &[u8] = b"\x11\x91\xc3\x88\xf0\x42\x9d\x17\x6b\x3a\xe4\x90\x2c\xd5\x71\xac";
const LONGEST_UPLOAD: usize = 4096;
const LONGEST_IDENTITY: usize = 2048;

/// A good token of just this length, for the key `key`: the rest is padding in its `cti`.
fn token(key: &str, length: usize) -> Vec<u8> {
    let encryption = CoseKey::symmetric(SHARED, None);
    let encryption = encryption.encryption_key(&PROVIDER, AeadAlgorithm::AesCcm16_64_128);
    let encryption = encryption.unwrap();
    let protection = ProtectionKey::Encrypt {
        key: &encryption,
        nonce: &[7; 13],
    };
    let mut claims = ClaimsSet {
        aud: Some(Audience::One("gateway".to_owned())),
        exp: Some(NumericDate::from_seconds(NOW + 600)),
        cnf: Some(Confirmation::Key(CoseKey::symmetric(
            POP,
            Some(key.as_bytes()),
        ))),
        scope: Some(Scope::from(&Aif::new([(
            "/readings",
            MethodSet::EMPTY.with(Method::Get),
        )]))),
        ..ClaimsSet::default()
    };
    for padding in (0..length).rev() {
        claims.cti = Some(vec![b'c'; padding]);
        let token = mint(&claims, &protection, TokenStyle::REVOCABLE).unwrap();
        if token.len() <= length {
            assert_eq!(token.len(), length);
            return token;
        }
    }
    panic!("no token is that short");
}

struct World {
    gateway: Running,
    secure: Handle,
    plain: Handle,
}

async fn client(security: Security) -> Handle {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    // It sends more than the servers take.
    let config = EndpointConfig {
        max_body: 64 * 1024,
        ..EndpointConfig::default()
    };
    Driver::start(socket, config, security, None).unwrap()
}

impl World {
    async fn new() -> Self {
        let readings = |_: Authorized, _: Request| async { Response::new(Code::CONTENT) };
        let gateway = ResourceServer::builder("gateway")
            .shared_key("as", PreSharedKey::new(SHARED.to_vec()))
            .resource("/readings", readings)
            .clock(VirtualClock::fixed(NOW))
            .build()
            .unwrap();
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listen = Listen::secure(loopback).and_plain(loopback);
        let backend = Implementation::default().client(Duration::from_secs(10));
        Self {
            gateway: gateway.start(listen).await.unwrap(),
            secure: client(Security::Dtls(backend)).await,
            plain: client(Security::None).await,
        }
    }

    async fn open(&self, identity: Vec<u8>) -> Result<SessionId, OpenError> {
        let key = PreSharedKey::new(POP.to_vec());
        let credential = ClientCredential::PreSharedKey { identity, key };
        let peer = self.gateway.secure_address();
        let connected = self.secure.open(peer, credential).await?;
        Ok(connected.session)
    }

    async fn upload(handle: &Handle, session: SessionId, token: Vec<u8>) -> Code {
        let request = Request::post("/authz-info").with_payload(ContentFormat::CWT, token);
        handle.request(session, request).await.unwrap().code
    }

    async fn upload_plain(&self, token: Vec<u8>) -> Code {
        let peer = self.gateway.plain_address().unwrap();
        let session = self.plain.open_plain(peer).await.unwrap();
        Self::upload(&self.plain, session, token).await
    }

    async fn get(&self, session: SessionId) -> Code {
        let request = Request::get("/readings");
        self.secure.request(session, request).await.unwrap().code
    }
}

fn identity_of(key: &str) -> Vec<u8> {
    let kid = key.as_bytes().to_vec();
    PskIdentity { kid }.encode()
}

#[tokio::test]
async fn f46_upload_without_dtls_of_4096_bytes_and_no_more() {
    let world = World::new().await;
    for (key, length, wanted) in [
        ("a", 150, Code::CREATED),
        // More than one block; the block after the first has one byte.
        ("b", 1025, Code::CREATED),
        ("c", LONGEST_UPLOAD, Code::CREATED),
        ("d", LONGEST_UPLOAD + 1, Code::REQUEST_ENTITY_TOO_LARGE),
        // More than any body.
        ("e", 17_000, Code::REQUEST_ENTITY_TOO_LARGE),
    ] {
        let code = world.upload_plain(token(key, length)).await;
        assert_eq!(code, wanted, "{length}");
        // What was taken opens a session, what was refused does not.
        let session = world.open(identity_of(key)).await;
        if wanted == Code::CREATED {
            assert_eq!(world.get(session.unwrap()).await, Code::CONTENT, "{length}");
        } else {
            assert!(session.is_err(), "{length}");
        }
    }
}

#[tokio::test]
async fn f46_upload_in_a_session_of_4096_bytes_and_no_more() {
    let world = World::new().await;
    let session = world.open(token("a", 200)).await.unwrap();
    for (length, wanted) in [
        (LONGEST_UPLOAD, Code::CREATED),
        (LONGEST_UPLOAD + 1, Code::REQUEST_ENTITY_TOO_LARGE),
        (17_000, Code::REQUEST_ENTITY_TOO_LARGE),
    ] {
        let code = World::upload(&world.secure, session, token("a", length)).await;
        assert_eq!(code, wanted, "{length}");
        // The session keeps the rights that it had.
        assert_eq!(world.get(session).await, Code::CONTENT, "{length}");
    }
}

#[tokio::test]
async fn d25_token_as_identity_of_2048_bytes_and_no_more() {
    let world = World::new().await;
    for length in [150, 1400, LONGEST_IDENTITY] {
        let session = world.open(token("a", length)).await.unwrap();
        assert_eq!(world.get(session).await, Code::CONTENT, "{length}");
    }
    // Our client does not even ask: a token of that length is uploaded.
    let outcome = world.open(token("b", LONGEST_IDENTITY + 1)).await;
    let Err(OpenError::Connect(ConnectError::IdentityTooLong { limit, .. })) = outcome else {
        panic!("a limit, not {outcome:?}")
    };
    assert_eq!(limit, LONGEST_IDENTITY);
}
