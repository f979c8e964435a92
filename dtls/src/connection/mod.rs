//! A session: datagrams and the time in; datagrams, events and the time of the next timer out.

mod early;
mod established;
mod handover;
mod handshaking;
mod machine;
mod queues;
mod saved;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::client;
use crate::codec::record::Records;
use crate::config::{ClientConfig, ServerConfig};
use crate::credentials::{ClientCredential, PeerIdentity, PskAnswer};
use crate::crypto::{RandomError, RandomSource};
use crate::error::{CloseReason, HandshakeError, SendError};
use crate::random::SeededRandom;
use crate::reassembly::Message;
use crate::record::Channel;
use crate::resumption::{ClientSession, Resumable};
use crate::schedule::Role;
use crate::server;
use crate::suite::CipherSuite;
use crate::time::Instant;
use established::Established;
pub use handover::Handover;
use handshaking::Handshaking;
use machine::Machine;
use queues::Queues;
pub use saved::ImportError;

/// One DTLS association of either role.
///
/// Order of use: any `handle_*` or command, then [`Connection::poll_event`] until `None`,
/// [`Connection::poll_transmit`] until `None`, then [`Connection::poll_timeout`].
///
/// No bytes from the network end an established session except a verified close_notify or fatal alert. While the
/// handshake lasts, it holds its flights, at most [`crate::config::Limits::handshake_buffer`] bytes of fragments and
/// one early record; all of it goes when the handshake ends.
pub struct Connection {
    role: Role,
    phase: Phase,
    queues: Queues,
}

#[expect(
    clippy::large_enum_variant,
    reason = "most connections of a server are established, and idle: one allocation for each"
)]
enum Phase {
    Handshaking(Box<Handshaking>),
    Established(Established),
    Closed,
}

/// What a session reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Both Finished are verified.
    Connected {
        /// Who the peer proved to be; `None` on a client that proved the same key.
        peer: Option<PeerIdentity>,
    },
    /// A server's credential source said [`PskAnswer::Pending`]: the key of this identity is wanted, by
    /// [`Connection::answer_pre_shared_key`].
    KeyWanted {
        /// The PSK identity, byte for byte; nothing is proved yet.
        identity: Vec<u8>,
    },
    /// One record of application data.
    Data(Vec<u8>),
    /// The session ended. Always the last event.
    Closed(CloseReason),
}

/// What a datagram was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Received {
    /// Nothing in it was authenticated.
    Unverified,
    /// A record in it was authentic.
    Verified,
    /// A record in it was authentic and newer than all before: only now may the peer's address be changed to the one
    /// that the datagram came from (RFC 9146 Section 6).
    Newest,
}

/// What a phase wants after a record.
#[expect(
    clippy::large_enum_variant,
    reason = "goes to its place at once, and leaves no keys behind in memory that was given back"
)]
enum Next {
    Stay,
    Establish(Established),
    Close(CloseReason),
}

impl Connection {
    /// Begins a handshake as client. The ClientHello is ready in [`Connection::poll_transmit`].
    ///
    /// # Errors
    /// No suite fits the credential, a value is too long for its field, or there is no randomness.
    pub fn connect(
        config: &ClientConfig,
        credential: &ClientCredential,
        now: Instant,
        random: &mut dyn RandomSource,
    ) -> Result<Self, HandshakeError> {
        Self::begin_client(config, credential, None, now, random)
    }

    /// As [`Connection::connect`], but offers to resume a session (RFC 5246 Section 7.3). If the server does not
    /// want to, the handshake is a full one with the credential.
    ///
    /// # Errors
    /// As for [`Connection::connect`].
    pub fn resume(
        config: &ClientConfig,
        credential: &ClientCredential,
        session: &ClientSession,
        now: Instant,
        random: &mut dyn RandomSource,
    ) -> Result<Self, HandshakeError> {
        Self::begin_client(config, credential, Some(session), now, random)
    }

