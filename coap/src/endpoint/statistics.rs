//! Figures: what went over the wire, and what was dropped and why.

/// Datagrams, bytes and round trips of a session, or of all. Bytes are those of UDP payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Datagrams received.
    pub datagrams_received: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Round trips as a client sees them: a datagram received after at least one was sent since the last one that was
    /// received.
    pub round_trips: u64,
    /// CoAP messages sent again.
    pub retransmissions: u64,
    /// Datagrams sent when the handshake ended.
    pub handshake_datagrams_sent: u64,
    /// Datagrams received when the handshake ended.
    pub handshake_datagrams_received: u64,
    /// Bytes sent when the handshake ended.
    pub handshake_bytes_sent: u64,
    /// Bytes received when the handshake ended.
    pub handshake_bytes_received: u64,
    /// Round trips when the handshake ended.
    pub handshake_round_trips: u64,
}

/// What was dropped or refused, by reason. Counters never go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dropped {
    /// Datagrams from unknown addresses that begin nothing.
    pub strangers: u64,
    /// Messages that are no CoAP version 1 messages or have format errors.
    pub malformed: u64,
    /// Repeated messages; answered as before, not processed.
    pub duplicates: u64,
    /// Responses, acknowledgements and resets that match nothing.
    pub unmatched: u64,
    /// Requests refused because the session has too many (5.03).
    pub overloaded: u64,
    /// Bodies refused or dropped because of a limit of size, number or time.
    pub bodies: u64,
    /// Answers replaced by an Echo, because the peer's address is not verified.
    pub echoed: u64,
    /// Half-open sessions that gave way to others.
    pub half_open_evicted: u64,
    /// Sessions that gave way to others.
    pub sessions_evicted: u64,
    /// Newcomers turned away because the table is full.
    pub table_full: u64,
    /// Handshakes turned away because of the limits of one source.
    pub source_full: u64,
    /// Handshakes that did not end well.
    pub handshakes_failed: u64,
    /// Messages that DTLS did not take.
    pub send_failed: u64,
}

/// The figures of one session, in few bytes: those of a table of 100,000. Counts of datagrams stop at their highest.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Figures {
    bytes_sent: u64,
    bytes_received: u64,
    datagrams_sent: u32,
    datagrams_received: u32,
    round_trips: u32,
    retransmissions: u32,
    handshake: Handshake,
}

/// As they were when the handshake ended.
#[derive(Debug, Clone, Copy, Default)]
struct Handshake {
    bytes_sent: u32,
    bytes_received: u32,
    datagrams_sent: u16,
    datagrams_received: u16,
    round_trips: u16,
}

impl Figures {
    pub(super) const fn sent(&mut self, bytes: usize) {
        self.datagrams_sent = self.datagrams_sent.saturating_add(1);
        self.bytes_sent += bytes as u64;
    }

    /// `after_send`: something was sent since the last receipt.
    pub(super) const fn received(&mut self, bytes: usize, after_send: bool) {
        self.datagrams_received = self.datagrams_received.saturating_add(1);
        self.bytes_received += bytes as u64;
        self.round_trips = self.round_trips.saturating_add(after_send as u32);
    }

    pub(super) fn sent_again(&mut self, messages: u64) {
        let messages = u32::try_from(messages).unwrap_or(u32::MAX);
        self.retransmissions = self.retransmissions.saturating_add(messages);
    }

    pub(super) fn mark_handshake(&mut self) {
        let short = |count: u32| u16::try_from(count).unwrap_or(u16::MAX);
        let bytes = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        self.handshake = Handshake {
            bytes_sent: bytes(self.bytes_sent),
            bytes_received: bytes(self.bytes_received),
            datagrams_sent: short(self.datagrams_sent),
            datagrams_received: short(self.datagrams_received),
            round_trips: short(self.round_trips),
        };
    }

    pub(super) fn statistics(&self) -> Statistics {
        let Self { handshake, .. } = self;
        Statistics {
            datagrams_sent: self.datagrams_sent.into(),
            datagrams_received: self.datagrams_received.into(),
            bytes_sent: self.bytes_sent,
            bytes_received: self.bytes_received,
            round_trips: self.round_trips.into(),
            retransmissions: self.retransmissions.into(),
            handshake_datagrams_sent: handshake.datagrams_sent.into(),
            handshake_datagrams_received: handshake.datagrams_received.into(),
            handshake_bytes_sent: handshake.bytes_sent.into(),
            handshake_bytes_received: handshake.bytes_received.into(),
            handshake_round_trips: handshake.round_trips.into(),
        }
    }
}

impl Statistics {
    pub(crate) const fn sent(&mut self, bytes: usize) {
        self.datagrams_sent += 1;
        self.bytes_sent += bytes as u64;
    }

    pub(crate) const fn received(&mut self, bytes: usize) {
        self.datagrams_received += 1;
        self.bytes_received += bytes as u64;
    }
}
