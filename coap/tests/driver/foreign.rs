//! The driver with foreign peers: OpenSSL with CoAP bytes of our own, libcoap with each of its DTLS libraries.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::hello::{KEY, TestServer, credential, start_client};
use crate::program::Program;
use motekey_coap::dtls::CloseReason;
use motekey_coap::message::{Code, Request};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(15);
const KEY_TEXT: &str = "0123456789abcdef";
const KEY_HEX: &str = "30313233343536373839616263646566";
const SUITE: &str = "PSK-AES128-CCM8@SECLEVEL=0";

/// Waits on a thread of its own, so that the server goes on.
pub(crate) async fn wait_for(mut program: Program, text: &'static [u8]) -> Program {
    tokio::task::spawn_blocking(move || {
        program.wait_for(text);
        program
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d23_an_openssl_client_gets_a_resource() {
    let server = TestServer::start().await;
    let address = server.address().to_string();
    let mut openssl = Program::start(
        "openssl",
        "openssl",
        &[
            "s_client",
            "-dtls1_2",
            "-quiet",
            "-connect",
            &address,
            "-psk",
            KEY_HEX,
            "-psk_identity",
            "device",
            "-cipher",
            SUITE,
        ],
    );
    // A confirmable GET of /hello with Message ID 0x0102 (RFC 7252 Section 3).
    openssl.write(b"\x40\x01\x01\x02\xb5hello");
    let openssl = wait_for(openssl, b"hello from motekey").await;
    // The answer is in the acknowledgement: type 2, 2.05, the same Message ID.
    assert!(
        openssl
            .seen
            .windows(4)
            .any(|part| part == b"\x60\x45\x01\x02"),
        "{:?}",
        openssl.seen
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d23_libcoap_clients_get_a_resource() {
    for client in ["coap-client-openssl", "coap-client-gnutls"] {
        let server = TestServer::start().await;
        let uri = format!("coaps://{}/who", server.address());
        let libcoap = Program::start(
            client,
            "libcoap3-bin",
            &["-u", "device", "-k", KEY_TEXT, "-m", "get", &uri],
        );
        wait_for(libcoap, b"device").await;
        // libcoap's client closes its session when it is done.
        assert_eq!(
            timeout(SOON, server.next_closed()).await.unwrap(),
            CloseReason::Peer,
            "{client}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d23_our_client_gets_a_resource_of_a_libcoap_server() {
    for program in ["coap-server-openssl", "coap-server-gnutls"] {
        let port = crate::hello::free_port();
        let secure = port + 1;
        let server = Program::start(
            program,
            "libcoap3-bin",
            &[
                "-A",
                "127.0.0.1",
                "-p",
                &port.to_string(),
                "-k",
                KEY_TEXT,
                "-v",
                "6",
            ],
        );
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, secure));
        let client = start_client().await;
        let session = timeout(SOON, client.open(address, credential(b"device", KEY)))
            .await
            .unwrap();
        let session = session
            .unwrap_or_else(|error| panic!("{program}: {error}"))
            .session;
        let response = timeout(SOON, client.request(session, Request::get("/")))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(response.code, Code::CONTENT, "{program}");
        assert!(!response.payload.is_empty());
        client.shutdown().await;
        drop(server);
    }
}
