//! Client nonces (RFC 9200 Section 5.3.1) on running sessions.

use motekey_client::{Client, Error, Step};
use motekey_coap::message::Code;
use motekey_cose::scope::Scope;

use crate::scripted::{WIDE, World};

async fn running(world: &World) -> Client {
    let client = world.client().await;
    client.get(&world.url("/temperature")).await.unwrap();
    client.take_report();
    client
}

fn steps(client: &Client) -> Vec<Step> {
    let report = client.take_report();
    let exchanges = report.exchanges.iter();
    exchanges.map(|exchange| exchange.step).collect()
}

fn nonces(world: &World) -> Vec<Option<Vec<u8>>> {
    let asked = world.script().asked();
    asked.into_iter().map(|asked| asked.cnonce).collect()
}

#[tokio::test]
async fn f10_d34_an_update_that_is_refused_with_a_nonce_is_made_once_more_with_it() {
    let world = World::start().await;
    let client = running(&world).await;
    let nonce = world.script().hints.cnonce.clone();
    world.script().refuse_uploads = 1;
    let wide = Scope::Text(WIDE.into());
    client
        .request_scope(&world.url("/relay"), wide)
        .await
        .unwrap();
    let update = [Step::UpdateRequest, Step::UpdateUpload];
    assert_eq!(steps(&client), [update, update].concat());
    assert_eq!(nonces(&world), [None, None, nonce]);
    // Both were for the key of the session.
    let asked = world.script().asked();
    assert_eq!(asked[1].req_cnf, asked[2].req_cnf);
    assert!(asked[1].req_cnf.is_some());
}

#[tokio::test]
async fn an_update_that_is_refused_again_is_given_up_and_the_session_goes_on() {
    let world = World::start().await;
    let client = running(&world).await;
    world.script().refuse_uploads = 9;
    let wide = Scope::Text(WIDE.into());
    let error = client
        .request_scope(&world.url("/relay"), wide)
        .await
        .unwrap_err();
    let refused = Error::UploadRefused {
        code: Code::UNAUTHORIZED,
    };
    assert_eq!(error, refused);
    assert!(error.to_string().contains("client nonces"), "{error}");
    assert_eq!(world.script().uploads.len(), 2);
    steps(&client);
    client.get(&world.url("/temperature")).await.unwrap();
    assert_eq!(steps(&client), [Step::Request]);
}

#[tokio::test]
async fn without_a_nonce_in_the_refusal_nothing_is_repeated() {
    let world = World::start().await;
    let client = running(&world).await;
    world.script().hints.cnonce = None;
    world.script().refuse_uploads = 9;
    let wide = Scope::Text(WIDE.into());
    let error = client
        .request_scope(&world.url("/relay"), wide)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::UploadRefused { .. }), "{error}");
    assert_eq!(world.script().uploads.len(), 1);
    assert!(world.script().plain_requests.is_empty());
}
