//! The DTLS profile with certificates (draft-ietf-ace-authcred-dtls-profile-04 Sections 3 and 4): the device library
//! against the real servers, over DTLS on loopback.

#![expect(clippy::unwrap_used, reason = "tests may panic: that is how they fail")]

mod authority;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use authority::{Authority, End, HOST, Kind};
use motekey_client as device;
use motekey_client::{
    CacheKey, CertifiedKey, Client, ClientBuilder, ClientCredential, Error, Fault, KeyChoice, Role,
    Step, TokenCache,
};
use motekey_coap::dtls::PreSharedKey;
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};
use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::certificates::Certificates;
use motekey_server::listen::{Listen, Running};
use motekey_server::registry::{Device, Registry, ResourceServerRecord, ScopeRule, SharedKey};
use motekey_server::resource_server::{Authorized, ResourceServer};
use motekey_server::store::MemoryStore;

/// Numbers of key pairs.
const AUTHORITY: u8 = 1;
const OTHER_AUTHORITY: u8 = 2;
const MIDDLE: u8 = 3;
const AUTHORIZATION_SERVER: u8 = 4;
const GATEWAY: u8 = 5;
const METER: u8 = 6;
const STRANGER: u8 = 7;

fn shared_key() -> PreSharedKey {
    PreSharedKey::new((0..16).map(|index: u8| index ^ 0x5a).collect())
}

