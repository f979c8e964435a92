//! Servers that end without a word, and begin again at the same address.

use std::time::{Duration, Instant};

use motekey_client::{Client, Error, ResourceServer, Role, Step, Timers, TokenTransport};
use motekey_coap::message::{Code, ContentFormat};

use crate::scripted::{Part, World};

/// Lifetime of the tokens of the script in seconds.
const LIFETIME: u64 = 3600;

async fn client(world: &World, known: ResourceServer) -> Client {
    let timers = Timers {
        handshake: Duration::from_secs(8),
        exchange: Duration::from_millis(1500),
        ..Timers::default()
    };
    let builder = world.builder(known.audience("rs1")).timers(timers);
    builder.build().await.unwrap()
}

async fn get(world: &World, client: &Client) {
    let response = client.get(&world.url("/temperature")).await.unwrap();
    assert_eq!(response.code, Code::CONTENT);
}

fn steps(client: &Client) -> Vec<Step> {
    let report = client.take_report();
    let exchanges = report.exchanges.iter();
    exchanges.map(|exchange| exchange.step).collect()
}

async fn until(mut condition: impl FnMut() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come about");
}

#[tokio::test]
async fn an_authorization_server_that_restarted_costs_one_more_handshake() {
    let mut world = World::mortal().await;
    let client = client(&world, world.known()).await;
    get(&world, &client).await;
    steps(&client);
    world.kill(Part::AuthorizationServer);
    world.revive(Part::AuthorizationServer).await;
    world.clock.advance(Duration::from_secs(LIFETIME + 1));
    get(&world, &client).await;
    let seen = [
        Step::TokenRequest,
        Step::AuthorizationServerHandshake,
        Step::TokenRequest,
        Step::ResourceServerHandshake,
        Step::Request,
    ];
    assert_eq!(steps(&client), seen);
    assert_eq!(world.script().token_requests.len(), 2);
}

#[tokio::test]
async fn an_authorization_server_that_ends_before_it_answers_is_asked_again_once() {
    let mut world = World::mortal().await;
    world.script().unanswered = 1;
    let client = client(&world, world.known()).await;
    let (asking, url) = (client.clone(), world.url("/temperature"));
    let call = tokio::spawn(async move { asking.get(&url).await });
    until(|| world.script().token_requests.len() == 1).await;
    world.kill(Part::AuthorizationServer);
    world.revive(Part::AuthorizationServer).await;
    assert_eq!(call.await.unwrap().unwrap().code, Code::CONTENT);
    assert_eq!(world.script().token_requests.len(), 2);
}

#[tokio::test]
async fn an_authorization_server_that_never_answers_is_asked_twice_and_told() {
    let world = World::mortal().await;
    world.script().unanswered = 99;
    let client = client(&world, world.known()).await;
    let began = Instant::now();
    let error = client.get(&world.url("/temperature")).await.unwrap_err();
    let unreachable = matches!(
        error,
        Error::CannotReach {
            role: Role::AuthorizationServer,
            ..
        }
    );
    assert!(unreachable, "{error}");
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(world.script().token_requests.len(), 2);
    // The next call is not hurt by it.
    world.script().unanswered = 0;
    get(&world, &client).await;
}

#[tokio::test]
async fn a_server_that_is_away_for_a_while_is_waited_for_in_the_handshake() {
    for part in [Part::AuthorizationServer, Part::ResourceServer] {
        let mut world = World::mortal().await;
        let client = client(&world, world.known()).await;
        world.kill(part);
        let (asking, url) = (client.clone(), world.url("/temperature"));
        let call = tokio::spawn(async move { asking.get(&url).await });
        tokio::time::sleep(Duration::from_millis(500)).await;
        world.revive(part).await;
        assert_eq!(call.await.unwrap().unwrap().code, Code::CONTENT, "{part:?}");
        assert_eq!(world.script().token_requests.len(), 1, "{part:?}");
    }
}

#[tokio::test]
async fn a_resource_server_that_restarted_gets_the_same_token_again() {
    for transport in [TokenTransport::InHandshake, TokenTransport::Upload] {
        let mut world = World::mortal().await;
        let client = client(&world, world.known().token_transport(transport)).await;
        get(&world, &client).await;
        steps(&client);
        world.kill(Part::ResourceServer);
        world.script().lose_tokens();
        world.revive(Part::ResourceServer).await;
        get(&world, &client).await;
        let mut seen = vec![Step::Request];
        if transport == TokenTransport::Upload {
            seen.push(Step::TokenUpload);
        }
        seen.extend([Step::ResourceServerHandshake, Step::Request]);
        assert_eq!(steps(&client), seen);
        assert_eq!(world.script().token_requests.len(), 1, "{transport:?}");
    }
}

#[tokio::test]
async fn a_resource_server_that_takes_the_old_token_no_more_gets_a_fresh_one() {
    let mut world = World::mortal().await;
    let client = client(&world, world.known()).await;
    get(&world, &client).await;
    steps(&client);
    world.kill(Part::ResourceServer);
    world.script().refuse_old_tokens();
    world.revive(Part::ResourceServer).await;
    get(&world, &client).await;
    let seen = [
        Step::Request,
        Step::ResourceServerHandshake,
        Step::TokenRequest,
        Step::ResourceServerHandshake,
        Step::Request,
    ];
    assert_eq!(steps(&client), seen);
}

#[tokio::test]
async fn what_must_not_be_done_twice_is_not_repeated_after_a_restart() {
    let mut world = World::mortal().await;
    let client = client(&world, world.known()).await;
    get(&world, &client).await;
    world.kill(Part::ResourceServer);
    world.revive(Part::ResourceServer).await;
    let url = world.url("/readings");
    let post = || client.post(&url, ContentFormat::TEXT_PLAIN, *b"1");
    let error = post().await.unwrap_err();
    let told = matches!(error, Error::CannotReach { .. } | Error::Interrupted { .. });
    assert!(told, "{error}");
    assert_eq!(world.script().secure_requests.len(), 1);
    assert_eq!(post().await.unwrap().code, Code::CHANGED);
    assert_eq!(world.script().secure_requests.len(), 2);
}
