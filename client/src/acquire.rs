//! Obtaining a token: hints if they are needed, the session to the authorization server, the token request.

use motekey_coap::dtls::ClientCredential;
use motekey_coap::message::Response;
use motekey_coap::time::Instant;
use motekey_cose::message::{ErrorCode, RequestCreationHints};

use crate::authorization::{self, Wanted};
use crate::client::Inner;
use crate::configuration::{AuthorizationServer, KeyChoice, ResourceServer};
use crate::error::{Error, Role};
use crate::report::{Granted, Step, Traffic};
use crate::session::Call;
use crate::token::{self, Access, Asked};
use crate::wire::Link;

impl Inner {
    /// A fresh token, by configuration and hints.
    pub(crate) async fn obtain(
        &self,
        call: &Call<'_>,
        hints: Option<&RequestCreationHints>,
    ) -> Result<Access, Error> {
        let (target, configured) = (call.target, call.configured);
        let asked_for = match hints {
            Some(_) => None,
            None if configured.needs_no_hints() => self.nonce_ahead(call).await?,
            None => Some(self.ask_for_hints(call).await?),
        };
        let wanted = match hints.or(asked_for.as_ref()) {
            Some(hints) => {
                self.check_issuer(call, hints)?;
                Wanted::hinted(configured, &target.origin, hints)?
            }
            None => Wanted::new(configured),
        };
        let wanted = wanted.bound_to(self.servers.own_key(configured)?);
        self.request_token(Step::TokenRequest, configured, &wanted)
            .await
    }

    /// Whether the authorization server that the hints name is the configured one.
    pub(crate) fn check_issuer(
        &self,
        call: &Call<'_>,
        hints: &RequestCreationHints,
    ) -> Result<(), Error> {
        let Some(named) = &hints.authorization_server else {
            return Ok(());
        };
        let issuer = self.servers.issuer(call.configured)?;
        // RFC 9200 Section 5.1: checked against the own configuration before the token request.
        self.servers
            .check_hinted(&call.target.origin, issuer, named)
    }

    /// The unauthorized request.
    pub(crate) async fn ask_for_hints(
        &self,
        call: &Call<'_>,
    ) -> Result<RequestCreationHints, Error> {
        let target = call.target;
        let secure = self.resource_server_address(call).await?;
        let peer = (secure.ip(), call.configured.plain_port).into();
        let link = self.wire.open_plain(Role::ResourceServer, peer).await?;
        let asked = format!("GET {} without authorization", target.path());
        let request = authorization::unauthorized_request(target);
        let result = self.exchange(Step::Hints, &link, asked, request).await;
        link.close().await;
        let response = result.map_err(|failure| failure.into_error(Role::ResourceServer, peer))?;
        let hints = authorization::hints(&response).map_err(|reason| Error::NoHints {
            resource_server: target.origin.to_string(),
            code: response.code,
            reason,
        })?;
        call.slot.learn(&hints);
        Ok(hints)
    }

    /// A token request on the session to the authorization server, which stays open; a second one for a symmetric key
    /// if the resource server cannot use the public key of this device.
    pub(crate) async fn request_token(
        &self,
        step: Step,
        configured: &ResourceServer,
        wanted: &Wanted,
    ) -> Result<Access, Error> {
        match self.request_once(step, configured, wanted).await {
            Err(refused) if can_do_without_public_key(&refused, configured, wanted) => {
                let symmetric = wanted.clone().bound_to(None);
                let other = self.request_once(step, configured, &symmetric).await;
                other.map_err(|_| refused)
            }
            outcome => outcome,
        }
    }

    async fn request_once(
        &self,
        step: Step,
        configured: &ResourceServer,
        wanted: &Wanted,
    ) -> Result<Access, Error> {
        let issuer = self.servers.issuer(configured)?;
        let (response, sent_at) = self.token_exchange(step, issuer, wanted).await?;
        let message = authorization::token_response(&response)?;
        let asked = Asked {
            audience: wanted.audience.as_deref(),
            scope: wanted.scope.as_ref(),
            profile: wanted.profile,
            default_lifetime: configured.default_lifetime,
            running: wanted.running.as_ref(),
            own: wanted.own.as_ref(),
            known_server: configured.public_key_info.as_deref(),
            refreshed: wanted.refreshed.as_deref(),
            sent_at,
            max_token: self.limits.max_token,
        };
        let access = token::accept(message, asked, &self.profiles, self.now())?;
        self.recorder().granted(self.describe(&access));
        Ok(access)
    }

