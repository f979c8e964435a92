//! Debian's libcoap client on OpenSSL with an X.509 certificate at the authorization server.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use motekey_coap::dtls::{CertifiedKey, PreSharedKey};
use motekey_cose::confirmation::{CertificateHash, Confirmation};
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::message::{ProfileRequest, TokenRequest, TokenResponse};
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};
use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::certificates::Certificates;
use motekey_server::listen::{Listen, Running};
use motekey_server::registry::{Device, Registry, ResourceServerRecord, ScopeRule, SharedKey};
use motekey_server::store::MemoryStore;

use crate::authority::{Authority, End, Kind, pkcs8};
use crate::libcoap::Client;

const PROGRAM: &str = "coap-client-openssl";
const AUDIENCE: &str = "camera";
const SHARED: &[u8] = b"\x5e\x01\xc3\x88\xf0\x42\x9d\x17\x6b\x3a\xe4\x90\x2c\xd5\x71\xac";

/// Numbers of key pairs.
const AUTHORITY: u8 = 1;
const AUTHORIZATION_SERVER: u8 = 2;
const VIEWER: u8 = 3;
const STRANGER: u8 = 4;

fn leaf(own: &CertifiedKey) -> Vec<u8> {
    own.chain.first().unwrap().clone()
}

fn rights() -> Aif {
    Aif::new([("/image", MethodSet::EMPTY.with(Method::Get))])
}

/// The server, its authority, and the files of the client.
struct Site {
    server: Running,
    authority: Authority,
    files: PathBuf,
}

impl Site {
    async fn start(registered: &[u8], authority: Authority) -> Self {
        let mut registry = Registry::new();
        let shared = SharedKey::new(PreSharedKey::new(SHARED.to_vec()));
        let mut camera = ResourceServerRecord::new(AUDIENCE, shared);
        camera.certificate = Some(b"camera".to_vec());
        registry.put_resource_server(camera).unwrap();
        let viewer = Device::with_certificate("viewer", registered);
        let viewer = viewer.allow(AUDIENCE, ScopeRule::Aif(rights()));
        registry.put_device(viewer).unwrap();
        let own = authority.certify(AUTHORIZATION_SERVER, End::Server, Kind::Plain);
        let peers = authority.devices();
        let builder = AuthorizationServer::builder(Arc::new(MemoryStore::with_registry(registry)));
        let builder = builder.certificates(Certificates { own, peers });
        let server = Arc::new(builder.build().await.unwrap());
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let files = std::env::temp_dir().join(format!("motekey-x509-{}", std::process::id()));
        std::fs::create_dir_all(&files).unwrap();
        Self {
            server: server.start(Listen::secure(loopback)).await.unwrap(),
            authority,
            files,
        }
    }

    /// The program with a certificate and its key.
    fn client(&self, own: &CertifiedKey, number: u8) -> Client {
        let anchor = self.pem("authority", &["x509"], &self.authority.der());
        let certificate = self.pem("own", &["x509"], &leaf(own));
        let key = self.pem("key", &["ec"], &pkcs8(number));
        Client::new(PROGRAM).with_certificate(&certificate, &key, &anchor)
    }

    /// A file in PEM.
    fn pem(&self, name: &str, kind: &[&str], der: &[u8]) -> PathBuf {
        let source = self.files.join("der");
        std::fs::write(&source, der).unwrap();
        let target: &Path = &self.files.join(format!("{name}.pem"));
        let mut command = Command::new("openssl");
        command.args(kind).args(["-inform", "DER", "-in"]);
        let output = command.arg(source).arg("-out").arg(target).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        target.to_owned()
    }

    fn token_uri(&self) -> String {
        format!("coaps://{}/token", self.server.secure_address())
    }
}

fn request(certificate: &[u8]) -> TokenRequest {
    let hash = CertificateHash::of_certificate(&PROVIDER, certificate);
    TokenRequest {
        audience: Some(AUDIENCE.to_owned()),
        scope: Some(Scope::from(&rights())),
        ace_profile: Some(ProfileRequest::Ask),
        req_cnf: Some(Confirmation::CertificateHash(hash.truncated())),
        ..TokenRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn x03_x04_libcoap_with_a_certificate_gets_a_token_and_a_stranger_does_not() {
    let authority = Authority::new(AUTHORITY);
    let own = authority.certify(VIEWER, End::Device, Kind::Plain);
    let strange = authority.certify(STRANGER, End::Device, Kind::Plain);
    let site = Site::start(&leaf(&own), authority).await;
    let body = request(&leaf(&own)).encode();

    let client = site.client(&own, VIEWER);
    let answer = client.post(&site.token_uri(), 19, &body).await;
    assert!(answer.has_code("2.01"), "{answer}");
    let granted = TokenResponse::decode(&answer.payload).unwrap();
    let camera = CertificateHash::of_certificate(&PROVIDER, b"camera");
    assert_eq!(granted.rs_cnf, Some(Confirmation::CertificateHash(camera)));
    assert_eq!(granted.cnf, None);

    let client = site.client(&strange, STRANGER);
    let refused = client.post(&site.token_uri(), 19, &body).await;
    assert!(refused.payload.is_empty(), "{refused}");
    assert!(refused.mentions_alert(""), "{refused}");

    std::fs::remove_dir_all(&site.files).unwrap();
    site.server.shutdown().await;
}
