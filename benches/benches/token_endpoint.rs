//! The token endpoint in memory: from the bytes of a CoAP request to the bytes of the response, everything between
//! included (authentication of the peer, policy, fresh key, token, record in the store). Budget: 50,000 a second per
//! core with encrypted tokens, that is 20 microseconds of CPU time.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark whose requests are refused must stop"
)]

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use motekey_benches::cpu_time::{CpuTime, cpu_time};
use motekey_benches::sample;
use motekey_coap::dtls::{PeerIdentity, PreSharedKey};
use motekey_coap::message::{Code, ContentFormat, Kind, Message, Request, Token};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::{AeadAlgorithm, CryptoProvider, SignatureAlgorithm, aws_lc, rust};
use motekey_cose::key::CoseKey;
use motekey_cose::message::{ProfileRequest, TokenRequest};
use motekey_cose::scope::Scope;
use motekey_server::authorization_server::{AuthorizationServer, ClientLimits};
use motekey_server::clock::VirtualClock;
use motekey_server::public_key::subject_public_key_info;
use motekey_server::registry::{Device, Registry, ResourceServerRecord, ScopeRule, SharedKey};
use motekey_server::store::MemoryStore;

/// Devices and resource servers that are registered besides the one that asks.
const CROWD: u32 = 10_000;
/// Seconds that tokens live. The clock goes on by one with every [`TOKENS_PER_SECOND`] tokens, so that the store holds
/// 60,000 live ones and forgets the others as it goes.
const LIFETIME: u64 = 60;
const TOKENS_PER_SECOND: u64 = 1000;
/// Tokens that the store holds before it looks for expired ones.
const CAPACITY: usize = 65_536;
/// Longest datagram.
const LIMIT: usize = 1152;

/// A server, who asks, and the datagram that asks.
struct Case {
    server: AuthorizationServer,
    clock: Arc<VirtualClock>,
    peer: PeerIdentity,
    datagram: Vec<u8>,
    served: u64,
}

impl Case {
    fn new(
        registry: Registry,
        provider: CryptoProvider,
        peer: PeerIdentity,
        datagram: Vec<u8>,
    ) -> Self {
        let clock = Arc::new(VirtualClock::fixed(sample::NOW.as_seconds()));
        let store = MemoryStore::with_registry(registry).with_capacity(CAPACITY);
        let signing_key = CoseKey::ed25519(&provider, &[5; 32], Some(b"as")).unwrap();
        let builder = AuthorizationServer::builder(Arc::new(store))
            .clock(clock.clone())
            .crypto(provider)
            .client_limits(ClientLimits::NONE)
            .signing_key(SignatureAlgorithm::EdDsa, signing_key);
        Self {
            server: at_once(builder.build()).unwrap(),
            clock,
            peer,
            datagram,
            served: 0,
        }
    }

    /// One request to its response.
    fn serve(&mut self) -> Vec<u8> {
        self.served += 1;
        if self.served.is_multiple_of(TOKENS_PER_SECOND) {
            self.clock.advance(1);
        }
        let message = Message::decode(black_box(&self.datagram), LIMIT).unwrap();
        let request = Request {
            method: message.code,
            options: message.options,
            payload: message.payload,
        };
        let response = at_once(self.server.answer_request(Some(&self.peer), &request));
        assert_eq!(response.code, Code::CREATED);
        let answer = Message {
            kind: Kind::Acknowledgement,
            code: response.code,
            id: message.id,
            token: message.token,
            options: response.options,
            payload: response.payload,
        };
        answer.encode()
    }
}

/// What a future gives that has nothing to wait for.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the store in memory does not wait"),
    }
}

