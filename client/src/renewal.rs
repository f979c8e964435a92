//! Renewal of a token before it ends, beside the requests that still use it.

use std::sync::Arc;
use std::time::Duration;

use motekey_coap::time::Instant;

use crate::authorization::Wanted;
use crate::client::Inner;
use crate::error::Error;
use crate::session::{Call, State};
use crate::target::Target;
use crate::token::Access;
use crate::wire::Link;

/// When a token is renewed ahead of its end: in the last part of its lifetime, whichever of the two is longer. Never
/// before half of the lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    /// Part of the lifetime in percent; default 10.
    pub percent: u8,
    /// Shortest margin; default 30 seconds.
    pub at_least: Duration,
}

impl Default for Renewal {
    fn default() -> Self {
        Self {
            percent: 10,
            at_least: Duration::from_secs(30),
        }
    }
}

impl Renewal {
    /// No renewal ahead: a token is replaced when it has ended, or is refused.
    pub const OFF: Self = Self {
        percent: 0,
        at_least: Duration::ZERO,
    };

    /// How long before its end a token with this lifetime is renewed.
    fn margin(self, lifetime: Duration) -> Duration {
        let part = lifetime.saturating_mul(u32::from(self.percent)) / 100;
        part.max(self.at_least).min(lifetime / 2)
    }

    pub(crate) fn is_due(self, access: &Access, now: Instant) -> bool {
        let left = access.expires_at - now;
        left > Duration::ZERO && left <= self.margin(access.lifetime)
    }
}

impl Inner {
    /// Begins to renew the token in the background if it is time to, and nobody does it already.
    pub(crate) fn renew_in_time(self: &Arc<Self>, state: &mut State, target: &Target) {
        let now = self.now();
        // Without a session the token is not in use.
        let Some((access, _)) = state.running() else {
            return;
        };
        if !self.timers.renewal.is_due(access, now)
            || state.next.is_some()
            || now < state.no_renewal_before
        {
            return;
        }
        // One attempt at a time, and after one that failed a pause: what is left is divided, so that there are few.
        let pause = (access.expires_at - now) / 4;
        state.no_renewal_before = now + pause.max(Duration::from_secs(1));
        let (inner, target) = (Arc::clone(self), target.clone());
        tokio::spawn(async move {
            let limit = inner.timers.call;
            let outcome = tokio::time::timeout(limit, inner.renew_ahead(&target))
                .await
                .unwrap_or(Err(Error::TimeLimit(limit)));
            if let Err(error) = outcome {
                // The old token still holds; the next request tells its caller if there is no other.
                tracing::warn!(%error, "the token could not be renewed ahead of its end");
            }
        });
    }

    /// [`Inner::renew_in_time`] for a subscription, which sends no requests. Somebody who holds the lock looks after it.
    pub(crate) fn renew_for(self: &Arc<Self>, target: &Target) {
        if let Ok(call) = self.call(target)
            && let Some(mut state) = call.slot.try_lock()
        {
            self.renew_in_time(&mut state, target);
        }
    }

    /// A token for the same key, uploaded over the running session; otherwise one for the next session.
    async fn renew_ahead(&self, target: &Target) -> Result<(), Error> {
        let call = self.call(target)?;
        let (old, link) = {
            let state = call.slot.lock().await;
            let Some((access, link)) = state.running() else {
                return Ok(());
            };
            (access.clone(), link.clone())
        };
        match self.renew_on_session(&call, &old, &link).await {
            Err(
                Error::TokenRefused { .. } | Error::UploadRefused { .. } | Error::UnusableToken(_),
            ) => {
                // The key cannot be kept: a token with another one waits for the end of this one.
                let access = self.obtain(&call, None).await?;
                let mut state = call.slot.lock().await;
                if state.holds(&old) {
                    self.keep(&call, &access).await;
                    state.next = Some(access);
                }
                Ok(())
            }
            outcome => outcome,
        }
    }

    async fn renew_on_session(
        &self,
        call: &Call<'_>,
        old: &Access,
        link: &Link,
    ) -> Result<(), Error> {
        // RFC 9202 Section 4: the request names the kid of the running session's key.
        let own = self.servers.own_key(call.configured)?;
        let wanted = match Wanted::refresh(old, own.clone()) {
            Some(wanted) => wanted,
            None => Wanted {
                scope: old.asked_scope.clone(),
                ..Wanted::new(call.configured)
                    .bound_to(own)
                    .for_running(Some(old.key.clone()))
            },
        };
        let replaces = Some(old);
        let Some(access) = self.update(call, wanted, Some(link), replaces).await? else {
            return Ok(());
        };
        let mut state = call.slot.lock().await;
        if state.holds(old) {
            self.hold(call, &mut state, access).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_is_a_part_of_the_lifetime_within_bounds() {
        let default = Renewal::default();
        let cases = [
            (default, 3600, 360),
            (default, 300, 30),
            (default, 100, 30),
            (default, 40, 20),
            (default, 0, 0),
            (Renewal::OFF, 3600, 0),
            (
                Renewal {
                    percent: 200,
                    ..default
                },
                3600,
                1800,
            ),
        ];
        for (renewal, lifetime, margin) in cases {
            let wanted = Duration::from_secs(margin);
            assert_eq!(
                renewal.margin(Duration::from_secs(lifetime)),
                wanted,
                "{lifetime}"
            );
        }
    }
}
