//! The main job on real UDP and DTLS over loopback, as a device waits for it: a handshake, a grant on a live session,
//! a request under a token, and all of it from cold. Client and servers share the machine and the runtime, so these
//! are times of both ends together.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark whose servers do not start must stop"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use motekey_coap::driver::{Driver, Handle};
use motekey_coap::dtls::{ClientCredential, Implementation, PreSharedKey, SessionId};
use motekey_coap::endpoint::{EndpointConfig, Security};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::message::{TokenRequest, TokenResponse};
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};
use motekey_server::authorization_server::{AuthorizationServer, ClientLimits};
use motekey_server::listen::{Listen, Running};
use motekey_server::registry::{Device, Registry, ResourceServerRecord, ScopeRule, SharedKey};
use motekey_server::resource_server::{Limits, ResourceServer};
use motekey_server::store::MemoryStore;
use tokio::runtime::Runtime;

const AUDIENCE: &str = "gateway";
const ISSUER: &str = "authorization-server";
const IDENTITY: &[u8] = b"meter-000000001";
const KEY: [u8; 16] = [
    3, 14, 15, 92, 65, 35, 89, 79, 32, 38, 46, 26, 43, 38, 32, 79,
];
const SHARED: [u8; 16] = [
    27, 18, 28, 18, 28, 45, 90, 45, 23, 53, 60, 28, 74, 71, 35, 26,
];
/// Requests on one session: message ids are not used twice within EXCHANGE_LIFETIME (RFC 7252 Section 4.4).
const REQUESTS_PER_SESSION: u64 = 30_000;

fn loopback(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let site = runtime.block_on(Site::start());
    let mut group = criterion.benchmark_group("loopback, both ends, PSK with AES-128-CCM-8");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(4));

    group.bench_function("handshake with cookie, then close", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let session = site.open_authorization_server().await;
            site.client.close(session).await;
        });
    });
    group.bench_function("grant on a live session", |bencher| {
        bencher.to_async(&runtime).iter_custom(|count| {
            repeat(
                count,
                || site.open_authorization_server(),
                |session| site.token(session),
            )
        });
    });
    group.bench_function("GET under a token on a live session", |bencher| {
        let token =
            runtime.block_on(async { site.token(site.open_authorization_server().await).await });
        bencher.to_async(&runtime).iter_custom(|count| {
            repeat(
                count,
                || site.open_resource_server(&token),
                |session| site.reading(session),
            )
        });
    });
    group.bench_function(
        "cold: handshake, grant, handshake with the token, GET",
        |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                let session = site.open_authorization_server().await;
                let token = site.token(session).await;
                let resource_session = site.open_resource_server(&token).await;
                site.reading(resource_session).await;
                site.client.close(session).await;
                site.client.close(resource_session).await;
            });
        },
    );
    group.finish();
}

/// Time of `count` runs of `work`, without the sessions that they run on.
async fn repeat<O, W, OpenFuture, WorkFuture, Output>(count: u64, open: O, work: W) -> Duration
where
    O: Fn() -> OpenFuture,
    OpenFuture: Future<Output = SessionId>,
    W: Fn(SessionId) -> WorkFuture,
    WorkFuture: Future<Output = Output>,
{
    let mut time = Duration::ZERO;
    let mut left = count;
    while left > 0 {
        let session = open().await;
        let now = left.min(REQUESTS_PER_SESSION);
        let began = Instant::now();
        for _ in 0..now {
            work(session).await;
        }
        time += began.elapsed();
        left -= now;
    }
    time
}

struct Site {
    authorization_server: Running,
    resource_server: Running,
    client: Handle,
    request: Vec<u8>,
}

impl Site {
    async fn start() -> Self {
        let store = Arc::new(MemoryStore::with_registry(registry()));
        let server = AuthorizationServer::builder(store)
            .issuer(ISSUER)
            .client_limits(ClientLimits::NONE)
            .build()
            .await
            .unwrap();
        let authorization_server = Arc::new(server)
            .start(Listen::secure(any_port()))
            .await
            .unwrap();
        let server = ResourceServer::builder(AUDIENCE)
            .shared_key(ISSUER, PreSharedKey::new(SHARED.to_vec()))
            // A cold start a millisecond: more keys in a minute than any gateway has devices.
            .limits(Limits {
                tokens: 1_000_000,
                ..Limits::default()
            })
            .resource("/reading", |_, _| async {
                Response::new(Code::CONTENT).with_payload(ContentFormat::TEXT_PLAIN, "231.4")
            })
            .build()
            .unwrap();
        let resource_server = server.start(Listen::secure(any_port())).await.unwrap();
        let socket = tokio::net::UdpSocket::bind(any_port()).await.unwrap();
        let security = Security::Dtls(Implementation::default().client(Duration::from_secs(10)));
        let client = Driver::start(socket, EndpointConfig::default(), security, None).unwrap();
        let request = TokenRequest {
            audience: Some(AUDIENCE.to_owned()),
            scope: Some(Scope::from(&scope())),
            ..TokenRequest::default()
        };
        Self {
            authorization_server,
            resource_server,
            client,
            request: request.encode(),
        }
    }

    async fn open_authorization_server(&self) -> SessionId {
        self.open(self.authorization_server.secure_address(), IDENTITY, &KEY)
            .await
    }

    /// With the whole token as identity (RFC 9202 Section 3.3.2).
    async fn open_resource_server(&self, token: &TokenResponse) -> SessionId {
        let Some(Confirmation::Key(key)) = &token.cnf else {
            unreachable!("a token of this site is bound to a symmetric key");
        };
        let peer = self.resource_server.secure_address();
        self.open(peer, &token.access_token, key.symmetric_value().unwrap())
            .await
    }

    async fn open(&self, peer: SocketAddr, identity: &[u8], key: &[u8]) -> SessionId {
        let credential = ClientCredential::PreSharedKey {
            identity: identity.to_vec(),
            key: PreSharedKey::new(key.to_vec()),
        };
        self.client.open(peer, credential).await.unwrap().session
    }

    async fn token(&self, session: SessionId) -> TokenResponse {
        let request =
            Request::post("/token").with_payload(ContentFormat::ACE_CBOR, self.request.clone());
        let response = self.client.request(session, request).await.unwrap();
        assert_eq!(response.code, Code::CREATED);
        TokenResponse::decode(&response.payload).unwrap()
    }

    async fn reading(&self, session: SessionId) {
        let response = self
            .client
            .request(session, Request::get("/reading"))
            .await
            .unwrap();
        assert_eq!(response.code, Code::CONTENT);
    }
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    let shared = SharedKey::new(PreSharedKey::new(SHARED.to_vec()));
    registry
        .put_resource_server(ResourceServerRecord::new(AUDIENCE, shared))
        .unwrap();
    let meter = Device::with_pre_shared_key("meter", IDENTITY, PreSharedKey::new(KEY.to_vec()));
    registry
        .put_device(meter.allow(AUDIENCE, ScopeRule::Aif(scope())))
        .unwrap();
    registry
}

fn scope() -> Aif {
    Aif::new([("/reading", MethodSet::EMPTY.with(Method::Get))])
}

fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

criterion_group!(benches, loopback);
criterion_main!(benches);
