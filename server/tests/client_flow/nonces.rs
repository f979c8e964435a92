//! A resource server without a clock that it trusts: it takes only tokens with a fresh nonce of its own (RFC 9200
//! Section 5.3.1).

use motekey_client::Step;
use motekey_coap::message::Code;

use crate::world::{World, key, steps};

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
