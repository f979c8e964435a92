//! Our two servers, with one sensor registered.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use motekey_coap::dtls::PreSharedKey;
use motekey_coap::message::{Code, ContentFormat, Response};
use motekey_cose::scope::{Aif, Method, MethodSet};
use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::listen::{Listen, Running};
use motekey_server::registry::{Device, Registry, ResourceServerRecord, ScopeRule, SharedKey};
use motekey_server::resource_server::ResourceServer;
use motekey_server::store::MemoryStore;

pub(crate) const AUDIENCE: &str = "greenhouse";
pub(crate) const SENSOR_KEY: &str = "0f4c9be1a7d258fe";
const ISSUER: &str = "authorization-server";
const SHARED: &[u8] = b"\x5e\x01\xc3\x88\xf0\x42\x9d\x17\x6b\x3a\xe4\x90\x2c\xd5\x71\xab";

pub(crate) struct Site {
    authorization_server: Running,
    resource_server: Running,
}

impl Site {
    pub(crate) async fn start() -> Self {
        let server = AuthorizationServer::builder(Arc::new(MemoryStore::with_registry(registry())))
            .issuer(ISSUER)
            .build()
            .await
            .unwrap();
        let authorization_server = Arc::new(server)
            .start(Listen::secure(loopback()))
            .await
            .unwrap();
        let uri = format!("coaps://{}/token", authorization_server.secure_address());
        let server = ResourceServer::builder(AUDIENCE)
            .shared_key(ISSUER, PreSharedKey::new(SHARED.to_vec()))
            .authorization_server(&uri)
            .resource("/temperature", |_, _| async {
                Response::new(Code::CONTENT).with_payload(ContentFormat::TEXT_PLAIN, "21.5")
            })
            .resource("/secret", |_, _| async { Response::new(Code::CONTENT) })
            .build()
            .unwrap();
        let listen = Listen::secure(loopback()).and_plain(loopback());
        let resource_server = server.start(listen).await.unwrap();
        Self {
            authorization_server,
            resource_server,
        }
    }

    pub(crate) fn token_uri(&self) -> String {
        format!(
            "coaps://{}/token",
            self.authorization_server.secure_address()
        )
    }

    pub(crate) fn secure_uri(&self, path: &str) -> String {
        format!("coaps://{}{path}", self.resource_server.secure_address())
    }

    pub(crate) fn plain_uri(&self, path: &str) -> String {
        format!(
            "coap://{}{path}",
            self.resource_server.plain_address().unwrap()
        )
    }

    pub(crate) async fn shutdown(self) {
        self.resource_server.shutdown().await;
        self.authorization_server.shutdown().await;
    }
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    let shared = SharedKey::new(PreSharedKey::new(SHARED.to_vec()));
    registry
        .put_resource_server(ResourceServerRecord::new(AUDIENCE, shared))
        .unwrap();
    let rule = ScopeRule::Aif(Aif::new([(
        "/temperature",
        MethodSet::EMPTY.with(Method::Get),
    )]));
    let key = PreSharedKey::new(SENSOR_KEY.as_bytes().to_vec());
    let sensor = Device::with_pre_shared_key("sensor", b"sensor", key).allow(AUDIENCE, rule);
    registry.put_device(sensor).unwrap();
    registry
}

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}