fn datagram(audience: &str, key_id: Option<&[u8]>) -> Vec<u8> {
    let parameters = TokenRequest {
        audience: Some(audience.into()),
        scope: Some(Scope::from(&sample::scope())),
        ace_profile: Some(ProfileRequest::Ask),
        req_cnf: key_id.map(|key_id| Confirmation::KeyId(key_id.to_vec())),
        ..TokenRequest::default()
    };
    let request =
        Request::post("/token").with_payload(ContentFormat::ACE_CBOR, parameters.encode());
    let message = Message {
        kind: Kind::Confirmable,
        code: request.method,
        id: 7,
        token: Token::new(&[1, 2]).unwrap(),
        options: request.options,
        payload: request.payload,
    };
    message.encode()
}

/// A different key for every number.
fn key(number: u32) -> PreSharedKey {
    let mut bytes = vec![
        0x8f, 0x3a, 0x5c, 0x11, 0xd0, 0x9b, 0xe7, 0x42, 0x6a, 0xf0, 0xc2, 0x91,
    ];
    bytes.extend(number.to_be_bytes());
    PreSharedKey::new(bytes)
}

fn registry(algorithm: AeadAlgorithm) -> Registry {
    let mut registry = Registry::new();
    let mut gateway = ResourceServerRecord::new("gateway", SharedKey::new(key(0)));
    if let Some(shared) = &mut gateway.shared_key {
        shared.algorithm = algorithm;
    }
    gateway.token_lifetime = LIFETIME;
    registry.put_resource_server(gateway).unwrap();
    for number in 1..=CROWD {
        let name = format!("meter-{number}");
        let device = Device::with_pre_shared_key(&name, name.as_bytes(), key(number))
            .allow("gateway", ScopeRule::Aif(sample::scope()));
        registry.put_device(device).unwrap();
    }
    registry
}

fn endpoint(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("RFC 9200 token endpoint, CoAP bytes to CoAP bytes");
    group.throughput(Throughput::Elements(1));
    let peer = PeerIdentity::PreSharedKey(b"meter-7".to_vec());
    for (provider, algorithm, name) in [
        (
            aws_lc::PROVIDER,
            AeadAlgorithm::AesCcm16_64_128,
            "AES-CCM-16-64-128",
        ),
        (aws_lc::PROVIDER, AeadAlgorithm::A128Gcm, "A128GCM"),
        (
            rust::PROVIDER,
            AeadAlgorithm::AesCcm16_64_128,
            "AES-CCM-16-64-128",
        ),
    ] {
        let mut case = Case::new(
            registry(algorithm),
            provider,
            peer.clone(),
            datagram("gateway", None),
        );
        group.bench_function(format!("Encrypt0 {name}, {}", provider.name), |bencher| {
            bencher.iter(|| case.serve());
        });
    }
    let (registry, peer) = signed();
    let mut case = Case::new(
        registry,
        aws_lc::PROVIDER,
        peer,
        datagram("door", Some(&[2])),
    );
    group.bench_function("Sign1 EdDSA, aws-lc", |bencher| {
        bencher.iter(|| case.serve());
    });
    group.finish();
}

/// A resource server with a public key, and a device with one of its own.
fn signed() -> (Registry, PeerIdentity) {
    let pair = |seed| CoseKey::ed25519(&rust::PROVIDER, &[seed; 32], Some(&[seed])).unwrap();
    let (door, badge) = (pair(1), pair(2));
    let mut registry = registry(AeadAlgorithm::AesCcm16_64_128);
    let mut record = ResourceServerRecord::with_public_key("door", door.public().unwrap());
    record.token_lifetime = LIFETIME;
    registry.put_resource_server(record).unwrap();
    let device = Device::with_public_key("badge", badge.public().unwrap())
        .allow("door", ScopeRule::Aif(sample::scope()));
    registry.put_device(device).unwrap();
    let identity = subject_public_key_info(&badge).unwrap();
    (registry, PeerIdentity::RawPublicKey(identity))
}

criterion_group! {
    name = token_endpoint;
    config = cpu_time();
    targets = endpoint
}
criterion_main!(token_endpoint);
