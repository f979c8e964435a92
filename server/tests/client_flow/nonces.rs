//! A resource server without a clock that it trusts: it takes only tokens with a fresh nonce of its own (RFC 9200
//! Section 5.3.1).

use std::time::Duration;

use motekey_client::{Client, Error, Role, Step, TokenTransport};
use motekey_coap::message::{Code, ContentFormat};
use motekey_cose::scope::{Method, Scope};

use crate::world::{LIFETIME, World, aif, key, steps};

#[tokio::test]
async fn f09_f10_f11_f12_f17_a_nonce_in_the_hints_comes_back_in_the_token() {
    let world = World::start(true).await;
    // The audience is a name here, not the host of the URL.
    let known = world.known().trust_hinted_audience(true);
    let client = world.client(known, key(1)).await;
    let response = client.get(&world.url("/readings")).await.unwrap();
    assert_eq!(response.code, Code::CONTENT);
    assert_eq!(steps(&client).first(), Some(&Step::Hints));
}

fn readings(methods: &[Method]) -> Scope {
    Scope::from(&aif(&[("/readings", methods)]))
}

async fn get(world: &World, client: &Client) {
    let response = client.get(&world.url("/readings")).await.unwrap();
    assert_eq!(response.code, Code::CONTENT);
}

#[tokio::test]
async fn f10_f17_a_device_that_was_told_of_nonces_asks_for_one_before_each_token() {
    let world = World::start(true).await;
    let known = world.known().audience("gateway").client_nonces(true);
    let client = world.client(known, key(1)).await;
    get(&world, &client).await;
    let first = [
        Step::Hints,
        Step::AuthorizationServerHandshake,
        Step::TokenRequest,
        Step::ResourceServerHandshake,
        Step::Request,
    ];
    assert_eq!(steps(&client), first);
    // Long after the first nonce.
    world.pass(120);
    let wide = readings(&[Method::Get, Method::Post]);
    client
        .request_scope(&world.url("/readings"), wide)
        .await
        .unwrap();
    assert_eq!(
        steps(&client),
        [Step::Hints, Step::UpdateRequest, Step::UpdateUpload]
    );
    world.pass(LIFETIME);
    get(&world, &client).await;
    let next = [
        Step::Hints,
        Step::TokenRequest,
        Step::ResourceServerHandshake,
        Step::Request,
    ];
    assert_eq!(steps(&client), next);
}

#[tokio::test]
async fn f10_a_refused_handshake_leads_to_the_nonce_once_and_it_is_remembered() {
    let world = World::start(true).await;
    let known = world.known().audience("gateway");
    let client = world.client(known, key(1)).await;
    get(&world, &client).await;
    let first = [
        Step::AuthorizationServerHandshake,
        Step::TokenRequest,
        Step::ResourceServerHandshake,
        Step::Hints,
        Step::TokenRequest,
        Step::ResourceServerHandshake,
        Step::Request,
    ];
    assert_eq!(steps(&client), first);
    // The scope is not that of the hints, as it would not be without a nonce.
    let posted = client
        .post(&world.url("/readings"), ContentFormat(110), *b"[]")
        .await
        .unwrap();
    assert_eq!(posted.code, Code::CHANGED);
    steps(&client);
    world.pass(LIFETIME + 1);
    get(&world, &client).await;
    let next = [
        Step::Hints,
        Step::TokenRequest,
        Step::ResourceServerHandshake,
        Step::Request,
    ];
    assert_eq!(steps(&client), next);
}

#[tokio::test]
async fn f10_a_refused_upload_leads_to_the_nonce() {
    let world = World::start(true).await;
    let known = world.known().audience("gateway");
    let known = known.token_transport(TokenTransport::Upload);
    let client = world.client(known, key(1)).await;
    get(&world, &client).await;
    let seen = steps(&client);
    let count = |step| seen.iter().filter(|seen| **seen == step).count();
    // The refusal brings the nonce.
    assert_eq!(
        [
            count(Step::Hints),
            count(Step::TokenRequest),
            count(Step::TokenUpload)
        ],
        [0, 2, 2]
    );
}

#[tokio::test]
async fn f10_d34_wider_rights_come_to_a_running_session_in_spite_of_nonces() {
    let world = World::start(true).await;
    let known = world.known().audience("gateway");
    let known = known.scope(readings(&[Method::Get]));
    let client = world.client(known, key(1)).await;
    get(&world, &client).await;
    steps(&client);
    world.pass(120);
    let wide = readings(&[Method::Get, Method::Post]);
    client
        .request_scope(&world.url("/readings"), wide)
        .await
        .unwrap();
    let posted = client
        .post(&world.url("/readings"), ContentFormat(110), *b"[]")
        .await
        .unwrap();
    assert_eq!(posted.code, Code::CHANGED);
    assert!(!steps(&client).contains(&Step::ResourceServerHandshake));
}

#[tokio::test]
async fn without_the_plain_port_the_refusal_says_what_to_configure() {
    let world = World::start(true).await;
    // Nobody listens there.
    let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let known = world.known().audience("gateway").plain_port(port);
    let client = world.client(known, key(1)).await;
    let asked = tokio::time::Instant::now();
    let error = client.get(&world.url("/readings")).await.unwrap_err();
    assert!(asked.elapsed() < Duration::from_secs(10), "{error}");
    let refused = matches!(
        error,
        Error::HandshakeRefused {
            role: Role::ResourceServer,
            ..
        }
    );
    assert!(refused, "{error}");
    assert!(error.to_string().contains("client nonce"), "{error}");
}
