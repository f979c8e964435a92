//! What CoAP keeps for one session: messages, exchanges, blocks and observations. Time, configuration and what all
//! sessions share come as a [`Context`]; what follows goes back as [`Output`]s.

mod client;
mod identifiers;
mod memory;
mod round_trip;
mod server;
#[cfg(test)]
mod tests;
mod transmission;

use std::net::SocketAddr;

use crate::block::Budget;
use crate::echo::EchoKey;
use crate::endpoint::{Dropped, EndpointConfig, RequestError};
use crate::message::{Code, Kind, Message, MessageError, Request, Response};
use crate::random::{Permutation, Random};
use crate::time::{Duration, Instant};
use client::Client;
use identifiers::Identifiers;
use memory::{Memory, Recall};
use round_trip::RoundTrip;
use server::Server;
use transmission::{Owner, Transmission};

/// What the sessions of an endpoint share.
pub(crate) struct Shared {
    pub(crate) random: Random,
    pub(crate) permutation: Permutation,
    pub(crate) echo: EchoKey,
    pub(crate) budget: Budget,
    pub(crate) dropped: Dropped,
    /// Observations of all sessions.
    pub(crate) observations: usize,
    /// The number of the next exchange, request or observation; unique over all sessions.
    pub(crate) next_number: u64,
}

/// The surroundings of one call.
pub(crate) struct Context<'a> {
    pub(crate) now: Instant,
    pub(crate) config: &'a EndpointConfig,
    pub(crate) shared: &'a mut Shared,
    pub(crate) outputs: Vec<Output>,
    /// Messages sent again in this call.
    pub(crate) retransmissions: u64,
}

/// What follows from a call. Numbers are those of [`Shared::next_number`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Send(Vec<u8>),
    Request {
        exchange: u64,
        request: Request,
        observation: Option<u64>,
    },
    Response {
        request: u64,
        response: Response,
    },
    Notification {
        request: u64,
        response: Response,
        last: bool,
    },
    Failed {
        request: u64,
        error: RequestError,
    },
    NotificationAcknowledged {
        observation: u64,
        receipt: u64,
    },
    ObservationEnded {
        observation: u64,
    },
}

/// The state of one session.
pub(crate) struct Exchanges {
    link: Link,
    server: Server,
    client: Client,
}

/// What is left of a session under DTLS while nothing is under way and nothing is remembered: the numbers that go on,
/// and the round trip.
#[derive(Debug)]
pub(crate) struct Resting(Identifiers, RoundTrip);

/// The message layer of one session.
pub(crate) struct Link {
    peer: SocketAddr,
    /// The peer receives at its address: proved by DTLS, by Echo, or assumed because we spoke first.
    verified: bool,
    identifiers: Identifiers,
    transmission: Transmission,
    memory: Memory,
}

impl Shared {
    pub(crate) fn new(config: &EndpointConfig, seed: &[u8; 32]) -> Self {
        let mut random = Random::new(seed);
        Self {
            permutation: Permutation::new(&mut random),
            random,
            echo: EchoKey::new(seed),
            budget: Budget::new(config.max_body_bytes),
            dropped: Dropped::default(),
            observations: 0,
            next_number: 0,
        }
    }
}

impl Context<'_> {
    pub(crate) fn send(&mut self, datagram: Vec<u8>) {
        self.outputs.push(Output::Send(datagram));
    }

    pub(crate) const fn number(&mut self) -> u64 {
        let number = self.shared.next_number;
        self.shared.next_number += 1;
        number
    }
}

impl Exchanges {
    /// The state of a new session without DTLS. `verified`: the peer's address needs no Echo.
    pub(crate) fn plain(context: &mut Context<'_>, peer: SocketAddr, verified: bool) -> Self {
        let first_id = u16::from_be_bytes(context.shared.random.bytes());
        Self::new(
            peer,
            verified,
            Identifiers::new(first_id, true, context.now),
            None,
        )
    }

