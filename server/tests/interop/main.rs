//! The whole flow with strangers: Debian's libcoap clients ask our authorization server for a token, upload it to our
//! resource server, and use it there. Nothing of ours runs on the client's side but the encoding of the request body.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, like the tests themselves"
)]

#[path = "../certificates/authority.rs"]
#[expect(dead_code, reason = "the tests of certificates use the rest")]
mod authority;
mod certificate;
mod libcoap;
mod public_key;
mod site;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use libcoap::Client;
use motekey_cose::confirmation::Confirmation;
use motekey_cose::message::{PskIdentity, TokenRequest, TokenResponse};
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};
use site::Site;

const LIBCOAP: [&str; 2] = ["coap-client-openssl", "coap-client-gnutls"];

/// Key bytes go to the program as an argument, and an argument ends at a zero byte: a key with one is asked for again.
const TRIES: usize = 16;

/// RFC 9202 Sections 3.3.1 and 3.3.2 with form A of the identity.
#[tokio::test(flavor = "multi_thread")]
async fn f45_f46_d23_d24_libcoap_gets_a_token_uploads_it_and_uses_it() {
    let site = Site::start().await;
    for program in LIBCOAP {
        let client = Client::new(program);
        let (granted, key) = token(&client, &site).await;

        // RFC 9200 Section 5.10.1: POST to authz-info over plain CoAP, Content-Format 61.
        let uploaded = client
            .post(&site.plain_uri("/authz-info"), 61, &granted.access_token)
            .await;
        assert!(uploaded.has_code("2.01"), "{program}: {uploaded}");

        // RFC 9202 Section 3.3.2: the kid as PSK identity.
        let kid = granted.cnf.as_ref().and_then(|cnf| cnf.kid()).unwrap();
        let identity = OsString::from_vec(PskIdentity { kid: kid.to_vec() }.encode());
        let client = client.with_key(&identity, OsStr::from_bytes(&key));
        let reading = client.get(&site.secure_uri("/temperature")).await;
        assert_eq!(reading.payload, b"21.5", "{program}: {reading}");
        let refused = client.get(&site.secure_uri("/secret")).await;
        assert!(refused.has_code("4.03"), "{program}: {refused}");
    }
    site.shutdown().await;
}

/// A peer that nobody registered gets no session, so no token.
#[tokio::test(flavor = "multi_thread")]
async fn f13_d02_libcoap_with_a_wrong_key_gets_nothing_from_the_authorization_server() {
    let site = Site::start().await;
    for program in LIBCOAP {
        let client =
            Client::new(program).with_key(OsStr::new("sensor"), OsStr::new("not the right key"));
        let answer = client
            .post(&site.token_uri(), 19, &request().encode())
            .await;
        assert_eq!(answer.payload, b"", "{program}: {answer}");
        assert!(!answer.has_code("2.01"), "{program}: {answer}");
        // RFC 4279 Section 2: decrypt_error where the key is wrong.
        assert!(
            answer.mentions_alert("decrypt error"),
            "{program}: {answer}"
        );
        // The server is well, and answers the client with the right key.
        token(&Client::new(program), &site).await;
    }
    site.shutdown().await;
}

/// Without a token there are hints, on plain CoAP too.
#[tokio::test(flavor = "multi_thread")]
async fn f05_f06_libcoap_without_a_token_gets_hints() {
    let site = Site::start().await;
    let answer = Client::new(LIBCOAP[0])
        .get(&site.plain_uri("/temperature"))
        .await;
    assert!(answer.has_code("4.01"), "{answer}");
    // The program logs the body of an error and does not write it to its file.
    assert!(answer.mentions(&site.token_uri()), "{answer}");
    assert!(answer.mentions(site::AUDIENCE), "{answer}");
    site.shutdown().await;
}

async fn token(client: &Client, site: &Site) -> (TokenResponse, Vec<u8>) {
    let client = client.with_key(OsStr::new("sensor"), OsStr::new(site::SENSOR_KEY));
    for _ in 0..TRIES {
        let answer = client
            .post(&site.token_uri(), 19, &request().encode())
            .await;
        let granted = TokenResponse::decode(&answer.payload)
            .unwrap_or_else(|error| panic!("{error} in the token response: {answer}"));
        assert_eq!(granted.ace_profile, Some(1), "{answer}");
        let Some(Confirmation::Key(key)) = &granted.cnf else {
            panic!("no key in the token response");
        };
        let key = key.symmetric_value().unwrap().to_vec();
        // A key id never holds a zero byte: as part of an identity it must survive C strings.
        assert!(!granted.cnf.as_ref().unwrap().kid().unwrap().contains(&0));
        if !key.contains(&0) {
            return (granted, key);
        }
    }
    panic!("{TRIES} keys with a zero byte in a row");
}

fn request() -> TokenRequest {
    let scope = Aif::new([("/temperature", MethodSet::EMPTY.with(Method::Get))]);
    TokenRequest {
        audience: Some(site::AUDIENCE.to_owned()),
        scope: Some(Scope::from(&scope)),
        ace_profile: Some(motekey_cose::message::ProfileRequest::Ask),
        ..TokenRequest::default()
    }
}
