//! Requests that come in: options, blocks, Echo; then the application; then the response.

mod observers;
mod respond;

use super::{Context, Link, Output};
use crate::block::{Assemblies, Block, Bodies, Operation, Part, Progress, Reservation};
use crate::message::options::{known, number};
use crate::message::{Code, Kind, Message, Request, Response, Token};
use crate::time::Instant;
use observers::Observers;

/// The server side of one session.
#[derive(Debug, Default)]
pub(crate) struct Server {
    /// Requests that the application works on: at most `max_pending_requests`.
    pending: Vec<Pending>,
    uploads: Assemblies,
    downloads: Bodies,
    observers: Observers,
    held: Option<Box<Held>>,
}

/// A request that waits for the application.
#[derive(Debug)]
struct Pending {
    exchange: u64,
    origin: Origin,
    /// When it is acknowledged by itself; `None` if that happened, or if it is not confirmable.
    acknowledge_at: Option<Instant>,
    observation: Option<u64>,
    /// Set on plain CoAP for methods that change something: names the request with its body.
    unsafe_request: Option<Operation>,
}

/// What of a request its response needs.
#[derive(Debug, Clone, Copy)]
struct Origin {
    kind: Kind,
    id: u16,
    token: Token,
    operation: Operation,
    wanted: Option<Block>,
    received: Option<Block>,
    length: usize,
}

/// A response that is too large for a peer whose address is not verified. The request must not run again when the
/// peer repeats it with Echo.
#[derive(Debug)]
struct Held {
    request: Operation,
    response: Response,
    _reservation: Reservation,
    expires: Instant,
}

/// The refusal of a request before the application sees it.
type Refusal = Response;

impl Server {
    /// As if it were new.
    pub(crate) fn is_unused(&self) -> bool {
        self.pending.is_empty()
            && self.uploads.is_empty()
            && self.downloads.is_empty()
            && self.observers.is_unused()
            && self.held.is_none()
    }

    pub(crate) fn handle_request(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        mut message: Message,
        length: usize,
    ) {
        let options = known::sanitize(&mut message.options, &context.config.understood_options);
        let mut origin = Origin {
            kind: message.kind,
            id: message.id,
            token: message.token,
            operation: Operation::new(message.code, &message.options),
            wanted: None,
            received: None,
            length,
        };
        if let Err(offender) = options {
            // RFC 7252 Section 5.4.1: 4.02 for a Confirmable request; a Non-confirmable one is rejected.
            if origin.kind == Kind::Confirmable {
                let refusal =
                    Response::new(Code::BAD_OPTION).with_diagnostic(&format!("option {offender}"));
                self.answer_at_once(link, context, &origin, refusal);
            }
            return;
        }
        match self.prepare(link, context, &mut origin, message) {
            Ok(Some(request)) => self.hand_over(link, context, origin, request),
            Ok(None) => {}
            Err(refusal) => self.answer_at_once(link, context, &origin, refusal),
        }
    }

    /// The same request again, before it was answered: the peer waits, so it is told that the request is here.
    pub(crate) fn handle_repetition(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        id: u16,
    ) {
        let waiting =
            |pending: &&mut Pending| pending.origin.id == id && pending.acknowledge_at.is_some();
        if let Some(pending) = self.pending.iter_mut().find(waiting) {
            pending.acknowledge_at = None;
            link.acknowledge(context, id);
        }
    }

