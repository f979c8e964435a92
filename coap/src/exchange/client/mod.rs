//! Requests that go out, until their whole response is here.

mod download;
mod response;

use super::{Context, Link, Output, Owner};
use crate::block::{Block, BlockSize, Operation};
use crate::endpoint::RequestError;
use crate::message::options::number;
use crate::message::{Kind, Message, Request, Token};
use crate::observe::Received;
use crate::time::{Duration, Instant};
use download::Download;

/// The client side of one session: at most `max_outstanding_requests` requests.
#[derive(Debug, Default)]
pub(crate) struct Client {
    outstanding: Vec<Outstanding>,
    /// The tag of the next upload that must not be joined with another; zero as long as none was needed.
    next_tag: u32,
    /// An upload was given up: its blocks may still be at the server, so the next upload gets a tag.
    upload_abandoned: bool,
}

/// One request.
#[derive(Debug)]
struct Outstanding {
    number: u64,
    /// Names the request as it was given, without a tag.
    operation: Operation,
    request: Request,
    /// Token of the message that is on its way.
    token: Token,
    upload: Option<Upload>,
    download: Option<Download>,
    observing: Option<Observing>,
    echoes: u8,
    restarts: u8,
    /// Until when the response may take; runs from the acknowledgement.
    deadline: Option<Instant>,
}

/// How much of the body was sent.
#[derive(Debug, Clone, Copy)]
struct Upload {
    offset: usize,
    size: BlockSize,
}

/// The client side of an observation.
#[derive(Debug)]
struct Observing {
    /// Token of the registration: that of all notifications.
    token: Token,
    /// The newest notification; none until the server accepted.
    newest: Option<Received>,
    /// When the request is repeated, if nothing came until then.
    renew_at: Option<Instant>,
}

impl Client {
    /// As if it were new.
    pub(crate) fn is_unused(&self) -> bool {
        self.outstanding.is_empty() && self.next_tag == 0 && !self.upload_abandoned
    }

    pub(crate) fn request(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        mut request: Request,
    ) -> Result<u64, RequestError> {
        if !request.method.is_request() {
            return Err(RequestError::NotAMethod);
        }
        if request.payload.len() > context.config.max_body {
            return Err(RequestError::BodyTooLarge);
        }
        if self.outstanding.len() >= context.config.max_outstanding_requests {
            return Err(RequestError::TooManyRequests);
        }
        if link.transmission.is_full(context) {
            return Err(RequestError::QueueFull);
        }
        let size = context.config.block_size;
        let upload = (request.payload.len() > size.bytes()).then_some(Upload { offset: 0, size });
        let operation = Operation::new(request.method, &request.options);
        // RFC 9175 Section 3.3: a body gets a Request-Tag of its own unless nothing else can be joined with it. So does
        // a request whose response could be mixed up with that of the same request before it.
        let uploading = |other: &Outstanding| upload.is_some() && other.upload.is_some();
        if (upload.is_some() && self.upload_abandoned)
            || self
                .outstanding
                .iter()
                .any(|other| uploading(other) || other.operation == operation)
        {
            self.next_tag = self.next_tag.wrapping_add(1);
            request
                .options
                .set_integer(number::REQUEST_TAG, self.next_tag);
        }
        let observing = (request.method.is_safe() && request.options.observe() == Some(0))
            .then_some(Observing {
                token: Token::EMPTY,
                newest: None,
                renew_at: None,
            });
        let number = context.number();
        let mut outstanding = Outstanding {
            number,
            operation,
            request,
            token: Token::EMPTY,
            upload,
            download: None,
            observing,
            echoes: 0,
            restarts: 0,
            deadline: None,
        };
        outstanding.send(link, context)?;
        self.outstanding.push(outstanding);
        Ok(number)
    }

    pub(crate) fn cancel(&mut self, link: &mut Link, context: &mut Context<'_>, number: u64) {
        let Some(outstanding) = self.remove(link, context, number) else {
            return;
        };
        if let Some(observing) = outstanding
            .observing
            .filter(|observing| observing.newest.is_some())
        {
            // RFC 7641 Section 3.6: the registration's request again, with Observe 1.
            let mut request = outstanding.request;
            request.options.set_integer(number::OBSERVE, 1);
            if let Some(id) = link.identifiers.message_id(context) {
                let Request {
                    method,
                    options,
                    payload,
                } = request;
                let kind = Kind::Confirmable;
                let message = Message {
                    kind,
                    code: method,
                    id,
                    token: observing.token,
                    options,
                    payload,
                };
                link.send_confirmable(context, &message, Owner::Nobody);
            }
        }
    }

    pub(crate) fn fail(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        number: u64,
        error: RequestError,
    ) {
        if self.remove(link, context, number).is_some() {
            context.outputs.push(Output::Failed {
                request: number,
                error,
            });
        }
    }

    /// The request is at the server, which takes its time.
    pub(crate) fn handle_acknowledged(&mut self, context: &mut Context<'_>, number: u64) {
        let deadline = context.now + context.config.response_time_limit;
        if let Some(outstanding) = self
            .outstanding
            .iter_mut()
            .find(|outstanding| outstanding.number == number)
        {
            outstanding.deadline = Some(deadline);
        }
    }

