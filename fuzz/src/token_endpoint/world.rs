//! The server of the target, its peers, and the resource servers that read its tokens.

use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use motekey_coap::dtls::{PeerIdentity, PreSharedKey};
use motekey_cose::claims::{ClaimsSet, NumericDate};
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::crypto::{AeadAlgorithm, SignatureAlgorithm};
use motekey_cose::key::CoseKey;
use motekey_cose::message::TokenResponse;
use motekey_cose::scope::{Aif, MethodSet};
use motekey_cose::token::{TrustedIssuers, VerificationKey, verify};
use motekey_server::authorization_server::{AuthorizationServer, ClientLimits};
use motekey_server::clock::VirtualClock;
use motekey_server::event::{Event, Recorder};
use motekey_server::public_key::subject_public_key_info;
use motekey_server::registry::{
    Device, Group, Registry, ResourceServerRecord, ScopeKind, ScopeRule, SharedKey,
};
use motekey_server::store::MemoryStore;

use super::allowed::{ALLOWED, LIFETIME, Rights};

/// The time of the target.
pub(super) const NOW: NumericDate = NumericDate::from_seconds(1_700_000_000);

/// Tokens that one input may make the store remember: more requests than fit into an input.
const CAPACITY: usize = 4096;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    Plain,
    Myclient,
    Other,
    Badge,
    UnknownIdentity,
    EmptyIdentity,
    UnknownPublicKey,
    Certificate,
}

impl Peer {
    /// The peer of a step.
    pub(super) fn of(how: u8) -> Self {
        match how & 7 {
            0 => Self::Plain,
            1 => Self::Myclient,
            2 => Self::Other,
            3 => Self::Badge,
            4 => Self::UnknownIdentity,
            5 => Self::EmptyIdentity,
            6 => Self::UnknownPublicKey,
            _ => Self::Certificate,
        }
    }

    /// Its name, if it is registered.
    pub(super) fn device(self) -> Option<&'static str> {
        match self {
            Self::Myclient => Some("myclient"),
            Self::Other => Some("other"),
            Self::Badge => Some("badge"),
            _ => None,
        }
    }
}

/// What stays the same for all inputs.
struct Fixture {
    registry: Registry,
    signing_key: CoseKey,
    badge: Vec<u8>,
    stranger: Vec<u8>,
    /// The keys of each audience.
    readers: Vec<(&'static str, TrustedIssuers)>,
}

static FIXTURE: LazyLock<Option<Fixture>> = LazyLock::new(fixture);

/// A server with its witnesses, new for each input.
pub(super) struct World {
    fixture: &'static Fixture,
    server: AuthorizationServer,
    events: Arc<Recorder>,
}

impl World {
    pub(super) fn new() -> Option<Self> {
        let fixture = LazyLock::force(&FIXTURE).as_ref();
        assert!(fixture.is_some(), "the records of the target");
        let fixture = fixture?;
        let store = MemoryStore::with_registry(fixture.registry.clone()).with_capacity(CAPACITY);
        let events = Arc::new(Recorder::new());
        let builder = AuthorizationServer::builder(Arc::new(store))
            .clock(VirtualClock::fixed(NOW.as_seconds()))
            .crypto(PROVIDER)
            .subscriber(events.clone())
            .client_limits(ClientLimits::NONE)
            .signing_key(SignatureAlgorithm::EdDsa, fixture.signing_key.clone());
        let built = pin!(builder.build()).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(Ok(server)) = built else {
            return None;
        };
        Some(Self {
            fixture,
            server,
            events,
        })
    }

    pub(super) fn server(&self) -> &AuthorizationServer {
        &self.server
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        self.events.take()
    }

    /// What the handshake of a peer showed.
    pub(super) fn identity(&self, peer: Peer) -> Option<PeerIdentity> {
        let text = |text: &str| PeerIdentity::PreSharedKey(text.as_bytes().to_vec());
        match peer {
            Peer::Plain => None,
            Peer::Myclient => Some(text("id-myclient")),
            Peer::Other => Some(text("id-other")),
            Peer::Badge => Some(PeerIdentity::RawPublicKey(self.fixture.badge.clone())),
            Peer::UnknownIdentity => Some(text("myclient")),
            Peer::EmptyIdentity => Some(text("")),
            Peer::UnknownPublicKey => {
                Some(PeerIdentity::RawPublicKey(self.fixture.stranger.clone()))
            }
            Peer::Certificate => Some(PeerIdentity::Certificate(vec![self.fixture.badge.clone()])),
        }
    }

