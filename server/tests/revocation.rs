//! Revocation over real DTLS on loopback (RFC 9770): a revoked token ends its live session, others lose nothing.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panic")]

mod site;

use std::sync::Arc;
use std::time::Duration;

use motekey_coap::driver::Observation;
use motekey_coap::dtls::SessionId;
use motekey_coap::message::{Code, ContentFormat, Request};
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::message::TokenResponse;
use motekey_cose::revocation::{RevocationContent, RevocationResponse, TokenHash};
use motekey_server::authorization_server::revocation::AcknowledgedBy;
use motekey_server::event::{Event, TokenEnd};
use motekey_server::resource_server::{Revocation, VolatileRevocations};
use motekey_server::store::{MemoryStore, TokenSelection};
use site::{
    Client, Gateway, PATIENCE, Site, device_name, key, link, loopback, registry, session_key,
    wait_for,
};
use tokio::time::timeout;

fn hash(token: &TokenResponse) -> TokenHash {
    TokenHash::of_token(&PROVIDER, &token.access_token)
}

/// A resource server that follows the list and has read it once.
async fn follower(site: &Site, number: usize) -> Gateway {
    let link = site.link(number).revocation(Revocation::default());
    let gateway = Gateway::new(number, site.clock.clone(), |builder| builder.link(link)).await;
    wait_for(&gateway.events, "the first list", |event| {
        matches!(event, Event::RevocationListRead { full: true, .. })
    })
    .await;
    gateway
}

