//! The client's side of the token cache: what is taken from it, and what goes into it.

use std::sync::{Arc, Mutex, PoisonError};

use motekey_coap::dtls::ClientCredential;

use crate::cache::{Entry, Keeper};
use crate::client::Inner;
use crate::configuration::{KeyChoice, ResourceServer};
use crate::error::Error;
use crate::session::Call;
use crate::target::Origin;
use crate::token::{Access, ProofKey};

/// What a kept token belongs to. A token of another issuer, or of another device, is not used.
struct Name {
    resource_server: String,
    issuer: String,
    device: Vec<u8>,
}

impl Inner {
    /// The token in the cache, if it is what the configuration would ask for.
    pub(crate) fn kept(&self, call: &Call<'_>) -> Option<Access> {
        let keeper = self.keeper.as_ref()?;
        let name = self.name(call)?;
        let keeper = keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let access = keeper.find(&name.resource_server, &name.issuer, &name.device)?;
        let usable = access.is_valid(self.now())
            && access.token.len() <= self.limits.max_token
            && self.profile(access.profile).is_some()
            && fits(access, call.configured, &call.target.origin);
        usable.then(|| access.clone())
    }

    /// Writes a token into the cache. A failure is noted and fails nothing else.
    pub(crate) async fn keep(&self, call: &Call<'_>, access: &Access) {
        let Some(name) = self.keeper.as_ref().and_then(|_| self.name(call)) else {
            return;
        };
        let entry = Entry {
            resource_server: name.resource_server,
            issuer: name.issuer,
            device: name.device,
            ends_at: None,
            seconds_left: 0,
            access: access.clone(),
        };
        self.change(move |keeper| {
            keeper.put(entry);
            true
        })
        .await;
    }

    /// Drops a token from the cache.
    pub(crate) async fn unkeep(&self, call: &Call<'_>) {
        let Some(name) = self.keeper.as_ref().and_then(|_| self.name(call)) else {
            return;
        };
        self.change(move |keeper| keeper.remove(&name.resource_server, &name.issuer, &name.device))
            .await;
    }

    /// Drops from the cache what `is_dropped` names.
    pub(crate) async fn drop_kept(&self, is_dropped: impl Fn(&Access) -> bool + Send + 'static) {
        self.change(move |keeper| keeper.remove_all(is_dropped))
            .await;
    }

    pub(crate) fn cache_failure(&self) -> Option<Error> {
        self.failure().clone()
    }

    /// Changes the cache, and writes it if `change` says so: beside the tasks of the runtime, as it waits for the disk.
    async fn change(&self, change: impl FnOnce(&mut Keeper) -> bool + Send + 'static) {
        let Some(keeper) = &self.keeper else {
            return;
        };
        let (keeper, now) = (Arc::clone(keeper), self.now());
        let task = tokio::task::spawn_blocking(move || {
            let mut keeper = lock(&keeper);
            let written = if change(&mut keeper) {
                keeper.write(now)
            } else {
                Ok(())
            };
            (keeper.path().to_owned(), written)
        });
        let failure = match task.await {
            Ok((_, Ok(()))) => None,
            Ok((path, Err(reason))) => Some(Error::Cache { path, reason }),
            Err(error) => Some(Error::Local(error.to_string())),
        };
        if let Some(error) = &failure {
            tracing::warn!(%error, "tokens are not kept");
        }
        *self.failure() = failure;
    }

    fn failure(&self) -> std::sync::MutexGuard<'_, Option<Error>> {
        self.cache_failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self, call: &Call<'_>) -> Option<Name> {
        let issuer = self.servers.issuer(call.configured).ok()?;
        let server = self.servers.authorization_servers.get(issuer)?;
        let device = match &server.credential {
            ClientCredential::PreSharedKey { identity, .. } => identity.clone(),
            ClientCredential::RawPublicKey { key, .. } => key.public_key_info().to_vec(),
            ClientCredential::Certificate { own, .. } => own.key.public_key_info().to_vec(),
        };
        Some(Name {
            resource_server: call.target.origin.to_string(),
            issuer: server.endpoint.to_string(),
            device,
        })
    }
}

fn lock(keeper: &Mutex<Keeper>) -> std::sync::MutexGuard<'_, Keeper> {
    keeper.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a kept token is what this configuration would ask for: the configuration may have changed.
fn fits(access: &Access, configured: &ResourceServer, origin: &Origin) -> bool {
    let same_audience = match &access.audience {
        Some(audience) => configured.takes_audience(origin, audience),
        None => configured.audience.is_none(),
    };
    let asked = access.asked_scope.as_ref();
    let same_scope = configured.scope.is_none()
        || asked == configured.scope.as_ref()
        || (asked.is_some() && asked == configured.wider_scope.as_ref());
    let same_profile = configured
        .profile
        .is_none_or(|profile| access.profile == profile);
    let same_key = match (&access.key, configured.key_choice) {
        (ProofKey::PreShared { .. }, KeyChoice::Public)
        | (ProofKey::Public { .. } | ProofKey::Certificate { .. }, KeyChoice::Symmetric) => false,
        (ProofKey::PreShared { .. }, _) => true,
        (ProofKey::Certificate { .. }, _) => configured.certificates.is_some(),
        (ProofKey::Public { server, .. }, _) => configured
            .public_key_info
            .as_ref()
            .is_none_or(|known| known == server),
    };
    same_audience && same_scope && same_profile && same_key
}
