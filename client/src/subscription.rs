//! Notifications of a resource (RFC 7641) on a session that the client keeps.

use std::fmt;
use std::sync::Arc;

use motekey_coap::driver::Observation;
use motekey_coap::message::Response;

use crate::client::Inner;
use crate::error::{Error, Role};
use crate::session::Lease;
use crate::target::Target;
use crate::wire::Failure;

/// A registration for notifications; ends when dropped.
pub struct Subscription {
    inner: Arc<Inner>,
    target: Target,
    lease: Lease,
    first: Response,
    notifications: Observation,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Subscription")
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

impl Subscription {
    pub(crate) fn new(
        inner: Arc<Inner>,
        target: Target,
        lease: Lease,
        first: Response,
        notifications: Observation,
    ) -> Self {
        Self {
            inner,
            target,
            lease,
            first,
            notifications,
        }
    }

    /// The answer to the registration. An error code, or a success without Observe, means that nothing follows.
    pub fn first(&self) -> &Response {
        &self.first
    }

    /// The next notification; `None` after the last one. An error notification, such as 4.01 when the token ends,
    /// is the last one.
    ///
    /// # Errors
    /// [`Error::KeyExpired`]: the notification came after the end of the token and is not used.
    /// [`Error::Interrupted`] or [`Error::CannotReach`]: the session ended, or the server gave no sign of life.
    pub async fn next(&mut self) -> Result<Option<Response>, Error> {
        let Some(result) = self.notifications.next().await else {
            return Ok(None);
        };
        let peer = self.lease.link.peer;
        let response =
            result.map_err(|error| Failure::from(error).into_error(Role::ResourceServer, peer))?;
        // An error notification tells nothing but the end, and is passed on even then.
        if response.code.is_success() {
            self.inner.still_valid(&self.lease)?;
            self.inner.renew_for(&self.target);
        }
        Ok(Some(response))
    }
}
