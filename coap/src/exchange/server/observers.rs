//! Observers of this side's resources (RFC 7641 Section 4).

use super::super::{Context, Link, Output, Owner};
use super::Server;
use crate::block::{Block, Operation};
use crate::message::options::number;
use crate::message::{Kind, Message, Request, Response, Token};
use crate::observe::SEQUENCE_MASK;
use crate::time::{Duration, Instant};

/// RFC 7641 Section 4.5: a confirmable notification at least once in this time.
const LONGEST_WITHOUT_CONFIRMATION: Duration = Duration::from_secs(24 * 3600);

/// The observers in one session: at most `max_observations`, and `max_all_observations` over all sessions.
#[derive(Debug, Default)]
pub(crate) struct Observers {
    list: Vec<Observer>,
    /// Counts over all observations of the session, so that a renewed one does not fall back.
    sequence: u32,
}

#[derive(Debug)]
struct Observer {
    number: u64,
    token: Token,
    operation: Operation,
    wanted: Option<Block>,
    /// A confirmable notification waits for its acknowledgement.
    in_flight: bool,
    /// What its acknowledgement is reported with.
    receipt: Option<u64>,
    /// The newest state, to be sent when it has come.
    next: Option<Response>,
    last_confirmable: Instant,
    /// Message ID of the last notification that was not confirmable.
    last_id: Option<u16>,
}

impl Observers {
    /// As if it were new.
    pub(super) fn is_unused(&self) -> bool {
        self.list.is_empty() && self.sequence == 0
    }

    /// Handles the Observe option of a request: the number that an observation would have, if there is room.
    pub(super) fn prepare(
        &mut self,
        context: &mut Context<'_>,
        token: Token,
        request: &Request,
    ) -> Option<u64> {
        if !request.method.is_safe() {
            return None;
        }
        let known = self
            .list
            .iter()
            .position(|observer| observer.token == token);
        match request.options.observe()? {
            0 => {
                let config = context.config;
                let room = self.list.len() < config.max_observations
                    && context.shared.observations < config.max_all_observations;
                (known.is_some() || room).then(|| context.number())
            }
            1 => {
                // RFC 7641 Section 4.1: deregistration; the request is then an ordinary one.
                let observation = known
                    .and_then(|index| self.list.get(index))
                    .map(|observer| observer.number);
                observation
                    .into_iter()
                    .for_each(|number| self.remove(context, number));
                None
            }
            _ => None,
        }
    }

    /// Begins an observation; one with the same token ends. False if there is no room any more.
    pub(super) fn register(
        &mut self,
        context: &mut Context<'_>,
        number: u64,
        token: Token,
        operation: Operation,
        wanted: Option<Block>,
    ) -> bool {
        // RFC 7641 Section 4.1: "an entry with a matching endpoint/token pair [...] is replaced or updated".
        let known = self
            .list
            .iter()
            .find(|observer| observer.token == token)
            .map(|observer| observer.number);
        known
            .into_iter()
            .for_each(|number| self.remove(context, number));
        let config = context.config;
        let room = self.list.len() < config.max_observations
            && context.shared.observations < config.max_all_observations;
        if room {
            context.shared.observations += 1;
            let last_confirmable = context.now;
            let wanted = wanted.map(|block| Block { number: 0, ..block });
            self.list.push(Observer {
                number,
                token,
                operation,
                wanted,
                in_flight: false,
                receipt: None,
                next: None,
                last_confirmable,
                last_id: None,
            });
        }
        room
    }

    pub(super) const fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1) & SEQUENCE_MASK;
        self.sequence
    }

    pub(super) fn sent_confirmable(
        &mut self,
        context: &Context<'_>,
        number: u64,
        receipt: Option<u64>,
    ) {
        if let Some(observer) = self.find(number) {
            observer.in_flight = true;
            observer.receipt = receipt;
            observer.last_confirmable = context.now;
        }
    }

    /// An observation that was offered to the application does not begin; a registration that the peer was never
    /// told of is taken back.
    pub(super) fn decline(&mut self, context: &mut Context<'_>, number: u64) {
        self.take(context, number);
        context.outputs.push(Output::ObservationEnded {
            observation: number,
        });
    }

    pub(super) fn shut_down(&mut self, context: &mut Context<'_>) {
        while let Some(number) = self.list.first().map(|observer| observer.number) {
            self.remove(context, number);
        }
    }

    fn remove(&mut self, context: &mut Context<'_>, number: u64) {
        if self.take(context, number) {
            context.outputs.push(Output::ObservationEnded {
                observation: number,
            });
        }
    }

    /// True if it was there.
    fn take(&mut self, context: &mut Context<'_>, number: u64) -> bool {
        let before = self.list.len();
        self.list.retain(|observer| observer.number != number);
        let taken = before - self.list.len();
        context.shared.observations -= taken;
        taken > 0
    }

    fn find(&mut self, number: u64) -> Option<&mut Observer> {
        self.list
            .iter_mut()
            .find(|observer| observer.number == number)
    }
}