    /// The claims, as the one resource server (or group) reads them that has the key.
    pub(super) fn open(&self, response: &TokenResponse) -> ClaimsSet {
        let token = &response.access_token;
        let mut read =
            self.fixture.readers.iter().filter_map(|(audience, keys)| {
                verify(&PROVIDER, token, keys, NOW, &[audience]).ok()
            });
        let (first, second) = (read.next(), read.next());
        assert!(first.is_some(), "a token that nobody can read");
        assert!(second.is_none(), "a token that two audiences take");
        first
            .map(|token| token.claims().clone())
            .unwrap_or_default()
    }
}

fn fixture() -> Option<Fixture> {
    let pair = |number| CoseKey::ed25519(&PROVIDER, &[number; 32], Some(&[number])).ok();
    let (signing_key, badge, sensor, stranger) = (pair(9)?, pair(7)?, pair(8)?, pair(6)?);
    let mut registry = Registry::new();
    let mut temperature = ResourceServerRecord::new("tempSensor4711", SharedKey::new(secret(1)));
    let mut valve = ResourceServerRecord::new("valve424", SharedKey::new(secret(2)));
    valve.scope_kind = ScopeKind::Text;
    valve.clockless = true;
    let mut smoke = ResourceServerRecord::new("smokeSensor1807", SharedKey::new(secret(3)));
    let mut living_room =
        ResourceServerRecord::with_public_key("tempSensorInLivingRoom", sensor.public()?);
    for record in [&mut temperature, &mut valve, &mut smoke, &mut living_room] {
        record.token_lifetime = LIFETIME;
        registry.put_resource_server(record.clone()).ok()?;
    }
    let group = Group {
        audience: "sensors".into(),
        members: vec!["tempSensorInLivingRoom".into()],
    };
    registry.put_group(group).ok()?;
    let identity = |name: &str| format!("id-{name}").into_bytes();
    let shared = |name, number| Device::with_pre_shared_key(name, &identity(name), secret(number));
    for device in [
        shared("myclient", 4),
        shared("other", 5),
        Device::with_public_key("badge", badge.public()?),
    ] {
        registry.put_device(with_rules(device)).ok()?;
    }
    Some(Fixture {
        registry,
        badge: subject_public_key_info(&badge)?,
        stranger: subject_public_key_info(&stranger)?,
        readers: vec![
            ("tempSensor4711", encrypted(1)?),
            ("valve424", encrypted(2)?),
            ("smokeSensor1807", encrypted(3)?),
            ("tempSensorInLivingRoom", signed(&signing_key)?),
            ("sensors", signed(&signing_key)?),
        ],
        signing_key,
    })
}

fn with_rules(device: Device) -> Device {
    let name = device.name.clone();
    let rules = ALLOWED.iter().filter(|rule| *rule.device == *name);
    rules.fold(device, |device, rule| {
        let scope = match rule.rights {
            Rights::Words(words) => ScopeRule::text(&words.join(" ")),
            Rights::Methods(entries) => {
                ScopeRule::Aif(Aif::new(entries.iter().map(|(path, methods)| {
                    (*path, MethodSet::from_iter(methods.iter().copied()))
                })))
            }
        };
        device.allow(rule.audience, scope)
    })
}

/// Bytes that the registry does not take for a weak key.
fn secret(number: u8) -> PreSharedKey {
    let bytes = (0..16_u8).map(|index| index.wrapping_mul(index).wrapping_add(number));
    PreSharedKey::new(bytes.collect())
}

fn encrypted(number: u8) -> Option<TrustedIssuers> {
    let key = CoseKey::symmetric(secret(number).expose(), None)
        .decryption_key(&PROVIDER, AeadAlgorithm::AesCcm16_64_128)
        .ok()?;
    Some(TrustedIssuers::one(
        "as",
        vec![VerificationKey::Decryption(key)],
    ))
}

fn signed(pair: &CoseKey) -> Option<TrustedIssuers> {
    let key = pair
        .public()?
        .verifying_key(&PROVIDER, SignatureAlgorithm::EdDsa)
        .ok()?;
    Some(TrustedIssuers::one(
        "as",
        vec![VerificationKey::Signature(key)],
    ))
}