    fn begin_client(
        config: &ClientConfig,
        credential: &ClientCredential,
        session: Option<&ClientSession>,
        now: Instant,
        random: &mut dyn RandomSource,
    ) -> Result<Self, HandshakeError> {
        let seeded = SeededRandom::new(config.provider, random)?;
        let channel = Channel::new(config.provider, 0);
        let (timing, limits) = (config.timing, config.limits);
        let mut handshaking = Handshaking::new(channel, seeded, timing, limits, 0, 0, now);
        let mut queues = Queues::default();
        handshaking.begin(now, &mut queues, |out| {
            client::begin(config, credential, session, out).map(Machine::Client)
        })?;
        Ok(Self {
            role: Role::Client,
            phase: Phase::Handshaking(Box::new(handshaking)),
            queues,
        })
    }

    /// Answers a ClientHello whose cookie was verified.
    pub(crate) fn accept(
        config: &Arc<ServerConfig>,
        waiting: &server::Waiting,
        now: Instant,
        hello: &Message,
        record_sequence: u64,
        random: &mut dyn RandomSource,
    ) -> Result<Result<Self, HandshakeError>, RandomError> {
        let seeded = SeededRandom::new(config.provider, random)?;
        // RFC 6347 Section 4.2.1: the first record MUST take the sequence number of the ClientHello's, and the next
        // ones MUST count on from it.
        let channel = Channel::new(config.provider, record_sequence);
        let number = hello.message_sequence;
        let (timing, limits) = (config.timing, config.limits);
        let next = number.wrapping_add(1);
        let mut handshaking = Handshaking::new(channel, seeded, timing, limits, next, number, now);
        let mut queues = Queues::default();
        let begun = handshaking.begin(now, &mut queues, |out| {
            server::begin(config, waiting, hello, out).map(Machine::Server)
        });
        Ok(begun.map(|()| Self {
            role: Role::Server,
            phase: Phase::Handshaking(Box::new(handshaking)),
            queues,
        }))
    }

    /// Which end this is.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Whether both Finished are verified and the session has not ended.
    pub const fn is_established(&self) -> bool {
        matches!(self.phase, Phase::Established(_))
    }

    /// The cipher suite, once established.
    pub fn cipher_suite(&self) -> Option<CipherSuite> {
        self.established()
            .map(|established| established.secrets.suite)
    }

    /// The Connection ID that the peer writes into its records, once agreed on: datagrams that carry it belong to
    /// this session, wherever they come from.
    pub fn connection_id(&self) -> Option<&[u8]> {
        let id = match &self.phase {
            Phase::Handshaking(handshaking) => handshaking.channel.own_id.as_bytes(),
            Phase::Established(established) => established.channel.own_id.as_bytes(),
            Phase::Closed => &[],
        };
        if id.is_empty() { None } else { Some(id) }
    }

    /// What a client needs to resume this session; `None` before it is established, on a server, or if the server
    /// gave no session id.
    pub fn resumption(&self) -> Option<ClientSession> {
        let established = self.established()?;
        let Some(Resumable::Client { session_id, origin }) = established.resumable.as_deref()
        else {
            return None;
        };
        Some(ClientSession {
            session_id: session_id.clone(),
            suite: established.secrets.suite,
            master: established.secrets.master.clone(),
            origin: origin.clone(),
        })
    }

    /// The session id, once established; empty if the session cannot be resumed. When the session ends by a fatal
    /// alert, it is removed from the server's cache (RFC 5246 Section 7.2.2); for one that was imported, that is left
    /// to the caller.
    pub fn session_id(&self) -> Option<&[u8]> {
        let resumable = self.established()?.resumable.as_deref();
        Some(resumable.map_or(&[], Resumable::session_id))
    }

    /// The round trip to the peer, as the handshake measured it last; `None` while there is no measurement, and for
    /// a session that was saved. A protocol above can take its first wait for an answer from it (RFC 8085
    /// Section 3.1.1) instead of a constant.
    pub fn round_trip(&self) -> Option<Duration> {
        let micros = self.established()?.round_trip?;
        Some(Duration::from_micros(micros.get().into()))
    }

