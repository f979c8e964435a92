//! Clocks that jump, forwards and back, at the authorization server and at a resource server, over real DTLS on
//! loopback.

mod site;

use std::sync::Arc;

use motekey_coap::message::{Code, ContentFormat, Request};
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::message::TokenResponse;
use motekey_cose::revocation::TokenHash;
use motekey_server::clock::{SystemClock, VirtualClock};
use motekey_server::event::{Event, TokenEnd};
use motekey_server::resource_server::Revocation;
use motekey_server::store::TokenSelection;
use site::{Client, Gateway, Site, wait_for};

const DAY: i64 = 24 * 3600;

/// An authorization server, and a resource server that follows its list by a clock of its own.
async fn two_clocks() -> (Site, Gateway, Arc<VirtualClock>) {
    let site = Site::new(2, 1).await;
    let clock = Arc::new(VirtualClock::running(SystemClock));
    let link = site.link(0).revocation(Revocation::default());
    let gateway = Gateway::new(0, clock.clone(), |builder| builder.link(link)).await;
    wait_for(&gateway.events, "the first list", |event| {
        matches!(event, Event::RevocationListRead { full: true, .. })
    })
    .await;
    (site, gateway, clock)
}

async fn upload(gateway: &Gateway, client: &Client, token: &TokenResponse) -> Code {
    let format = ContentFormat::CWT;
    gateway.upload(client, &token.access_token, format).await
}

async fn ended(gateway: &Gateway, wanted: TokenEnd) {
    wait_for(
        &gateway.events,
        "the end of the token",
        |event| matches!(event, Event::TokenEnded { why, .. } if *why == wanted),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r21_r23_a_jump_of_the_authorization_server_gives_no_revoked_token_back() {
    let (site, gateway, _) = two_clocks().await;
    let client = Client::new().await;
    let token = site.token(&client, 1, 0).await;
    let session = client.connect(&gateway, &token).await;
    let hash = TokenHash::of_token(&PROVIDER, &token.access_token);
    site.server
        .revoke(&TokenSelection::Hash(hash))
        .await
        .unwrap();
    ended(&gateway, TokenEnd::Revoked).await;
    for jump in [DAY, -2 * DAY, DAY] {
        site.clock.advance(jump);
        // The list loses the token, which has expired by the clock of the server; the resource server knows better.
        if jump == DAY {
            for _ in 0..20 {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
        assert_eq!(
            upload(&gateway, &client, &token).await,
            Code::UNAUTHORIZED,
            "{jump}"
        );
    }
    let gone = client
        .handle
        .request(session, Request::get("/readings"))
        .await;
    assert!(gone.is_err(), "the session has ended");
    // The clock is right again: what is issued now is good.
    let other = Client::new().await;
    let again = site.token(&other, 2, 0).await;
    let session = other.connect(&gateway, &again).await;
    let answer = other.request(session, Request::get("/readings")).await;
    assert_eq!(answer.code, Code::CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_a_server_whose_clock_is_wrong_are_good_by_the_clock_of_the_resource_server() {
    let (site, gateway, _) = two_clocks().await;
    let client = Client::new().await;
    // A day ahead: the token ends a day too late, and is good; a day behind: it has expired when it comes.
    site.clock.advance(DAY);
    let early = site.token(&client, 1, 0).await;
    assert_eq!(upload(&gateway, &client, &early).await, Code::CREATED);
    site.clock.advance(-2 * DAY);
    let late = site.token(&client, 1, 0).await;
    assert_eq!(upload(&gateway, &client, &late).await, Code::UNAUTHORIZED);
    // Tokens from before a jump back can be revoked after it, and the other way round.
    let which = TokenSelection::Client("device-1".into());
    assert_eq!(site.server.revoke(&which).await.unwrap().len(), 2);
    site.clock.advance(DAY);
    ended(&gateway, TokenEnd::Revoked).await;
    assert_eq!(upload(&gateway, &client, &early).await, Code::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_of_the_resource_server_ends_tokens_and_gives_no_revoked_one_back() {
    let (site, gateway, clock) = two_clocks().await;
    let client = Client::new().await;
    let (one, two) = (
        site.token(&client, 1, 0).await,
        site.token(&client, 2, 0).await,
    );
    assert_eq!(upload(&gateway, &client, &one).await, Code::CREATED);
    let session = client.connect(&gateway, &two).await;
    let hash = TokenHash::of_token(&PROVIDER, &one.access_token);
    site.server
        .revoke(&TokenSelection::Hash(hash))
        .await
        .unwrap();
    ended(&gateway, TokenEnd::Revoked).await;
    // Back: nothing expires, and what was revoked stays so.
    clock.advance(-DAY);
    assert_eq!(upload(&gateway, &client, &one).await, Code::UNAUTHORIZED);
    let answer = client.request(session, Request::get("/readings")).await;
    assert_eq!(answer.code, Code::CONTENT);
    // Forwards: all tokens have expired, and their sessions end.
    clock.advance(2 * DAY);
    ended(&gateway, TokenEnd::Expired).await;
    assert_eq!(upload(&gateway, &client, &one).await, Code::UNAUTHORIZED);
    // Right again: the list still names the revoked one, and new tokens are good.
    clock.advance(-DAY);
    assert_eq!(upload(&gateway, &client, &one).await, Code::UNAUTHORIZED);
    let again = site.token(&Client::new().await, 2, 0).await;
    assert_eq!(upload(&gateway, &client, &again).await, Code::CREATED);
}
