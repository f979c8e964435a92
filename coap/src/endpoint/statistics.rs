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
    /// Handshakes that did not end well.
    pub handshakes_failed: u64,
    /// Messages that DTLS did not take.
    pub send_failed: u64,
}

impl Statistics {
    pub(crate) const fn sent(&mut self, bytes: usize) {
        self.datagrams_sent += 1;
        self.bytes_sent += bytes as u64;
    }

    /// `after_send`: something was sent since the last receipt.
    pub(crate) const fn received(&mut self, bytes: usize, after_send: bool) {
        self.datagrams_received += 1;
        self.bytes_received += bytes as u64;
        self.round_trips += after_send as u64;
    }

    pub(crate) const fn mark_handshake(&mut self) {
        self.handshake_datagrams_sent = self.datagrams_sent;
        self.handshake_datagrams_received = self.datagrams_received;
        self.handshake_bytes_sent = self.bytes_sent;
        self.handshake_bytes_received = self.bytes_received;
        self.handshake_round_trips = self.round_trips;
    }
}
