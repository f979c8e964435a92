//! The device library and the list of revoked tokens (RFC 9770), over DTLS on loopback.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may panic: that is how they fail"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use motekey_client as device;
use motekey_client::{CacheKey, Client, ClientCredential, RevocationList, Step, TokenCache};
use motekey_coap::dtls::PreSharedKey;
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::scope::{Aif, Method, MethodSet};
use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::listen::{Listen, Running};
use motekey_server::registry::{Device, Registry, ResourceServerRecord, ScopeRule, SharedKey};
use motekey_server::resource_server::{Authorized, ResourceServer};
use motekey_server::store::{MemoryStore, TokenSelection};

struct World {
    server: Arc<AuthorizationServer>,
    authorization_server: Running,
    resource_server: Running,
}

fn key(number: u8) -> PreSharedKey {
    let bytes = (0..16_u8).map(|index| index.wrapping_mul(7) ^ number);
    PreSharedKey::new(bytes.collect())
}

async fn answer(_: Authorized, _: Request) -> Response {
    Response::new(Code::CONTENT).with_payload(ContentFormat::TEXT_PLAIN, *b"21.5")
}

impl World {
    /// With `offered`, the authorization server has a list.
    async fn start(offered: bool) -> Self {
        let mut registry = Registry::new();
        let read = Aif::new([("/readings", MethodSet::EMPTY.with(Method::Get))]);
        for (number, name) in [(1, "meter-1"), (2, "meter-2")] {
            let meter = Device::with_pre_shared_key(name, name.as_bytes(), key(number))
                .allow("gateway", ScopeRule::Aif(read.clone()));
            registry.put_device(meter).unwrap();
        }
        let gateway = ResourceServerRecord::new("gateway", SharedKey::new(key(9)));
        registry.put_resource_server(gateway).unwrap();
        let store = Arc::new(MemoryStore::with_registry(registry));
        let mut builder = AuthorizationServer::builder(store);
        if !offered {
            builder = builder.revocation(None);
        }
        let server = Arc::new(builder.build().await.unwrap());
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listen = Listen::secure(loopback);
        let authorization_server = server.clone().start(listen).await.unwrap();
        let resource_server = ResourceServer::builder("gateway")
            .shared_key("as", key(9))
            .resource("/readings", answer)
            .build()
            .unwrap()
            .start(Listen::secure(loopback).and_plain(loopback))
            .await
            .unwrap();
        Self {
            server,
            authorization_server,
            resource_server,
        }
    }

    fn url(&self) -> String {
        format!("coaps://{}/readings", self.resource_server.secure_address())
    }

    /// A device that follows the list, with full queries at this interval.
    async fn client(&self, number: u8, interval: Duration, cache: Option<TokenCache>) -> Client {
        let credential = ClientCredential::PreSharedKey {
            identity: format!("meter-{number}").into_bytes(),
            key: key(number),
        };
        let uri = format!("coaps://{}", self.authorization_server.secure_address());
        let list = RevocationList {
            full_query_every: interval,
            retry_after: Duration::from_millis(100),
            ..RevocationList::default()
        };
        let server = device::AuthorizationServer::new(&uri, credential)
            .unwrap()
            .follow_revocations(list);
        let known = device::ResourceServer::new(&self.url()).unwrap();
        let mut builder = Client::builder()
            .authorization_server(server)
            .resource_server(known.audience("gateway"));
        if let Some(cache) = cache {
            builder = builder.token_cache(cache);
        }
        builder.build().await.unwrap()
    }

    async fn get(&self, client: &Client) {
        let response = client.get(&self.url()).await.unwrap();
        assert_eq!(response.code, Code::CONTENT);
    }
}

fn steps(client: &Client) -> Vec<Step> {
    let report = client.take_report();
    let steps = report.exchanges.iter().map(|exchange| exchange.step);
    steps.collect()
}

async fn wait_for(what: &str, done: impl Fn() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} did not come");
}

/// How often the list was answered with 2.05.
fn lists(client: &Client) -> usize {
    let report = client.report();
    let of_list = |exchange: &&device::Exchange| {
        exchange.step == Step::RevocationList && exchange.outcome.starts_with("2.05")
    };
    report.exchanges.iter().filter(of_list).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r02_r03_r21_a_revoked_token_is_dropped_before_the_next_request() {
    let world = World::start(true).await;
    let hour = Duration::from_secs(3600);
    let path = std::env::temp_dir().join(format!("motekey-revoked-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let cache = || Some(TokenCache::new(&path, CacheKey::new([7; 32])));
    let revoked = world.client(1, hour, cache()).await;
    let other = world.client(2, hour, None).await;
    for client in [&revoked, &other] {
        world.get(client).await;
        wait_for("the list", || lists(client) > 0).await;
        steps(client);
    }
    let before = std::fs::read(&path).unwrap();
    let selection = TokenSelection::Client("meter-1".into());
    assert_eq!(world.server.revoke(&selection).await.unwrap().len(), 1);
    wait_for("the change of the cache", || {
        std::fs::read(&path).unwrap() != before
    })
    .await;
    // The slot is next, within the same task.
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.get(&revoked).await;
    let anew = [
        Step::TokenRequest,
        Step::ResourceServerHandshake,
        Step::Request,
    ];
    assert_eq!(steps(&revoked), anew, "no refusal in between");
    world.get(&other).await;
    assert_eq!(steps(&other), [Step::Request]);
    let _ = std::fs::remove_file(&path);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r20_the_whole_list_is_asked_for_at_intervals() {
    let world = World::start(true).await;
    let client = world.client(1, Duration::from_millis(100), None).await;
    wait_for("the third query", || lists(&client) >= 3).await;
    // What is revoked between the queries is found by them too.
    world.get(&client).await;
    let selection = TokenSelection::Client("meter-1".into());
    world.server.revoke(&selection).await.unwrap();
    let seen = lists(&client);
    wait_for("two more queries", || lists(&client) >= seen + 2).await;
    client.take_report();
    world.get(&client).await;
    assert!(steps(&client).contains(&Step::TokenRequest));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r20_nothing_follows_from_an_authorization_server_without_a_list() {
    let world = World::start(false).await;
    let client = world.client(1, Duration::from_millis(100), None).await;
    world.get(&client).await;
    let asked = || {
        let report = client.report();
        let exchanges = report.exchanges.iter();
        exchanges
            .filter(|exchange| exchange.step == Step::RevocationList)
            .count()
    };
    wait_for("the third try", || asked() >= 3).await;
    client.take_report();
    world.get(&client).await;
    let own = steps(&client)
        .into_iter()
        .filter(|step| *step != Step::RevocationList);
    assert_eq!(own.collect::<Vec<_>>(), [Step::Request]);
}
