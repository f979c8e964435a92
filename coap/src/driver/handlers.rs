//! The handlers that run.

use std::future::{Future as _, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{self, Poll, Waker};

use tokio::task::JoinSet;

use super::{Context, Handler, HandlerFuture};
use crate::endpoint::RequestHandle;
use crate::message::{Code, Request, Response};

/// Seconds after which a peer may ask again that was turned away.
const RETRY_AFTER: u32 = 2;

/// A bounded number of tasks, one for each request that has to wait.
pub(super) struct Handlers {
    handler: Option<Arc<dyn Handler>>,
    running: JoinSet<(RequestHandle, Response)>,
    limit: usize,
}

impl Handlers {
    pub(super) fn new(handler: Option<Arc<dyn Handler>>, limit: usize) -> Self {
        Self {
            handler,
            running: JoinSet::new(),
            limit,
        }
    }

    pub(super) fn handler(&self) -> Option<&dyn Handler> {
        self.handler.as_deref()
    }

    /// Begins the work on a request. Gives the response if there was nothing to wait for: a task of its own would cost
    /// more than most responses.
    pub(super) fn begin(
        &mut self,
        handle: RequestHandle,
        context: Context,
        request: Request,
    ) -> Option<(RequestHandle, Response)> {
        let Some(handler) = &self.handler else {
            return Some((handle, Response::new(Code::NOT_FOUND)));
        };
        if self.running.len() >= self.limit {
            return Some((handle, overloaded()));
        }
        let handler = Arc::clone(handler);
        let mut work = Box::pin(async move { answer(&*handler, context, request).await });
        let mut once = task::Context::from_waker(Waker::noop());
        if let Poll::Ready(response) = work.as_mut().poll(&mut once) {
            return Some((handle, response));
        }
        // The task polls it again before it waits, and is then the one to be woken.
        self.running.spawn(async move { (handle, work.await) });
        None
    }

    /// The next handler that is done; waits forever if none runs.
    pub(super) async fn next(&mut self) -> (RequestHandle, Response) {
        loop {
            match self.running.join_next().await {
                Some(Ok(done)) => return done,
                // A task that was aborted, with its runtime: its request stays without an answer.
                Some(Err(_)) => {}
                None => return std::future::pending().await,
            }
        }
    }

    pub(super) fn are_done(&self) -> bool {
        self.running.is_empty()
    }
}

/// What a request beyond a limit gets (RFC 7252 Section 5.9.3.4: Max-Age says when to try again).
pub(super) fn overloaded() -> Response {
    Response::new(Code::SERVICE_UNAVAILABLE).max_age(RETRY_AFTER)
}

async fn answer(handler: &dyn Handler, context: Context, request: Request) -> Response {
    let panicked = || {
        tracing::error!("a handler panicked");
        Response::new(Code::INTERNAL_SERVER_ERROR)
    };
    // The future is not polled again after a panic, so nobody sees what it left behind.
    let begun = catch_unwind(AssertUnwindSafe(|| handler.handle(context, request)));
    let Ok(mut future) = begun else {
        return panicked();
    };
    poll_fn(|task| {
        let future: &mut HandlerFuture<'_> = &mut future;
        catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task)))
            .unwrap_or_else(|_| Poll::Ready(panicked()))
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;
    use crate::dtls::SessionId;

    struct Paths;

    impl Handler for Paths {
        fn handle<'a>(&'a self, _context: Context, request: Request) -> HandlerFuture<'a> {
            let path = request.path();
            assert_ne!(path, "/at-once");
            Box::pin(async move {
                match path.as_str() {
                    "/never" => std::future::pending().await,
                    "/later" => {
                        tokio::task::yield_now().await;
                        panic!("as a handler may")
                    }
                    "/fine-later" => {
                        tokio::task::yield_now().await;
                        Response::new(Code::CONTENT)
                    }
                    _ => Response::new(Code::CONTENT),
                }
            })
        }
    }

    fn begin(handlers: &mut Handlers, path: &str) -> Option<Response> {
        let session = SessionId(1);
        let handle = RequestHandle {
            session,
            exchange: 0,
        };
        let context = Context {
            session,
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
            identity: None,
            secure: false,
            observation: None,
        };
        handlers
            .begin(handle, context, Request::get(path))
            .map(|(_, response)| response)
    }

    #[tokio::test]
    async fn a_panic_of_a_handler_is_answered_with_5_00() {
        let mut handlers = Handlers::new(Some(Arc::new(Paths)), 10);
        for (path, wanted, waits) in [
            ("/at-once", Code::INTERNAL_SERVER_ERROR, false),
            ("/later", Code::INTERNAL_SERVER_ERROR, true),
            ("/fine", Code::CONTENT, false),
            ("/fine-later", Code::CONTENT, true),
        ] {
            let at_once = begin(&mut handlers, path);
            assert_eq!(at_once.is_none(), waits, "{path}");
            let response = match at_once {
                Some(response) => response,
                None => handlers.next().await.1,
            };
            assert_eq!(response.code, wanted, "{path}");
        }
        assert!(handlers.are_done());
    }

    #[tokio::test]
    async fn handlers_are_bounded_and_a_request_beyond_gets_5_03() {
        let mut handlers = Handlers::new(Some(Arc::new(Paths)), 2);
        assert_eq!(begin(&mut handlers, "/never"), None);
        assert_eq!(begin(&mut handlers, "/fine-later"), None);
        assert_eq!(begin(&mut handlers, "/fine-later"), Some(overloaded()));
        let (_, response) = handlers.next().await;
        assert_eq!(response.code, Code::CONTENT);
        assert_eq!(begin(&mut handlers, "/fine-later"), None);
    }

    #[tokio::test]
    async fn without_a_handler_there_is_no_resource() {
        let mut handlers = Handlers::new(None, 2);
        assert_eq!(
            begin(&mut handlers, "/fine"),
            Some(Response::new(Code::NOT_FOUND))
        );
    }
}
