//! The request of the caller: sent on a leased session, judged by its answer, sent again where that helps.

use std::sync::Arc;

use motekey_coap::driver::Observation;
use motekey_coap::message::{Code, Request, Response};

use crate::authorization;
use crate::client::{Body, Inner};
use crate::error::{Error, Role};
use crate::report::Step;
use crate::session::{Call, Lease};
use crate::subscription::Subscription;
use crate::target::Target;
use crate::wire::Failure;

/// What one call has done already, each at most once.
#[derive(Debug, Default)]
struct Attempts {
    renewed: bool,
    reopened: bool,
    updated: bool,
}

/// What to do with an answer.
enum Next {
    Done,
    Again,
}

impl Inner {
    /// Sends the request of the caller.
    pub(crate) async fn perform(
        self: &Arc<Self>,
        method: Code,
        target: &Target,
        body: &Body,
    ) -> Result<Response, Error> {
        let call = self.call(target)?;
        let mut attempts = Attempts::default();
        loop {
            let lease = self.lease(&call).await?;
            let asked = format!(
                "{} {}",
                method.method_name().unwrap_or("request"),
                target.path()
            );
            let request = request(method, target, body);
            match self
                .exchange(Step::Request, &lease.link, asked, request)
                .await
            {
                Ok(response) => {
                    if let Next::Done = self.judge(&call, &lease, &response, &mut attempts).await? {
                        return Ok(response);
                    }
                }
                Err(failure) => {
                    self.reopen(&call, &lease, method, failure, &mut attempts)
                        .await?
                }
            }
        }
    }

    /// Registers for notifications.
    pub(crate) async fn subscribe(
        inner: &Arc<Self>,
        target: &Target,
    ) -> Result<Subscription, Error> {
        let call = inner.call(target)?;
        let mut attempts = Attempts::default();
        loop {
            let lease = inner.lease(&call).await?;
            match inner.register(&lease, target).await {
                Ok((first, notifications)) => {
                    if let Next::Done = inner.judge(&call, &lease, &first, &mut attempts).await? {
                        return Ok(Subscription::new(
                            Arc::clone(inner),
                            target.clone(),
                            lease,
                            first,
                            notifications,
                        ));
                    }
                }
                Err(failure) => {
                    inner
                        .reopen(&call, &lease, Code::GET, failure, &mut attempts)
                        .await?
                }
            }
        }
    }

    /// One registration on a session, written down.
    async fn register(
        &self,
        lease: &Lease,
        target: &Target,
    ) -> Result<(Response, Observation), Failure> {
        let Some(before) = lease.link.traffic().await else {
            return Err(Failure::gone());
        };
        let began = self.now();
        let request = request(Code::GET, target, &Body::default());
        let result = lease.link.observe(request, before.datagrams_received).await;
        let outcome = match &result {
            Ok((first, _)) => first.code.to_string(),
            Err(failure) => failure.reason.clone(),
        };
        let traffic = lease.link.traffic().await.unwrap_or(before).since(before);
        let asked = format!("GET {} with Observe", target.path());
        self.record(
            Step::Request,
            lease.link.peer,
            asked,
            outcome,
            began,
            traffic,
        );
        result
    }

    /// Decides whether an answer is for the caller, or whether the request goes out again.
    async fn judge(
        &self,
        call: &Call<'_>,
        lease: &Lease,
        response: &Response,
        attempts: &mut Attempts,
    ) -> Result<Next, Error> {
        self.still_valid(lease)?;
        match response.code {
            Code::UNAUTHORIZED if !attempts.renewed => {
                attempts.renewed = true;
                self.renew(call, lease, response).await?;
                Ok(Next::Again)
            }
            Code::FORBIDDEN | Code::METHOD_NOT_ALLOWED if !attempts.updated => {
                attempts.updated = true;
                self.widen(call).await
            }
            _ => Ok(Next::Done),
        }
    }

    /// After 4.01: a fresh token and, with it, a fresh session.
    async fn renew(
        &self,
        call: &Call<'_>,
        lease: &Lease,
        response: &Response,
    ) -> Result<(), Error> {
        // RFC 9202 Section 3.4: on hints in an error answer the client asks for a new token.
        let hints = authorization::hints(response).ok();
        if let Some(hints) = &hints {
            call.slot.learn(hints);
        }
        let mut state = call.slot.lock().await;
        if state.is_current(lease) {
            let access = self.obtain(call, hints.as_ref()).await?;
            state.disconnect().await;
            self.hold(call, &mut state, access).await;
        }
        Ok(())
    }

    /// After 4.03 or 4.05: the wider scope, if one is configured and was not asked for yet.
    async fn widen(&self, call: &Call<'_>) -> Result<Next, Error> {
        let Some(wider) = &call.configured.wider_scope else {
            return Ok(Next::Done);
        };
        let mut state = call.slot.lock().await;
        if state
            .access
            .as_ref()
            .is_some_and(|access| access.asked_scope.as_ref() == Some(wider))
        {
            return Ok(Next::Done);
        }
        self.change_scope(&mut state, call, wider.clone()).await?;
        Ok(Next::Again)
    }

    /// After a request that got no answer: whether it can go out again.
    async fn reopen(
        &self,
        call: &Call<'_>,
        lease: &Lease,
        method: Code,
        failure: Failure,
        attempts: &mut Attempts,
    ) -> Result<(), Error> {
        let mut state = call.slot.lock().await;
        if state.is_current(lease) {
            state.disconnect().await;
        }
        // RFC 7252 Section 5.1: what is not idempotent must not be carried out twice.
        let repeatable = !failure.may_have_arrived || is_idempotent(method);
        if lease.reused && repeatable && !attempts.reopened {
            attempts.reopened = true;
            return Ok(());
        }
        Err(failure.into_error(Role::ResourceServer, lease.link.peer))
    }
}

/// RFC 7252 Section 5.8, RFC 8132 Section 2.
fn is_idempotent(method: Code) -> bool {
    matches!(
        method,
        Code::GET | Code::PUT | Code::DELETE | Code::FETCH | Code::IPATCH
    )
}

fn request(method: Code, target: &Target, body: &Body) -> Request {
    let mut request = target.request(method);
    if let Some((format, payload)) = &body.payload {
        request = request.with_payload(*format, payload.clone());
    }
    if let Some(format) = body.accept {
        request = request.accept(format);
    }
    request
}
