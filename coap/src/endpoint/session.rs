//! One entry of the session table.

use std::net::SocketAddr;
use std::sync::Arc;

use super::order::Source;
use super::statistics::Figures;
use super::{EndpointConfig, SessionId};
use crate::dtls::{self, PeerIdentity};
use crate::exchange::{Exchanges, Resting};
use crate::time::{Duration, Instant};

/// How long a session that was closed here waits for its implementation to send what is left.
pub(super) const CLOSING_TIME: Duration = Duration::from_secs(2);

/// What carries the messages of a session.
pub(super) enum Transport {
    /// UDP as it is.
    Plain,
    /// A DTLS association.
    Dtls(Box<dyn dtls::Session>),
}

/// The last 8 bytes of the random of a ClientHello: the same when it is sent again, with or without its cookie.
pub(super) type HelloMark = [u8; 8];

/// A Connection ID as key of a map (RFC 9146), without memory of its own. 20 bytes at most: longer ones are not routed
/// by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ConnectionId {
    length: u8,
    bytes: [u8; 20],
}

impl ConnectionId {
    /// `None` if it is longer than a map takes.
    pub(super) fn new(id: &[u8]) -> Option<Self> {
        let mut bytes = [0; 20];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        let length = u8::try_from(id.len()).ok()?;
        Some(Self { length, bytes })
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length.into()).unwrap_or_default()
    }
}

/// The CoAP state of a session.
pub(super) enum Messages {
    /// The handshake has not ended, or the session is being closed.
    None,
    /// Nothing is under way.
    Resting(Resting),
    /// Something is under way, or is remembered.
    Awake(Box<Exchanges>),
}

impl Messages {
    pub(super) fn awake(&mut self) -> Option<&mut Exchanges> {
        match self {
            Self::Awake(exchanges) => Some(exchanges),
            Self::None | Self::Resting(_) => None,
        }
    }
}

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The handshake runs.
    HalfOpen,
    /// Messages may travel.
    Connected,
    /// Closed here; close_notify may not be sent yet.
    Closing,
}

/// A session: at most 256 bytes and what DTLS needs; 512 more while something is under way or remembered, and that.
pub(super) struct Session {
    pub(super) peer: SocketAddr,
    pub(super) transport: Transport,
    pub(super) phase: Phase,
    /// There from the beginning on plain CoAP, from the end of the handshake under DTLS.
    pub(super) messages: Messages,
    pub(super) identity: Option<Arc<PeerIdentity>>,
    /// [`Endpoint::open`](super::Endpoint::open) or `open_plain` made it.
    pub(super) opened_here: bool,
    /// It counts for the source of its address: the peer began it, and receives there.
    counted: bool,
    pub(super) statistics: Figures,
    /// Something was sent since the last datagram came.
    pub(super) awaiting: bool,
    /// What the peer writes into its records, if the handshake agreed on it.
    pub(super) connection_id: Option<ConnectionId>,
    /// Tells the ClientHello that it began with from others.
    pub(super) hello: Option<HelloMark>,
    /// When it began, or when the last datagram came.
    pub(super) active: Instant,
    /// Its place in the order of silence; at most a second behind `active`.
    pub(super) queued: Instant,
    /// When its timer is set; never later than [`Session::next_timeout`].
    pub(super) scheduled: Option<Instant>,
}

impl Session {
    pub(super) fn new(
        now: Instant,
        peer: SocketAddr,
        transport: Transport,
        opened_here: bool,
    ) -> Self {
        let phase = if matches!(transport, Transport::Plain) {
            Phase::Connected
        } else {
            Phase::HalfOpen
        };
        Self {
            peer,
            transport,
            phase,
            messages: Messages::None,
            identity: None,
            opened_here,
            counted: phase == Phase::HalfOpen && !opened_here,
            statistics: Figures::default(),
            awaiting: false,
            connection_id: None,
            hello: None,
            active: now,
            queued: now,
            scheduled: None,
        }
    }

    /// The CoAP state, which rests no longer; none before the handshake has ended.
    pub(super) fn wake(&mut self) -> Option<&mut Exchanges> {
        if let Messages::Resting(_) = self.messages
            && let Messages::Resting(resting) =
                core::mem::replace(&mut self.messages, Messages::None)
        {
            self.messages = Messages::Awake(Box::new(Exchanges::wake(resting, self.peer)));
        }
        self.messages.awake()
    }

    /// Gives back the memory of a CoAP state with nothing in it.
    pub(super) fn rest(&mut self, now: Instant) {
        if let Some(resting) = self
            .messages
            .awake()
            .and_then(|messages| messages.rest(now))
        {
            self.messages = Messages::Resting(resting);
        }
    }

    pub(super) fn identity(&self) -> Option<PeerIdentity> {
        self.identity.as_deref().cloned()
    }

    pub(super) const fn is_plain(&self) -> bool {
        matches!(self.transport, Transport::Plain)
    }

    /// Whose limits it counts for. Plain peers count for none: who forges an address would use up the places of its
    /// owner. They show by Echo where they are, and give way to those that did.
    pub(super) fn source(&self) -> Option<Source> {
        self.counted.then(|| Source::of(self.peer))
    }

    /// When the phase ends by itself.
    pub(super) fn phase_deadline(&self, config: &EndpointConfig) -> Instant {
        match self.phase {
            Phase::HalfOpen => self.queued + config.handshake_time_limit,
            Phase::Closing => self.queued + CLOSING_TIME,
            Phase::Connected if self.is_plain() => self.active + config.plain_idle_time_limit,
            Phase::Connected => self.active + config.idle_time_limit,
        }
    }

    /// When it has to be served, if not because it was silent for too long.
    pub(super) fn next_timeout(&self, config: &EndpointConfig) -> Option<Instant> {
        let messages = match &self.messages {
            Messages::Awake(exchanges) => exchanges.next_timeout(),
            Messages::None | Messages::Resting(_) => None,
        };
        let transport = match &self.transport {
            Transport::Plain => None,
            Transport::Dtls(dtls) => dtls.poll_timeout(),
        };
        let phase = (self.phase != Phase::Connected).then(|| self.phase_deadline(config));
        [messages, transport, phase].into_iter().flatten().min()
    }
}

/// The sessions of one address. The candidate is a handshake that a live session has not yet given way to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) live: Option<SessionId>,
    pub(super) candidate: Option<SessionId>,
}

#[cfg(test)]
mod tests {
    use super::Session;

    #[test]
    fn an_entry_of_the_table_is_small() {
        assert!(
            size_of::<Session>() <= 256,
            "{} bytes",
            size_of::<Session>()
        );
    }
}
