//! Confirmable messages on their way: NSTART, retransmission, back-off (RFC 7252 Section 4.2, 4.7).

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::Context;
use crate::time::{Duration, Instant};

/// Whom the fate of a confirmable message concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A request of ours, by number.
    Request(u64),
    /// A separate response.
    Response,
    /// A notification, by the number of its observation.
    Observation(u64),
    /// A message whose fate concerns nobody: the end of an observation.
    Nobody,
}

/// The confirmable messages of one session. At most `nstart` are on their way, at most
/// `max_queued` wait.
#[derive(Debug, Default)]
pub(crate) struct Transmission {
    in_flight: Vec<InFlight>,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    id: u16,
    /// Wiped when it is settled: a separate response can have a key in it.
    datagram: Zeroizing<Vec<u8>>,
    owner: Owner,
}

#[derive(Debug)]
struct InFlight {
    message: Waiting,
    retransmissions: u32,
    wait: Duration,
    deadline: Instant,
}

impl Transmission {
    /// Sends now, or when NSTART allows. False if too many wait already.
    pub(crate) fn send(
        &mut self,
        context: &mut Context<'_>,
        id: u16,
        datagram: Vec<u8>,
        owner: Owner,
    ) -> bool {
        if self.is_full(context) {
            return false;
        }
        self.waiting.push_back(Waiting {
            id,
            datagram: Zeroizing::new(datagram),
            owner,
        });
        self.advance(context);
        true
    }

    /// Nothing is on its way and nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.in_flight.is_empty() && self.waiting.is_empty()
    }

    /// One more message would not be taken.
    pub(crate) fn is_full(&self, context: &Context<'_>) -> bool {
        self.waiting.len() >= context.config.max_queued.max(1)
    }

    /// An acknowledgement or reset came: the message, if it is on its way.
    pub(crate) fn settle(&mut self, context: &mut Context<'_>, id: u16) -> Option<Owner> {
        let index = self
            .in_flight
            .iter()
            .position(|sent| sent.message.id == id)?;
        let owner = self.in_flight.swap_remove(index).message.owner;
        self.advance(context);
        Some(owner)
    }

    /// Whose message is on its way with this ID.
    pub(crate) fn owner(&self, id: u16) -> Option<Owner> {
        self.in_flight
            .iter()
            .find(|sent| sent.message.id == id)
            .map(|sent| sent.message.owner)
    }

    /// Gives up all messages of `owner`.
    pub(crate) fn stop(&mut self, context: &mut Context<'_>, owner: Owner) {
        self.in_flight.retain(|sent| sent.message.owner != owner);
        self.waiting.retain(|message| message.owner != owner);
        self.advance(context);
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.in_flight.iter().map(|sent| sent.deadline).min()
    }

    /// Sends again what was not acknowledged in time; returns the owners of what is given up, and counts the rest.
    pub(crate) fn handle_timeout(&mut self, context: &mut Context<'_>) -> Vec<Owner> {
        let mut given_up = Vec::new();
        let (now, limit) = (context.now, context.config.max_retransmit.min(10));
        self.in_flight.retain_mut(|sent| {
            if sent.deadline > now {
                return true;
            }
            if sent.retransmissions >= limit {
                given_up.push(sent.message.owner);
                return false;
            }
            // RFC 7252 Section 4.2: "the message is retransmitted, the retransmission counter is incremented, and the
            // timeout is doubled".
            sent.retransmissions += 1;
            sent.wait *= 2;
            sent.deadline = now + sent.wait;
            context.retransmissions += 1;
            context.send(sent.message.datagram.to_vec());
            true
        });
        self.advance(context);
        given_up
    }

    fn advance(&mut self, context: &mut Context<'_>) {
        // RFC 7252 Section 4.7: at most NSTART outstanding interactions.
        while self.in_flight.len() < context.config.nstart.max(1) {
            let Some(message) = self.waiting.pop_front() else {
                if self.in_flight.is_empty() {
                    *self = Self::default();
                }
                return;
            };
            let wait = first_wait(context);
            let deadline = context.now + wait;
            context.send(message.datagram.to_vec());
            self.in_flight.push(InFlight {
                message,
                retransmissions: 0,
                wait,
                deadline,
            });
        }
    }
}

/// RFC 7252 Section 4.2: "a random duration between ACK_TIMEOUT and (ACK_TIMEOUT * ACK_RANDOM_FACTOR)".
fn first_wait(context: &mut Context<'_>) -> Duration {
    let base = context.config.ack_timeout;
    let spread = base * context.config.ack_random_percent.saturating_sub(100) / 100;
    let spread = u64::try_from(spread.as_micros()).unwrap_or(u64::MAX - 1);
    base + Duration::from_micros(context.shared.random.below(spread + 1))
}