#[tokio::test(flavor = "multi_thread")]
async fn r19_r21_observer_of_a_resource_gets_4_01_when_its_token_is_revoked() {
    let site = Site::new(2, 1).await;
    let gateway = follower(&site, 0).await;
    let client = Client::new().await;
    let token = site.token(&client, 1, 0).await;
    let session = client.connect(&gateway, &token).await;
    let request = Request::get("/readings");
    let mut observation = client.handle.observe(session, request).await.unwrap();
    assert_eq!(observation.first().code, Code::CONTENT);
    site.server
        .revoke(&TokenSelection::Hash(hash(&token)))
        .await
        .unwrap();
    let last = timeout(PATIENCE, observation.next()).await.unwrap();
    assert_eq!(last.unwrap().unwrap().code, Code::UNAUTHORIZED);
    wait_for(&gateway.events, "the end of the session", |event| {
        matches!(event, Event::SessionClosed { .. })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_device_loses_every_session_and_gets_no_token() {
    let site = Site::new(2, 2).await;
    let (one, two) = (follower(&site, 0).await, follower(&site, 1).await);
    let client = Client::new().await;
    let tokens = [
        site.token(&client, 1, 0).await,
        site.token(&client, 1, 1).await,
    ];
    let sessions = [
        client.connect(&one, &tokens[0]).await,
        client.connect(&two, &tokens[1]).await,
    ];
    let name = device_name(1);
    let at_home = client
        .open(site.address(), name.as_bytes(), key(1))
        .await
        .unwrap();
    let revoked = site.server.disable_device(&name).await.unwrap().unwrap();
    assert_eq!(revoked.len(), 2);
    for session in [sessions[0], sessions[1], at_home] {
        closed_by_peer(&client, session).await;
    }
    let again = client.open(site.address(), name.as_bytes(), key(1)).await;
    assert!(again.is_err(), "a disabled device gets no session");
    let other = site.token(&client, 2, 0).await;
    client.connect(&one, &other).await;
}

async fn closed_by_peer(client: &Client, session: SessionId) {
    for _ in 0..400 {
        if client.handle.statistics(session).await.is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{session:?} is still open");
}

async fn observe_list(client: &Client, site: &Site, identity: &str, key: usize) -> Observation {
    let key = match identity {
        "rs-0-session" => session_key(0),
        _ => self::key(key),
    };
    let session = client
        .open(site.address(), identity.as_bytes(), key)
        .await
        .unwrap();
    let request = Request::get("/revoke/trl").accept(ContentFormat::ACE_TRL_CBOR);
    let observation = client.handle.observe(session, request).await.unwrap();
    assert_eq!(observation.first().code, Code::CONTENT);
    assert!(observation.first().options.observe().is_some());
    observation
}

/// A server tells peers apart by their address, so that each needs a socket of its own.
async fn clients() -> [Client; 4] {
    [
        Client::new().await,
        Client::new().await,
        Client::new().await,
        Client::new().await,
    ]
}

async fn next_list(observation: &mut Observation) -> Vec<TokenHash> {
    let state = timeout(PATIENCE, observation.next()).await.unwrap();
    let state = state.unwrap().unwrap();
    match RevocationResponse::decode(&state.payload).unwrap().content {
        RevocationContent::Full(hashes) => hashes,
        RevocationContent::Diff(_) => panic!("a diff"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r06_r08_r19_observers_of_the_list_are_told_what_concerns_them() {
    let site = Site::new(2, 1).await;
    let token = site.token(&Client::new().await, 1, 0).await;
    let [one, two, three, four] = clients().await;
    let mut concerned = observe_list(&one, &site, "device-1", 1).await;
    let mut server = observe_list(&two, &site, "rs-0-session", 0).await;
    let mut administrator = observe_list(&three, &site, "admin", 999).await;
    let mut other = observe_list(&four, &site, "device-2", 2).await;
    site.server
        .revoke(&TokenSelection::Client("device-1".into()))
        .await
        .unwrap();
    for observation in [&mut concerned, &mut server, &mut administrator] {
        assert_eq!(next_list(observation).await, [hash(&token)]);
    }
    site.clock.advance(600);
    for observation in [&mut concerned, &mut server, &mut administrator] {
        assert_eq!(
            next_list(observation).await,
            [],
            "told when the token expires"
        );
    }
    let silence = timeout(Duration::from_millis(500), other.next()).await;
    assert!(silence.is_err(), "what does not concern it is not told");
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_what_was_missed_while_the_server_was_away_is_made_up_for() {
    let store = Arc::new(MemoryStore::with_registry(registry(1, 1)));
    let site = Site::on(store.clone(), loopback(), |builder| builder).await;
    let gateway = follower(&site, 0).await;
    let client = Client::new().await;
    let token = site.token(&client, 1, 0).await;
    let session = client.connect(&gateway, &token).await;
    let address = site.address();
    site.running.shutdown().await;
    // Revoked while nobody listens; errors and silence change nothing at the resource server.
    site.server
        .revoke(&TokenSelection::Hash(hash(&token)))
        .await
        .unwrap();
    let response = client.request(session, Request::get("/readings")).await;
    assert_eq!(response.code, Code::CONTENT);
    let _again = Site::on(store, address, |builder| builder).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn r21_r22_a_resource_server_that_restarts_refuses_what_was_revoked() {
    let site = Site::new(1, 1).await;
    let client = Client::new().await;
    let token = site.token(&client, 1, 0).await;
    let storage = Arc::new(VolatileRevocations::default());
    let start = async |address| {
        let link = link(address, 0).revocation(Revocation::default());
        let storage = storage.clone();
        let configure = |builder: motekey_server::resource_server::ResourceServerBuilder| {
            builder.link(link).revocation_storage(storage)
        };
        Gateway::new(0, site.clock.clone(), configure).await
    };
    let first = start(site.address()).await;
    site.server
        .revoke(&TokenSelection::Hash(hash(&token)))
        .await
        .unwrap();
    wait_for(&first.events, "the list", |event| {
        matches!(event, Event::RevocationListRead { .. })
    })
    .await;
    let format = ContentFormat::CWT;
    for _ in 0..100 {
        if first.upload(&client, &token.access_token, format).await == Code::UNAUTHORIZED {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    first.running.shutdown().await;
    // The authorization server cannot be reached by the second life.
    let second = start("127.0.0.1:9".parse().unwrap()).await;
    let code = second.upload(&client, &token.access_token, format).await;
    assert_eq!(code, Code::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_acknowledged_a_revocation_and_when_is_known() {
    let site = Site::new(1, 2).await;
    let gateway = follower(&site, 0).await;
    let client = Client::new().await;
    let tokens = [
        site.token(&client, 1, 0).await,
        site.token(&client, 1, 1).await,
    ];
    let mut changes = site.server.watch_acknowledgements();
    let which = TokenSelection::Client("device-1".into());
    let revoked = site.server.revoke(&which).await.unwrap();
    let spread = site.server.spread(&revoked).await.unwrap();
    // The first resource server observes the list, the second one does not run.
    let reached = loop {
        let reached = site.server.reached(&spread);
        if reached[0].acknowledged.is_some() {
            break reached;
        }
        timeout(PATIENCE, changes.changed()).await.unwrap().unwrap();
    };
    let first = reached[0].acknowledged.unwrap();
    assert_eq!(first.by, AcknowledgedBy::Notification);
    assert!(first.at.abs_diff(site.server.now()) <= 10);
    assert_eq!(
        (&*reached[1].resource_server, reached[1].acknowledged),
        ("rs-1", None)
    );
    // It starts, asks, and knows.
    let _second = follower(&site, 1).await;
    let reached = site.server.reached(&spread);
    let second = reached[1].acknowledged.unwrap();
    assert_eq!(second.by, AcknowledgedBy::Query);
    // A later revocation does not make the earlier one younger.
    drop(gateway);
    site.clock.advance(60);
    let later = site.token(&client, 1, 0).await;
    let revoked = site
        .server
        .revoke(&TokenSelection::Hash(hash(&later)))
        .await
        .unwrap();
    let spread_later = site.server.spread(&revoked).await.unwrap();
    assert_eq!(site.server.reached(&spread_later)[0].acknowledged, None);
    assert_eq!(site.server.reached(&spread)[0].acknowledged, Some(first));
    assert_eq!(tokens.len(), 2);
}
