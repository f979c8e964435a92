//! `mote` with a key pair in a file, against servers with raw public keys.

use std::net::Ipv4Addr;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use motekey_client::KeyPair;
use motekey_coap::driver::{Context, Driver, Handle, Handler, HandlerFuture};
use motekey_coap::dtls::{CredentialSource, Implementation, PskAnswer};
use motekey_coap::endpoint::{EndpointConfig, Security};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::CoseKey;
use motekey_cose::message::{TokenRequest, TokenResponse};
use tokio::net::UdpSocket;

use crate::mote::{run, text};

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");

/// Both servers at once: they know one device and have one key.
#[derive(Clone, Default)]
struct Servers {
    /// Paths of all requests, and what the token request named.
    seen: Arc<Mutex<(Vec<String>, Option<Confirmation>)>>,
}

fn pair() -> KeyPair {
    KeyPair::p256(&[7; 32]).unwrap()
}

fn public_key() -> CoseKey {
    CoseKey::from_public_key_info(&PROVIDER, pair().public_key_info(), None).unwrap()
}

impl Handler for Servers {
    fn handle<'a>(&'a self, _: Context, request: Request) -> HandlerFuture<'a> {
        let mut seen = self.seen.lock().unwrap();
        seen.0.push(request.path());
        let response = match request.path().as_str() {
            "/token" => {
                seen.1 = TokenRequest::decode(&request.payload).unwrap().req_cnf;
                let response = TokenResponse {
                    access_token: vec![0xd0; 90],
                    expires_in: Some(600),
                    cnf: None,
                    scope: None,
                    token_type: None,
                    refresh_token: None,
                    ace_profile: Some(1),
                    rs_cnf: Some(Confirmation::Key(public_key())),
                };
                Response::new(Code::CREATED)
                    .with_payload(ContentFormat::ACE_CBOR, response.encode())
            }
            "/authz-info" => Response::new(Code::CREATED),
            _ => Response::new(Code::CONTENT).with_payload(ContentFormat::TEXT_PLAIN, *b"21.5"),
        };
        Box::pin(async move { response })
    }
}

impl CredentialSource for Servers {
    fn pre_shared_key(&self, _: &[u8]) -> PskAnswer {
        PskAnswer::Unknown
    }

    fn raw_public_key(&self, info: &[u8]) -> bool {
        let device = std::fs::read(format!("{KEYS}/ed25519.pub.der")).unwrap();
        device == info
    }

    fn key_pair(&self) -> Option<KeyPair> {
        Some(pair())
    }
}

async fn start(servers: &Servers, secure: bool) -> Handle {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let security = if secure {
        let credentials = Arc::new(servers.clone());
        let limit = Duration::from_secs(10);
        Security::Dtls(Implementation::default().server(credentials, limit))
    } else {
        Security::None
    };
    let handler: Arc<dyn Handler> = Arc::new(servers.clone());
    Driver::start(socket, EndpointConfig::default(), security, Some(handler)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d03_d11_l07_a_key_pair_in_a_file_is_enough() {
    let servers = Servers::default();
    let (secure, plain) = (start(&servers, true).await, start(&servers, false).await);
    let address = format!("coaps://127.0.0.1:{}", secure.local_addr().port());
    let plain_port = plain.local_addr().port().to_string();
    let directory = std::env::temp_dir().join(format!("mote-pair-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let server_key = directory.join("as.pub");
    let digits: String = public_key()
        .to_cbor()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    std::fs::write(&server_key, digits).unwrap();
    let other_key = format!("{KEYS}/p256.pub.pem");
    let mote = async |server_key: &str, command: &str| -> Output {
        let mut line = Command::new(env!("CARGO_BIN_EXE_mote"));
        line.args(["--as", &address, "--audience", "rs1", "--timeout", "5"])
            .args(["--plain-port", &plain_port, "--explain"])
            .args(["--key-pair-file", &format!("{KEYS}/ed25519.pem")])
            .args(["--as-public-key-file", server_key])
            .args([command, &format!("{address}/temperature")])
            .env_remove("MOTEKEY_PSK");
        run(line, "").await
    };
    let server_key = server_key.to_str().unwrap();
    let output = mote(server_key, "get").await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).contains("raw public key"));
    let expected = ["/token", "/authz-info", "/temperature"];
    assert_eq!(servers.seen.lock().unwrap().0, expected);
    let info = std::fs::read(format!("{KEYS}/ed25519.pub.der")).unwrap();
    let device = CoseKey::from_public_key_info(&PROVIDER, &info, None).unwrap();
    let named = servers.seen.lock().unwrap().1.clone();
    assert_eq!(named, Some(Confirmation::Key(device)));
    // What was granted is told once.
    let output = mote(server_key, "token").await;
    assert_eq!(text(&output.stdout).matches("key id").count(), 1);
    let output = mote(&other_key, "get").await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        text(&output.stderr).contains("is not trusted"),
        "{output:?}"
    );
    std::fs::remove_dir_all(&directory).unwrap();
}