/// The end entity.
fn leaf(own: &CertifiedKey) -> Vec<u8> {
    own.chain.first().unwrap().clone()
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn aif(entries: &[(&str, Method)]) -> Aif {
    let sets = entries.iter();
    Aif::new(sets.map(|(path, method)| (*path, MethodSet::EMPTY.with(*method))))
}

/// What a site is like: by default everything is of one authority, and as registered.
struct Plan {
    authority: Authority,
    /// What the device shows, and what is registered for it.
    meter: CertifiedKey,
    registered_meter: Vec<u8>,
    /// What the resource server shows, and what is registered for it.
    gateway: CertifiedKey,
    registered_gateway: Option<Vec<u8>>,
    /// Whose devices the resource server lets in.
    gateway_believes: Authority,
}

fn plan() -> Plan {
    let authority = Authority::new(AUTHORITY);
    let meter = authority.certify(METER, End::Device, Kind::Plain);
    let gateway = authority.certify(GATEWAY, End::Server, Kind::Plain);
    Plan {
        registered_meter: leaf(&meter),
        registered_gateway: Some(leaf(&gateway)),
        gateway_believes: Authority::new(AUTHORITY),
        authority,
        meter,
        gateway,
    }
}

fn registry(plan: &Plan) -> Registry {
    let rights = aif(&[("/readings", Method::Get), ("/relay", Method::Put)]);
    let mut registry = Registry::new();
    let mut gateway = ResourceServerRecord::new("gateway", SharedKey::new(shared_key()));
    gateway.certificate.clone_from(&plan.registered_gateway);
    registry.put_resource_server(gateway).unwrap();
    let meter = Device::with_certificate("meter", &plan.registered_meter)
        .allow("gateway", ScopeRule::Aif(rights));
    registry.put_device(meter).unwrap();
    registry
}

struct World {
    plan: Plan,
    authorization_server: Running,
    resource_server: Running,
    /// Requests that the application of the resource server saw.
    served: Arc<Mutex<usize>>,
}

impl World {
    async fn start(plan: Plan) -> Self {
        let store = Arc::new(MemoryStore::with_registry(registry(&plan)));
        let own = plan
            .authority
            .certify(AUTHORIZATION_SERVER, End::Server, Kind::Plain);
        let server = AuthorizationServer::builder(store).certificates(Certificates {
            own,
            peers: plan.authority.devices(),
        });
        let server = Arc::new(server.build().await.unwrap());
        let authorization_server = server.start(Listen::secure(loopback())).await.unwrap();
        let served = Arc::new(Mutex::new(0));
        let count = served.clone();
        let answer = move |authorized: Authorized, _: Request| {
            *count.lock().unwrap() += 1;
            let client = authorized.client().unwrap_or_default().to_owned();
            async move { Response::new(Code::CONTENT).with_payload(ContentFormat::TEXT_PLAIN, client) }
        };
        let gateway = ResourceServer::builder("gateway")
            .shared_key("as", shared_key())
            .certificates(Certificates {
                own: plan.gateway.clone(),
                peers: plan.gateway_believes.devices(),
            })
            .fallback(answer);
        let listen = Listen::secure(loopback()).and_plain(loopback());
        let resource_server = gateway.build().unwrap().start(listen).await.unwrap();
        Self {
            plan,
            authorization_server,
            resource_server,
            served,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("coaps://{}{path}", self.resource_server.secure_address())
    }

    fn known(&self) -> device::ResourceServer {
        let plain = self.resource_server.plain_address().unwrap().port();
        device::ResourceServer::new(&self.url("/"))
            .unwrap()
            .plain_port(plain)
            .audience("gateway")
            .certificates(self.plan.authority.servers())
    }

    fn issuer(&self) -> device::AuthorizationServer {
        let credential = ClientCredential::Certificate {
            own: self.plan.meter.clone(),
            server: self.plan.authority.servers(),
        };
        let port = self.authorization_server.secure_address().port();
        let uri = format!("coaps://{HOST}:{port}");
        device::AuthorizationServer::new(&uri, credential).unwrap()
    }

    fn builder(&self, known: device::ResourceServer) -> ClientBuilder {
        Client::builder()
            .authorization_server(self.issuer())
            .resource_server(known)
    }

    async fn client(&self) -> Client {
        self.builder(self.known()).build().await.unwrap()
    }

    fn served(&self) -> usize {
        *self.served.lock().unwrap()
    }
}

fn steps(client: &Client) -> Vec<Step> {
    let report = client.take_report();
    report.exchanges.iter().map(|entry| entry.step).collect()
}

#[tokio::test]
async fn x03_one_call_brings_a_token_for_the_certificate_and_then_shows_it() {
    let world = World::start(plan()).await;
    let client = world.client().await;
    let response = client.get(&world.url("/readings")).await.unwrap();
    assert_eq!(response.payload, b"meter");
    assert_eq!(client.report().granted.remove(0).key, "certificate");
    let expected = [
        Step::AuthorizationServerHandshake,
        Step::TokenRequest,
        Step::TokenUpload,
        Step::ResourceServerHandshake,
        Step::Request,
    ];
    assert_eq!(steps(&client), expected);
    client.get(&world.url("/readings")).await.unwrap();
    assert_eq!(steps(&client), [Step::Request]);
}

#[tokio::test]
async fn x03_the_certificate_that_counts_is_the_end_entity_of_the_chain() {
    let authority = Authority::new(AUTHORITY);
    let middle = authority.below(MIDDLE);
    let mut meter = middle.certify(METER, End::Device, Kind::Plain);
    let registered_meter = leaf(&meter);
    meter.chain.push(middle.der());
    let mut gateway = middle.certify(GATEWAY, End::Server, Kind::Plain);
    let registered_gateway = Some(leaf(&gateway));
    gateway.chain.push(middle.der());
    let plan = Plan {
        meter,
        registered_meter,
        gateway,
        registered_gateway,
        ..plan()
    };
    let world = World::start(plan).await;
    let response = world.client().await.get(&world.url("/readings")).await;
    assert_eq!(response.unwrap().payload, b"meter");
}

/// The certificate of the resource server is validated, although the authorization server named it; and one that is
/// valid, but not the one that was named, is not enough.
#[tokio::test]
async fn x04_c13_a_resource_server_without_the_right_certificate_gets_no_request() {
    let authority = Authority::new(AUTHORITY);
    let stranger = authority.certify(STRANGER, End::Server, Kind::Plain);
    let other = Authority::new(OTHER_AUTHORITY);
    let cases = [
        (
            "expired",
            authority.certify(GATEWAY, End::Server, Kind::Expired),
            None,
        ),
        (
            "self-signed",
            authority.certify(GATEWAY, End::Server, Kind::SelfSigned),
            None,
        ),
        (
            "for another name",
            authority.certify(GATEWAY, End::Server, Kind::OtherName),
            None,
        ),
        (
            "of a device",
            authority.certify(GATEWAY, End::Device, Kind::Plain),
            None,
        ),
        (
            "of another authority",
            other.certify(GATEWAY, End::Server, Kind::Plain),
            None,
        ),
        ("not that of rs_cnf", plan().gateway, Some(leaf(&stranger))),
    ];
    for (name, gateway, registered) in cases {
        let registered = registered.unwrap_or_else(|| leaf(&gateway));
        let plan = Plan {
            gateway,
            registered_gateway: Some(registered),
            ..plan()
        };
        let world = World::start(plan).await;
        let error = world.client().await.get(&world.url("/readings")).await;
        let error = error.unwrap_err();
        let left = matches!(
            error,
            Error::HandshakeLeft {
                role: Role::ResourceServer,
                ..
            }
        );
        assert!(left, "{name}: {error}");
        assert_eq!(
            (error.fault(), world.served()),
            (Fault::Refused, 0),
            "{name}"
        );
    }
}

/// The token names the certificate by its hash, and the resource server validates the certificate all the same: with its
/// own anchors, which the token does not change.
#[tokio::test]
async fn x04_c13_a_resource_server_validates_the_certificate_that_a_token_names() {
    let plan = Plan {
        gateway_believes: Authority::new(OTHER_AUTHORITY),
        ..plan()
    };
    let world = World::start(plan).await;
    let client = world.client().await;
    let error = client.get(&world.url("/readings")).await.unwrap_err();
    let expected = [
        Step::AuthorizationServerHandshake,
        Step::TokenRequest,
        Step::TokenUpload,
        Step::ResourceServerHandshake,
    ];
    // The token was good.
    assert_eq!(client.report().exchanges[2].outcome, "2.01");
    let steps = steps(&client);
    assert!(steps.starts_with(&expected), "{steps:?}: {error}");
    assert!(!steps.contains(&Step::Request), "{steps:?}");
    // RFC 5246 Section 7.2.2: unknown_ca is 48.
    assert!(error.to_string().contains("alert (48)"), "{error}");
    assert_eq!(
        (error.fault(), world.served()),
        (Fault::Refused, 0),
        "{error}"
    );
}

/// Whoever is registered with a certificate still has to have a valid one, and a valid one that is not registered is
/// nobody's.
#[tokio::test]
async fn x04_the_authorization_server_lets_in_valid_and_registered_certificates_only() {
    let authority = Authority::new(AUTHORITY);
    let other = Authority::new(OTHER_AUTHORITY);
    let unregistered = authority.certify(STRANGER, End::Device, Kind::Plain);
    let cases = [
        (
            "expired",
            authority.certify(METER, End::Device, Kind::Expired),
            true,
        ),
        (
            "self-signed",
            authority.certify(METER, End::Device, Kind::SelfSigned),
            true,
        ),
        (
            "of a server",
            authority.certify(METER, End::Server, Kind::Plain),
            true,
        ),
        (
            "of another authority",
            other.certify(METER, End::Device, Kind::Plain),
            true,
        ),
        ("not registered", unregistered, false),
    ];
    for (name, meter, registered) in cases {
        let mut plan = plan();
        if registered {
            plan.registered_meter = leaf(&meter);
        }
        plan.meter = meter;
        let world = World::start(plan).await;
        let client = world.client().await;
        let error = client.get(&world.url("/readings")).await.unwrap_err();
        assert_eq!(
            steps(&client),
            [Step::AuthorizationServerHandshake],
            "{name}: {error}"
        );
        assert_eq!(error.fault(), Fault::Refused, "{name}: {error}");
    }
}

#[tokio::test]
async fn x03_rights_are_updated_on_the_running_session() {
    let world = World::start(plan()).await;
    let readings = aif(&[("/readings", Method::Get)]);
    let both = aif(&[("/readings", Method::Get), ("/relay", Method::Put)]);
    let known = world
        .known()
        .scope(Scope::from(&readings))
        .wider_scope(Scope::from(&both));
    let client = world.builder(known).build().await.unwrap();
    client.get(&world.url("/readings")).await.unwrap();
    steps(&client);
    let text = ContentFormat::TEXT_PLAIN;
    let put = client.put(&world.url("/relay"), text, *b"on").await;
    assert_eq!(put.unwrap().code, Code::CONTENT);
    let expected = [
        Step::Request,
        Step::UpdateRequest,
        Step::UpdateUpload,
        Step::Request,
    ];
    assert_eq!(steps(&client), expected);
}

#[tokio::test]
async fn the_key_is_what_device_and_resource_server_both_can_do() {
    let cases = [
        (true, KeyChoice::Automatic, Some("certificate")),
        (true, KeyChoice::Public, Some("certificate")),
        (true, KeyChoice::Symmetric, Some("pre-shared key")),
        (false, KeyChoice::Automatic, Some("pre-shared key")),
        (false, KeyChoice::Public, None),
    ];
    for (certificate, choice, expected) in cases {
        let mut plan = plan();
        if !certificate {
            plan.registered_gateway = None;
        }
        let world = World::start(plan).await;
        let known = world.known().keys(choice);
        let client = world.builder(known).build().await.unwrap();
        match (client.token(&world.url("/")).await, expected) {
            (Ok(granted), Some(kind)) => {
                assert_eq!(granted.key, kind, "{choice:?}");
                let response = client.get(&world.url("/readings")).await.unwrap();
                assert_eq!(response.payload, b"meter");
            }
            (Err(error), None) => {
                let text = error.to_string();
                assert!(text.contains("unsupported_pop_key (7)"), "{text}");
            }
            (granted, expected) => panic!("{choice:?}: {granted:?}, wanted {expected:?}"),
        }
    }
}

#[tokio::test]
async fn a_token_for_a_certificate_survives_a_restart_in_the_sealed_file() {
    let world = World::start(plan()).await;
    let path = std::env::temp_dir().join(format!("motekey-x509-{}", std::process::id()));
    let client = async || {
        let cache = TokenCache::new(&path, CacheKey::new([7; 32]));
        let builder = world.builder(world.known()).token_cache(cache);
        builder.build().await.unwrap()
    };
    let first = client().await;
    first.get(&world.url("/readings")).await.unwrap();
    first.shutdown().await;
    let second = client().await;
    second.get(&world.url("/readings")).await.unwrap();
    let expected = [
        Step::TokenUpload,
        Step::ResourceServerHandshake,
        Step::Request,
    ];
    assert_eq!(steps(&second), expected);
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn a_device_that_cannot_validate_the_resource_server_is_not_bound_to_its_certificate() {
    let world = World::start(plan()).await;
    let known = device::ResourceServer::new(&world.url("/"))
        .unwrap()
        .audience("gateway")
        .keys(KeyChoice::Public);
    let error = world.builder(known).build().await.unwrap_err();
    assert!(matches!(error, Error::Configuration(_)), "{error}");
}
