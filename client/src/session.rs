//! Token and session of one resource server: obtained, checked, updated, dropped.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use motekey_coap::time::Instant;
use motekey_cose::message::RequestCreationHints;
use motekey_cose::scope::Scope;
use tokio::sync::MutexGuard;

use crate::authorization::Wanted;
use crate::client::Inner;
use crate::configuration::ResourceServer;
use crate::error::{Error, Role, Unusable};
use crate::nonce::UploadFailure;
use crate::profile::{HandshakeLimits, Means, Profile};
use crate::report::{Granted, Step};
use crate::target::Target;
use crate::token::Access;
use crate::wire::Link;

/// The place of one resource server.
pub(crate) type Slot = Arc<Place>;

/// The token and session of one resource server, and what was learned about it.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// Locked while token and session are obtained, not while a request is under way.
    state: tokio::sync::Mutex<State>,
    demands_nonces: AtomicBool,
}

impl Place {
    pub(crate) async fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().await
    }

    /// The lock, if nobody holds it.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, State>> {
        self.state.try_lock().ok()
    }

    /// Whether the last hints held a nonce.
    pub(crate) fn demands_nonces(&self) -> bool {
        self.demands_nonces.load(Ordering::Relaxed)
    }

    /// Takes notice of hints.
    pub(crate) fn learn(&self, hints: &RequestCreationHints) {
        let demanded = hints.cnonce.is_some();
        self.demands_nonces.store(demanded, Ordering::Relaxed);
    }
}

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
        self.establish_or_renew(&mut state, call, fresh).await?;
        self.renew_in_time(&mut state, call.target);
        state.lease(false).ok_or(Error::KeyExpired)
    }

    /// A session with the token in use. One that is refused is replaced by a fresh one, and a fresh one, once, by one
    /// with the nonce of the resource server.
    async fn establish_or_renew(
        &self,
        state: &mut State,
        call: &Call<'_>,
        mut fresh: bool,
    ) -> Result<(), Error> {
        let mut with_nonce = false;
        loop {
            let Err(refusal) = self.establish(state, call).await else {
                return Ok(());
            };
            let refused = matches!(
                refusal.error,
                Error::HandshakeRefused { .. }
                    | Error::HandshakeLeft { .. }
                    | Error::UploadRefused { .. }
            );
            if !refused || with_nonce {
                return Err(refusal.into());
            }
            let hints = match fresh {
                true => self.nonce_after(call, &refusal).await,
                false => None,
            };
            if fresh && hints.is_none() {
                return Err(refusal.into());
            }
            (fresh, with_nonce) = (true, hints.is_some());
            let access = self.obtain(call, hints.as_ref()).await?;
            self.hold(call, state, access).await;
        }
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
    async fn establish(&self, state: &mut State, call: &Call<'_>) -> Result<(), UploadFailure> {
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
        let profile = self.profile_of(access)?;
        let approach = profile
            .approach(access, means, limits)
            .map_err(Error::from)?;
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