impl Server {
    /// The application has a new state for an observer.
    pub(crate) fn notify(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        number: u64,
        response: Response,
    ) {
        let Some(observer) = self.observers.find(number) else {
            return;
        };
        if observer.in_flight && response.code.is_success() {
            // RFC 7641 Section 4.5.2: the newest state replaces one that waits.
            observer.next = Some(response);
            return;
        }
        self.send_notification(link, context, number, response);
    }

    pub(crate) fn handle_acknowledged(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        number: u64,
    ) {
        let Some(observer) = self.observers.find(number) else {
            return;
        };
        observer.in_flight = false;
        if let Some(receipt) = observer.receipt.take() {
            context.outputs.push(Output::NotificationAcknowledged {
                observation: number,
                receipt,
            });
        }
        if let Some(response) = observer.next.take() {
            self.send_notification(link, context, number, response);
        }
    }

    /// A reset that matches no confirmable message: perhaps a notification that was not confirmable.
    pub(crate) fn handle_reset(&mut self, link: &mut Link, context: &mut Context<'_>, id: u16) {
        let rejected = self
            .observers
            .list
            .iter()
            .find(|observer| observer.last_id == Some(id));
        match rejected.map(|observer| observer.number) {
            Some(number) => self.end_observation(link, context, number),
            None => context.shared.dropped.unmatched += 1,
        }
    }

    pub(crate) fn end_observation(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        number: u64,
    ) {
        link.transmission.stop(context, Owner::Observation(number));
        self.observers.remove(context, number);
    }

    fn send_notification(
        &mut self,
        link: &mut Link,
        context: &mut Context<'_>,
        number: u64,
        response: Response,
    ) {
        let sequence = self.observers.next_sequence();
        let Some(observer) = self.observers.find(number) else {
            return;
        };
        let interval = context
            .config
            .confirmable_notification_interval
            .min(LONGEST_WITHOUT_CONFIRMATION);
        let last = !response.code.is_success();
        let receipt = response.receipt();
        let confirmable =
            last || receipt.is_some() || context.now - observer.last_confirmable >= interval;
        let (token, operation, wanted) = (observer.token, observer.operation, observer.wanted);
        let mut part = self.downloads.first_block(
            context.now,
            context.config,
            &context.shared.budget,
            operation,
            response,
            wanted,
        );
        part.options.remove(number::OBSERVE);
        if !last && part.code.is_success() {
            part.options.set_integer(number::OBSERVE, sequence);
        }
        let Some(id) = link.identifiers.message_id(context) else {
            context.shared.dropped.send_failed += 1;
            return;
        };
        let kind = if confirmable {
            Kind::Confirmable
        } else {
            Kind::NonConfirmable
        };
        let ends = !part.code.is_success();
        let Response {
            code,
            options,
            payload,
            ..
        } = part;
        let message = Message {
            kind,
            code,
            id,
            token,
            options,
            payload,
        };
        if ends {
            // RFC 7641 Section 4.2: a notification with an error ends the observation and has no Observe option.
            self.end_observation(link, context, number);
            link.send_confirmable(context, &message, Owner::Nobody);
        } else if confirmable {
            self.observers.sent_confirmable(context, number, receipt);
            if !link.send_confirmable(context, &message, Owner::Observation(number)) {
                self.end_observation(link, context, number);
            }
        } else {
            observer_sent(&mut self.observers, number, id);
            link.send(context, &message);
        }
    }
}

fn observer_sent(observers: &mut Observers, number: u64, id: u16) {
    if let Some(observer) = observers.find(number) {
        observer.last_id = Some(id);
    }
}