    /// The state of a new session under DTLS. `measured`: the round trip of the handshake.
    pub(crate) fn resting(context: &mut Context<'_>, measured: Option<Duration>) -> Resting {
        let first_id = u16::from_be_bytes(context.shared.random.bytes());
        let mut round_trip = RoundTrip::default();
        if let Some(time) = measured {
            round_trip.sample(context.now, time);
        }
        Resting(Identifiers::new(first_id, false, context.now), round_trip)
    }

    /// Goes on after a rest.
    pub(crate) fn wake(Resting(identifiers, round_trip): Resting, peer: SocketAddr) -> Self {
        Self::new(peer, true, identifiers, Some(round_trip))
    }

    fn new(
        peer: SocketAddr,
        verified: bool,
        identifiers: Identifiers,
        round_trip: Option<RoundTrip>,
    ) -> Self {
        let link = Link {
            peer,
            verified,
            identifiers,
            transmission: Transmission::new(round_trip),
            memory: Memory::default(),
        };
        Self {
            link,
            server: Server::default(),
            client: Client::default(),
        }
    }

    /// Whether a session under DTLS can go on later as if nothing had been: then what it goes on with.
    pub(crate) fn rest(&mut self, now: Instant) -> Option<Resting> {
        let rests = self.link.identifiers.is_secure()
            && self.link.memory.is_empty()
            && self.link.transmission.is_empty()
            && self.server.is_unused()
            && self.client.is_unused();
        let gone = || Identifiers::new(0, false, now);
        rests.then(|| {
            Resting(
                core::mem::replace(&mut self.link.identifiers, gone()),
                self.link.transmission.take_round_trip(),
            )
        })
    }

    /// The peer moved (RFC 9146 Section 6), or begins to be trusted because we speak to it.
    pub(crate) const fn set_verified(&mut self) {
        self.link.verified = true;
    }

    pub(crate) const fn is_verified(&self) -> bool {
        self.link.verified
    }

    /// A message came, whole as UDP or DTLS gave it.
    pub(crate) fn handle_datagram(&mut self, context: &mut Context<'_>, datagram: &[u8]) {
        match Message::decode(datagram, context.config.max_message) {
            Ok(message) => self.handle_message(context, message, datagram.len()),
            Err(error) => {
                context.shared.dropped.malformed += 1;
                // RFC 7252 Section 4.2: a Confirmable message with a format error is rejected with a Reset; Section
                // 4.3: all others are silently ignored.
                if let MessageError::Format(Kind::Confirmable, id) = error {
                    context.send(Message::empty(Kind::Reset, id).encode());
                }
            }
        }
    }

    fn handle_message(&mut self, context: &mut Context<'_>, message: Message, length: usize) {
        match message.kind {
            Kind::Confirmable if message.code == Code::EMPTY => {
                // RFC 7252 Section 4.3: "CoAP ping".
                context.send(Message::empty(Kind::Reset, message.id).encode());
            }
            Kind::Confirmable | Kind::NonConfirmable => self.handle_new(context, message, length),
            Kind::Acknowledgement => self.handle_acknowledgement(context, message),
            Kind::Reset => self.handle_reset(context, message.id),
        }
    }

    fn handle_new(&mut self, context: &mut Context<'_>, message: Message, length: usize) {
        let confirmable = message.kind == Kind::Confirmable;
        match self.link.memory.recall(context.now, message.id) {
            Recall::New => {}
            recall => {
                context.shared.dropped.duplicates += 1;
                // RFC 7252 Section 4.5: a duplicate is acknowledged with the same message and not processed again.
                match recall {
                    Recall::Answered(answer) if confirmable => context.send(answer),
                    _ if confirmable => {
                        self.server
                            .handle_repetition(&mut self.link, context, message.id)
                    }
                    _ => {}
                }
                return;
            }
        }
        let lifetime = if confirmable {
            context.config.exchange_lifetime()
        } else {
            context.config.non_lifetime()
        };
        self.link
            .memory
            .remember(context.now, context.config, message.id, lifetime);
        if message.code.is_request() {
            self.server
                .handle_request(&mut self.link, context, message, length);
        } else {
            self.client
                .handle_response(&mut self.link, context, message);
        }
    }