    /// Sends the token request; a session that turns out to be gone is opened once more.
    async fn token_exchange(
        &self,
        step: Step,
        issuer: usize,
        wanted: &Wanted,
    ) -> Result<(Response, Instant), Error> {
        let endpoint = self
            .authorization_server(issuer)
            .map(|server| server.endpoint.clone())
            .ok_or_else(|| {
                Error::Configuration(format!("there is no authorization server number {issuer}"))
            })?;
        let mut reopened = false;
        loop {
            let link = self.authorization_link(issuer).await?;
            let sent_at = self.now();
            let asked = wanted.summary(&endpoint.path());
            match self
                .exchange(step, &link, asked, wanted.request(&endpoint))
                .await
            {
                Ok(response) => return Ok((response, sent_at)),
                Err(failure) => {
                    self.drop_authorization_link(issuer, &link).await;
                    if reopened {
                        return Err(failure.into_error(Role::AuthorizationServer, link.peer));
                    }
                    reopened = true;
                }
            }
        }
    }

    /// The session to an authorization server, opened if it is not there. It stays open and is used again.
    pub(crate) async fn authorization_link(&self, issuer: usize) -> Result<Link, Error> {
        let (Some(cell), Some(server)) = (
            self.authorization_links.get(issuer),
            self.authorization_server(issuer),
        ) else {
            return Err(Error::Configuration(format!(
                "there is no authorization server number {issuer}"
            )));
        };
        let mut link = cell.lock().await;
        if let Some(open) = link.take() {
            if open.is_alive().await {
                *link = Some(open.clone());
                return Ok(open);
            }
            open.close().await;
        }
        let peer = match server.address {
            Some(address) => address,
            None => {
                server
                    .endpoint
                    .origin
                    .resolve(Role::AuthorizationServer)
                    .await?
            }
        };
        let step = Step::AuthorizationServerHandshake;
        // RFC 9202 Section 3.1: the provisioned key authenticates both ends; a server without it never gets to
        // Connected.
        let role = Role::AuthorizationServer;
        let connected = self
            .connect_recorded(step, role, peer, server.credential.clone())
            .await?;
        *link = Some(connected.clone());
        Ok(connected)
    }

    /// A handshake, written down.
    pub(crate) async fn connect_recorded(
        &self,
        step: Step,
        role: Role,
        peer: std::net::SocketAddr,
        credential: ClientCredential,
    ) -> Result<Link, Error> {
        let began = self.now();
        let asked = match &credential {
            ClientCredential::PreSharedKey { identity, .. } => {
                format!("identity of {} bytes", identity.len())
            }
            ClientCredential::RawPublicKey { .. } => "public key".to_owned(),
            ClientCredential::Certificate { .. } => "certificate".to_owned(),
        };
        let result = self.wire.open(role, peer, credential).await;
        let (outcome, traffic) = match &result {
            Ok(link) => (
                "connected".to_owned(),
                link.traffic().await.unwrap_or_default(),
            ),
            Err(error) => (error.reason(), Traffic::default()),
        };
        self.record(step, peer, asked, outcome, began, traffic);
        result
    }

    pub(crate) async fn drop_authorization_link(&self, issuer: usize, gone: &Link) {
        let Some(cell) = self.authorization_links.get(issuer) else {
            return;
        };
        let mut link = cell.lock().await;
        if link.as_ref().is_some_and(|link| link.is(gone)) {
            *link = None;
        }
        gone.close().await;
    }

    pub(crate) fn authorization_server(&self, issuer: usize) -> Option<&AuthorizationServer> {
        self.servers.authorization_servers.get(issuer)
    }

    /// What was granted, without secrets.
    pub(crate) fn describe(&self, access: &Access) -> Granted {
        Granted {
            audience: access.audience.clone(),
            scope: access.scope.as_ref().map(ToString::to_string),
            lifetime: access.lifetime,
            profile: self
                .profile(access.profile)
                .map_or("unknown", |profile| profile.name()),
            key: access.key.kind(),
            kid: access.key.kid().map(<[u8]>::to_vec),
            token_length: access.token.len(),
            token_structure: token::structure(&access.token),
        }
    }
}

/// Whether a refused request may be made again with a symmetric key.
fn can_do_without_public_key(
    refused: &Error,
    configured: &ResourceServer,
    wanted: &Wanted,
) -> bool {
    let Error::TokenRefused {
        error: Some(error), ..
    } = refused
    else {
        return false;
    };
    // RFC 9200 Section 5.8.3: the resource server cannot use the key; perhaps it can use a symmetric one.
    error.error == ErrorCode::UnsupportedPopKey
        && wanted.own.is_some()
        && wanted.running.is_none()
        && configured.key_choice == KeyChoice::Automatic
}
