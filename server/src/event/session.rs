//! What an endpoint notices of sessions, as events.

use std::net::SocketAddr;

use motekey_coap::dtls::{CloseReason, SessionId};
use motekey_coap::endpoint::Refusal;

use super::{Event, Subscribers};

impl Subscribers {
    pub(crate) fn session_moved(&self, session: SessionId, from: SocketAddr, to: SocketAddr) {
        self.tell(|| Event::SessionMoved { session, from, to });
    }

    pub(crate) fn handshake_failed(&self, peer: SocketAddr, reason: &CloseReason) {
        self.tell(|| Event::HandshakeFailed {
            peer,
            reason: reason.to_string(),
        });
    }

    pub(crate) fn handshake_refused(&self, peer: SocketAddr, reason: Refusal) {
        self.tell(|| Event::HandshakeRefused { peer, reason });
    }
}
