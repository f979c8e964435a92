//! The authorization server (RFC 9200): the token endpoint and what stands behind it.
//!
//! The way of a token: the peer of the DTLS session is a registered device; [`policy`] makes a [`Grant`](policy::Grant)
//! or a [`Refusal`]; the [`profile`] chooses the key; the token is minted, recorded and sent. Each step takes what
//! the one before it made, so that none can be left out.

mod builder;
mod credentials;
mod issue;
mod numbers;
pub mod policy;
pub mod profile;
mod refusal;
mod start;
#[cfg(test)]
mod tests;
mod token_endpoint;

use std::sync::Arc;

use motekey_coap::dtls::{CredentialSource, PeerIdentity};
use motekey_coap::link_format::LinkWriter;
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::crypto::CryptoProvider;
use motekey_cose::key::SigningKey;

pub use builder::{AuthorizationServerBuilder, BuildError};
pub use refusal::Refusal;

use crate::clock::Clock;
use crate::event::{Event, Subscribers};
use crate::random::SystemRandom;
use crate::store::{Store, StoreError};
use credentials::{Current, Snapshot};
use numbers::Numbers;
use profile::Profile;

/// An authorization server without its sockets.
pub struct AuthorizationServer {
    store: Arc<dyn Store>,
    current: Arc<Current>,
    numbers: Numbers,
    random: SystemRandom,
    clock: Arc<dyn Clock>,
    crypto: CryptoProvider,
    profiles: Vec<Box<dyn Profile>>,
    subscribers: Subscribers,
    issuer: Option<String>,
    signing_key: Option<SigningKey>,
    token_path: String,
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
        let registry = self.store.registry().await?;
        if Arc::ptr_eq(&registry, &self.current.get().registry) {
            return Ok(());
        }
        self.subscribers.tell(|| Event::RegistryLoaded {
            devices: registry.devices().count(),
            resource_servers: registry.resource_servers().count(),
        });
        self.current.set(Snapshot::new(registry, &self.crypto));
        Ok(())
    }

    /// The keys of the registered devices, for the DTLS backend.
    pub fn credentials(&self) -> Arc<dyn CredentialSource> {
        self.current.clone()
    }

    /// Answers any request. `peer` is who the DTLS handshake showed, `None` on plain CoAP.
    pub async fn answer_request(&self, peer: Option<&PeerIdentity>, request: &Request) -> Response {
        match request.path() {
            path if path == self.token_path => self.token(peer, request).await,
            path if path == "/.well-known/core" => self.links(request),
            _ => Response::new(Code::NOT_FOUND),
        }
    }

    /// RFC 6690: the resources of this server.
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
