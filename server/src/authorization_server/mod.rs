//! The authorization server (RFC 9200): the token endpoint and what stands behind it.
//!
//! The way of a token: the peer of the DTLS session is a registered device; [`policy`] makes a [`Grant`](policy::Grant)
//! or a [`Refusal`]; the [`profile`] chooses the key; the token is minted, recorded and sent. Each step takes what
//! the one before it made, so that none can be left out.

mod builder;
mod client_limits;
mod credentials;
mod introspection;
mod issue;
mod numbers;
pub mod policy;
pub mod profile;
mod refusal;
pub mod revocation;
mod sessions;
mod start;
#[cfg(test)]
mod tests;
mod token_endpoint;

use std::collections::HashSet;
use std::sync::Arc;

use motekey_coap::dtls::{CredentialSource, KeyPair, PeerIdentity};
use motekey_coap::endpoint::ObservationId;
use motekey_coap::link_format::LinkWriter;
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::crypto::CryptoProvider;
use motekey_cose::key::SigningKey;

pub use builder::{AuthorizationServerBuilder, BuildError};
pub use client_limits::ClientLimits;
pub use introspection::IntrospectionSettings;
pub use refusal::Refusal;

use crate::certificates::Certificates;
use crate::clock::Clock;
use crate::event::{Event, Subscribers};
use crate::random::SystemRandom;
use crate::store::{Store, StoreError};
use client_limits::Allowances;
use credentials::{Current, Snapshot, TokenKeys};
use introspection::Introspection;
use numbers::Numbers;
use profile::Profile;
use revocation::{Acknowledgements, Observers, RevocationSettings};
use sessions::{PartyKeys, Sessions};

/// An authorization server without its sockets.
pub struct AuthorizationServer {
    store: Arc<dyn Store>,
    current: Current,
    numbers: Numbers,
    allowances: Allowances,
    random: SystemRandom,
    clock: Arc<dyn Clock>,
    crypto: CryptoProvider,
    profiles: Vec<Box<dyn Profile>>,
    subscribers: Subscribers,
    issuer: Option<String>,
    signing_key: Option<SigningKey>,
    token_path: String,
    introspection: Option<Introspection>,
    revocation: Option<RevocationSettings>,
    observers: Observers,
    acknowledgements: Acknowledgements,
    sessions: Sessions,
    token_keys: TokenKeys,
    /// What it shows to devices with raw public keys.
    key_pair: Option<KeyPair>,
    /// What sessions with certificates need.
    certificates: Option<Certificates>,
    /// One refresh at a time, so that an older registry never takes the place of a newer one.
    refreshing: tokio::sync::Mutex<()>,
}

impl AuthorizationServer {
    /// Begins to configure a server on `store`.
    pub fn builder(store: Arc<dyn Store>) -> AuthorizationServerBuilder {
        AuthorizationServerBuilder::new(store)
    }

    /// Loads the registry again. Sessions and requests work with the former one until then.
    ///
    /// # Errors
    /// The store failed; the former registry stays in use.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let _alone = self.refreshing.lock().await;
        let registry = self.store.registry().await?;
        if Arc::ptr_eq(&registry, &self.current.get().registry) {
            return Ok(());
        }
        self.subscribers.tell(|| Event::RegistryLoaded {
            devices: registry.devices().count(),
            resource_servers: registry.resource_servers().count(),
        });
        let names: HashSet<&str> = registry.devices().map(|device| &*device.name).collect();
        self.allowances.retain(|client| names.contains(client));
        let snapshot = Snapshot::new(registry, &self.crypto, &self.token_keys);
        self.current.set(snapshot);
        self.end_outdated_sessions();
        self.forget_acknowledgements();
        Ok(())
    }

    /// The keys of the registered devices, for the DTLS backend.
    pub fn credentials(self: &Arc<Self>) -> Arc<dyn CredentialSource> {
        Arc::new(PartyKeys(self.clone()))
    }

    /// Answers any request. `peer` is who the DTLS handshake showed, `None` on plain CoAP.
    pub async fn answer_request(&self, peer: Option<&PeerIdentity>, request: &Request) -> Response {
        self.answer_observer(peer, None, request).await
    }

    /// As [`AuthorizationServer::answer_request`], from a peer that asks to be told of changes. An observation has
    /// begun if the response is observable.
    pub async fn answer_observer(
        &self,
        peer: Option<&PeerIdentity>,
        observation: Option<ObservationId>,
        request: &Request,
    ) -> Response {
        let path = request.path();
        match (&self.introspection, &self.revocation) {
            _ if path == self.token_path => self.token(peer, request).await,
            _ if path == "/.well-known/core" => self.links(request),
            (Some(endpoint), _) if path == endpoint.path => {
                self.introspect(endpoint, peer, request).await
            }
            (_, Some(settings)) if path == settings.path => {
                self.revocation_list(settings, peer, observation, request)
                    .await
            }
            _ => Response::new(Code::NOT_FOUND),
        }
    }

    /// RFC 6690: the resources of this server. The registry of resource types has a name for authz-info only.
    fn links(&self, request: &Request) -> Response {
        if request.method != Code::GET {
            return Response::new(Code::METHOD_NOT_ALLOWED);
        }
        match request.require_accept(&[ContentFormat::LINK_FORMAT]) {
            Ok(format) => {
                let mut links = LinkWriter::new();
                links
                    .link(&self.token_path)
                    .content_format(ContentFormat::ACE_CBOR);
                if let Some(introspection) = &self.introspection {
                    links
                        .link(&introspection.path)
                        .content_format(ContentFormat::ACE_CBOR);
                }
                if let Some(settings) = &self.revocation {
                    links
                        .link(&settings.path)
                        .content_format(ContentFormat::ACE_TRL_CBOR)
                        .observable();
                }
                Response::new(Code::CONTENT).with_payload(format, links.finish())
            }
            Err(refusal) => refusal,
        }
    }

    fn profile(&self, number: i64) -> Option<&dyn Profile> {
        self.profiles
            .iter()
            .find(|profile| profile.number() == number)
            .map(|profile| &**profile)
    }
}
