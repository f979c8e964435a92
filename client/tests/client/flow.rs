//! The whole way of a request against scripted servers: what the client sends, and what it refuses.

use std::time::Duration;

use crate::scripted::{DEVICE_KEY, WIDE, World, silent_address};
use motekey_client::{
    Error, Fault, Limits, ResourceServer, Role, Step, Timers, TokenTransport, Unusable,
};
use motekey_coap::message::{Code, ContentFormat, Response};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::message::{ErrorCode, ErrorResponse, ProfileRequest};
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
async fn f10_f17_f74_d42_hints_lead_to_the_token() {
    let world = World::start().await;
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
async fn f04_hints_that_name_an_unknown_authorization_server_stop_the_client() {
    let world = World::start().await;
    let evil = "coaps://evil.example.com/token";
    world.script().hints.authorization_server = Some(evil.into());
    let client = world.builder(world.known()).build().await.unwrap();
    let error = client.get(&world.url("/temperature")).await.unwrap_err();
    assert!(
        matches!(&error, Error::ForeignAuthorizationServer { named, .. } if named == evil),
        "{error}"
    );
    assert_eq!(error.fault(), Fault::Refused);
    assert!(world.script().token_requests.is_empty());
    // The same in the hints of a 4.01 on the session: no second token request.
    let client = world.client().await;
    world.script().forget_tokens = 1;
    let error = client.get(&world.url("/temperature")).await.unwrap_err();
    assert!(
        matches!(error, Error::ForeignAuthorizationServer { .. }),
        "{error}"
    );
    assert_eq!(world.script().token_requests.len(), 1);
}

#[tokio::test]
async fn f04_a_resource_server_that_is_not_configured_gets_nothing() {
    let world = World::start().await;
    let other = ResourceServer::new("coaps://rs.example.com").unwrap();
    let client = world.builder(other).build().await.unwrap();
    let error = client.get(&world.url("/temperature")).await.unwrap_err();
    assert!(matches!(error, Error::NotConfigured { .. }), "{error}");
    assert_eq!(error.fault(), Fault::WrongUse);
    assert!(world.script().plain_requests.is_empty());
    assert!(client.report().exchanges.is_empty());
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
async fn d02_an_authorization_server_without_the_key_gets_no_token_request() {
    let world = World::start().await;
    let timers = Timers {
        call: Duration::from_secs(10),
        handshake: Duration::from_secs(3),
        ..Timers::default()
    };
    let builder = world.builder_with_key(world.known().audience("rs1"), &[0x43; 16]);
    let client = builder.timers(timers).build().await.unwrap();
    let error = client.get(&world.url("/temperature")).await.unwrap_err();
    let expected = matches!(
        error,
        Error::HandshakeRefused {
            role: Role::AuthorizationServer,
            ..
        } | Error::CannotReach {
            role: Role::AuthorizationServer,
            ..
        }
    );
    assert!(expected, "{error}");
    assert!(world.script().token_requests.is_empty());
}

#[tokio::test]
async fn f61_d31_an_expired_token_is_renewed_before_the_next_request() {
    let world = World::start().await;
    world.script().lifetime = Some(60);
    let client = world.client().await;
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
async fn d31_a_notification_after_the_end_of_the_key_is_not_used() {
    let world = World::start().await;
    world.script().lifetime = Some(60);
    let client = world.client().await;
    let mut subscription = client.observe(&world.url("/temperature")).await.unwrap();
    assert_eq!(subscription.first().payload, b"21.5");
    let observation = world.script().observations[0];
    let state =
        |text: &[u8]| Response::new(Code::CONTENT).with_payload(ContentFormat::TEXT_PLAIN, text);
    world
        .resource_server
        .notify(observation, state(b"22.0"))
        .await;
    let next = subscription.next().await.unwrap();
    assert_eq!(
        next.map(|response| response.payload),
        Some(b"22.0".to_vec())
    );
    world.clock.advance(Duration::from_secs(61));
    world
        .resource_server
        .notify(observation, state(b"22.5"))
        .await;
    assert_eq!(subscription.next().await, Err(Error::KeyExpired));
    world
        .resource_server
        .notify(observation, Response::new(Code::UNAUTHORIZED))
        .await;
    let last = subscription.next().await.unwrap();
    assert_eq!(last.map(|response| response.code), Some(Code::UNAUTHORIZED));
    assert_eq!(subscription.next().await, Ok(None));
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
async fn f24_f68_responses_that_must_not_be_used_stop_the_client() {
    type Change = fn(&mut crate::scripted::Script);
    let cases: [(Change, Unusable); 4] = [
        (|script| script.profile = Some(2), Unusable::Profile(2)),
        (|script| script.profile = None, Unusable::ProfileMissing),
        (|script| script.lifetime = None, Unusable::NoLifetime),
        (
            |script| script.content_format = ContentFormat::CBOR,
            Unusable::ContentFormat(Some(60)),
        ),
    ];
    for (change, reason) in cases {
        let world = World::start().await;
        change(&mut world.script());
        let client = world.client().await;
        let error = client.get(&world.url("/temperature")).await.unwrap_err();
        assert_eq!(error, Error::UnusableToken(reason));
        assert!(
            world.script().identities.is_empty(),
            "no handshake with a token that must not be used"
        );
    }
}

#[tokio::test]
async fn a_refused_token_request_is_told_with_its_oauth_error() {
    let world = World::start().await;
    let refusal = ErrorResponse::new(ErrorCode::InvalidScope);
    world.script().refuse = Some((Code::BAD_REQUEST, refusal));
    let client = world.client().await;
    let error = client.get(&world.url("/temperature")).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Refused);
    assert!(error.to_string().contains("invalid_scope (6)"), "{error}");
}

#[tokio::test]
async fn d09_answers_belong_to_their_requests() {
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
    // Calls at the same time share one token and one session.
    assert_eq!(world.script().token_requests.len(), 1);
}

#[tokio::test]
async fn silence_is_told_apart_from_refusal() {
    let world = World::start().await;
    let (_socket, address) = silent_address().await;
    let timers = Timers {
        call: Duration::from_secs(10),
        handshake: Duration::from_millis(300),
        ..Timers::default()
    };
    let server = world.known().audience("rs1").at_address(address);
    let client = world.builder(server).timers(timers).build().await.unwrap();
    let error = client.get(&world.url("/temperature")).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::CannotReach {
                role: Role::ResourceServer,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(error.fault(), Fault::CannotReach);
    let timers = Timers {
        call: Duration::from_millis(200),
        handshake: Duration::from_secs(10),
        ..Timers::default()
    };
    let server = world.known().audience("rs1").at_address(address);
    let client = world.builder(server).timers(timers).build().await.unwrap();
    let error = client.get(&world.url("/temperature")).await.unwrap_err();
    assert_eq!(error, Error::TimeLimit(timers.call));
}

#[tokio::test]
async fn the_least_recently_used_resource_server_is_forgotten() {
    let world = World::start().await;
    let port = world.resource_server.local_addr().port();
    let builder = world.builder(ResourceServer::any().audience("rs1"));
    let limits = Limits {
        max_resource_servers: 1,
        ..Limits::default()
    };
    let client = builder.limits(limits).build().await.unwrap();
    let other = format!("coaps://localhost:{port}/temperature");
    for url in [
        &world.url("/temperature"),
        &other,
        &world.url("/temperature"),
    ] {
        client.get(url).await.unwrap();
    }
    assert_eq!(world.script().token_requests.len(), 3);
}

#[tokio::test]
async fn reports_and_messages_hold_no_key_bytes() {
    let world = World::start().await;
    let client = world.client().await;
    client.get(&world.url("/temperature")).await.unwrap();
    let text = format!("{client:?} {:?}", client.report());
    let key = world.script().issued[0].key.clone();
    for secret in [&DEVICE_KEY[..], &key] {
        let hexadecimal: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(
            !text.contains(&hexadecimal) && !text.contains(&format!("{secret:?}")),
            "{text}"
        );
    }
    assert_eq!(client.report().granted[0].kid, world.script().issued[0].kid);
}
