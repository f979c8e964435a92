//! Every limit of the endpoint in one place.

use crate::block::BlockSize;
use crate::time::Duration;

/// Limits and times of an [`Endpoint`](super::Endpoint). Each field says its unit, default and reason.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointConfig {
    /// ACK_TIMEOUT (RFC 7252 Section 4.8): wait before the first retransmission. Default 2 s. Not below 1 s on
    /// networks that are shared with others. Under DTLS, the first wait follows the round trips that the handshake and
    /// acknowledged messages measure instead, within the next two bounds; this is what counts before and after long
    /// silence, and what the derived times come from.
    pub ack_timeout: Duration,
    /// Shortest measured ACK_TIMEOUT. Default 200 ms. RFC 7252 Section 4.8.1 allows less than 1 s where round trips are
    /// measured. As long as `ack_timeout` or longer: no measurement shortens the wait.
    pub min_ack_timeout: Duration,
    /// Longest measured ACK_TIMEOUT. Default 10 s. A message is then repeated less often, so that MAX_TRANSMIT_SPAN
    /// stays as it is. As long as `ack_timeout` or shorter: no measurement lengthens the wait.
    pub max_ack_timeout: Duration,
    /// ACK_RANDOM_FACTOR in hundredths. Default 150, that is 1.5. At least 100.
    pub ack_random_percent: u32,
    /// MAX_RETRANSMIT. Default 4, at most 10.
    pub max_retransmit: u32,
    /// NSTART: confirmable messages to one peer that are on their way at a time. Default 1, as RFC 7252 Section 4.7
    /// asks for where no round-trip time is measured.
    pub nstart: usize,
    /// Confirmable messages of one session that wait for NSTART. Default 16; a further request is refused.
    pub max_queued: usize,
    /// How long a confirmable request waits for the application before it is acknowledged by itself and answered
    /// separately. Default 1 s: half of ACK_TIMEOUT, the rest is for the way.
    pub piggyback_time: Duration,
    /// How long a request waits for its response after the acknowledgement. Default 93 s (MAX_TRANSMIT_WAIT).
    pub response_time_limit: Duration,
    /// Requests of one session that the application works on at a time. Default 16; a further one gets 5.03.
    pub max_pending_requests: usize,
    /// Requests of one session that wait for their responses, observations included. Default 64; a further one is
    /// refused with [`RequestError::TooManyRequests`](super::RequestError::TooManyRequests).
    pub max_outstanding_requests: usize,
    /// Messages of one session that are remembered for EXCHANGE_LIFETIME, so that a repeated one is not processed
    /// twice. Default 256 (about 40 bytes each); the oldest goes first. More is needed only where a peer sends more
    /// than this many messages within the time in which the network may repeat one.
    pub max_remembered_messages: usize,
    /// Bytes of answers of one session that are kept to be repeated. Default 16 kB; the oldest goes first, its
    /// request stays remembered and is then not answered again.
    pub max_remembered_bytes: usize,
    /// The longest CoAP message taken, in bytes. Default 2048: a block of 1024 and generous options.
    pub max_message: usize,
    /// Size of the blocks that bodies are cut into (RFC 7959). Default 1024, which fits an IPv6 packet of 1280 bytes;
    /// a smaller one spares fragments on constrained links.
    pub block_size: BlockSize,
    /// The longest body taken, or given in a request, in bytes. Default 16 kB.
    pub max_body: usize,
    /// The longest body given in a response or notification, in bytes. Default 512 kB: it is the application's own, so
    /// no peer can make it longer. A longer one becomes 5.03.
    pub max_response_body: usize,
    /// Bodies of one session that are in transfer at a time, each way. Default 2; the oldest is dropped.
    pub max_bodies: usize,
    /// Bytes of bodies in transfer over all sessions. Default 4 MB; beyond it a request gets 4.13, a response 5.03.
    pub max_body_bytes: usize,
    /// How long a body in transfer waits for its next block. Default 60 s.
    pub body_time_limit: Duration,
    /// How long the body of a response is kept to be fetched, from its first block on. Default 247 s
    /// (EXCHANGE_LIFETIME). Blocks of a kept body are served without the application, so a peer that lost its rights
    /// can fetch for this long, unless [`Endpoint::forget_bodies`](super::Endpoint::forget_bodies) is called.
    pub body_lifetime: Duration,
    /// Observations of one session, as server. Default 8; a further one is answered without Observe.
    pub max_observations: usize,
    /// Observations over all sessions, as server. Default 4096.
    pub max_all_observations: usize,
    /// Notifications are confirmable when this time has passed since the last confirmable one. Default zero: all
    /// are. More than 24 h counts as 24 h (RFC 7641 Section 4.5).
    pub confirmable_notification_interval: Duration,
    /// Sessions at a time, plain peers included. Default 4096; an idle one takes at most 1,000 bytes. When full, a
    /// session that was closed here and waits for its goodbye gives way, then the oldest half-open one, then the one
    /// that was silent for the longest time, if that is at least `eviction_idle_time`; else the newcomer is ignored.
    /// On plain CoAP it is not ignored but asked to echo, without any state, and to a peer that
    /// has echoed the oldest one that has not gives way at once: so a flood from forged addresses keeps nobody out.
    pub max_sessions: usize,
    /// Sessions at a time of one authenticated identity; those that were opened here do not count. Default 8: a device
    /// that lost its sessions makes new ones, and one device cannot take the places of all. The one that began first
    /// gives way, so that a peer is never locked out by what it has left behind.
    pub max_sessions_per_identity: usize,
    /// DTLS sessions at a time whose peers have one IPv4 address, or are in one IPv6 network of 64 bits; those that
    /// were opened here do not count. Default 1024: a gateway with a thousand devices behind one address works, and
    /// nobody fills the default table from fewer than four. When a source has as many, its own session that was
    /// silent for the longest time gives way, if that is at least `eviction_idle_time`; else its newcomer is ignored.
    /// A handshake that will take the place of a session of the same address is always let in. Raise it together with
    /// `max_sessions` where a whole fleet comes through one address.
    pub max_sessions_per_source: usize,
    /// Handshakes at a time of one such source. Default 128, half of all: a handshake takes a second or so, so that
    /// hundreds of devices behind one address come back within seconds, and no address takes all places. The oldest
    /// of the source gives way after 2 s, else the newcomer is ignored and tries again.
    pub max_half_open_per_source: usize,
    /// See `max_sessions`. Default 60 s.
    pub eviction_idle_time: Duration,
    /// Handshakes at a time. Default 256; the oldest gives way.
    pub max_half_open: usize,
    /// How long a handshake may take. Default 60 s: six sendings of each flight. With 30 s, two of 1,000 handshakes
    /// failed over a network that loses a tenth.
    pub handshake_time_limit: Duration,
    /// A DTLS session without any datagram is closed after this time. Default 24 h: a handshake costs a device more
    /// than a session costs the server.
    pub idle_time_limit: Duration,
    /// A plain peer is forgotten after this time without a datagram. Default 247 s (EXCHANGE_LIFETIME).
    pub plain_idle_time_limit: Duration,
    /// How long an Echo value shows that a plain peer receives at its address. Default 60 s.
    pub echo_lifetime: Duration,
    /// Answers to plain peers that have not echoed yet: at most three times the request, or this many bytes. Default
    /// 136 (RFC 9175 Section 2.6).
    pub unverified_answer: usize,
    /// Critical options in requests that the application understands beyond those of the endpoint (If-Match, for
    /// instance). Default none.
    pub understood_options: Vec<u16>,
}

