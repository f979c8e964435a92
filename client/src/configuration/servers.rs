//! Which authorization server may issue tokens for which resource server, and for which key of this device.

use motekey_coap::dtls::{CertifiedKey, ClientCredential};

use super::{AuthorizationServer, KeyChoice, ResourceServer};
use crate::error::Error;
use crate::own_key::OwnKey;
use crate::target::{Origin, Target};

/// The configured servers, checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Servers {
    pub(crate) authorization_servers: Vec<AuthorizationServer>,
    pub(crate) resource_servers: Vec<ResourceServer>,
}

impl Servers {
    /// Refuses a configuration that cannot work.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.authorization_servers.is_empty() {
            return Err(Error::Configuration(
                "it names no authorization server".into(),
            ));
        }
        for (index, server) in self.authorization_servers.iter().enumerate() {
            let Some(key) = server.credential.pre_shared_key() else {
                continue;
            };
            if key.expose().is_empty() {
                return Err(Error::Configuration(
                    "the key for the authorization server is empty".into(),
                ));
            }
            for other in self.authorization_servers.iter().skip(index + 1) {
                // RFC 9200 Section 6.3: no secret is shared by more than two parties.
                if other.credential.pre_shared_key() == Some(key) {
                    return Err(Error::Configuration(
                        "two authorization servers share one key".into(),
                    ));
                }
            }
        }
        for resource_server in &self.resource_servers {
            self.own_key(resource_server)?;
        }
        Ok(())
    }

    /// The public key that token requests for `resource_server` name; `None` if they ask for a symmetric key.
    pub(crate) fn own_key(
        &self,
        resource_server: &ResourceServer,
    ) -> Result<Option<OwnKey>, Error> {
        let issuer = self.issuer(resource_server)?;
        let server = self.authorization_servers.get(issuer);
        let credential = server.map(|server| &server.credential);
        if let Some(ClientCredential::Certificate { own, .. }) = credential {
            return certificate(own, resource_server);
        }
        let pair = server.and_then(|server| match &server.credential {
            ClientCredential::RawPublicKey { key, .. } => Some((server, key)),
            _ => None,
        });
        match (resource_server.key_choice, pair) {
            (KeyChoice::Public, None) => Err(Error::Configuration(
                "tokens are to be bound to the public key of this device, which has no raw public key at the \
                 authorization server: give it one there, or allow symmetric keys"
                    .into(),
            )),
            (KeyChoice::Symmetric, _) | (_, None) => Ok(None),
            (_, Some((server, key))) => OwnKey::new(key, server.key_id.as_deref()).map(Some),
        }
    }

    /// What is configured for the resource server at `origin`: its own entry, else the one for all.
    pub(crate) fn resource_server(&self, origin: &Origin) -> Result<&ResourceServer, Error> {
        let own = self
            .resource_servers
            .iter()
            .find(|entry| entry.origin.as_ref() == Some(origin));
        // RFC 9200 Section 5.1: the client's own configuration decides who may issue tokens for whom.
        own.or_else(|| {
            self.resource_servers
                .iter()
                .find(|entry| entry.serves(origin))
        })
        .ok_or_else(|| Error::NotConfigured {
            resource_server: origin.to_string(),
        })
    }

    /// Index of the authorization server that may issue tokens for `resource_server`.
    pub(crate) fn issuer(&self, resource_server: &ResourceServer) -> Result<usize, Error> {
        match &resource_server.authorization_server {
            Some(wanted) => self
                .authorization_servers
                .iter()
                .position(|server| server.endpoint.same_endpoint(wanted))
                .ok_or_else(|| Error::Configuration(format!("{wanted} is not a configured authorization server"))),
            None if self.authorization_servers.len() == 1 => Ok(0),
            None => Err(Error::Configuration(
                "with several authorization servers each resource server must say which one issues its tokens".into(),
            )),
        }
    }

    /// Checks the `AS` of the hints of `origin` against the configuration.
    pub(crate) fn check_hinted(
        &self,
        origin: &Origin,
        issuer: usize,
        hinted: &str,
    ) -> Result<(), Error> {
        let allowed = self
            .authorization_servers
            .get(issuer)
            .map(|server| &server.endpoint);
        let named = Target::parse_hinted(hinted);
        match (allowed, named) {
            (Some(allowed), Ok(named)) if allowed.same_endpoint(&named) => Ok(()),
            // RFC 9200 Section 6.4: hints come from anybody; the client decides by itself.
            _ => Err(Error::ForeignAuthorizationServer {
                resource_server: origin.to_string(),
                named: hinted.to_owned(),
            }),
        }
    }
}

/// The certificate that token requests name, of a device that has one; `None` if they ask for a symmetric key.
fn certificate(
    own: &CertifiedKey,
    resource_server: &ResourceServer,
) -> Result<Option<OwnKey>, Error> {
    match (resource_server.key_choice, &resource_server.certificates) {
        (KeyChoice::Public, None) => Err(Error::Configuration(
            "tokens are to be bound to the certificate of this device, and nothing says how to validate that of the \
             resource server: configure it, or allow symmetric keys"
                .into(),
        )),
        (KeyChoice::Symmetric, _) | (KeyChoice::Automatic, None) => Ok(None),
        (_, Some(_)) => OwnKey::of_certificate(own).map(Some),
    }
}
