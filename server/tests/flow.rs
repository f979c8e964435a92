//! The main job over real DTLS on loopback: ask for a token, bring it to the resource server, use it.

mod support;

use std::time::Duration;

use motekey_coap::driver::OpenError;
use motekey_coap::dtls::CloseReason;
use motekey_coap::message::{Code, ContentFormat, Request};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::message::{PskIdentity, RequestCreationHints, TokenRequest};
use motekey_server::event::{Arrival, Event};
use motekey_server::registry::Device;
use motekey_server::store::Store;
use support::{Client, World, key, pop_key};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn f22_f46_d26_d30_d33_uploaded_token_under_its_kid() {
    let (world, client) = (World::new().await, Client::new().await);
    let token = world.token(&client, "meter-1", 1).await;
    assert_eq!(
        world.upload(&client, &token.access_token).await,
        Code::CREATED
    );
    let (kid, pop_key) = pop_key(&token);
    let identity = PskIdentity { kid }.encode();
    let session = client
        .open(world.resource_server.secure_address(), &identity, pop_key)
        .await
        .unwrap()
        .session;
    for (request, code) in [
        (Request::get("/who"), Code::CONTENT),
        (Request::put("/who"), Code::METHOD_NOT_ALLOWED),
        (Request::put("/relay/1"), Code::FORBIDDEN),
        (Request::get("/who"), Code::CONTENT),
    ] {
        let response = client.handle.request(session, request).await.unwrap();
        assert_eq!(response.code, code);
        if code == Code::CONTENT {
            assert_eq!(response.payload, b"meter-1");
        }
    }
}

#[tokio::test]
async fn d26_d27_whole_token_as_identity_without_upload() {
    let (world, client) = (World::new().await, Client::new().await);
    let token = world.token(&client, "meter-2", 2).await;
    let (_, pop_key) = pop_key(&token);
    let peer = world.resource_server.secure_address();
    let session = client
        .open(peer, &token.access_token, pop_key)
        .await
        .unwrap()
        .session;
    let response = client
        .handle
        .request(session, Request::get("/who"))
        .await
        .unwrap();
    assert_eq!(
        (response.code, response.payload.as_slice()),
        (Code::CONTENT, b"meter-2".as_slice())
    );
    world
        .wait_for(|event| {
            matches!(
                event,
                Event::TokenAccepted {
                    by: Arrival::Identity,
                    ..
                }
            )
        })
        .await;
}

#[tokio::test]
async fn f13_f05_wrong_keys_and_strangers_get_no_session() {
    let (world, client) = (World::new().await, Client::new().await);
    let authorization_server = world.authorization_server.secure_address();
    let resource_server = world.resource_server.secure_address();
    let token = world.token(&client, "meter-1", 1).await;
    for (what, peer, identity, key) in [
        (
            "unknown device",
            authorization_server,
            b"rogue".to_vec(),
            key(1),
        ),
        (
            "wrong key of a device",
            authorization_server,
            b"meter-1".to_vec(),
            key(2),
        ),
        (
            "somebody else's token, another key",
            resource_server,
            token.access_token.clone(),
            key(3),
        ),
    ] {
        let outcome = timeout(PATIENCE, client.open(peer, &identity, key)).await;
        assert_eq!(
            outcome.unwrap().unwrap_err(),
            OpenError::Closed(CloseReason::Alert(51)),
            "{what}"
        );
    }
    // Both servers are well, and take those who have the right keys.
    let token = world.token(&client, "meter-2", 2).await;
    let (_, pop_key) = pop_key(&token);
    let session = client
        .open(resource_server, &token.access_token, pop_key)
        .await
        .unwrap()
        .session;
    let response = client.handle.request(session, Request::get("/who")).await;
    assert_eq!(response.unwrap().payload, b"meter-2");
}

#[tokio::test]
async fn f13_session_is_closed_when_its_key_is_replaced() {
    let (world, client) = (World::new().await, Client::new().await);
    let peer = world.authorization_server.secure_address();
    let open = async |identity: &[u8], number| client.open(peer, identity, key(number)).await;
    let old = open(b"meter-1", 1).await.unwrap().session;
    let unaffected = open(b"meter-2", 2).await.unwrap().session;
    let rotated = Device::with_pre_shared_key("meter-1", b"meter-1", key(3));
    world.store.put_device(rotated).await.unwrap();
    world.server.refresh().await.unwrap();
    world
        .wait_for(|event| matches!(event, Event::SessionClosed { .. }))
        .await;
    let links = |session| {
        let request = client
            .handle
            .request(session, Request::get("/.well-known/core"));
        timeout(PATIENCE, request)
    };
    assert!(links(old).await.unwrap().is_err(), "the session has ended");
    assert_eq!(
        links(unaffected).await.unwrap().unwrap().code,
        Code::CONTENT
    );
    assert_eq!(
        open(b"meter-1", 1).await.unwrap_err(),
        OpenError::Closed(CloseReason::Alert(51)),
        "the old key"
    );
    let renewed = open(b"meter-1", 3).await.unwrap().session;
    assert_eq!(links(renewed).await.unwrap().unwrap().code, Code::CONTENT);
}

