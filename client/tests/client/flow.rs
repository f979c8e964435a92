//! The whole way of a request against scripted servers: what the client sends.

use std::time::Duration;

use crate::scripted::{WIDE, World};
use motekey_client::{LinkProfile, Renewal, ResourceServer, Step, Timers, TokenTransport};
use motekey_coap::message::{Code, ContentFormat};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::message::ProfileRequest;
use motekey_cose::scope::Scope;

#[tokio::test]
async fn f02_f03_f35_d25_one_call_gets_a_token_and_shows_it_in_the_handshake() {
    let world = World::start().await;
    let client = world.client().await;
    let response = client.get(&world.url("/temperature")).await.unwrap();
    assert_eq!(
        (response.code, &response.payload[..]),
        (Code::CONTENT, &b"21.5"[..])
    );
    let script = world.script();
    // Audience and scope were known: nothing went to the plain port.
    assert!(script.plain_requests.is_empty() && script.uploads.is_empty());
    let request = &script.token_requests[0];
    assert_eq!(
        (request.method, request.path()),
        (Code::POST, "/token".into())
    );
    assert!(request.queries().is_empty());
    assert_eq!(request.options.content_format(), Some(ContentFormat(19)));
    assert_eq!(script.asked()[0].ace_profile, Some(ProfileRequest::Ask));
    assert!(
        script
            .identities
            .iter()
            .all(|identity| *identity == script.issued[0].token)
    );
    assert!(!script.identities.is_empty());
}

#[tokio::test]
async fn token_and_sessions_are_used_again() {
    let world = World::start().await;
    let client = world.client().await;
    for _ in 0..3 {
        client.get(&world.url("/temperature")).await.unwrap();
    }
    assert_eq!(world.script().token_requests.len(), 1);
    let steps: Vec<Step> = client
        .report()
        .exchanges
        .iter()
        .map(|exchange| exchange.step)
        .collect();
    let expected = [
        Step::AuthorizationServerHandshake,
        Step::TokenRequest,
        Step::ResourceServerHandshake,
        Step::Request,
        Step::Request,
        Step::Request,
    ];
    assert_eq!(steps, expected);
    for exchange in client.report().exchanges {
        assert!(
            exchange.traffic.bytes_sent > 0 && exchange.traffic.round_trips > 0,
            "{exchange:?}"
        );
    }
    client.forget(&world.url("/")).await.unwrap();
    client.get(&world.url("/temperature")).await.unwrap();
    let script = world.script();
    assert_eq!(script.token_requests.len(), 2);
    // The session to the authorization server stayed.
    assert_eq!(script.authorization_sessions.len(), 1);
}

#[tokio::test]
async fn the_profile_of_the_link_reaches_the_endpoint_and_the_handshake() {
    let mut sent = Vec::new();
    for profile in [LinkProfile::Wired, LinkProfile::SlowRadio] {
        let world = World::start().await;
        // Longer than one datagram of the handshake on a slow radio.
        world.script().token_length = 400;
        let builder = world.builder(world.known().audience("rs1")).link(profile);
        let client = builder.build().await.unwrap();
        client.get(&world.url("/temperature")).await.unwrap();
        let url = world.url("/readings");
        let posted = client.post(&url, ContentFormat(42), vec![0; 100]);
        posted.await.unwrap();
        let report = client.report();
        let handshake = report.total(Step::ResourceServerHandshake);
        sent.push([handshake, report.total(Step::Request)].map(|part| part.datagrams_sent));
    }
    let [[wired, plain], [slow, blocks]] = sent[..] else {
        panic!("{sent:?}")
    };
    assert!(slow > wired, "fragments of the handshake: {sent:?}");
    assert!(blocks > plain, "blocks of 64 bytes: {sent:?}");
}

#[tokio::test]
async fn f10_f17_f74_d42_hints_lead_to_the_token() {
    let world = World::start().await;
    // The host of the URL is an audience that hints may name.
    world.script().hints.audience = Some("127.0.0.1".into());
    let client = world.builder(world.known()).build().await.unwrap();
    client
        .put(
            &world.url("/relay?secret=1"),
            ContentFormat::TEXT_PLAIN,
            *b"secret",
        )
        .await
        .unwrap();
    let script = world.script();
    let plain = &script.plain_requests[0];
    assert_eq!((plain.method, plain.path()), (Code::GET, "/relay".into()));
    assert!(plain.payload.is_empty() && plain.queries().is_empty());
    let asked = &script.asked()[0];
    assert_eq!(asked.cnonce, script.hints.cnonce);
    assert_eq!(asked.audience, script.hints.audience);
    assert_eq!(asked.scope, script.hints.scope);
}

