//! How a resource server follows a revocation list that is long, that lies or goes back, or whose server is gone
//! (RFC 9770 Section 11), over real DTLS on loopback.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panic")]

mod site;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use motekey_coap::driver::{Context, Driver, Handle, Handler, HandlerFuture};
use motekey_coap::dtls::{CredentialSource, Implementation, PskAnswer};
use motekey_coap::endpoint::{EndpointConfig, ObservationId, Security};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::message::TokenResponse;
use motekey_cose::revocation::{
    Cursor, RevocationContent, RevocationResponse, RevocationUpdate, TokenHash,
};
use motekey_server::event::{Event, TokenEnd};
use motekey_server::resource_server::Revocation;
use motekey_server::store::{IssuedToken, MemoryStore, Store, TokenSelection};
use site::{
    Client, Gateway, PATIENCE, Site, link, loopback, registry, resource_server_name, session_key,
    wait_for,
};
use tokio::net::UdpSocket;

fn hash(token: &TokenResponse) -> TokenHash {
    TokenHash::of_token(&PROVIDER, &token.access_token)
}

fn settings(poll_seconds: u64, full_query_seconds: u64) -> Revocation {
    Revocation {
        poll_seconds,
        full_query_seconds,
        ..Revocation::default()
    }
}

async fn ended(gateway: &Gateway) {
    wait_for(&gateway.events, "the end of the token", |event| {
        matches!(
            event,
            Event::TokenEnded {
                why: TokenEnd::Revoked,
                ..
            }
        )
    })
    .await;
}

/// A list that says what it is told to say, and notes what it is asked.
#[derive(Default)]
struct Script {
    observable: bool,
    hashes: Vec<TokenHash>,
    updates: Vec<RevocationUpdate>,
    /// What every query is answered with instead.
    instead: Option<Response>,
    asked: Vec<(Instant, String)>,
    observer: Option<ObservationId>,
}

/// An authorization server that has nothing but a list.
struct Liar(Mutex<Script>);

impl Liar {
    async fn start(observable: bool) -> (Arc<Self>, Handle) {
        let liar = Arc::new(Self(Mutex::new(Script {
            observable,
            ..Script::default()
        })));
        let backend = Implementation::default().server(Arc::new(Keys), PATIENCE);
        let socket = UdpSocket::bind(loopback()).await.unwrap();
        let config = EndpointConfig::default();
        let security = Security::Dtls(backend);
        let handle = Driver::start(socket, config, security, Some(liar.clone())).unwrap();
        (liar, handle)
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }

    fn asked(&self) -> Vec<String> {
        let script = self.script();
        script
            .asked
            .iter()
            .map(|(_, query)| query.clone())
            .collect()
    }

    fn add(&self, hash: TokenHash) {
        let mut script = self.script();
        script.hashes.push(hash);
        script.updates.push(RevocationUpdate {
            removed: Vec::new(),
            added: vec![hash],
        });
    }
}

impl Script {
    fn answer(&self, query: &str) -> Response {
        if let Some(instead) = &self.instead {
            return instead.clone();
        }
        let cursor = match self.updates.len().checked_sub(1) {
            Some(last) => Cursor::Index(u64::try_from(last).unwrap()),
            None => Cursor::Null,
        };
        let after: Option<usize> = query
            .split_once("cursor=")
            .map(|(_, index)| index.parse().unwrap());
        let diff = query.contains("diff=");
        let updates = self.updates.iter().skip(after.map_or(0, |index| index + 1));
        let answer = RevocationResponse {
            content: match diff {
                true => RevocationContent::Diff(updates.rev().cloned().collect()),
                false => RevocationContent::Full(self.hashes.clone()),
            },
            cursor: Some(cursor),
            more: diff.then_some(false),
        };
        Response::new(Code::CONTENT).with_payload(ContentFormat::ACE_TRL_CBOR, answer.encode())
    }
}

impl Handler for Liar {
    fn handle<'a>(&'a self, context: Context, request: Request) -> HandlerFuture<'a> {
        let mut script = self.script();
        let query = request.queries().join("&");
        script.asked.push((Instant::now(), query.clone()));
        let answer = script.answer(&query);
        let observable = script.observable && context.observation.is_some();
        if observable {
            script.observer = context.observation;
        }
        drop(script);
        Box::pin(async move {
            match observable {
                true => answer.observable(),
                false => answer,
            }
        })
    }
}