    /// Keying material for another protocol (RFC 5705 Section 4): fills `output`. A missing context differs from an
    /// empty one. Labels that begin with `EXPERIMENTAL` are for private use.
    ///
    /// # Errors
    /// [`SendError::NotConnected`] before the session is established or after it has ended.
    pub fn export_keying_material(
        &self,
        label: &[u8],
        context: Option<&[u8]>,
        output: &mut [u8],
    ) -> Result<(), SendError> {
        let Established {
            channel, secrets, ..
        } = self.established().ok_or(SendError::NotConnected)?;
        secrets
            .master
            .export(channel.provider, &secrets.randoms, label, context, output);
        Ok(())
    }

    fn established(&self) -> Option<&Established> {
        match &self.phase {
            Phase::Established(established) => Some(established),
            Phase::Handshaking(_) | Phase::Closed => None,
        }
    }

    /// A datagram of the peer. What does not verify changes nothing.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Received {
        let mut received = Received::Unverified;
        let mut records = Records::new(datagram, 0);
        loop {
            records.set_connection_id_length(self.connection_id().map_or(0, <[u8]>::len));
            let Some(record) = records.next() else {
                return received;
            };
            let verified = match &mut self.phase {
                Phase::Handshaking(handshaking) => {
                    let (verified, next) = handshaking.handle(now, &record, &mut self.queues);
                    self.follow(next);
                    verified
                }
                Phase::Established(established) => {
                    let (verified, end) = established.handle(&record, &mut self.queues);
                    if let Some(reason) = end {
                        self.end(reason);
                    }
                    verified
                }
                Phase::Closed => return received,
            };
            received = received.max(verified);
        }
    }

    /// The time that [`Connection::poll_timeout`] named has come; earlier calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Phase::Handshaking(handshaking) = &mut self.phase {
            let next = handshaking.handle_timeout(now, &mut self.queues);
            self.follow(next);
        }
    }

    /// The answer to [`Event::KeyWanted`]: the handshake goes on as if the credential source had given it at once.
    /// [`PskAnswer::Pending`] changes nothing. False if the handshake does not wait for an answer (any more).
    pub fn answer_pre_shared_key(&mut self, now: Instant, answer: PskAnswer) -> bool {
        let Phase::Handshaking(handshaking) = &mut self.phase else {
            return false;
        };
        if !handshaking.waits_for_key() {
            return false;
        }
        if answer != PskAnswer::Pending {
            let next = handshaking.answer(now, answer, &mut self.queues);
            self.follow(next);
        }
        true
    }

    /// Protects and queues application data: one record, one datagram.
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn send(&mut self, data: &[u8]) -> Result<(), SendError> {
        match &mut self.phase {
            Phase::Handshaking(_) => Err(SendError::NotConnected),
            Phase::Established(established) => {
                let datagram = established.seal(data)?;
                self.queues.datagram(datagram);
                Ok(())
            }
            Phase::Closed => Err(SendError::Closed),
        }
    }

    /// Sends close_notify (RFC 5246 Section 7.2.1) and ends the session. Does nothing to one that has ended.
    pub fn close(&mut self) {
        match &mut self.phase {
            Phase::Handshaking(handshaking) => handshaking.send_close(&mut self.queues),
            Phase::Established(established) => established.send_close(&mut self.queues),
            Phase::Closed => return,
        }
        self.end(CloseReason::Local);
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.queues.next_event()
    }

    /// The next datagram for the peer.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.queues.next_datagram()
    }

    /// When [`Connection::handle_timeout`] wants to be called; `None` once the handshake has ended.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Handshaking(handshaking) => Some(handshaking.next_timeout()),
            Phase::Established(_) | Phase::Closed => None,
        }
    }

    fn follow(&mut self, next: Next) {
        match next {
            Next::Stay => {}
            Next::Establish(established) => self.phase = Phase::Established(established),
            Next::Close(reason) => self.end(reason),
        }
    }

    fn end(&mut self, reason: CloseReason) {
        self.phase = Phase::Closed;
        self.queues.event(Event::Closed(reason));
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            Phase::Handshaking(_) => "handshaking",
            Phase::Established(_) => "established",
            Phase::Closed => "closed",
        };
        write!(formatter, "Connection({:?}, {phase})", self.role)
    }
}
