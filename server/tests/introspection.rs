//! Introspection over real DTLS on loopback (RFC 9200 Section 5.9).

mod site;

use motekey_coap::message::{Code, ContentFormat, Request};
use motekey_cose::message::IntrospectionRequest;
use motekey_server::event::Event;
use motekey_server::resource_server::{Introspected, Introspection};
use motekey_server::store::TokenSelection;
use site::{Client, Gateway, Site, device_name, key, pop_key, session_key};

/// A resource server that asks with every request.
async fn asking(site: &Site, which: Introspected) -> Gateway {
    let link = site.link(0).introspection(Introspection {
        which,
        cache_seconds: 0,
        ..Introspection::default()
    });
    Gateway::new(0, site.clock.clone(), |builder| builder.link(link)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn f36_f42_who_may_ask_about_what() {
    let site = Site::new(1, 2).await;
    let client = Client::new().await;
    let token = site.token(&client, 1, 0).await;
    let body = IntrospectionRequest::new(token.access_token).encode();
    let ask = async |identity: &str, key| {
        let session = client.open(site.address(), identity.as_bytes(), key).await;
        let request =
            Request::post("/introspect").with_payload(ContentFormat::ACE_CBOR, body.clone());
        let response = client.request(session.unwrap(), request).await;
        (response.code, response.payload)
    };
    let (code, payload) = ask("rs-0-session", session_key(0)).await;
    assert_eq!(code, Code::CREATED);
    assert!(payload.len() > 50, "the claims");
    let (code, payload) = ask("rs-1-session", session_key(1)).await;
    assert_eq!((code, payload), (Code::CREATED, vec![0xa1, 0x0a, 0xf4]));
    let (code, payload) = ask(&device_name(1), key(1)).await;
    assert_eq!((code, payload), (Code::FORBIDDEN, vec![]));
    let (code, _) = ask("admin", key(999)).await;
    assert_eq!(code, Code::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn f38_f39_p05_introspected_token_gives_access_until_it_is_revoked() {
    let site = Site::new(1, 1).await;
    let gateway = asking(&site, Introspected::All).await;
    let client = Client::new().await;
    let token = site.token(&client, 1, 0).await;
    let unasked = client
        .open(gateway.address(), &token.access_token, pop_key(&token))
        .await;
    assert!(unasked.is_err(), "a handshake does not wait for an answer");
    let code = gateway
        .upload(&client, &token.access_token, ContentFormat::CWT)
        .await;
    assert_eq!(code, Code::CREATED);
    let session = client.connect(&gateway, &token).await;
    let readings = || Request::get("/readings");
    assert_eq!(
        client.request(session, readings()).await.code,
        Code::CONTENT
    );
    let observation = client.handle.observe(session, readings()).await.unwrap();
    assert_eq!(
        observation.first().options.observe(),
        None,
        "nothing would ask about the token while it is observed with"
    );
    let all = TokenSelection::Client(device_name(1).into());
    site.server.revoke(&all).await.unwrap();
    let after = client.handle.request(session, readings()).await;
    assert!(after.is_err() || after.is_ok_and(|response| response.code == Code::UNAUTHORIZED));
    let again = gateway
        .upload(&client, &token.access_token, ContentFormat::CWT)
        .await;
    assert_eq!(again, Code::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn f76_without_the_authorization_server_there_is_no_access() {
    let site = Site::new(2, 1).await;
    let gateway = asking(&site, Introspected::All).await;
    let client = Client::new().await;
    let tokens = [
        site.token(&client, 1, 0).await,
        site.token(&client, 2, 0).await,
    ];
    let format = ContentFormat::CWT;
    let code = gateway
        .upload(&client, &tokens[0].access_token, format)
        .await;
    assert_eq!(code, Code::CREATED);
    let session = client.connect(&gateway, &tokens[0]).await;
    let readings = || Request::get("/readings");
    assert_eq!(
        client.request(session, readings()).await.code,
        Code::CONTENT
    );
    site.running.shutdown().await;
    let refused = client.request(session, readings()).await;
    assert_eq!(refused.code, Code::SERVICE_UNAVAILABLE);
    let code = gateway
        .upload(&client, &tokens[1].access_token, format)
        .await;
    assert_eq!(code, Code::SERVICE_UNAVAILABLE);
    assert_eq!(gateway.server.tokens(), 1, "nothing was stored");
    let events = gateway.events.take();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::AuthorizationServerUnreachable { .. }))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn f40_f76_what_is_no_token_is_asked_about_and_refused() {
    let site = Site::new(1, 1).await;
    let gateway = asking(&site, Introspected::References).await;
    let client = Client::new().await;
    let octets = ContentFormat::OCTET_STREAM;
    let code = gateway.upload(&client, &[0x17; 16], octets).await;
    assert_eq!(code, Code::UNAUTHORIZED);
    assert!(
        site.events
            .take()
            .iter()
            .any(|event| matches!(event, Event::TokenIntrospected { active: false, .. }))
    );
    // A token that can be verified here is not asked about.
    let token = site.token(&client, 1, 0).await;
    client.connect(&gateway, &token).await;
    assert!(
        !site
            .events
            .take()
            .iter()
            .any(|event| matches!(event, Event::TokenIntrospected { .. }))
    );
}
