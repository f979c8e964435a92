//! Foreign clients with raw public keys and certificates.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use motekey_coap::driver::{Context, Driver, Handle, Handler, HandlerFuture};
use motekey_coap::dtls::motekey::{Motekey, MotekeyConfig, SystemRandom};
use motekey_coap::dtls::{
    CertificateCheck, CertifiedKey, CredentialSource, KeyPair, PeerIdentity, PskAnswer,
};
use motekey_coap::endpoint::{EndpointConfig, Security};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use tokio::net::UdpSocket;

use crate::foreign::wait_for;
use crate::hello::Device;
use crate::program::Program;

/// Those of the suite of backends: keys 1 (authority), 2 (server), 3 (client).
pub(crate) const AUTHORITY: &[u8] =
    include_bytes!("../../src/dtls/conformance/certificates/authority.der");
const SERVER: &[u8] = include_bytes!("../../src/dtls/conformance/certificates/server.der");
pub(crate) const CLIENT: &[u8] =
    include_bytes!("../../src/dtls/conformance/certificates/client.der");

/// 2027-01-15.
pub(crate) fn clock() -> Box<dyn Fn() -> Option<u64> + Send + Sync> {
    Box::new(|| Some(1_800_000_000))
}

pub(crate) fn key_pair(number: u8) -> KeyPair {
    KeyPair::p256(&[number; 32]).unwrap()
}

/// A server with a raw public key, for the client with key 3 and the one with the key of [`Device`]; with a certificate too, if that is wanted.
struct Site {
    certificates: bool,
}

impl CredentialSource for Site {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        Device.pre_shared_key(identity)
    }

    fn raw_public_key(&self, public_key_info: &[u8]) -> bool {
        key_pair(3).public_key_info() == public_key_info
    }

    fn certificate(&self, chain: &[&[u8]]) -> bool {
        // A client may send its authority along.
        chain.first() == Some(&CLIENT)
    }

    fn key_pair(&self) -> Option<KeyPair> {
        Some(key_pair(2))
    }

    fn own_certificate(&self) -> Option<CertifiedKey> {
        self.certificates.then(|| CertifiedKey {
            chain: vec![SERVER.to_vec()],
            key: key_pair(2),
        })
    }

    fn client_certificates(&self) -> Option<CertificateCheck> {
        let check = CertificateCheck::of_clients(&[AUTHORITY], clock()).unwrap();
        self.certificates.then_some(check)
    }
}

/// Greets, or gives back what it was given, and remembers who asked.
#[derive(Default)]
pub(crate) struct Greeter(Mutex<Option<PeerIdentity>>);

impl Handler for Greeter {
    fn handle<'a>(&'a self, context: Context, request: Request) -> HandlerFuture<'a> {
        *self.0.lock().unwrap() = context.identity.as_deref().cloned();
        Box::pin(async {
            let payload = match request.payload.as_slice() {
                [] => b"hello from motekey".to_vec(),
                _ => request.payload,
            };
            Response::new(Code::CONTENT).with_payload(ContentFormat::TEXT_PLAIN, payload)
        })
    }
}

impl Greeter {
    pub(crate) fn take(&self) -> Option<PeerIdentity> {
        self.0.lock().unwrap().take()
    }
}

pub(crate) async fn start(certificates: bool) -> (Handle, Arc<Greeter>) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let backend = Motekey::server(
        MotekeyConfig::default(),
        Arc::new(Site { certificates }),
        Box::new(SystemRandom),
    );
    let greeter = Arc::new(Greeter::default());
    let security = Security::Dtls(Box::new(backend));
    let handler: Arc<dyn Handler> = Arc::<Greeter>::clone(&greeter);
    let handle = Driver::start(socket, EndpointConfig::default(), security, Some(handler)).unwrap();
    (handle, greeter)
}

/// A directory that goes away, with the files of server 2 and client 3.
pub(crate) struct Files(PathBuf);

impl Files {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("motekey-coap-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let files = Self(path);
        // PKCS #8 of a P-256 key without its public half (RFC 5208, RFC 5915).
        let head = b"\x30\x41\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\
            \x03\x01\x07\x04\x27\x30\x25\x02\x01\x01\x04\x20";
        for (name, number) in [("server-key", 2), ("client-key", 3)] {
            files.put(name, &[head.as_slice(), &[number; 32]].concat());
            files.convert("ec", name, &format!("{name}.pem"));
        }
        for (name, der) in [
            ("server", SERVER),
            ("client", CLIENT),
            ("authority", AUTHORITY),
        ] {
            files.put(name, der);
            files.convert("x509", name, &format!("{name}.pem"));
        }
        files
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn convert(&self, what: &str, from: &str, to: &str) {
        let (from, to) = (self.path(from), self.path(to));
        let output = Command::new("openssl")
            .args([what, "-inform", "DER", "-in", &from, "-out", &to])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d13_a_libcoap_client_with_a_raw_public_key_gets_a_resource() {
    // libcoap offers certificates too, and first.
    let (server, greeter) = start(false).await;
    let files = Files::new("libcoap-rpk");
    let uri = format!("coaps://{}/hello", server.local_addr());
    let libcoap = Program::start(
        "coap-client-gnutls",
        "libcoap3-bin",
        &["-M", &files.path("client-key.pem"), "-m", "get", &uri],
    );
    wait_for(libcoap, b"hello from motekey").await;
    let identity = PeerIdentity::RawPublicKey(key_pair(3).public_key_info().to_vec());
    assert_eq!(greeter.take(), Some(identity));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_openssl_client_with_a_certificate_gets_a_resource() {
    let (server, greeter) = start(true).await;
    let files = Files::new("openssl-certificate");
    let mut openssl = Program::start(
        "openssl",
        "openssl",
        &[
            "s_client",
            "-dtls1_2",
            "-quiet",
            "-verify_return_error",
            "-verify_hostname",
            "server.example",
            "-CAfile",
            &files.path("authority.pem"),
            "-cert",
            &files.path("client.pem"),
            "-key",
            &files.path("client-key.pem"),
            "-cipher",
            "ECDHE-ECDSA-AES128-CCM8@SECLEVEL=0",
            "-connect",
            &server.local_addr().to_string(),
        ],
    );
    // A confirmable GET of /hello with Message ID 0x0102 (RFC 7252 Section 3).
    openssl.write(b"\x40\x01\x01\x02\xb5hello");
    wait_for(openssl, b"hello from motekey").await;
    match greeter.take() {
        Some(PeerIdentity::Certificate(chain)) => assert_eq!(chain[0], CLIENT),
        other => panic!("a certificate, not {other:?}"),
    }
}
