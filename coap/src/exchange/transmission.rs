//! Confirmable messages on their way: NSTART, retransmission, back-off (RFC 7252 Section 4.2, 4.7).

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::Context;
use super::round_trip::RoundTrip;
use crate::endpoint::EndpointConfig;
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
    /// `None` on plain CoAP.
    round_trip: Option<RoundTrip>,
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
    /// How often it may be sent again.
    limit: u32,
    wait: Duration,
    deadline: Instant,
}

impl Transmission {
    /// With `round_trip`, first waits follow it.
    pub(crate) fn new(round_trip: Option<RoundTrip>) -> Self {
        Self {
            round_trip,
            ..Self::default()
        }
    }

    /// What was measured, when nothing is under way any more.
    pub(crate) fn take_round_trip(&mut self) -> RoundTrip {
        self.round_trip.take().unwrap_or_default()
    }

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
        let sent = self.in_flight.swap_remove(index);
        match &mut self.round_trip {
            // RFC 6298 Section 3: no sample from a message that was sent again.
            Some(round_trip) if sent.retransmissions > 0 => round_trip.repeated(),
            Some(round_trip) => round_trip.sample(context.now, sent.age(context.now)),
            None => {}
        }
        self.advance(context);
        Some(sent.message.owner)
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
        let now = context.now;
        self.in_flight.retain_mut(|sent| {
            if sent.deadline > now {
                return true;
            }
            if sent.retransmissions >= sent.limit {
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
                    (self.in_flight, self.waiting) = Default::default();
                }
                return;
            };
            let (wait, limit) = self.schedule(context);
            let deadline = context.now + wait;
            context.send(message.datagram.to_vec());
            self.in_flight.push(InFlight {
                message,
                retransmissions: 0,
                limit,
                wait,
                deadline,
            });
        }
    }
    /// The first wait of a message, and how often it may be sent again.
    fn schedule(&self, context: &mut Context<'_>) -> (Duration, u32) {
        let config = context.config;
        let base = self
            .round_trip
            .as_ref()
            .map_or(config.ack_timeout, |measured| {
                measured.ack_timeout(context.now, config)
            });
        // RFC 7252 Section 4.2: "a random duration between ACK_TIMEOUT and (ACK_TIMEOUT * ACK_RANDOM_FACTOR)".
        let spread = base * config.ack_random_percent.saturating_sub(100) / 100;
        let spread = u64::try_from(spread.as_micros()).unwrap_or(u64::MAX - 1);
        let wait = base + Duration::from_micros(context.shared.random.below(spread + 1));
        (wait, repetitions(base, config))
    }
}

impl InFlight {
    /// How long ago it was sent, as long as it was sent once.
    fn age(&self, now: Instant) -> Duration {
        (self.wait + (now - self.deadline)).saturating_sub(self.deadline - now)
    }
}

/// As many repetitions as go into the time that MAX_RETRANSMIT ones take with the constant ACK_TIMEOUT: after short
/// waits more of them, so that a message outlives the same outage; after long ones fewer, so that MAX_TRANSMIT_SPAN,
/// which the peer's memory of messages comes from, stays as it is (RFC 7252 Section 4.8.2).
fn repetitions(base: Duration, config: &EndpointConfig) -> u32 {
    let configured = config.max_retransmit.min(10);
    let span = |wait: Duration, count: u32| wait * ((1 << count) - 1);
    let available = span(config.ack_timeout, configured);
    let fitting = (0..=15).take_while(|count| span(base, *count) <= available);
    let most = fitting.last().unwrap_or_default();
    most.max(configured.min(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_fill_the_span_that_the_constants_give() {
        let config = EndpointConfig::default();
        for (millis, expected) in [
            (1, 14),
            (200, 7),
            (300, 6),
            (1000, 4),
            (2000, 4),
            (2100, 3),
            (10_000, 2),
            (40_000, 1),
        ] {
            let found = repetitions(Duration::from_millis(millis), &config);
            assert_eq!(found, expected, "{millis} ms");
        }
        let never = EndpointConfig {
            max_retransmit: 0,
            ..config
        };
        assert_eq!(repetitions(Duration::from_millis(200), &never), 0);
    }
}