    pub(crate) fn handle_timeout(&mut self, link: &mut Link, context: &mut Context<'_>) {
        let now = context.now;
        for pending in &mut self.pending {
            if pending.acknowledge_at.is_some_and(|at| at <= now) {
                // RFC 7252 Section 5.2.2: an Empty acknowledgement, the response comes separately.
                pending.acknowledge_at = None;
                link.acknowledge(context, pending.origin.id);
            }
        }
        let dropped = self.uploads.expire(now) + self.downloads.expire(now);
        context.shared.dropped.bodies += dropped as u64;
        self.held.take_if(|held| held.expires <= now);
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let acknowledge = self
            .pending
            .iter()
            .filter_map(|pending| pending.acknowledge_at)
            .min();
        let held = self.held.as_ref().map(|held| held.expires);
        [
            acknowledge,
            self.uploads.next_timeout(),
            self.downloads.next_timeout(),
            held,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// What was answered is not served any further.
    pub(crate) fn forget_bodies(&mut self) {
        self.downloads.clear();
        self.held = None;
    }

    pub(crate) fn shut_down(&mut self, context: &mut Context<'_>) {
        for observation in self
            .pending
            .drain(..)
            .filter_map(|pending| pending.observation)
        {
            context
                .outputs
                .push(Output::ObservationEnded { observation });
        }
        self.observers.shut_down(context);
    }

    /// The whole request; or nothing, if a block was answered.
    fn prepare(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        origin: &mut Origin,
        message: Message,
    ) -> Result<Option<Request>, Refusal> {
        let Message {
            code,
            mut options,
            mut payload,
            ..
        } = message;
        if options
            .first(number::PROXY_URI)
            .or(options.first(number::PROXY_SCHEME))
            .is_some()
        {
            // RFC 7252 Section 5.7.2: not a proxy.
            return Err(Response::new(Code::PROXYING_NOT_SUPPORTED));
        }
        if let Some(value) = options.echo() {
            let (now, lifetime) = (context.now, context.config.echo_lifetime);
            link.verified |= context.shared.echo.verify(now, link.peer, value, lifetime);
        }
        let block = |number| {
            options
                .block(number)
                .transpose()
                .map_err(|_| Response::new(Code::BAD_REQUEST))
        };
        (origin.received, origin.wanted) = (block(number::BLOCK1)?, block(number::BLOCK2)?);
        if let Some(block) = origin.received {
            let announced = options.integer(number::SIZE1);
            let part = Part {
                operation: origin.operation,
                block,
                payload: &payload,
                announced,
            };
            match self.accept_block(context, part)? {
                Some(body) => payload = body,
                None => {
                    let mut answer = Response::new(Code::CONTINUE);
                    answer.options.set_block(
                        number::BLOCK1,
                        acknowledged(block, context.config.block_size),
                    );
                    self.answer_at_once(link, context, origin, answer);
                    return Ok(None);
                }
            }
        } else if let Some(block) = origin.wanted.filter(|block| block.number > 0) {
            match self
                .downloads
                .next_block(context.now, context.config, origin.operation, block)
            {
                Some(part) => {
                    self.answer_at_once(link, context, origin, part);
                    return Ok(None);
                }
                // A safe method can be run again, and its ETag tells whether the blocks fit together.
                None if code.is_safe() => {}
                None => return Err(Response::new(Code::REQUEST_ENTITY_INCOMPLETE)),
            }
        }
        for own in [
            number::BLOCK1,
            number::BLOCK2,
            number::SIZE1,
            number::REQUEST_TAG,
        ] {
            options.remove(own);
        }
        Ok(Some(Request {
            method: code,
            options,
            payload,
        }))
    }

    /// The whole body, if this was its last block.
    fn accept_block(
        &mut self,
        context: &mut Context<'_>,
        part: Part<'_>,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let (now, config, budget) = (context.now, context.config, &context.shared.budget);
        match self.uploads.accept(now, config, budget, part) {
            Progress::Complete(body) => Ok(Some(body)),
            Progress::Continue => Ok(None),
            Progress::Refused(code) => {
                context.shared.dropped.bodies += 1;
                let mut refusal = Response::new(code);
                if code == Code::REQUEST_ENTITY_TOO_LARGE {
                    // RFC 7959 Section 2.9.3: Size1 tells the largest body that is taken.
                    let limit = u32::try_from(context.config.max_body).unwrap_or(u32::MAX);
                    refusal.options.set_integer(number::SIZE1, limit);
                }
                Err(refusal)
            }
        }
    }

    /// Gives a whole request to the application.
    fn hand_over(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        origin: Origin,
        request: Request,
    ) {
        let unsafe_request = (!link.identifiers.is_secure() && !request.method.is_safe())
            .then(|| Operation::with_body(request.method, &request.options, &request.payload));
        if let Some(response) = self.take_held(link, unsafe_request) {
            self.answer_at_once(link, context, &origin, response);
            return;
        }
        if self.pending.len() >= context.config.max_pending_requests {
            context.shared.dropped.overloaded += 1;
            let refusal = Response::new(Code::SERVICE_UNAVAILABLE).max_age(5);
            self.answer_at_once(link, context, &origin, refusal);
            return;
        }
        let observation = self.observers.prepare(context, origin.token, &request);
        let exchange = context.number();
        let acknowledge_at =
            (origin.kind == Kind::Confirmable).then(|| context.now + context.config.piggyback_time);
        self.pending.push(Pending {
            exchange,
            origin,
            acknowledge_at,
            observation,
            unsafe_request,
        });
        context.outputs.push(Output::Request {
            exchange,
            request,
            observation,
        });
    }

    /// The response that was held back until the peer echoed.
    fn take_held(&mut self, link: &Link, request: Option<Operation>) -> Option<Response> {
        let held = self
            .held
            .take_if(|held| link.verified && Some(held.request) == request)?;
        Some(held.response)
    }
}

/// The Block1 option of an answer to a block: the block, in the size that this side prefers.
fn acknowledged(block: Block, preferred: crate::block::BlockSize) -> Block {
    // RFC 7959 Section 2.3: a smaller size in the answer asks the client for smaller blocks from now on.
    Block {
        size: block.size.min(preferred),
        ..block
    }
}
