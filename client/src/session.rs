//! Token and session of one resource server: obtained, checked, updated, dropped.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use motekey_coap::message::{ContentFormat, Request};
use motekey_coap::time::Instant;
use motekey_cose::scope::Scope;

use crate::authorization::Wanted;
use crate::client::Inner;
use crate::configuration::ResourceServer;
use crate::error::{Error, Role, Unusable};
use crate::profile::{HandshakeLimits, Means, Profile, Upload};
use crate::report::{Granted, Step};
use crate::target::Target;
use crate::token::Access;
use crate::wire::Link;

/// The token and session of one resource server. Locked while they are obtained, not while a request is under way.
pub(crate) type Slot = Arc<tokio::sync::Mutex<State>>;

/// What the client has for one resource server.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) access: Option<Access>,
    /// A token with another key, for the session after this one.
    pub(crate) next: Option<Access>,
    /// After an attempt to renew the token ahead of its end.
    pub(crate) no_renewal_before: Instant,
    link: Option<Link>,
    validity: Arc<Validity>,
    /// The token cache was asked.
    recalled: bool,
    /// Counts sessions, so that a request knows whether another one has renewed them meanwhile.
    generation: u64,
}

/// What a call is about.
pub(crate) struct Call<'a> {
    pub(crate) target: &'a Target,
    pub(crate) configured: &'a ResourceServer,
    pub(crate) slot: Slot,
}

/// The right to send one request on a session.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    pub(crate) link: Link,
    pub(crate) validity: Arc<Validity>,
    /// The session was there before this call.
    pub(crate) reused: bool,
    generation: u64,
}

/// Until when the session of a lease may be used. Moves when its token is renewed.
#[derive(Debug, Default)]
pub(crate) struct Validity(Mutex<Instant>);

impl Validity {
    pub(crate) fn end(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, end: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = end;
    }
}

impl State {
    /// Ends the session with close_notify.
    pub(crate) async fn disconnect(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        self.validity = Arc::default();
        if let Some(link) = self.link.take() {
            link.close().await;
        }
    }

    /// Whether the session of the lease is still the one in use.
    pub(crate) fn is_current(&self, lease: &Lease) -> bool {
        self.generation == lease.generation
    }

    /// The token in use and its session, if there are both.
    pub(crate) fn running(&self) -> Option<(&Access, &Link)> {
        self.access.as_ref().zip(self.link.as_ref())
    }

    /// Whether this token is still the one in use.
    pub(crate) fn holds(&self, access: &Access) -> bool {
        self.access
            .as_ref()
            .is_some_and(|held| held.token == access.token)
    }

    fn lease(&self, reused: bool) -> Option<Lease> {
        let (access, link) = self.running()?;
        self.validity.set(access.expires_at);
        Some(Lease {
            link: link.clone(),
            validity: Arc::clone(&self.validity),
            reused,
            generation: self.generation,
        })
    }
}

impl Inner {
    /// What is configured and known for a target.
    pub(crate) fn call<'a>(&'a self, target: &'a Target) -> Result<Call<'a>, Error> {
        let configured = self.servers.resource_server(&target.origin)?;
        let slot = self.slot(&target.origin);
        Ok(Call {
            target,
            configured,
            slot,
        })
    }

    /// Makes sure that there is a token.
    pub(crate) async fn token(self: &Arc<Self>, target: &Target) -> Result<Granted, Error> {
        let call = self.call(target)?;
        let mut state = call.slot.lock().await;
        self.ensure_token(&mut state, &call).await?;
        self.renew_in_time(&mut state, target);
        self.describe_held(&state)
    }

    /// Asks for other rights.
    pub(crate) async fn request_scope(
        &self,
        target: &Target,
        scope: Scope,
    ) -> Result<Granted, Error> {
        let call = self.call(target)?;
        let mut state = call.slot.lock().await;
        self.recall(&call, &mut state);
        self.drop_ended(&mut state).await;
        self.change_scope(&mut state, &call, scope).await?;
        self.describe_held(&state)
    }

    /// A valid token and an open session, obtained if they are not there.
    pub(crate) async fn lease(self: &Arc<Self>, call: &Call<'_>) -> Result<Lease, Error> {
        let mut state = call.slot.lock().await;
        let fresh = self.ensure_token(&mut state, call).await?;
        if let Some(link) = state.link.clone() {
            if link.is_alive().await {
                self.renew_in_time(&mut state, call.target);
                return state.lease(true).ok_or(Error::KeyExpired);
            }
            state.disconnect().await;
        }
        if let Err(error) = self.establish(&mut state, call).await {
            let refused = matches!(
                error,
                Error::HandshakeRefused { .. }
                    | Error::HandshakeLeft { .. }
                    | Error::UploadRefused { .. }
            );
            if fresh || !refused {
                return Err(error);
            }
            // An older token is not accepted any more: once more with a fresh one.
            let access = self.obtain(call, None).await?;
            self.hold(call, &mut state, access).await;
            self.establish(&mut state, call).await?;
        }
        self.renew_in_time(&mut state, call.target);
        state.lease(false).ok_or(Error::KeyExpired)
    }

    /// Another token for the running session, with another scope; without a session, for the next one.
    pub(crate) async fn change_scope(
        &self,
        state: &mut State,
        call: &Call<'_>,
        scope: Scope,
    ) -> Result<(), Error> {
        // RFC 9202 Section 4: an update names the kid of the running session's key.
        let running = state
            .link
            .as_ref()
            .and(state.access.as_ref())
            .map(|access| access.key.clone());
        let step = if running.is_some() {
            Step::UpdateRequest
        } else {
            Step::TokenRequest
        };
        let own = self.servers.own_key(call.configured)?;
        let wanted = Wanted {
            scope: Some(scope),
            ..Wanted::new(call.configured)
                .bound_to(own)
                .for_running(running)
        };
        let access = self.request_token(step, call.configured, &wanted).await?;
        if let Some(link) = state.link.clone() {
            let upload = self.profile_of(&access)?.update(&access.token);
            self.upload(Step::UpdateUpload, &link, call.configured, upload)
                .await?;
        }
        self.hold(call, state, access).await;
        Ok(())
    }

