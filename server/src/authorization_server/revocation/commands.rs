//! What an operator does: revoke tokens, keep devices out.

use std::sync::Arc;

use crate::authorization_server::AuthorizationServer;
use crate::clock::UnixSeconds;
use crate::event::Event;
use crate::registry::Registry;
use crate::store::{IssuedToken, Requester, StoreError, TokenPage, TokenQuery, TokenSelection};

impl AuthorizationServer {
    /// Revokes the live tokens of a selection, gives them, and has everybody told who observes the list.
    ///
    /// Without a revocation list ([`super::RevocationSettings`]) only introspection tells of it.
    ///
    /// # Errors
    /// The store failed; nothing is revoked then.
    pub async fn revoke(
        &self,
        which: &TokenSelection,
    ) -> Result<Vec<Arc<IssuedToken>>, StoreError> {
        let revoked = self.store.revoke(which, self.clock.now()).await?;
        for token in &revoked {
            self.subscribers.tell(|| Event::TokenRevoked {
                client: token.client.clone(),
                resource_server: token.resource_server.clone(),
                token_id: token.token_id.clone(),
                token_hash: token.token_hash,
            });
        }
        self.tell_observers(&revoked);
        Ok(revoked)
    }

    /// Keeps a device out: it gets no tokens any more, its tokens are revoked, and its sessions with this server end.
    /// Gives the revoked tokens; `None` if there is no such device.
    ///
    /// # Errors
    /// The store failed. The device may be kept out already, with tokens that are live: do it again.
    pub async fn disable_device(
        &self,
        name: &str,
    ) -> Result<Option<Vec<Arc<IssuedToken>>>, StoreError> {
        // First no new tokens, then none of the old ones: a token that is issued meanwhile is looked at once more
        // before it leaves.
        if self.set_disabled(name, true).await?.is_none() {
            return Ok(None);
        }
        let revoked = self.revoke(&TokenSelection::Client(name.into())).await?;
        self.subscribers.tell(|| Event::DeviceDisabled {
            client: name.into(),
            revoked: revoked.len(),
        });
        Ok(Some(revoked))
    }

    /// Lets a device in again. What was revoked stays revoked. Whether it is in: not if its record disables it; `None`
    /// if there is no such device.
    ///
    /// # Errors
    /// The store failed.
    pub async fn enable_device(&self, name: &str) -> Result<Option<bool>, StoreError> {
        let disabled = self.set_disabled(name, false).await?;
        Ok(disabled.map(|disabled| !disabled))
    }

    async fn set_disabled(&self, name: &str, disabled: bool) -> Result<Option<bool>, StoreError> {
        let outcome = self.store.set_disabled(name, disabled).await?;
        self.refresh().await?;
        Ok(outcome)
    }

    /// The issued tokens that a query chooses, a page at a time.
    ///
    /// # Errors
    /// The store failed.
    pub async fn tokens(&self, query: &TokenQuery) -> Result<TokenPage, StoreError> {
        self.store.tokens(query).await
    }

    /// The registry that this server works with.
    pub fn registry(&self) -> Arc<Registry> {
        self.current.get().registry.clone()
    }

    /// The present of this server's clock.
    pub fn now(&self) -> UnixSeconds {
        self.clock.now()
    }

    /// Takes expired tokens from the list (RFC 9770 Section 5.1).
    pub(in crate::authorization_server) async fn expire_revoked(&self) -> Result<(), StoreError> {
        let expired = self.store.expire_revoked(self.clock.now()).await?;
        self.tell_observers(&expired);
        Ok(())
    }

    fn tell_observers(&self, tokens: &[Arc<IssuedToken>]) {
        if tokens.is_empty() {
            return;
        }
        let concerned: std::collections::HashSet<Requester> = tokens
            .iter()
            .flat_map(|token| Requester::of_token(token))
            .collect();
        self.observers
            .mark(|requester| concerned.contains(requester));
    }
}