#[tokio::test]
async fn d24_f45_an_uploaded_token_is_named_by_its_kid() {
    let chosen = |server: ResourceServer| server.token_transport(TokenTransport::Upload);
    let too_long = |server: ResourceServer| server.max_identity(255);
    let cases: [(usize, &dyn Fn(ResourceServer) -> ResourceServer); 2] =
        [(90, &chosen), (300, &too_long)];
    for (length, choice) in cases {
        let world = World::start().await;
        world.script().token_length = length;
        let server = choice(world.known().audience("rs1"));
        let client = world.builder(server).build().await.unwrap();
        client.get(&world.url("/temperature")).await.unwrap();
        let script = world.script();
        let (secure, upload) = &script.uploads[0];
        assert!(!secure);
        assert_eq!(upload.method, Code::POST);
        assert_eq!(upload.options.content_format(), Some(ContentFormat::CWT));
        assert_eq!(upload.payload, script.issued[0].token);
        assert_eq!(
            script.identities[0],
            [
                0xa1, 0x08, 0xa1, 0x01, 0xa2, 0x01, 0x04, 0x02, 0x42, 0x10, 0x01
            ]
        );
    }
}

#[tokio::test]
async fn f61_d31_an_expired_token_is_renewed_before_the_next_request() {
    let world = World::start().await;
    world.script().lifetime = Some(60);
    let timers = Timers {
        renewal: Renewal::OFF,
        ..Timers::default()
    };
    let builder = world.builder(world.known().audience("rs1"));
    let client = builder.timers(timers).build().await.unwrap();
    client.get(&world.url("/temperature")).await.unwrap();
    world.clock.advance(Duration::from_secs(59));
    client.get(&world.url("/temperature")).await.unwrap();
    assert_eq!(world.script().token_requests.len(), 1);
    world.clock.advance(Duration::from_secs(2));
    client.get(&world.url("/temperature")).await.unwrap();
    let script = world.script();
    assert_eq!(script.token_requests.len(), 2);
    // The new token has its own session.
    assert_eq!(script.identities.last(), Some(&script.issued[1].token));
}

#[tokio::test]
async fn d32_a_forgotten_token_is_replaced_once() {
    let world = World::start().await;
    world.script().forget_tokens = 1;
    let client = world.client().await;
    let response = client.get(&world.url("/temperature")).await.unwrap();
    assert_eq!(response.code, Code::CONTENT);
    assert_eq!(world.script().token_requests.len(), 2);
    // The hints of the refusal are used.
    let script = world.script();
    assert_eq!(script.asked()[1].cnonce, script.hints.cnonce);
}

#[tokio::test]
async fn d32_a_second_refusal_is_the_answer() {
    let world = World::start().await;
    world.script().forget_tokens = 2;
    world.script().hints_with_unauthorized = false;
    let client = world.client().await;
    let response = client.get(&world.url("/temperature")).await.unwrap();
    assert_eq!(response.code, Code::UNAUTHORIZED);
    assert_eq!(world.script().token_requests.len(), 2);
}

#[tokio::test]
async fn d34_more_rights_are_asked_for_under_the_kid_of_the_session() {
    let world = World::start().await;
    let server = world
        .known()
        .audience("rs1")
        .wider_scope(Scope::Text(WIDE.into()));
    let client = world.builder(server).build().await.unwrap();
    client.get(&world.url("/relay")).await.unwrap();
    let response = client
        .put(&world.url("/relay"), ContentFormat::TEXT_PLAIN, *b"on")
        .await
        .unwrap();
    assert_eq!(response.code, Code::CHANGED);
    let script = world.script();
    let asked = script.asked();
    assert_eq!(asked[0].req_cnf, None);
    assert_eq!(
        asked[1].req_cnf,
        Some(Confirmation::KeyId(script.issued[0].kid.clone()))
    );
    // The new token went over the running session, and no second one was opened.
    assert_eq!(script.uploads.len(), 1);
    assert!(script.uploads[0].0);
    assert_eq!(
        client
            .report()
            .exchanges
            .iter()
            .filter(|entry| entry.step == Step::ResourceServerHandshake)
            .count(),
        1
    );
}

#[tokio::test]
async fn a_refusal_without_a_wider_scope_is_the_answer() {
    let world = World::start().await;
    let client = world.client().await;
    let response = client
        .put(&world.url("/relay"), ContentFormat::TEXT_PLAIN, *b"on")
        .await
        .unwrap();
    assert_eq!(response.code, Code::FORBIDDEN);
    assert_eq!(world.script().token_requests.len(), 1);
    // The session goes on.
    client.get(&world.url("/relay")).await.unwrap();
    client
        .request_scope(&world.url("/"), Scope::Text(WIDE.into()))
        .await
        .unwrap();
    let response = client
        .put(&world.url("/relay"), ContentFormat::TEXT_PLAIN, *b"on")
        .await
        .unwrap();
    assert_eq!(response.code, Code::CHANGED);
}

#[tokio::test]
async fn calls_at_the_same_time_share_one_token_and_one_session() {
    let world = World::start().await;
    let client = world.client().await;
    let urls: Vec<String> = (0..4)
        .map(|number| world.url(&format!("/{number}")))
        .collect();
    let (a, b, c, d) = tokio::join!(
        client.get(&urls[0]),
        client.get(&urls[1]),
        client.get(&urls[2]),
        client.token(&urls[3])
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok() && d.is_ok());
    assert_eq!(world.script().token_requests.len(), 1);
    let handshakes = client.report().exchanges;
    let handshakes = handshakes
        .iter()
        .filter(|exchange| exchange.step == Step::ResourceServerHandshake);
    assert_eq!(handshakes.count(), 1);
}
