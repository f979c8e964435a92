//! Our servers, each in a process of its own.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use motekey_coap::driver::{Context, Driver, Handle, Handler, HandlerFuture};
use motekey_coap::dtls::motekey::{Motekey, MotekeyConfig, SystemRandom};
use motekey_coap::dtls::{
    Backend, CertificateCheck, CertificateError, CertificateVerifier, CertifiedKey,
    CredentialSource, KeyPair, PreSharedKey, PskAnswer, SignatureScheme, Signer, SigningError,
};
use motekey_coap::endpoint::{EndpointConfig, Security};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_dtls::crypto::SigningKey as _;
use motekey_dtls::crypto::aws_lc::{P256Key, PROVIDER};
use motekey_dtls::x509::WebPkiVerifier;
use motekey_server::listen::{Listen, Running};
use motekey_server::resource_server::{Limits, ResourceServer};
use tokio::net::UdpSocket;

use crate::{grant, keys};

/// The driver with one resource.
pub(crate) const PLAIN: &str = "plain";
/// A resource server, which looks for the rights of each request in the token of its session.
pub(crate) const RESOURCE_SERVER: &str = "resource-server";
/// What a GET brings, in bytes.
const CONTENT: [u8; 64] = [b'2'; 64];

/// What keeps a server alive.
enum Serving {
    Plain { _handle: Handle },
    Resources { _running: Running },
}

/// Serves until the standard input ends.
pub(crate) fn run(name: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0)
    });
    runtime.block_on(async {
        let (_serving, address) = if name == PLAIN {
            plain().await
        } else {
            resource_server().await
        };
        println!("{address}");
        std::future::pending::<()>().await;
    });
}

fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn limits() -> EndpointConfig {
    EndpointConfig {
        max_sessions: 120_000,
        max_sessions_per_identity: 120_000,
        ..EndpointConfig::default()
    }
}

fn backend(credentials: Arc<dyn CredentialSource>) -> Box<dyn Backend> {
    let config = MotekeyConfig {
        provider: &PROVIDER,
        ..MotekeyConfig::default()
    };
    Box::new(Motekey::server(config, credentials, Box::new(SystemRandom)))
}

async fn plain() -> (Serving, SocketAddr) {
    let socket = UdpSocket::bind(any_port()).await.unwrap();
    let security = Security::Dtls(backend(Arc::new(Everybody)));
    let handle = Driver::start(socket, limits(), security, Some(Arc::new(Clock))).unwrap();
    let address = handle.local_addr();
    (Serving::Plain { _handle: handle }, address)
}

async fn resource_server() -> (Serving, SocketAddr) {
    let server = ResourceServer::builder(grant::AUDIENCE)
        .shared_key(grant::ISSUER, PreSharedKey::new(grant::SHARED.to_vec()))
        .limits(Limits {
            tokens: 120_000,
            ..Limits::default()
        })
        .resource("/time", |_, _| async { content() })
        .build()
        .unwrap();
    let listen = Listen::secure(any_port())
        .endpoint(limits())
        .backend(Box::new(backend));
    let running = server.start(listen).await.unwrap();
    let address = running.secure_address();
    (Serving::Resources { _running: running }, address)
}

fn content() -> Response {
    Response::new(Code::CONTENT).with_payload(ContentFormat::TEXT_PLAIN, CONTENT)
}

/// The one resource.
struct Clock;

impl Handler for Clock {
    fn handle<'a>(&'a self, _context: Context, request: Request) -> HandlerFuture<'a> {
        Box::pin(async move {
            match request.path().as_str() {
                "/time" => content(),
                _ => Response::new(Code::NOT_FOUND),
            }
        })
    }
}

/// Knows the devices of the load.
struct Everybody;

impl CredentialSource for Everybody {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        if identity.starts_with(b"device-") {
            PskAnswer::Key(PreSharedKey::new(keys::PRE_SHARED.to_vec()))
        } else {
            PskAnswer::Unknown
        }
    }

    fn raw_public_key(&self, public_key_info: &[u8]) -> bool {
        public_key_info == keys::public_key_info(&keys::CLIENT)
    }

    fn certificate(&self, chain: &[&[u8]]) -> bool {
        chain == [keys::CLIENT_CERTIFICATE]
    }

    fn key_pair(&self) -> Option<KeyPair> {
        Some(KeyPair::new(Own(P256Key::new(&keys::SERVER).unwrap())))
    }

    fn own_certificate(&self) -> Option<CertifiedKey> {
        Some(CertifiedKey {
            chain: vec![keys::SERVER_CERTIFICATE.to_vec()],
            key: self.key_pair()?,
        })
    }

    fn client_certificates(&self) -> Option<CertificateCheck> {
        let clock = Box::new(|| Some(1_800_000_000));
        let verifier = WebPkiVerifier::clients(&PROVIDER, &[keys::AUTHORITY_CERTIFICATE], clock);
        Some(CertificateCheck::new(Chains(verifier.unwrap())))
    }
}

/// A key of AWS-LC behind the seam.
struct Own(P256Key);

impl Signer for Own {
    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::EcdsaP256
    }

    fn public_key_info(&self) -> &[u8] {
        self.0.public_key_info()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        self.0.sign(message).map_err(|_| SigningError)
    }
}

/// Chains with the signatures of AWS-LC behind the seam.
struct Chains(WebPkiVerifier);

impl CertificateVerifier for Chains {
    fn verify(&self, chain: &[&[u8]]) -> Result<Vec<u8>, CertificateError> {
        motekey_dtls::CertificateVerifier::verify(&self.0, chain).map_err(|_| CertificateError::Bad)
    }
}