    fn handle_acknowledgement(&mut self, context: &mut Context<'_>, message: Message) {
        if message.code != Code::EMPTY {
            // RFC 7252 Section 5.3.2: Message ID and token of a piggybacked response must both match.
            self.client
                .handle_response(&mut self.link, context, message);
            return;
        }
        match self.link.transmission.settle(context, message.id) {
            Some(Owner::Request(number)) => self.client.handle_acknowledged(context, number),
            Some(Owner::Observation(number)) => {
                self.server
                    .handle_acknowledged(&mut self.link, context, number)
            }
            Some(Owner::Response | Owner::Nobody) => {}
            None => context.shared.dropped.unmatched += 1,
        }
    }

    fn handle_reset(&mut self, context: &mut Context<'_>, id: u16) {
        match self.link.transmission.settle(context, id) {
            Some(Owner::Request(number)) => {
                self.client
                    .fail(&mut self.link, context, number, RequestError::Reset)
            }
            // RFC 7641 Section 4.2: a reset removes the observer.
            Some(Owner::Observation(number)) => {
                self.server.end_observation(&mut self.link, context, number)
            }
            Some(Owner::Response | Owner::Nobody) => {}
            None => self.server.handle_reset(&mut self.link, context, id),
        }
    }

    /// The time that [`Exchanges::next_timeout`] named has come.
    pub(crate) fn handle_timeout(&mut self, context: &mut Context<'_>) {
        for owner in self.link.transmission.handle_timeout(context) {
            match owner {
                Owner::Request(number) => {
                    self.client
                        .fail(&mut self.link, context, number, RequestError::Timeout)
                }
                // RFC 7641 Section 4.5: so does a time-out.
                Owner::Observation(number) => {
                    self.server.end_observation(&mut self.link, context, number)
                }
                Owner::Response | Owner::Nobody => {}
            }
        }
        self.server.handle_timeout(&mut self.link, context);
        self.client.handle_timeout(&mut self.link, context);
        self.link.memory.expire(context.now);
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        [
            self.link.transmission.next_timeout(),
            self.link.memory.next_timeout(),
            self.server.next_timeout(),
            self.client.next_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Sends a request; its number names it in the outputs.
    pub(crate) fn request(
        &mut self,
        context: &mut Context<'_>,
        request: Request,
    ) -> Result<u64, RequestError> {
        self.client.request(&mut self.link, context, request)
    }

    pub(crate) fn cancel(&mut self, context: &mut Context<'_>, number: u64) {
        self.client.cancel(&mut self.link, context, number);
    }

    pub(crate) fn respond(&mut self, context: &mut Context<'_>, exchange: u64, response: Response) {
        self.server
            .respond(&mut self.link, context, exchange, response);
    }

    pub(crate) fn notify(
        &mut self,
        context: &mut Context<'_>,
        observation: u64,
        response: Response,
    ) {
        self.server
            .notify(&mut self.link, context, observation, response);
    }

    pub(crate) fn forget_bodies(&mut self) {
        self.server.forget_bodies();
    }

    /// The session ends: requests fail, observations end. Nothing is sent.
    pub(crate) fn shut_down(&mut self, context: &mut Context<'_>) {
        self.client.shut_down(context);
        self.server.shut_down(context);
    }
}

impl Link {
    /// Sends a message that expects no acknowledgement.
    fn send(&mut self, context: &mut Context<'_>, message: &Message) {
        let datagram = message.encode();
        if message.kind == Kind::Acknowledgement || message.kind == Kind::Reset {
            self.memory.answered(context.config, message.id, &datagram);
        }
        context.send(datagram);
    }

    fn acknowledge(&mut self, context: &mut Context<'_>, id: u16) {
        self.send(context, &Message::empty(Kind::Acknowledgement, id));
    }

    /// False if too many wait already.
    fn send_confirmable(
        &mut self,
        context: &mut Context<'_>,
        message: &Message,
        owner: Owner,
    ) -> bool {
        let taken = self
            .transmission
            .send(context, message.id, message.encode(), owner);
        context.shared.dropped.send_failed += u64::from(!taken);
        taken
    }
}
