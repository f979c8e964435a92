//! Token requests and handshakes by hand, without the client library: for peers that do what no honest client does.

use std::time::{Duration, Instant};

use motekey_coap::driver::{Driver, Handle, OpenError};
use motekey_coap::dtls::{ClientCredential, PreSharedKey, SessionId};
use motekey_coap::endpoint::{EndpointConfig, Security, Statistics};
use motekey_coap::message::{ContentFormat, Request, Response};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::message::{TokenRequest, TokenResponse};
use motekey_cose::scope::{Aif, Scope};

use super::report::Cost;
use super::site::Site;

/// How long a handshake that must fail is waited for, in case that nobody answers.
const PATIENCE: Duration = Duration::from_secs(4);

/// A token and the key that belongs to it.
pub(crate) struct Loot {
    pub(crate) token: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

/// A socket of its own.
pub(crate) struct Raw {
    handle: Handle,
}

impl Raw {
    pub(crate) async fn new(site: &Site) -> Result<Self, String> {
        let socket = tokio::net::UdpSocket::bind(("127.0.0.1", 0))
            .await
            .map_err(|error| format!("no UDP socket: {error}"))?;
        let security = Security::Dtls(site.client_backend(PATIENCE));
        let config = EndpointConfig {
            handshake_time_limit: PATIENCE,
            ..EndpointConfig::default()
        };
        let handle = Driver::start(socket, config, security, None)
            .map_err(|error| format!("no endpoint: {error}"))?;
        Ok(Self { handle })
    }

    /// Opens a session with a PSK identity; what it cost, either way.
    pub(crate) async fn open(
        &self,
        peer: std::net::SocketAddr,
        identity: &[u8],
        key: &[u8],
    ) -> (Result<SessionId, OpenError>, Cost) {
        let before = self.handle.totals().await;
        let began = Instant::now();
        let credential = ClientCredential::PreSharedKey {
            identity: identity.to_vec(),
            key: PreSharedKey::new(key.to_vec()),
        };
        let outcome = self.handle.open(peer, credential).await;
        let cost = cost_since(before, self.handle.totals().await, began.elapsed());
        (outcome.map(|connected| connected.session), cost)
    }

    /// A request on a session; what it cost, either way.
    pub(crate) async fn request(
        &self,
        session: SessionId,
        request: Request,
    ) -> (Result<Response, String>, Cost) {
        let before = self.handle.totals().await;
        let began = Instant::now();
        let outcome = self.handle.request(session, request).await;
        let cost = cost_since(before, self.handle.totals().await, began.elapsed());
        (outcome.map_err(|error| error.to_string()), cost)
    }

    /// Gets a token as the registered peer `name`.
    pub(crate) async fn token(&self, site: &Site, name: &str, scope: Aif) -> Result<Loot, String> {
        let (identity, key) = site.secret(name);
        let (session, _) = self
            .open(site.authorization_server(), &identity, &key)
            .await;
        let asked = TokenRequest {
            audience: Some(site.audience().to_owned()),
            scope: Some(Scope::from(&scope)),
            ..TokenRequest::default()
        };
        let request = Request::post("/token").with_payload(ContentFormat::ACE_CBOR, asked.encode());
        let (response, _) = self
            .request(session.map_err(|error| error.to_string())?, request)
            .await;
        let response = response?;
        let granted = TokenResponse::decode(&response.payload)
            .map_err(|error| format!("{} without a token: {error}", response.code))?;
        let key = match &granted.cnf {
            Some(Confirmation::Key(key)) => key.symmetric_value().map(<[u8]>::to_vec),
            _ => None,
        };
        Ok(Loot {
            token: granted.access_token,
            key: key.ok_or("the token response holds no symmetric key")?,
        })
    }

    pub(crate) async fn shutdown(&self) {
        self.handle.shutdown().await;
    }
}

fn cost_since(before: Statistics, after: Statistics, time: Duration) -> Cost {
    let datagrams = |figures: Statistics| figures.datagrams_sent + figures.datagrams_received;
    let bytes = |figures: Statistics| figures.bytes_sent + figures.bytes_received;
    Cost {
        round_trips: after.round_trips.saturating_sub(before.round_trips),
        datagrams: datagrams(after).saturating_sub(datagrams(before)),
        bytes: bytes(after).saturating_sub(bytes(before)),
        time,
    }
}
