use std::net::SocketAddr;
use std::sync::Arc;

use motekey_coap::driver::Context;
use motekey_coap::dtls::{CredentialSource, PeerIdentity, PreSharedKey, PskAnswer, SessionId};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::claims::{Audience, ClaimsSet, NumericDate};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::AeadAlgorithm;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::envelope::{Layout, encrypt0};
use motekey_cose::key::CoseKey;
use motekey_cose::message::PskIdentity;
use motekey_cose::scope::{Aif, MethodSet, Scope};

use super::super::{Authorized, ResourceServer, ResourceServerBuilder};
use crate::clock::VirtualClock;
use crate::event::Recorder;

pub(super) const NOW: i64 = 1_700_000_000;
pub(super) const GET: u64 = 1;
pub(super) const PUT: u64 = 4;

pub(super) struct Bench {
    pub(super) server: Arc<ResourceServer>,
    pub(super) clock: Arc<VirtualClock>,
    pub(super) events: Arc<Recorder>,
}

/// The key shared with the authorization server `name`.
pub(super) fn shared_key(name: &str) -> [u8; 16] {
    PROVIDER.kdf.sha256(name.as_bytes())[..16]
        .try_into()
        .unwrap()
}

/// The proof-of-possession key of a key id.
pub(super) fn pop_key(number: u8) -> Vec<u8> {
    vec![number; 16]
}

pub(super) fn bench() -> Bench {
    bench_with(|builder| builder)
}

pub(super) fn bench_with(
    configure: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder,
) -> Bench {
    let clock = Arc::new(VirtualClock::fixed(NOW));
    let events = Arc::new(Recorder::new());
    let echo = |authorized: Authorized, request: Request| async move {
        let client = authorized.client().unwrap_or("nobody").to_owned();
        Response::new(Code::CONTENT).with_payload(
            ContentFormat::TEXT_PLAIN,
            format!("{client} {}", request.method),
        )
    };
    let builder = ResourceServer::builder("gateway")
        .shared_key("as", PreSharedKey::new(shared_key("as").to_vec()))
        .shared_key("as2", PreSharedKey::new(shared_key("as2").to_vec()))
        .authorization_server("coaps://as.example/token")
        .scope_word("read", aif(&[("/a", GET)]))
        .resource("/a", echo)
        .fallback(echo)
        .clock(clock.clone())
        .subscriber(events.clone());
    let server = configure(builder).build().unwrap();
    Bench {
        server,
        clock,
        events,
    }
}

pub(super) fn aif(entries: &[(&str, u64)]) -> Aif {
    Aif::new(
        entries
            .iter()
            .map(|(path, bits)| (*path, MethodSet::from_bits(*bits))),
    )
}

/// The claims of a good token: key id `key-N`, ten minutes, GET on /a.
pub(super) fn claims(number: u8) -> ClaimsSet {
    let key_id = format!("key-{number}");
    ClaimsSet {
        sub: Some(format!("device-{number}")),
        aud: Some(Audience::One("gateway".to_owned())),
        exp: Some(NumericDate::from_seconds(NOW + 600)),
        cnf: Some(Confirmation::Key(CoseKey::symmetric(
            &pop_key(number),
            Some(key_id.as_bytes()),
        ))),
        scope: Some(Scope::from(&aif(&[("/a", GET)]))),
        ..ClaimsSet::default()
    }
}

/// A token of the authorization server `issuer`, also with claims that ours would not issue. The claims make the nonce,
/// so equal claims make equal tokens.
pub(super) fn token_of(issuer: &str, claims: &ClaimsSet) -> Vec<u8> {
    token_of_content(issuer, &claims.encode())
}

/// A token whose content is no claims set that this crate can write.
pub(super) fn token_of_content(issuer: &str, content: &[u8]) -> Vec<u8> {
    let key = CoseKey::symmetric(&shared_key(issuer), None)
        .encryption_key(&PROVIDER, AeadAlgorithm::AesCcm16_64_128)
        .unwrap();
    let nonce = &PROVIDER.kdf.sha256(content)[..13];
    encrypt0(content, &key, nonce, &[], Layout::default()).unwrap()
}

pub(super) fn token(claims: &ClaimsSet) -> Vec<u8> {
    token_of("as", claims)
}

pub(super) fn peer() -> SocketAddr {
    "192.0.2.7:40000".parse().unwrap()
}

pub(super) fn plain() -> Context {
    Context {
        session: SessionId(0),
        peer: peer(),
        identity: None,
        secure: false,
        observation: None,
    }
}

/// Form A of a PSK identity (RFC 9202 Section 3.3.2).
pub(super) fn form_a(number: u8) -> Vec<u8> {
    PskIdentity {
        kid: format!("key-{number}").into_bytes(),
    }
    .encode()
}

impl Bench {
    pub(super) async fn upload(&self, token: &[u8]) -> Code {
        let request = Request::post("/authz-info").with_payload(ContentFormat::CWT, token);
        self.server.answer_request(plain(), request).await.code
    }

    /// What the DTLS backend gets for an identity.
    pub(super) fn psk(&self, identity: &[u8]) -> PskAnswer {
        let credentials: Arc<dyn CredentialSource> = self.server.credentials();
        credentials.pre_shared_key(identity)
    }

    /// A handshake as the backend runs it.
    pub(super) fn connect(&self, session: u64, identity: &[u8]) {
        assert!(
            matches!(self.psk(identity), PskAnswer::Key(_)),
            "the handshake of session {session}"
        );
        self.server.bind_session(
            SessionId(session),
            Some(&PeerIdentity::PreSharedKey(identity.to_vec())),
        );
    }

    pub(super) async fn request(&self, session: u64, request: Request) -> Response {
        let context = Context {
            session: SessionId(session),
            secure: true,
            ..plain()
        };
        self.server.answer_request(context, request).await
    }

    pub(super) async fn get(&self, session: u64, path: &str) -> Code {
        self.request(session, Request::get(path)).await.code
    }
}