#[tokio::test]
async fn d28_garbage_identity_ends_the_handshake_with_illegal_parameter() {
    let (world, client) = (World::new().await, Client::new().await);
    let outcome = client
        .open(world.resource_server.secure_address(), b"garbage", key(1))
        .await;
    assert_eq!(outcome, Err(OpenError::Closed(CloseReason::Alert(47))));
}

#[tokio::test]
async fn f05_f06_f07_plain_coap_gets_hints_and_may_upload() {
    let (world, client) = (World::new().await, Client::new().await);
    let session = client
        .plain
        .open_plain(world.resource_server.plain_address().unwrap())
        .await
        .unwrap();
    let response = client
        .plain
        .request(session, Request::get("/who"))
        .await
        .unwrap();
    assert_eq!(response.code, Code::UNAUTHORIZED);
    let hints = RequestCreationHints::decode(&response.payload).unwrap();
    assert_eq!(hints.audience.as_deref(), Some("gateway"));
    let token = world.token(&client, "meter-1", 1).await;
    assert_eq!(
        world.upload(&client, &token.access_token).await,
        Code::CREATED
    );
}

#[tokio::test]
async fn f67_d39_h09_end_of_the_token_ends_observation_and_session() {
    let (world, client) = (World::new().await, Client::new().await);
    let token = world.token(&client, "meter-1", 1).await;
    let (_, pop_key) = pop_key(&token);
    let peer = world.resource_server.secure_address();
    let session = client
        .open(peer, &token.access_token, pop_key.clone())
        .await
        .unwrap()
        .session;
    let mut observation = client
        .handle
        .observe(session, Request::get("/readings"))
        .await
        .unwrap();
    assert_eq!(observation.first().code, Code::CONTENT);
    world.clock.advance(600);
    let last = timeout(PATIENCE, observation.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(last.code, Code::UNAUTHORIZED);
    assert_eq!(
        last.options.observe(),
        None,
        "an error notification has no Observe option"
    );
    world
        .wait_for(|event| matches!(event, Event::SessionClosed { .. }))
        .await;
    let again = client.open(peer, &token.access_token, pop_key).await;
    assert_eq!(
        again,
        Err(OpenError::Closed(CloseReason::Alert(47))),
        "the token has ended"
    );
}

#[tokio::test]
async fn d36_d37_update_of_rights_on_a_live_session() {
    let (world, client) = (World::new().await, Client::new().await);
    let token = world.token(&client, "meter-1", 1).await;
    let (kid, pop_key) = pop_key(&token);
    let peer = world.resource_server.secure_address();
    let session = client
        .open(peer, &token.access_token, pop_key)
        .await
        .unwrap()
        .session;
    // [["/who", GET]] for the key of the running session.
    let narrow = TokenRequest {
        audience: Some("gateway".to_owned()),
        scope: Some(motekey_cose::scope::Scope::Binary(
            b"\x81\x82\x64/who\x01".to_vec(),
        )),
        req_cnf: Some(Confirmation::KeyId(kid)),
        ..TokenRequest::default()
    };
    let server = client
        .open(
            world.authorization_server.secure_address(),
            b"meter-1",
            key(1),
        )
        .await
        .unwrap()
        .session;
    let request = Request::post("/token").with_payload(ContentFormat::ACE_CBOR, narrow.encode());
    let response = client.handle.request(server, request).await.unwrap();
    let update = motekey_cose::message::TokenResponse::decode(&response.payload).unwrap();
    let readings = || client.handle.request(session, Request::get("/readings"));
    assert_eq!(readings().await.unwrap().code, Code::CONTENT);
    let upload = Request::post("/authz-info").with_payload(ContentFormat::CWT, update.access_token);
    assert_eq!(
        client.handle.request(session, upload).await.unwrap().code,
        Code::CREATED
    );
    assert_eq!(readings().await.unwrap().code, Code::FORBIDDEN);
    assert_eq!(
        client
            .handle
            .request(session, Request::get("/who"))
            .await
            .unwrap()
            .code,
        Code::CONTENT
    );
}
