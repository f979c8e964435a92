//! Two drivers of ours over UDP on the loopback interface, with real DTLS.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::hello::{Hello, KEY, TestServer, credential, start_client};
use motekey_coap::driver::{Driver, OpenError};
use motekey_coap::dtls::CloseReason;
use motekey_coap::endpoint::{EndpointConfig, RequestError, Security};
use motekey_coap::message::{Code, Request};
use tokio::net::UdpSocket;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_request_is_answered_over_dtls_and_the_handler_knows_the_identity() {
    let server = TestServer::start().await;
    let client = start_client().await;
    let session = client
        .open(server.address(), credential(b"device", KEY))
        .await
        .unwrap()
        .session;
    let response = client.request(session, Request::get("/who")).await.unwrap();
    assert_eq!(
        (response.code, response.payload.as_slice()),
        (Code::CONTENT, &b"device"[..])
    );
    let statistics = client.statistics(session).await.unwrap();
    assert!(statistics.handshake_datagrams_sent >= 3, "{statistics:?}");
    assert_eq!(
        statistics.round_trips,
        statistics.handshake_round_trips + 1,
        "{statistics:?}"
    );
    client.shutdown().await;
    let closed = timeout(SOON, server.next_closed()).await.unwrap();
    assert_eq!(closed, CloseReason::Peer);
}

#[tokio::test]
async fn a_slow_handler_delays_nobody_else() {
    let server = TestServer::start().await;
    let client = start_client().await;
    let slow = client
        .open(server.address(), credential(b"device", KEY))
        .await
        .unwrap()
        .session;
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.request(slow, Request::get("/slow")).await }
    });
    let other = start_client().await;
    let session = other
        .open(server.address(), credential(b"device", KEY))
        .await
        .unwrap()
        .session;
    for _ in 0..20 {
        let response = timeout(SOON, other.request(session, Request::get("/who")))
            .await
            .unwrap();
        assert_eq!(response.unwrap().code, Code::CONTENT);
    }
    assert!(!waiting.is_finished());
    server.hello.release.notify_one();
    let response = timeout(SOON, waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(response.payload, b"at last");
}

#[tokio::test]
async fn d28_opening_tells_what_happened() {
    let server = TestServer::start().await;
    let client = start_client().await;
    let open = |identity: &'static [u8], key: &'static [u8]| {
        let (client, address) = (client.clone(), server.address());
        async move { client.open(address, credential(identity, key)).await }
    };
    assert_eq!(
        open(b"token", KEY).await,
        Err(OpenError::Closed(CloseReason::Alert(47)))
    );
    let wrong_key = open(b"device", b"fedcba9876543210").await;
    assert_eq!(wrong_key, Err(OpenError::Closed(CloseReason::Alert(115))));
    assert_eq!(open(b"stranger", KEY).await, wrong_key);
    assert!(matches!(
        open(&[7; 5000], KEY).await,
        Err(OpenError::Connect(_))
    ));
    client.shutdown().await;
    assert_eq!(open(b"device", KEY).await, Err(OpenError::DriverEnded));
}

#[tokio::test]
async fn opening_to_nobody_ends_with_the_time_limit() {
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let client = crate::hello::start_client_with(EndpointConfig {
        handshake_time_limit: Duration::from_millis(300),
        ..EndpointConfig::default()
    })
    .await;
    let opened = timeout(
        SOON,
        client.open(silent.local_addr().unwrap(), credential(b"device", KEY)),
    )
    .await;
    assert_eq!(
        opened.unwrap(),
        Err(OpenError::Closed(CloseReason::HandshakeTimeout))
    );
}

#[tokio::test]
async fn an_observation_follows_the_resource_and_ends_when_dropped() {
    let server = TestServer::start().await;
    let client = start_client().await;
    let session = client
        .open(server.address(), credential(b"device", KEY))
        .await
        .unwrap()
        .session;
    let mut observation = client
        .observe(session, Request::get("/state"))
        .await
        .unwrap();
    assert_eq!(observation.first().payload, b"0");
    for state in ["1", "2", "3"] {
        server.set_state(state).await;
        let next = timeout(SOON, observation.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(next.payload, state.as_bytes());
    }
    drop(observation);
    timeout(SOON, server.hello.observation_ended.notified())
        .await
        .unwrap();
}

#[tokio::test]
async fn what_cannot_be_observed_is_one_response() {
    let server = TestServer::start().await;
    let client = start_client().await;
    let session = client
        .open(server.address(), credential(b"device", KEY))
        .await
        .unwrap()
        .session;
    let mut observation = client.observe(session, Request::get("/who")).await.unwrap();
    assert_eq!(observation.first().payload, b"device");
    assert_eq!(timeout(SOON, observation.next()).await.unwrap(), None);
}

#[tokio::test]
async fn shutdown_waits_for_handlers_and_says_goodbye_to_all() {
    let server = TestServer::start().await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let client = start_client().await;
        let session = client
            .open(server.address(), credential(b"device", KEY))
            .await
            .unwrap()
            .session;
        clients.push((client, session));
    }
    let (client, session) = clients[0].clone();
    let waiting = tokio::spawn(async move { client.request(session, Request::get("/slow")).await });
    timeout(SOON, server.hello.began.notified()).await.unwrap();
    let handle = server.handle.clone();
    let shutdown = tokio::spawn(async move { handle.shutdown().await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!shutdown.is_finished());
    server.hello.release.notify_one();
    timeout(SOON, shutdown).await.unwrap().unwrap();
    assert_eq!(
        timeout(SOON, waiting)
            .await
            .unwrap()
            .unwrap()
            .unwrap()
            .payload,
        b"at last"
    );
    for (client, session) in clients {
        let outcome = client.request(session, Request::get("/who"));
        assert_eq!(
            timeout(SOON, outcome).await.unwrap(),
            Err(RequestError::SessionClosed)
        );
    }
}

#[tokio::test]
async fn plain_endpoints_talk_without_a_handshake() {
    let hello = std::sync::Arc::new(Hello::default());
    let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
    let config = EndpointConfig::default;
    let server = Driver::start(
        socket().await.unwrap(),
        config(),
        Security::None,
        Some(hello),
    )
    .unwrap();
    let client = Driver::start(socket().await.unwrap(), config(), Security::None, None).unwrap();
    let session = client.open_plain(server.local_addr()).await.unwrap();
    let response = client.request(session, Request::get("/who")).await.unwrap();
    assert_eq!(
        (response.code, response.payload.as_slice()),
        (Code::CONTENT, &b"nobody"[..])
    );
    let refused = client
        .open(server.local_addr(), credential(b"device", KEY))
        .await;
    assert!(matches!(refused, Err(OpenError::Connect(_))), "{refused:?}");
}
