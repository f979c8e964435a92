//! What the client refuses, what it reports, and where its limits are.

use std::time::Duration;

use crate::scripted::{DEVICE_KEY, World, silent_address};
use motekey_client::{Error, Fault, Limits, ResourceServer, Role, Timers, Unusable};
use motekey_coap::message::{Code, ContentFormat, Response};
use motekey_cose::message::{ErrorCode, ErrorResponse};

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

/// RFC 9200 Section 6.9: somebody on the way answers the unauthorized request with the audience of a resource server
/// that he holds and this device may use, and redirects the secure port to it.
#[tokio::test]
async fn hints_that_name_another_audience_bring_it_no_readings() {
    let world = World::start().await;
    world.script().hints.audience = Some("evil".into());
    let readings = b"readings for the meter";
    let post = async |known: ResourceServer| {
        let client = world.builder(known).build().await.unwrap();
        let url = world.url("/readings");
        client
            .post(&url, ContentFormat::TEXT_PLAIN, *readings)
            .await
    };
    let error = post(world.known()).await.unwrap_err();
    assert!(
        matches!(&error, Error::ForeignAudience { named, .. } if named == "evil"),
        "{error}"
    );
    assert_eq!(error.fault(), Fault::Refused);
    assert!(error.to_string().contains("configure this audience"));
    assert!(world.script().plain_requests.len() == 1);
    assert!(world.script().token_requests.is_empty());
    assert!(world.script().identities.is_empty() && world.script().secure_requests.is_empty());
    // Whoever trusts the hints is led there: the attack is real.
    post(world.known().trust_hinted_audience(true))
        .await
        .unwrap();
    let script = world.script();
    assert_eq!(script.asked()[0].audience.as_deref(), Some("evil"));
    assert_eq!(script.secure_requests[0].payload, readings);
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
    let kid = client.report().granted[0].kid.clone();
    assert_eq!(kid.as_ref(), Some(&world.script().issued[0].kid));
}
