//! One entry of the session table.

use std::net::SocketAddr;
use std::sync::Arc;

use super::{EndpointConfig, SessionId, Statistics};
use crate::dtls::{self, PeerIdentity};
use crate::exchange::Exchanges;
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

/// A session: at most 384 bytes and what DTLS needs, 512 more when connected, plus what is under way.
pub(super) struct Session {
    pub(super) peer: SocketAddr,
    pub(super) transport: Transport,
    pub(super) phase: Phase,
    /// There from the beginning on plain CoAP, from the end of the handshake under DTLS.
    pub(super) exchanges: Option<Box<Exchanges>>,
    pub(super) identity: Option<Arc<PeerIdentity>>,
    /// [`Endpoint::open`](super::Endpoint::open) or `open_plain` made it.
    pub(super) opened_here: bool,
    pub(super) statistics: Statistics,
    /// Something was sent since the last datagram came.
    pub(super) awaiting: bool,
    /// What the peer writes into its records, if the handshake agreed on it.
    pub(super) connection_id: Option<Box<[u8]>>,
    /// Tells the ClientHello that it began with from others.
    pub(super) hello: Option<HelloMark>,
    /// When the identity was shown.
    pub(super) connected: Instant,
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
            exchanges: None,
            identity: None,
            opened_here,
            statistics: Statistics::default(),
            awaiting: false,
            connection_id: None,
            hello: None,
            connected: now,
            active: now,
            queued: now,
            scheduled: None,
        }
    }

    pub(super) fn identity(&self) -> Option<PeerIdentity> {
        self.identity.as_deref().cloned()
    }

    pub(super) const fn is_plain(&self) -> bool {
        matches!(self.transport, Transport::Plain)
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

    pub(super) fn next_timeout(&self, config: &EndpointConfig) -> Instant {
        let exchanges = self
            .exchanges
            .as_ref()
            .and_then(|exchanges| exchanges.next_timeout());
        let transport = match &self.transport {
            Transport::Plain => None,
            Transport::Dtls(dtls) => dtls.poll_timeout(),
        };
        [exchanges, transport]
            .into_iter()
            .flatten()
            .fold(self.phase_deadline(config), Instant::min)
    }
}

/// The sessions of one address. The candidate is a handshake that a live session has not yet given way to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) live: Option<SessionId>,
    pub(super) candidate: Option<SessionId>,
}

impl Slot {
    pub(super) const fn is_empty(self) -> bool {
        self.live.is_none() && self.candidate.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::Session;

    #[test]
    fn an_entry_of_the_table_is_small() {
        assert!(
            size_of::<Session>() <= 384,
            "{} bytes",
            size_of::<Session>()
        );
    }
}