    /// Takes a token into use, and into the token cache.
    pub(crate) async fn hold(&self, call: &Call<'_>, state: &mut State, access: Access) {
        self.keep(call, &access).await;
        state.validity.set(access.expires_at);
        state.next = None;
        state.no_renewal_before = Instant::ZERO;
        state.access = Some(access);
    }

    /// Drops token and session, here and in the token cache.
    pub(crate) async fn forget(&self, call: &Call<'_>, state: &mut State) {
        state.access = None;
        state.next = None;
        state.recalled = true;
        state.disconnect().await;
        self.unkeep(call).await;
    }

    /// Where a resource server is.
    pub(crate) async fn resource_server_address(
        &self,
        call: &Call<'_>,
    ) -> Result<SocketAddr, Error> {
        match call.configured.address {
            Some(address) => Ok(address),
            None => call.target.origin.resolve(Role::ResourceServer).await,
        }
    }

    /// Makes sure that there is a valid token: the one in use, one that waits, one from the token cache, a refreshed
    /// or a new one. Whether it is new.
    async fn ensure_token(&self, state: &mut State, call: &Call<'_>) -> Result<bool, Error> {
        self.recall(call, state);
        // RFC 9200 Section 5.10.2: the client checks before each request that its token is still valid.
        let ended = self.drop_ended(state).await;
        if state.access.is_some() {
            return Ok(false);
        }
        let own = self.servers.own_key(call.configured)?;
        let refresh = ended.as_ref().and_then(|old| Wanted::refresh(old, own));
        if let Some(wanted) = refresh {
            let step = Step::TokenRequest;
            match self.request_token(step, call.configured, &wanted).await {
                Ok(access) => {
                    self.hold(call, state, access).await;
                    return Ok(false);
                }
                // RFC 6749 Section 5.2: a refresh token can have ended or be revoked.
                Err(Error::TokenRefused { .. } | Error::UnusableToken(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let access = self.obtain(call, None).await?;
        self.hold(call, state, access).await;
        Ok(true)
    }

    /// Takes the token from the token cache, the first time.
    fn recall(&self, call: &Call<'_>, state: &mut State) {
        if !state.recalled && state.access.is_none() {
            state.recalled = true;
            state.access = self.kept(call);
        }
    }

    /// Drops an expired token together with its session; the one that waits takes its place.
    async fn drop_ended(&self, state: &mut State) -> Option<Access> {
        let now = self.now();
        if state
            .access
            .as_ref()
            .is_some_and(|access| access.is_valid(now))
        {
            return None;
        }
        let ended = state.access.take();
        state.disconnect().await;
        state.access = state.next.take().filter(|access| access.is_valid(now));
        ended
    }

    /// Brings the token to the resource server and opens the session.
    async fn establish(&self, state: &mut State, call: &Call<'_>) -> Result<(), Error> {
        let access = state.access.as_ref().ok_or(Error::KeyExpired)?;
        let limits = HandshakeLimits {
            transport: call.configured.transport,
            max_identity: call
                .configured
                .max_identity
                .min(self.wire.longest_identity()),
        };
        let issuer = self.servers.issuer(call.configured)?;
        let means = Means {
            own: &self
                .authorization_server(issuer)
                .ok_or(Error::KeyExpired)?
                .credential,
            certificates: call.configured.certificates.as_ref(),
        };
        let approach = self.profile_of(access)?.approach(access, means, limits)?;
        let peer = self.resource_server_address(call).await?;
        if let Some(upload) = approach.upload {
            let plain = (peer.ip(), call.configured.plain_port).into();
            let link = self.wire.open_plain(Role::ResourceServer, plain).await?;
            let result = self
                .upload(Step::TokenUpload, &link, call.configured, upload)
                .await;
            link.close().await;
            result?;
        }
        let step = Step::ResourceServerHandshake;
        let link = self
            .connect_recorded(step, Role::ResourceServer, peer, approach.credential)
            .await?;
        state.generation = state.generation.wrapping_add(1);
        state.link = Some(link);
        Ok(())
    }

    /// POST to authz-info; anything but a success is a refusal.
    pub(crate) async fn upload(
        &self,
        step: Step,
        link: &Link,
        configured: &ResourceServer,
        upload: Upload,
    ) -> Result<(), Error> {
        let asked = format!(
            "POST {} token of {} bytes",
            configured.authz_info,
            upload.payload.len()
        );
        let request = Request::post(&configured.authz_info)
            .with_payload(ContentFormat(upload.content_format), upload.payload);
        let response = self
            .exchange(step, link, asked, request)
            .await
            .map_err(|failure| failure.into_error(Role::ResourceServer, link.peer))?;
        if response.code.is_success() {
            Ok(())
        } else {
            Err(Error::UploadRefused {
                code: response.code,
            })
        }
    }

    pub(crate) fn profile_of(&self, access: &Access) -> Result<&dyn Profile, Error> {
        self.profile(access.profile)
            .ok_or_else(|| Unusable::Profile(access.profile).into())
    }

    fn describe_held(&self, state: &State) -> Result<Granted, Error> {
        state
            .access
            .as_ref()
            .map(|access| self.describe(access))
            .ok_or(Error::KeyExpired)
    }
}
