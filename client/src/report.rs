//! What happened on the wire, exchange by exchange: for `--explain`, demonstrations and tests. Holds no secrets.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use motekey_coap::time::Instant;

/// What an exchange was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Unauthorized request to the resource server, to learn its authorization server.
    Hints,
    /// Handshake with the authorization server.
    AuthorizationServerHandshake,
    /// Token request and response.
    TokenRequest,
    /// Upload of the token to authz-info.
    TokenUpload,
    /// Handshake with the resource server.
    ResourceServerHandshake,
    /// Token request for the rights of a running session.
    UpdateRequest,
    /// Upload of a token that changes the rights of a running session.
    UpdateUpload,
    /// The request of the caller.
    Request,
    /// Query of the list of revoked tokens.
    RevocationList,
}

impl Step {
    /// Stable word for machine-readable output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hints => "hints",
            Self::AuthorizationServerHandshake => "authorization_server_handshake",
            Self::TokenRequest => "token_request",
            Self::TokenUpload => "token_upload",
            Self::ResourceServerHandshake => "resource_server_handshake",
            Self::UpdateRequest => "update_request",
            Self::UpdateUpload => "update_upload",
            Self::Request => "request",
            Self::RevocationList => "revocation_list",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Hints => "ask for hints",
            Self::AuthorizationServerHandshake => "handshake with the authorization server",
            Self::TokenRequest => "token request",
            Self::TokenUpload => "token upload",
            Self::ResourceServerHandshake => "handshake with the resource server",
            Self::UpdateRequest => "update of rights: token request",
            Self::UpdateUpload => "update of rights: token upload",
            Self::Request => "request",
            Self::RevocationList => "list of revoked tokens",
        })
    }
}

/// Figures of one exchange, counted on UDP payloads by the endpoint. Requests that run on one session at the same
/// time are counted into each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Datagrams received.
    pub datagrams_received: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Round trips: a datagram received after at least one was sent since the last receive.
    pub round_trips: u64,
    /// CoAP messages sent again.
    pub retransmissions: u64,
}

impl Traffic {
    /// What was added since `earlier`.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self {
            datagrams_sent: self.datagrams_sent.saturating_sub(earlier.datagrams_sent),
            datagrams_received: self
                .datagrams_received
                .saturating_sub(earlier.datagrams_received),
            bytes_sent: self.bytes_sent.saturating_sub(earlier.bytes_sent),
            bytes_received: self.bytes_received.saturating_sub(earlier.bytes_received),
            round_trips: self.round_trips.saturating_sub(earlier.round_trips),
            retransmissions: self.retransmissions.saturating_sub(earlier.retransmissions),
        }
    }

    /// The sum of both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            datagrams_sent: self.datagrams_sent.saturating_add(other.datagrams_sent),
            datagrams_received: self
                .datagrams_received
                .saturating_add(other.datagrams_received),
            bytes_sent: self.bytes_sent.saturating_add(other.bytes_sent),
            bytes_received: self.bytes_received.saturating_add(other.bytes_received),
            round_trips: self.round_trips.saturating_add(other.round_trips),
            retransmissions: self.retransmissions.saturating_add(other.retransmissions),
        }
    }
}

/// One exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What for.
    pub step: Step,
    /// With whom.
    pub peer: SocketAddr,
    /// What was asked, without secrets: `POST /token audience rs1`.
    pub asked: String,
    /// How it ended: `2.01`, `connected`, or the reason of the failure.
    pub outcome: String,
    /// Beginning, on the clock of the client.
    pub began: Instant,
    /// Duration.
    pub took: Duration,
    /// Figures of the wire.
    pub traffic: Traffic,
}

/// What a token response granted, without key bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Audience that was asked for.
    pub audience: Option<String>,
    /// Scope in readable form.
    pub scope: Option<String>,
    /// Lifetime.
    pub lifetime: Duration,
    /// Profile by name.
    pub profile: &'static str,
    /// Kind of the key that the token is bound to, in words.
    pub key: &'static str,
    /// Key id; `None` if the key has none.
    pub kid: Option<Vec<u8>>,
    /// Length of the token in bytes.
    pub token_length: usize,
    /// Outer structure of the token as far as a client can see it.
    pub token_structure: String,
}

/// What a client did so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Exchanges, oldest first.
    pub exchanges: Vec<Exchange>,
    /// Tokens, oldest first.
    pub granted: Vec<Granted>,
    /// Exchanges that were dropped for [`crate::Limits::max_report_entries`].
    pub dropped: u64,
}

impl Report {
    /// Sum over all exchanges of `step`.
    pub fn total(&self, step: Step) -> Traffic {
        self.exchanges
            .iter()
            .filter(|exchange| exchange.step == step)
            .fold(Traffic::default(), |sum, exchange| {
                sum.plus(exchange.traffic)
            })
    }
}

/// Keeps the newest entries.
#[derive(Debug)]
pub(crate) struct Recorder {
    exchanges: VecDeque<Exchange>,
    granted: VecDeque<Granted>,
    limit: usize,
    dropped: u64,
}

impl Recorder {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            exchanges: VecDeque::new(),
            granted: VecDeque::new(),
            limit: limit.max(1),
            dropped: 0,
        }
    }

    pub(crate) fn exchange(&mut self, exchange: Exchange) {
        if self.exchanges.len() >= self.limit {
            self.exchanges.pop_front();
            self.dropped = self.dropped.saturating_add(1);
        }
        self.exchanges.push_back(exchange);
    }

    pub(crate) fn granted(&mut self, granted: Granted) {
        if self.granted.len() >= self.limit {
            self.granted.pop_front();
        }
        self.granted.push_back(granted);
    }

    pub(crate) fn report(&self) -> Report {
        Report {
            exchanges: self.exchanges.iter().cloned().collect(),
            granted: self.granted.iter().cloned().collect(),
            dropped: self.dropped,
        }
    }

    /// The report, and an empty one from here on.
    pub(crate) fn take(&mut self) -> Report {
        Report {
            exchanges: self.exchanges.drain(..).collect(),
            granted: self.granted.drain(..).collect(),
            dropped: std::mem::take(&mut self.dropped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(step: Step, bytes_sent: u64) -> Exchange {
        Exchange {
            step,
            peer: ([127, 0, 0, 1], 5684).into(),
            asked: String::new(),
            outcome: String::new(),
            began: Instant::ZERO,
            took: Duration::ZERO,
            traffic: Traffic {
                bytes_sent,
                ..Traffic::default()
            },
        }
    }

    #[test]
    fn the_oldest_entry_is_dropped_and_counted() {
        let mut recorder = Recorder::new(2);
        for bytes in 1..=3 {
            recorder.exchange(exchange(Step::Request, bytes));
        }
        let report = recorder.take();
        assert_eq!(
            report
                .exchanges
                .iter()
                .map(|entry| entry.traffic.bytes_sent)
                .collect::<Vec<_>>(),
            [2, 3]
        );
        assert_eq!(report.dropped, 1);
        assert_eq!(recorder.report(), Report::default());
    }

    #[test]
    fn totals_are_by_step() {
        let mut recorder = Recorder::new(8);
        recorder.exchange(exchange(Step::Request, 5));
        recorder.exchange(exchange(Step::TokenRequest, 7));
        recorder.exchange(exchange(Step::Request, 11));
        assert_eq!(recorder.report().total(Step::Request).bytes_sent, 16);
    }
}
