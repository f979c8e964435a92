//! libcoap with each kind of credential, both ways, through the whole stack: a small body and one in blocks.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use motekey_coap::driver::{Driver, Handle};
use motekey_coap::dtls::motekey::{Motekey, MotekeyConfig, SystemRandom};
use motekey_coap::dtls::{CertificateCheck, CertifiedKey, ClientCredential, PeerIdentity};
use motekey_coap::endpoint::{EndpointConfig, Security};
use motekey_coap::message::{Code, ContentFormat, Request};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::foreign::wait_for;
use crate::hello::{KEY, free_port};
use crate::program::Program;
use crate::signed::{AUTHORITY, CLIENT, Files, clock, key_pair, start};

const SOON: Duration = Duration::from_secs(20);

/// Three blocks of 1,024 bytes.
fn long_body() -> Vec<u8> {
    (0..3000).map(|number| b'a' + (number % 23) as u8).collect()
}

/// How a peer shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    PreSharedKey,
    RawPublicKey,
    Certificate,
}

/// What Debian's libcoap can do: raw public keys with GnuTLS only.
const CELLS: [(&str, Kind); 5] = [
    ("gnutls", Kind::PreSharedKey),
    ("openssl", Kind::PreSharedKey),
    ("gnutls", Kind::RawPublicKey),
    ("gnutls", Kind::Certificate),
    ("openssl", Kind::Certificate),
];

/// The arguments that name the key files of `party`.
fn key_arguments(kind: Kind, party: &str, files: &Files) -> Vec<String> {
    let key = files.path(&format!("{party}-key.pem"));
    match kind {
        Kind::PreSharedKey => {
            let identity = ["-u", "device"].map(String::from);
            let identity = (party == "client").then_some(identity);
            let key = ["-k".into(), String::from_utf8(KEY.to_vec()).unwrap()];
            identity.into_iter().flatten().chain(key).collect()
        }
        Kind::RawPublicKey => vec!["-M".into(), key],
        Kind::Certificate => vec![
            "-c".into(),
            files.path(&format!("{party}.pem")),
            "-j".into(),
            key,
            "-C".into(),
            files.path("authority.pem"),
        ],
    }
}

fn run(program: &str, arguments: &[String]) -> Program {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Program::start(program, "libcoap3-bin", &arguments)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d13_d23_libcoap_clients_get_and_send_small_and_long_bodies() {
    for (library, kind) in CELLS {
        let (server, greeter) = start(kind == Kind::Certificate).await;
        let files = Files::new(&format!("clients-{library}-{kind:?}"));
        files.put("body", &long_body());
        let program = format!("coap-client-{library}");
        let call = |method: &str, path: &str, more: &[&str]| {
            let mut arguments = key_arguments(kind, "client", &files);
            arguments.extend(["-B", "15", "-m", method].map(String::from));
            arguments.extend(more.iter().copied().map(String::from));
            arguments.push(format!("coaps://{}{path}", server.local_addr()));
            run(&program, &arguments)
        };
        wait_for(call("get", "/hello", &[]), b"hello from motekey").await;
        let identity = greeter.take().unwrap();
        match kind {
            Kind::PreSharedKey => {
                assert_eq!(identity, PeerIdentity::PreSharedKey(b"device".to_vec()));
            }
            Kind::RawPublicKey => assert_eq!(
                identity,
                PeerIdentity::RawPublicKey(key_pair(3).public_key_info().to_vec())
            ),
            Kind::Certificate => assert!(
                matches!(&identity, PeerIdentity::Certificate(chain) if chain[0] == CLIENT),
                "{identity:?}"
            ),
        }
        // Up in blocks, and back in blocks.
        let body = files.path("body");
        let echoed = call("put", "/echo", &["-f", &body, "-b", "256"]);
        wait_for_bytes(echoed, long_body()).await;
        server.shutdown().await;
    }
}

/// As [`wait_for`], for a text that is made at run time.
async fn wait_for_bytes(mut program: Program, text: Vec<u8>) {
    let waiting = tokio::task::spawn_blocking(move || program.wait_for(&text));
    waiting.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d13_d23_our_client_talks_to_libcoap_servers() {
    for (library, kind) in CELLS {
        let files = Files::new(&format!("servers-{library}-{kind:?}"));
        let port = free_port();
        let mut arguments = key_arguments(kind, "server", &files);
        // "-d": resources are made by PUT.
        arguments.extend(["-A", "127.0.0.1", "-d", "5", "-v", "6", "-p"].map(String::from));
        arguments.push(port.to_string());
        let program = format!("coap-server-{library}");
        let server = run(&program, &arguments);
        let client = start_client().await;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port + 1));
        let case = format!("{library} {kind:?}");
        let opened = timeout(SOON, client.open(address, credential(kind))).await;
        let session = match opened {
            Ok(Ok(connected)) => connected.session,
            other => panic!("{case}: {other:?}\n{}", wait_for(server, b"").await.text()),
        };
        let ask = async |request| timeout(SOON, client.request(session, request)).await;
        let response = ask(Request::get("/")).await.unwrap().unwrap();
        assert_eq!(response.code, Code::CONTENT, "{case}");
        assert!(!response.payload.is_empty());
        let put = Request::put("/made").with_payload(ContentFormat::OCTET_STREAM, long_body());
        let response = ask(put).await.unwrap().unwrap();
        assert_eq!(response.code, Code::CREATED, "{case}");
        let response = ask(Request::get("/made")).await.unwrap().unwrap();
        assert_eq!(response.payload, long_body(), "{case}");
        client.shutdown().await;
        drop(server);
    }
}

async fn start_client() -> Handle {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let backend = Motekey::client(MotekeyConfig::default(), Box::new(SystemRandom));
    let security = Security::Dtls(Box::new(backend));
    Driver::start(socket, EndpointConfig::default(), security, None).unwrap()
}

fn credential(kind: Kind) -> ClientCredential {
    match kind {
        Kind::PreSharedKey => crate::hello::credential(b"device", KEY),
        Kind::RawPublicKey => ClientCredential::RawPublicKey {
            key: key_pair(3),
            server: key_pair(2).public_key_info().to_vec(),
        },
        Kind::Certificate => ClientCredential::Certificate {
            own: CertifiedKey {
                chain: vec![CLIENT.to_vec()],
                key: key_pair(3),
            },
            server: CertificateCheck::of_server(&[AUTHORITY], "server.example", clock()).unwrap(),
        },
    }
}