    pub(crate) fn handle_timeout(&mut self, link: &mut Link, context: &mut Context<'_>) {
        let now = context.now;
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let late = self
            .outstanding
            .iter()
            .filter(|outstanding| due(outstanding.deadline));
        for number in late
            .map(|outstanding| outstanding.number)
            .collect::<Vec<_>>()
        {
            self.fail(link, context, number, RequestError::NoResponse);
        }
        let mut failed = Vec::new();
        for outstanding in &mut self.outstanding {
            if due(outstanding
                .observing
                .as_ref()
                .and_then(|observing| observing.renew_at))
                && let Err(error) = outstanding.renew(link, context)
            {
                failed.push((outstanding.number, error));
            }
        }
        for (number, error) in failed {
            self.fail(link, context, number, error);
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let times = |outstanding: &Outstanding| {
            [
                outstanding.deadline,
                outstanding
                    .observing
                    .as_ref()
                    .and_then(|observing| observing.renew_at),
            ]
        };
        self.outstanding.iter().flat_map(times).flatten().min()
    }

    pub(crate) fn shut_down(&mut self, context: &mut Context<'_>) {
        for outstanding in self.outstanding.drain(..) {
            let error = RequestError::SessionClosed;
            context.outputs.push(Output::Failed {
                request: outstanding.number,
                error,
            });
        }
    }

    fn remove(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        number: u64,
    ) -> Option<Outstanding> {
        let index = self
            .outstanding
            .iter()
            .position(|outstanding| outstanding.number == number)?;
        let outstanding = self.outstanding.swap_remove(index);
        self.upload_abandoned |= outstanding.upload.is_some();
        link.transmission.stop(context, Owner::Request(number));
        Some(outstanding)
    }
}

impl Outstanding {
    /// Sends what comes next: the request, the next block of its body, or the request for the next block of the
    /// response.
    fn send(&mut self, link: &mut Link, context: &mut Context<'_>) -> Result<(), RequestError> {
        let id = link
            .identifiers
            .message_id(context)
            .ok_or(RequestError::MessageIdsExhausted)?;
        let token = link.identifiers.token(context);
        self.token = token;
        let message = if let Some(download) = &self.download {
            self.next_request(id, download.next_block())
        } else {
            if let Some(observing) = &mut self.observing {
                observing.token = token;
            }
            self.next_part(id)
        };
        self.transmit(link, context, &message)
    }

    /// RFC 7641 Section 3.3.1: the registration again, with the token that it had.
    fn renew(&mut self, link: &mut Link, context: &mut Context<'_>) -> Result<(), RequestError> {
        let id = link
            .identifiers
            .message_id(context)
            .ok_or(RequestError::MessageIdsExhausted)?;
        if let Some(observing) = &mut self.observing {
            observing.renew_at = None;
            self.token = observing.token;
        }
        self.download = None;
        let message = self.next_part(id);
        self.transmit(link, context, &message)
    }

    fn transmit(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        message: &Message,
    ) -> Result<(), RequestError> {
        self.deadline = None;
        if link.send_confirmable(context, message, Owner::Request(self.number)) {
            Ok(())
        } else {
            Err(RequestError::QueueFull)
        }
    }

    /// The request with its body, or with the block of it that comes next.
    fn next_part(&self, id: u16) -> Message {
        let mut options = self.request.options.clone();
        let mut payload = self.request.payload.as_slice();
        if let Some(Upload { offset, size }) = self.upload {
            let rest = payload.get(offset..).unwrap_or(&[]);
            let part = rest.get(..size.bytes()).unwrap_or(rest);
            let number = u32::try_from(offset / size.bytes()).unwrap_or(u32::MAX);
            options.set_block(
                number::BLOCK1,
                Block {
                    number,
                    more: part.len() < rest.len(),
                    size,
                },
            );
            if offset == 0 {
                // RFC 7959 Section 4: lets the server refuse at once what is too large.
                options.set_integer(
                    number::SIZE1,
                    u32::try_from(payload.len()).unwrap_or(u32::MAX),
                );
            }
            payload = part;
        }
        self.message(id, options, payload.to_vec())
    }

    /// The request for a later block of the response: the same options, no body (RFC 7959 Section 3.3).
    fn next_request(&self, id: u16, block: Block) -> Message {
        let mut options = self.request.options.clone();
        options.remove(number::OBSERVE);
        options.set_block(number::BLOCK2, block);
        self.message(id, options, Vec::new())
    }

    fn message(&self, id: u16, options: crate::message::Options, payload: Vec<u8>) -> Message {
        Message {
            kind: Kind::Confirmable,
            code: self.request.method,
            id,
            token: self.token,
            options,
            payload,
        }
    }

    fn is_observed(&self) -> bool {
        self.observing
            .as_ref()
            .is_some_and(|observing| observing.newest.is_some())
    }
}

impl Observing {
    /// RFC 7641 Section 3.3.1: a client that hears nothing until Max-Age has passed, and 5 to 15 seconds more, may
    /// register again.
    fn heard(&mut self, context: &mut Context<'_>, received: Received, max_age: Option<u32>) {
        let grace = Duration::from_micros(5_000_000 + context.shared.random.below(10_000_000));
        self.newest = Some(received);
        self.renew_at =
            Some(context.now + Duration::from_secs(u64::from(max_age.unwrap_or(60))) + grace);
    }
}
