//! The device library against the real servers, over DTLS on loopback.

#![expect(clippy::unwrap_used, reason = "tests may panic: that is how they fail")]

mod nonces;
mod world;

use std::time::Duration;

use motekey_client as device;
use motekey_client::{Error, Fault, Step, TokenTransport};
use motekey_coap::message::{Code, ContentFormat};
use motekey_cose::scope::{Method, Scope};

use world::{LIFETIME, World, aif, key, steps};

#[tokio::test]
async fn d25_d27_the_first_call_takes_two_handshakes_and_two_requests() {
    let world = World::start(false).await;
    let client = world
        .client(world.known().audience("gateway"), key(1))
        .await;
    let response = client.get(&world.url("/readings")).await.unwrap();
    assert_eq!(
        (response.code, &response.payload[..]),
        (Code::CONTENT, &b"meter-1"[..])
    );
    let first = [
        Step::AuthorizationServerHandshake,
        Step::TokenRequest,
        Step::ResourceServerHandshake,
        Step::Request,
    ];
    assert_eq!(steps(&client), first);
    let posted = client
        .post(&world.url("/readings"), ContentFormat(110), *b"[]")
        .await
        .unwrap();
    assert_eq!(posted.code, Code::CHANGED);
    assert_eq!(steps(&client), [Step::Request]);
}

#[tokio::test]
async fn d24_f45_f46_an_uploaded_token_opens_the_session_under_its_kid() {
    let world = World::start(false).await;
    let known = world
        .known()
        .audience("gateway")
        .token_transport(TokenTransport::Upload);
    let client = world.client(known, key(1)).await;
    assert_eq!(
        client.get(&world.url("/readings")).await.unwrap().code,
        Code::CONTENT
    );
    assert!(steps(&client).contains(&Step::TokenUpload));
}

#[tokio::test]
async fn d30_d33_refusals_reach_the_caller_and_the_session_goes_on() {
    let world = World::start(false).await;
    let narrow = Scope::from(&aif(&[("/readings", &[Method::Get])]));
    let client = world
        .client(world.known().audience("gateway").scope(narrow), key(1))
        .await;
    for (method, path, code) in [
        (Code::GET, "/relay", Code::FORBIDDEN),
        (Code::POST, "/readings", Code::METHOD_NOT_ALLOWED),
        (Code::GET, "/readings", Code::CONTENT),
    ] {
        let response = client
            .send(method, &world.url(path), device::Body::default())
            .await
            .unwrap();
        assert_eq!(response.code, code, "{method} {path}");
    }
    let handshakes = steps(&client)
        .iter()
        .filter(|step| **step == Step::ResourceServerHandshake)
        .count();
    assert_eq!(handshakes, 1);
}

#[tokio::test]
async fn d34_d36_d37_wider_rights_come_to_the_running_session() {
    let world = World::start(false).await;
    let known = world
        .known()
        .audience("gateway")
        .scope(Scope::from(&aif(&[("/relay", &[Method::Get])])))
        .wider_scope(Scope::from(&aif(&[(
            "/relay",
            &[Method::Get, Method::Put],
        )])));
    let client = world.client(known, key(1)).await;
    assert_eq!(
        client.get(&world.url("/relay")).await.unwrap().code,
        Code::CONTENT
    );
    steps(&client);
    let response = client
        .put(&world.url("/relay"), ContentFormat::TEXT_PLAIN, *b"on")
        .await
        .unwrap();
    assert_eq!(response.code, Code::CHANGED);
    assert_eq!(
        steps(&client),
        [
            Step::Request,
            Step::UpdateRequest,
            Step::UpdateUpload,
            Step::Request
        ]
    );
}

#[tokio::test]
async fn f61_d29_d31_an_ended_token_is_replaced_without_a_refusal() {
    let world = World::start(false).await;
    let client = world
        .client(world.known().audience("gateway"), key(1))
        .await;
    client.get(&world.url("/readings")).await.unwrap();
    steps(&client);
    world.pass(LIFETIME + 1);
    assert_eq!(
        client.get(&world.url("/readings")).await.unwrap().code,
        Code::CONTENT
    );
    assert_eq!(
        steps(&client),
        [
            Step::TokenRequest,
            Step::ResourceServerHandshake,
            Step::Request
        ]
    );
}

#[tokio::test]
async fn d32_a_device_whose_clock_is_late_gets_a_fresh_token() {
    let world = World::start(false).await;
    let client = world
        .client(world.known().audience("gateway"), key(1))
        .await;
    client.get(&world.url("/readings")).await.unwrap();
    world
        .server_clock
        .advance((LIFETIME + 1).try_into().unwrap());
    assert_eq!(
        client.get(&world.url("/readings")).await.unwrap().code,
        Code::CONTENT
    );
    assert_eq!(client.report().granted.len(), 2);
}

#[tokio::test]
async fn f67_an_observation_ends_with_the_token() {
    let world = World::start(false).await;
    let client = world
        .client(world.known().audience("gateway"), key(1))
        .await;
    let mut subscription = client.observe(&world.url("/readings")).await.unwrap();
    assert_eq!(subscription.first().code, Code::CONTENT);
    world.pass(LIFETIME + 1);
    let last = tokio::time::timeout(Duration::from_secs(10), subscription.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(last.map(|response| response.code), Some(Code::UNAUTHORIZED));
}

#[tokio::test]
async fn what_the_authorization_server_refuses_is_told_to_people() {
    let world = World::start(false).await;
    let greedy = Scope::from(&aif(&[("/admin", &[Method::Put])]));
    let client = world
        .client(world.known().audience("gateway").scope(greedy), key(1))
        .await;
    let error = client.get(&world.url("/admin")).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::TokenRefused {
                code: Code::BAD_REQUEST,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("invalid_scope (6)"), "{error}");
    let client = world.client(world.known().audience("nobody"), key(1)).await;
    let error = client.get(&world.url("/readings")).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Refused, "{error}");
}

#[tokio::test]
async fn d02_a_device_with_a_wrong_key_gets_no_session() {
    let world = World::start(false).await;
    let client = world
        .client(world.known().audience("gateway"), key(2))
        .await;
    let error = client.get(&world.url("/readings")).await.unwrap_err();
    assert!(matches!(error, Error::HandshakeRefused { .. }), "{error}");
    assert!(client.report().granted.is_empty());
    // The server is well, and takes the device with the right key.
    let client = world
        .client(world.known().audience("gateway"), key(1))
        .await;
    let response = client.get(&world.url("/readings")).await.unwrap();
    assert_eq!(response.code, Code::CONTENT);
}