impl Default for EndpointConfig {
    fn default() -> Self {
        Self {
            ack_timeout: Duration::from_secs(2),
            min_ack_timeout: Duration::from_millis(200),
            max_ack_timeout: Duration::from_secs(10),
            ack_random_percent: 150,
            max_retransmit: 4,
            nstart: 1,
            max_queued: 16,
            piggyback_time: Duration::from_secs(1),
            response_time_limit: Duration::from_secs(93),
            max_pending_requests: 16,
            max_outstanding_requests: 64,
            max_remembered_messages: 256,
            max_remembered_bytes: 16 * 1024,
            max_message: 2048,
            block_size: BlockSize::B1024,
            max_body: 16 * 1024,
            max_response_body: 512 * 1024,
            max_bodies: 2,
            max_body_bytes: 4 * 1024 * 1024,
            body_time_limit: Duration::from_secs(60),
            body_lifetime: Duration::from_secs(247),
            max_observations: 8,
            max_all_observations: 4096,
            confirmable_notification_interval: Duration::ZERO,
            max_sessions: 4096,
            max_sessions_per_identity: 8,
            max_sessions_per_source: 1024,
            max_half_open_per_source: 128,
            eviction_idle_time: Duration::from_secs(60),
            max_half_open: 256,
            handshake_time_limit: Duration::from_secs(60),
            idle_time_limit: Duration::from_secs(24 * 3600),
            plain_idle_time_limit: Duration::from_secs(247),
            echo_lifetime: Duration::from_secs(60),
            unverified_answer: 136,
            understood_options: Vec::new(),
        }
    }
}

impl EndpointConfig {
    /// MAX_TRANSMIT_SPAN (RFC 7252 Section 4.8.2).
    pub fn max_transmit_span(&self) -> Duration {
        self.scaled((1 << self.max_retransmit.min(10)) - 1)
    }

    /// EXCHANGE_LIFETIME (RFC 7252 Section 4.8.2): 247 s with the default parameters.
    pub fn exchange_lifetime(&self) -> Duration {
        self.max_transmit_span() + 2 * MAX_LATENCY + self.ack_timeout
    }

    /// NON_LIFETIME (RFC 7252 Section 4.8.2): 145 s with the default parameters.
    pub fn non_lifetime(&self) -> Duration {
        self.max_transmit_span() + MAX_LATENCY
    }

    fn scaled(&self, count: u32) -> Duration {
        self.ack_timeout * count * self.ack_random_percent.max(100) / 100
    }
}

/// MAX_LATENCY (RFC 7252 Section 4.8.2).
const MAX_LATENCY: Duration = Duration::from_secs(100);

#[cfg(test)]
mod tests {
    use super::{Duration, EndpointConfig};

    #[test]
    fn derived_times_are_those_of_rfc_7252_table_3() {
        let config = EndpointConfig::default();
        assert_eq!(config.max_transmit_span(), Duration::from_secs(45));
        assert_eq!(config.exchange_lifetime(), Duration::from_secs(247));
        assert_eq!(config.non_lifetime(), Duration::from_secs(145));
    }
}
