//! Who gives way to a newcomer, and when there is no place for it.
//!
//! A handshake from a source (an IPv4 address, an IPv6 /64) that has too many gets the place of one of the same source:
//! its oldest handshake, if that makes no progress any more, or its longest silent session; so nobody loses a place to
//! the crowd of another. When the table is full, these give way, the first that there is: a session that was closed
//! here and only waits for its goodbye, the oldest half-open one, to a verified newcomer the oldest plain peer that is
//! not verified, and the longest silent one if it was silent for `eviction_idle_time`. One that was just verified is
//! the last in the order of silence. If nobody gives way, the newcomer is refused.

use std::net::SocketAddr;

use super::order::Source;
use super::{Endpoint, Refusal};
use crate::dtls::{CloseReason, SessionId};
use crate::time::{Duration, Instant};

/// A handshake of a source gives way to another of the same source after this time: it has missed the first repetition
/// of a flight. Sooner, a fleet that comes back behind one address would push out its own handshakes before any ends.
const HANDSHAKE_PROGRESS: Duration = Duration::from_secs(2);

/// Who wants a place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Newcomer {
    /// A plain peer that may not be where it says.
    Unverified,
    /// A plain peer that receives at its address, or one that we speak to first.
    Verified,
    /// A peer that begins a handshake.
    Handshake(SocketAddr),
}

impl Endpoint {
    /// Makes room for one more session.
    pub(super) fn make_room(&mut self, now: Instant, newcomer: Newcomer) -> Result<(), Refusal> {
        let made = self.room_of_source(now, newcomer);
        let made = made.and_then(|()| self.room_of_all(now, newcomer));
        match made {
            Ok(()) => {}
            Err(Refusal::TableFull) => self.shared.dropped.table_full += 1,
            Err(_) => self.shared.dropped.source_full += 1,
        }
        made
    }

    fn room_of_source(&mut self, now: Instant, newcomer: Newcomer) -> Result<(), Refusal> {
        let Newcomer::Handshake(peer) = newcomer else {
            return Ok(());
        };
        let source = Source::of(peer);
        let (half_open, all) = self.table.count_of(source);
        if half_open >= self.config.max_half_open_per_source.max(1) {
            return self
                .evict_half_open(now, Some(source), HANDSHAKE_PROGRESS)
                .ok_or(Refusal::SourceHandshakes);
        }
        // A new handshake of an address takes the place of its session in the end.
        if all < self.config.max_sessions_per_source.max(1) || self.table.slot(peer).live.is_some()
        {
            return Ok(());
        }
        self.evict_half_open(now, Some(source), HANDSHAKE_PROGRESS)
            .or_else(|| self.evict_silent(now, Some(source)))
            .ok_or(Refusal::SourceSessions)
    }

    fn room_of_all(&mut self, now: Instant, newcomer: Newcomer) -> Result<(), Refusal> {
        if self.table.half_open() >= self.config.max_half_open.max(1) {
            self.evict_half_open(now, None, Duration::ZERO);
        }
        if self.table.len() < self.config.max_sessions.max(1) {
            return Ok(());
        }
        if let Some(id) = self.table.oldest_closing() {
            self.end(now, id, CloseReason::Local);
            return Ok(());
        }
        let verified = !matches!(newcomer, Newcomer::Unverified);
        self.evict_half_open(now, None, Duration::ZERO)
            .or_else(|| self.evict_unverified(now, verified))
            .or_else(|| self.evict_silent(now, None))
            .ok_or(Refusal::TableFull)
    }

    /// However active they are: all of those may be one forger of addresses.
    fn evict_unverified(&mut self, now: Instant, verified: bool) -> Option<()> {
        let id = self.table.oldest_unverified().filter(|_| verified)?;
        self.evict_session(now, id);
        Some(())
    }

    fn evict_half_open(
        &mut self,
        now: Instant,
        source: Option<Source>,
        at_least: Duration,
    ) -> Option<()> {
        let old = |(since, _): &(Instant, SessionId)| now - *since >= at_least;
        let (_, id) = self.table.oldest_half_open(source).filter(old)?;
        self.shared.dropped.half_open_evicted += 1;
        self.end(now, id, CloseReason::Evicted);
        Some(())
    }

    fn evict_silent(&mut self, now: Instant, source: Option<Source>) -> Option<()> {
        let silent =
            |(since, _): &(Instant, SessionId)| now - *since >= self.config.eviction_idle_time;
        let (_, id) = self.table.most_silent(source).filter(silent)?;
        self.evict_session(now, id);
        Some(())
    }

    /// Ends a session to make room.
    pub(super) fn evict_session(&mut self, now: Instant, id: SessionId) {
        self.shared.dropped.sessions_evicted += 1;
        self.end(now, id, CloseReason::Evicted);
    }
}
