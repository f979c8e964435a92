//! Responses and notifications that come in.

use super::super::{Context, Link, Output, Owner};
use super::download::{Download, DownloadError};
use super::{Client, Outstanding, Upload};
use crate::block::Block;
use crate::endpoint::RequestError;
use crate::message::options::{known, number};
use crate::message::{Code, Kind, Message, Response};
use crate::observe::Received;

/// RFC 9175 Section 2.3: how often a request is repeated with an Echo value before the 4.01 is taken as the answer.
const MAX_ECHOES: u8 = 2;

/// How often a body is fetched from its beginning because it changed on the way.
const MAX_RESTARTS: u8 = 3;

/// What follows from a response.
enum Step {
    /// Something was sent, or nothing is to be done.
    Wait,
    /// The whole response to a request without observation; the request is done.
    Done(Response),
    /// The first response of an observation.
    Observed(Response),
    /// A later state of an observation.
    Notification(Response),
    /// The last state of an observation.
    Last(Response),
    /// No response.
    Failed(RequestError),
}

impl Client {
    pub(crate) fn handle_response(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        mut message: Message,
    ) {
        let index = self
            .outstanding
            .iter()
            .position(|outstanding| outstanding.expects(&message));
        let piggybacked = message.kind == Kind::Acknowledgement;
        let Some(outstanding) = index
            .and_then(|index| self.outstanding.get_mut(index))
            .filter(|outstanding| {
                // RFC 7252 Section 5.3.2: the Message ID of a piggybacked response is that of its request.
                !piggybacked
                    || link.transmission.owner(message.id)
                        == Some(Owner::Request(outstanding.number))
            })
        else {
            reject(link, context, &message);
            return;
        };
        let number = outstanding.number;
        if piggybacked {
            link.transmission.settle(context, message.id);
        } else if outstanding.token == message.token {
            // RFC 7252 Section 4.2: the response shows that the request arrived.
            link.transmission.stop(context, Owner::Request(number));
        }
        let options = known::sanitize(&mut message.options, &[]);
        if message.kind == Kind::Confirmable {
            // RFC 7252 Section 5.4.1: a response with an unknown critical option is rejected.
            match options {
                Ok(()) => link.acknowledge(context, message.id),
                Err(_) => link.send(context, &Message::empty(Kind::Reset, message.id)),
            }
        }
        let step = match options {
            Ok(()) => outstanding.handle(link, context, message),
            Err(option) => Step::Failed(RequestError::UnknownCriticalOption(option)),
        };
        self.finish(link, context, number, step);
    }

    fn finish(&mut self, link: &mut Link, context: &mut Context<'_>, request: u64, step: Step) {
        if matches!(step, Step::Done(_) | Step::Last(_)) {
            self.conclude(link, context, request);
        }
        let output = match step {
            Step::Wait => return,
            Step::Failed(error) => return self.fail(link, context, request, error),
            Step::Done(response) | Step::Observed(response) => {
                Output::Response { request, response }
            }
            Step::Notification(response) => Output::Notification {
                request,
                response,
                last: false,
            },
            Step::Last(response) => Output::Notification {
                request,
                response,
                last: true,
            },
        };
        context.outputs.push(output);
    }

    /// The request has its response: what it uploaded is concluded.
    fn conclude(&mut self, link: &mut Link, context: &mut Context<'_>, number: u64) {
        let abandoned = self.upload_abandoned;
        self.remove(link, context, number);
        self.upload_abandoned = abandoned;
    }
}

impl Outstanding {
    fn expects(&self, message: &Message) -> bool {
        self.token == message.token
            || self.observing.as_ref().is_some_and(|observing| {
                observing.token == message.token && message.kind != Kind::Acknowledgement
            })
    }

    fn handle(&mut self, link: &mut Link, context: &mut Context<'_>, message: Message) -> Step {
        let for_download = self.download.is_some() && self.token == message.token;
        let mut response = Response::new(message.code);
        response.options = message.options;
        response.payload = message.payload;
        let (Ok(block1), Ok(block2)) = (
            response.options.block(number::BLOCK1).transpose(),
            response.options.block(number::BLOCK2).transpose(),
        ) else {
            return Step::Failed(RequestError::BadBlock);
        };
        if for_download {
            return self.continue_download(link, context, &response, block2);
        }
        self.deadline = None;
        if let Some(step) = self.repeat_with_echo(link, context, &response) {
            return step;
        }
        if let Some(step) = self.continue_upload(link, context, &response, block1) {
            return step;
        }
        self.receive(link, context, response, block2)
    }

    /// RFC 9175 Section 2.3: a 4.01 with Echo asks for the same request with the value.
    fn repeat_with_echo(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        response: &Response,
    ) -> Option<Step> {
        let value = response.options.echo()?;
        if response.code != Code::UNAUTHORIZED || self.echoes >= MAX_ECHOES || self.is_observed() {
            return None;
        }
        self.echoes += 1;
        self.request.options.set(number::ECHO, value);
        if let Some(upload) = &mut self.upload {
            upload.offset = 0;
        }
        Some(self.proceed(link, context))
    }

