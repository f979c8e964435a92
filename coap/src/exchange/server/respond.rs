//! Responses that go out: Echo instead of what is too large, observation, block, and the right kind of message.

use super::super::{Context, Link, Owner};
use super::{Held, Origin, Pending, Server};
use crate::message::options::number;
use crate::message::{Code, Kind, Message, Options, Response};

/// How a response travels.
#[derive(Clone, Copy)]
enum Carrier {
    /// In the acknowledgement of its request.
    Piggybacked,
    /// Confirmable, by itself.
    Separate(Owner),
    /// Not confirmable.
    NonConfirmable,
}

impl Server {
    /// The application answers. Unknown exchanges are those of requests that were answered or of sessions that ended.
    pub(crate) fn respond(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        exchange: u64,
        response: Response,
    ) {
        let Some(index) = self
            .pending
            .iter()
            .position(|pending| pending.exchange == exchange)
        else {
            return;
        };
        let pending = self.pending.swap_remove(index);
        let accepted = response.is_observable();
        // Only a peer that is not verified can be asked to echo first.
        let whole = (!link.verified).then(|| response.clone());
        let mut part = self.first_part(context, &pending.origin, response);
        let observed = self.begin_observation(context, &pending, accepted, &part);
        part.options.remove(number::OBSERVE);
        if observed.is_some() {
            part.options
                .set_integer(number::OBSERVE, self.observers.next_sequence());
        }
        let challenge =
            whole.and_then(|whole| self.challenge(link, context, &pending, &part, whole));
        if let Some(number) = pending.observation
            && (observed.is_none() || challenge.is_some())
        {
            self.observers.decline(context, number);
        }
        let carrier = match challenge {
            Some(_) => carrier_of_challenge(&pending),
            None => carrier(link, &pending, observed),
        };
        self.send(
            link,
            context,
            &pending.origin,
            challenge.unwrap_or(part),
            carrier,
        );
    }

    /// The observation, if the application accepts it, its first answer is a success (RFC 7641 Section 4.1) also
    /// after it was cut into blocks, and there is still room.
    fn begin_observation(
        &mut self,
        context: &mut Context<'_>,
        pending: &Pending,
        accepted: bool,
        part: &Response,
    ) -> Option<u64> {
        let accepted = accepted && part.code.is_success();
        let Origin {
            token,
            operation,
            wanted,
            ..
        } = pending.origin;
        pending.observation.filter(|number| {
            accepted
                && self
                    .observers
                    .register(context, *number, token, operation, wanted)
        })
    }

    /// Answers in the acknowledgement, without the application.
    pub(super) fn answer_at_once(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        origin: &Origin,
        response: Response,
    ) {
        let carrier = if origin.kind == Kind::Confirmable {
            Carrier::Piggybacked
        } else {
            Carrier::NonConfirmable
        };
        let part = if response.payload.len() > context.config.block_size.bytes() {
            self.first_part(context, origin, response)
        } else {
            response
        };
        let part = if exceeds(link, context, origin, &part) {
            challenge(link, context)
        } else {
            part
        };
        self.send(link, context, origin, part, carrier);
    }

    /// What of a response goes into one message.
    fn first_part(
        &mut self,
        context: &mut Context<'_>,
        origin: &Origin,
        response: Response,
    ) -> Response {
        let (now, config, budget) = (context.now, context.config, &context.shared.budget);
        let mut part = self.downloads.first_block(
            now,
            config,
            budget,
            origin.operation,
            response,
            origin.wanted,
        );
        if let Some(block) = origin.received {
            // RFC 7959 Section 2.3: the response to the last block names it.
            part.options.set_block(number::BLOCK1, block);
        }
        part
    }

    /// RFC 9175 Section 2.6: an answer that is much larger than its request goes only where the peer has shown to
    /// receive. Else the peer is asked to echo, and what a method that changes something answered is held.
    fn challenge(
        &mut self,
        link: &Link,
        context: &mut Context<'_>,
        pending: &Pending,
        part: &Response,
        response: Response,
    ) -> Option<Response> {
        if !exceeds(link, context, &pending.origin, part) {
            return None;
        }
        if let Some(request) = pending.unsafe_request {
            let expires = context.now + context.config.echo_lifetime;
            let reservation = context.shared.budget.reserve(response.payload.len());
            self.held = reservation.map(|reservation| {
                Box::new(Held {
                    request,
                    response,
                    _reservation: reservation,
                    expires,
                })
            });
        }
        Some(challenge(link, context))
    }

    fn send(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        origin: &Origin,
        response: Response,
        carrier: Carrier,
    ) {
        let (kind, id) = match carrier {
            Carrier::Piggybacked => (Kind::Acknowledgement, Some(origin.id)),
            Carrier::Separate(_) => (Kind::Confirmable, link.identifiers.message_id(context)),
            Carrier::NonConfirmable => (Kind::NonConfirmable, link.identifiers.message_id(context)),
        };
        let Some(id) = id else {
            context.shared.dropped.send_failed += 1;
            return;
        };
        let Response {
            code,
            options,
            payload,
            ..
        } = response;
        let message = Message {
            kind,
            code,
            id,
            token: origin.token,
            options,
            payload,
        };
        match carrier {
            Carrier::Separate(owner) => {
                if let Owner::Observation(number) = owner {
                    self.observers.sent_confirmable(context, number, None);
                }
                if !link.send_confirmable(context, &message, owner)
                    && let Owner::Observation(number) = owner
                {
                    self.end_observation(link, context, number);
                }
            }
            Carrier::Piggybacked | Carrier::NonConfirmable => link.send(context, &message),
        }
    }
}

fn carrier(link: &Link, pending: &Pending, observed: Option<u64>) -> Carrier {
    match (pending.origin.kind, pending.acknowledge_at) {
        (Kind::Confirmable, Some(_)) => Carrier::Piggybacked,
        (Kind::Confirmable, None) if link.verified => {
            Carrier::Separate(observed.map_or(Owner::Response, Owner::Observation))
        }
        // RFC 7252 Section 5.2.3: a Non-confirmable request is answered by a Non-confirmable response. A peer that is
        // not verified gets no retransmissions either.
        _ => Carrier::NonConfirmable,
    }
}

/// RFC 9175 Section 2.4, item 3: a challenge is never a separate response.
fn carrier_of_challenge(pending: &Pending) -> Carrier {
    if pending.acknowledge_at.is_some() {
        Carrier::Piggybacked
    } else {
        Carrier::NonConfirmable
    }
}

fn challenge(link: &Link, context: &mut Context<'_>) -> Response {
    context.shared.dropped.echoed += 1;
    let mut challenge = Response::new(Code::UNAUTHORIZED);
    let value = context.shared.echo.value(context.now, link.peer);
    challenge.options.set(number::ECHO, &value);
    challenge
}

/// The answer is larger than an unverified peer may get.
fn exceeds(link: &Link, context: &Context<'_>, origin: &Origin, part: &Response) -> bool {
    if link.verified {
        return false;
    }
    let options: &Options = &part.options;
    let length = Message {
        kind: Kind::Acknowledgement,
        code: part.code,
        id: 0,
        token: origin.token,
        options: options.clone(),
        payload: part.payload.clone(),
    }
    .encoded_len();
    length > context.config.unverified_answer.max(3 * origin.length)
}