struct Keys;

impl CredentialSource for Keys {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        match identity {
            b"rs-0-session" => PskAnswer::Key(session_key(0)),
            _ => PskAnswer::Unknown,
        }
    }
}

async fn read_times(gateway: &Gateway, count: usize) {
    let mut seen = 0;
    for _ in 0..1000 {
        let events = gateway.events.take();
        let reads = events
            .iter()
            .filter(|event| matches!(event, Event::RevocationListRead { .. }));
        seen += reads.count();
        if seen >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the list was read {seen} times only");
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_a_list_that_cannot_be_observed_is_polled_and_read_in_full_at_its_intervals() {
    let site = Site::new(1, 1).await;
    let client = Client::new().await;
    let token = site.token(&client, 1, 0).await;
    let (liar, handle) = Liar::start(false).await;
    let link = link(handle.local_addr(), 0).revocation(settings(1, 4));
    let gateway = Gateway::new(0, site.clock.clone(), |builder| builder.link(link)).await;
    read_times(&gateway, 2).await;
    let session = client.connect(&gateway, &token).await;
    let begun = Instant::now();
    liar.add(hash(&token));
    ended(&gateway).await;
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "found by the next poll"
    );
    assert!(
        client
            .handle
            .request(session, Request::get("/readings"))
            .await
            .is_err()
    );
    tokio::time::sleep(Duration::from_millis(5500)).await;
    let asked = liar.asked();
    let [first, full, again @ ..] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    assert_eq!((first.as_str(), full.as_str()), ("diff=8", ""));
    // With an update known, only what follows it; in full once in four seconds.
    let fulls = again.iter().filter(|query| query.is_empty()).count();
    let diffs = again
        .iter()
        .filter(|query| *query == "diff=0&cursor=0")
        .count();
    assert!((1..=3).contains(&fulls) && diffs >= 3, "{asked:?}");
    assert_eq!(fulls + diffs, again.len(), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_r21_r22_a_list_that_lies_or_goes_back_gives_no_token_back() {
    let site = Site::new(2, 1).await;
    let client = Client::new().await;
    let (one, two) = (
        site.token(&client, 1, 0).await,
        site.token(&client, 2, 0).await,
    );
    let (liar, handle) = Liar::start(true).await;
    liar.add(TokenHash::of_digest([1; 32]));
    liar.add(hash(&one));
    let link = link(handle.local_addr(), 0).revocation(settings(1, 60));
    let gateway = Gateway::new(0, site.clock.clone(), |builder| builder.link(link)).await;
    read_times(&gateway, 2).await;
    let format = ContentFormat::CWT;
    let refused = async || gateway.upload(&client, &one.access_token, format).await;
    assert_eq!(refused().await, Code::UNAUTHORIZED);
    // Notifications that are no lists: what they say counts for nothing, and the list is asked for anew.
    let named = RevocationResponse {
        content: RevocationContent::Full(vec![hash(&two)]),
        cursor: Some(Cursor::Index(7)),
        more: None,
    };
    let trl = ContentFormat::ACE_TRL_CBOR;
    for (what, answer) in [
        (
            "another format",
            Response::new(Code::CONTENT).with_payload(ContentFormat::CBOR, named.encode()),
        ),
        (
            "half a list",
            Response::new(Code::CONTENT).with_payload(trl, &named.encode()[..20]),
        ),
        (
            "an error",
            Response::new(Code::INTERNAL_SERVER_ERROR).with_payload(trl, named.encode()),
        ),
    ] {
        let before = liar.asked().len();
        let observer = liar.script().observer.take().unwrap();
        handle.notify(observer, answer.observable()).await;
        for _ in 0..2000 {
            if liar.script().observer.is_some() && liar.asked().len() >= before + 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(liar.asked().len() >= before + 2, "{what}: asked again");
        assert_eq!(refused().await, Code::UNAUTHORIZED, "{what}");
        let other = gateway.upload(&client, &two.access_token, format).await;
        assert_eq!(other, Code::CREATED, "{what}");
    }
    // The list goes back, and has nothing any more.
    let observer = liar.script().observer.unwrap();
    let before = liar.asked().len();
    {
        let mut script = liar.script();
        script.updates.truncate(1);
        script.hashes.clear();
    }
    let back = liar.script().answer("diff=8").observable();
    handle.notify(observer, back).await;
    for _ in 0..1000 {
        if liar.asked().len() > before {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let asked = liar.asked();
    assert!(
        asked[before..].contains(&String::new()),
        "read in full: {asked:?}"
    );
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        refused().await,
        Code::UNAUTHORIZED,
        "a shorter list gives nothing back"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_an_authorization_server_that_was_killed_is_followed_again() {
    let store = Arc::new(MemoryStore::with_registry(registry(1, 1)));
    let site = Site::on(store.clone(), loopback(), |builder| builder).await;
    let address = site.address();
    let link = site
        .link(0)
        .time_limit(Duration::from_secs(1))
        .revocation(settings(1, 300));
    let gateway = Gateway::new(0, site.clock.clone(), |builder| builder.link(link)).await;
    read_times(&gateway, 2).await;
    let client = Client::new().await;
    let token = site.token(&client, 1, 0).await;
    let _session = client.connect(&gateway, &token).await;
    // No goodbye: the resource server cannot know that its observation is gone.
    drop(site.running);
    drop(site.server);
    let again = loop {
        let socket = std::net::UdpSocket::bind(address);
        if socket.is_ok() {
            drop(socket);
            break Site::on(store, address, |builder| builder).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let begun = Instant::now();
    again
        .server
        .revoke(&TokenSelection::Hash(hash(&token)))
        .await
        .unwrap();
    ended(&gateway).await;
    println!(
        "out {:?} after the restart, with a query every second",
        begun.elapsed()
    );
    assert!(begun.elapsed() < Duration::from_secs(8));
}

#[tokio::test(flavor = "multi_thread")]
async fn r09_r19_r20_a_list_of_five_thousand_is_read_and_each_further_revocation_told() {
    const LISTED: u64 = 5_000;
    let store = Arc::new(MemoryStore::with_registry(registry(2, 1)));
    let site = Site::on(store.clone(), loopback(), |builder| builder).await;
    let client = Client::new().await;
    let early = site.token(&client, 1, 0).await;
    let name: Arc<str> = resource_server_name(0).into();
    let now = site.server.now();
    for serial in 0..LISTED - 1 {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&serial.to_be_bytes());
        let token = IssuedToken {
            token_id: format!("listed {serial}").into_bytes(),
            key_id: Vec::new(),
            client: "device-1".into(),
            resource_server: name.clone(),
            issued_at: now,
            expires_at: now + 600,
            token_hash: TokenHash::of_digest(digest),
            recipients: Arc::from([name.clone()]),
            revoked_at: None,
        };
        store.record_token(token, now).await.unwrap();
    }
    let all = TokenSelection::ResourceServer(name);
    assert_eq!(site.server.revoke(&all).await.unwrap().len(), 5_000);
    let late = site.token(&client, 2, 0).await;
    let link = site.link(0).revocation(Revocation::default());
    let begun = Instant::now();
    let gateway = Gateway::new(0, site.clock.clone(), |builder| builder.link(link)).await;
    wait_for(&gateway.events, "the whole list", |event| {
        matches!(event, Event::RevocationListRead { full: true, .. })
    })
    .await;
    println!("a list of {LISTED} read in {:?}", begun.elapsed());
    let format = ContentFormat::CWT;
    let code = gateway.upload(&client, &early.access_token, format).await;
    assert_eq!(code, Code::UNAUTHORIZED, "one of the list");
    let session = client.connect(&gateway, &late).await;
    let answer = client.request(session, Request::get("/readings")).await;
    assert_eq!(answer.code, Code::CONTENT);
    let begun = Instant::now();
    let which = TokenSelection::Hash(hash(&late));
    assert_eq!(site.server.revoke(&which).await.unwrap().len(), 1);
    ended(&gateway).await;
    println!("one more told in {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(1));
}