    /// The answer to a block of our body.
    fn continue_upload(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        response: &Response,
        block: Option<Block>,
    ) -> Option<Step> {
        let Upload { offset, size } = self.upload?;
        let smaller = block.map_or(size, |block| block.size.min(size));
        if response.code == Code::REQUEST_ENTITY_TOO_LARGE && smaller < size && offset == 0 {
            // RFC 7959 Section 2.9.3: a 4.13 with a smaller block asks to try with that.
            self.upload = Some(Upload {
                offset: 0,
                size: smaller,
            });
            return Some(self.proceed(link, context));
        }
        let end = offset + size.bytes();
        if !response.code.is_success() || end >= self.request.payload.len() {
            // RFC 7959 Section 2.9.1: 2.31 answers a block that has successors only.
            let early = response.code == Code::CONTINUE;
            return early.then_some(Step::Failed(RequestError::BadBlock));
        }
        if block.is_none_or(|block| block.offset() != offset) {
            return Some(Step::Failed(RequestError::BadBlock));
        }
        self.upload = Some(Upload {
            offset: end,
            size: smaller,
        });
        Some(self.proceed(link, context))
    }

    /// A response that is no part of a transfer that is under way.
    fn receive(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        response: Response,
        block: Option<Block>,
    ) -> Step {
        if response.code == Code::CONTINUE {
            return Step::Failed(RequestError::BadBlock);
        }
        let sequence = response
            .options
            .observe()
            .filter(|_| response.code.is_success());
        let received = sequence.map(|sequence| Received {
            sequence,
            at: context.now,
        });
        if let (Some(observing), Some(received)) = (&self.observing, received)
            && observing
                .newest
                .is_some_and(|newest| !newest.is_older_than(received))
        {
            // RFC 7641 Section 3.4: older than what is known.
            return Step::Wait;
        }
        let Some(block) = block.filter(|block| block.more || block.number > 0) else {
            return self.complete(context, response, received);
        };
        if self.download.take().is_some() {
            link.transmission.stop(context, Owner::Request(self.number));
        }
        if let (Some(observing), Some(received)) = (&mut self.observing, received)
            && observing.newest.is_some()
        {
            observing.heard(context, received, response.options.max_age());
        }
        let (limit, reservation) = (context.config.max_body, context.shared.budget.reserve(0));
        match Download::begin(response, block, reservation, limit, received) {
            Ok(download) => {
                self.download = Some(download);
                self.proceed(link, context)
            }
            Err(error) => Step::Failed(error.into()),
        }
    }

    fn continue_download(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        response: &Response,
        block: Option<Block>,
    ) -> Step {
        self.deadline = None;
        let Some(mut download) = self.download.take() else {
            return Step::Wait;
        };
        let limit = context.config.max_body;
        let outcome = block
            .ok_or(DownloadError::Mismatch)
            .and_then(|block| download.accept(response, block, limit));
        match outcome {
            Ok(()) if download.is_complete() => {
                let received = download.notification;
                self.complete(context, download.into_response(), received)
            }
            Ok(()) => {
                self.download = Some(download);
                self.proceed(link, context)
            }
            // The state changed between two blocks: the next notification brings the newer one.
            Err(DownloadError::Mismatch) if self.is_observed() => Step::Wait,
            // RFC 7959 Section 2.4: a client may begin anew; a safe method can be repeated.
            Err(DownloadError::Mismatch)
                if self.request.method.is_safe() && self.restarts < MAX_RESTARTS =>
            {
                self.restarts += 1;
                self.proceed(link, context)
            }
            Err(error) => Step::Failed(error.into()),
        }
    }

    /// The whole response is here.
    fn complete(
        &mut self,
        context: &mut Context<'_>,
        mut response: Response,
        received: Option<Received>,
    ) -> Step {
        for own in [number::BLOCK1, number::BLOCK2, number::SIZE2] {
            response.options.remove(own);
        }
        let observed = self.is_observed();
        match (&mut self.observing, received) {
            (Some(observing), Some(received)) => {
                observing.heard(context, received, response.options.max_age());
                if observed {
                    Step::Notification(response)
                } else {
                    Step::Observed(response)
                }
            }
            _ if observed => Step::Last(response),
            _ => Step::Done(response),
        }
    }

    fn proceed(&mut self, link: &mut Link, context: &mut Context<'_>) -> Step {
        self.send(link, context)
            .map_or_else(Step::Failed, |()| Step::Wait)
    }
}

impl From<DownloadError> for RequestError {
    fn from(error: DownloadError) -> Self {
        match error {
            DownloadError::Mismatch => Self::BadBlock,
            DownloadError::TooLarge => Self::BodyTooLarge,
        }
    }
}

/// A response that nobody expects.
fn reject(link: &mut Link, context: &mut Context<'_>, message: &Message) {
    context.shared.dropped.unmatched += 1;
    match message.kind {
        // A late or forged acknowledgement settles nothing but the message whose ID it has and that nobody waits for.
        Kind::Acknowledgement if link.transmission.owner(message.id) == Some(Owner::Nobody) => {
            link.transmission.settle(context, message.id);
        }
        Kind::Confirmable => link.send(context, &Message::empty(Kind::Reset, message.id)),
        // RFC 7641 Section 3.6: a notification that is not wanted any more is rejected, confirmable or not.
        Kind::NonConfirmable if message.options.observe().is_some() => {
            link.send(context, &Message::empty(Kind::Reset, message.id));
        }
        _ => {}
    }
}
