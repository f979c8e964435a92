//! A connection of `motekey-dtls` behind the seam.

use core::time::Duration;

use motekey_dtls::{Connection, Event};
use zeroize::Zeroizing;

use super::{CloseReason, PeerIdentity, Received, SendError, Session, SessionEvent};
use crate::time::Instant;

impl Session for Connection {
    fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Received {
        match Connection::handle_datagram(self, instant(now), datagram) {
            motekey_dtls::Received::Unverified => Received::Unverified,
            motekey_dtls::Received::Verified => Received::Verified,
            motekey_dtls::Received::Newest => Received::Newest,
        }
    }

    fn connection_id(&self) -> Option<&[u8]> {
        Connection::connection_id(self)
    }

    fn round_trip(&self) -> Option<Duration> {
        Connection::round_trip(self)
    }

    fn save(&mut self, peer: Option<&PeerIdentity>, reserve: u32) -> Option<Zeroizing<Vec<u8>>> {
        Connection::export(self, peer.cloned().map(original).as_ref(), reserve)
    }

    fn reserved(&self) -> u64 {
        Connection::reserved(self)
    }

    fn handle_timeout(&mut self, now: Instant) {
        Connection::handle_timeout(self, instant(now));
    }

    fn send(&mut self, _now: Instant, data: &[u8]) -> Result<(), SendError> {
        Connection::send(self, data).map_err(|error| match error {
            motekey_dtls::SendError::NotConnected => SendError::NotConnected,
            motekey_dtls::SendError::Closed => SendError::Closed,
            motekey_dtls::SendError::TooLarge => SendError::TooLarge,
        })
    }

    fn close(&mut self, _now: Instant) {
        Connection::close(self);
    }

    fn poll_event(&mut self) -> Option<SessionEvent> {
        Some(match Connection::poll_event(self)? {
            Event::Connected { peer } => SessionEvent::Connected {
                peer: peer.map(identity),
            },
            Event::Data(data) => SessionEvent::Data(data),
            // The credential sources of the seam answer at once.
            Event::KeyWanted { .. } => return Session::poll_event(self),
            Event::Closed(reason) => SessionEvent::Closed(close_reason(reason)),
        })
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        Connection::poll_transmit(self)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Connection::poll_timeout(self).map(|time| Instant::from_micros(time.as_micros()))
    }
}

/// The same instant in the words of `motekey-dtls`.
pub(super) const fn instant(now: Instant) -> motekey_dtls::Instant {
    motekey_dtls::Instant::from_micros(now.as_micros())
}

pub(super) fn identity(peer: motekey_dtls::PeerIdentity) -> PeerIdentity {
    match peer {
        motekey_dtls::PeerIdentity::PreSharedKey(identity) => PeerIdentity::PreSharedKey(identity),
        motekey_dtls::PeerIdentity::RawPublicKey(key) => PeerIdentity::RawPublicKey(key),
        motekey_dtls::PeerIdentity::Certificate(chain) => PeerIdentity::Certificate(chain),
    }
}

/// The other way round.
fn original(peer: PeerIdentity) -> motekey_dtls::PeerIdentity {
    match peer {
        PeerIdentity::PreSharedKey(identity) => motekey_dtls::PeerIdentity::PreSharedKey(identity),
        PeerIdentity::RawPublicKey(key) => motekey_dtls::PeerIdentity::RawPublicKey(key),
        PeerIdentity::Certificate(chain) => motekey_dtls::PeerIdentity::Certificate(chain),
    }
}

fn close_reason(reason: motekey_dtls::CloseReason) -> CloseReason {
    match reason {
        motekey_dtls::CloseReason::Local => CloseReason::Local,
        motekey_dtls::CloseReason::Peer => CloseReason::Peer,
        motekey_dtls::CloseReason::HandshakeTimeout => CloseReason::HandshakeTimeout,
        motekey_dtls::CloseReason::Alert(alert) => CloseReason::Alert(alert.0),
        motekey_dtls::CloseReason::HandshakeFailed(error) => {
            CloseReason::HandshakeFailed(error.to_string())
        }
    }
}
