//! The wire.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::endpoint::Transmit;
use crate::random::Random;
use crate::time::{Duration, Instant};

/// What the network does to datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// One-way delay. Default 20 ms.
    pub delay: Duration,
    /// Up to this much is added at random, so that datagrams overtake each other. Default zero.
    pub jitter: Duration,
    /// Datagrams lost, in hundredths. Default 0.
    pub loss_percent: u64,
    /// Datagrams that arrive twice, in hundredths. Default 0.
    pub duplicate_percent: u64,
    /// Longest datagram in bytes; longer ones are lost. Default 1500.
    pub mtu: usize,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(20),
            jitter: Duration::ZERO,
            loss_percent: 0,
            duplicate_percent: 0,
            mtu: 1500,
        }
    }
}

/// Datagrams on their way.
pub struct Network {
    link: Link,
    random: Random,
    /// By arrival; the number keeps the order of those that arrive together.
    on_the_way: BTreeMap<(Instant, u64), (SocketAddr, Transmit)>,
    sent: u64,
    lost: u64,
}

impl Network {
    /// A network whose accidents come from `seed`.
    pub fn new(link: Link, seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes
            .iter_mut()
            .zip(seed.to_be_bytes())
            .for_each(|(to, from)| *to = from);
        Self {
            link,
            random: Random::new(&bytes),
            on_the_way: BTreeMap::new(),
            sent: 0,
            lost: 0,
        }
    }

    /// Changes what happens to the datagrams that are sent from now on.
    pub const fn set_link(&mut self, link: Link) {
        self.link = link;
    }

    /// Datagrams sent and lost so far.
    pub const fn counts(&self) -> (u64, u64) {
        (self.sent, self.lost)
    }

    /// Takes a datagram from `source`.
    pub fn send(&mut self, now: Instant, source: SocketAddr, transmit: Transmit) {
        self.sent += 1;
        if transmit.datagram.len() > self.link.mtu
            || self.random.below(100) < self.link.loss_percent
        {
            self.lost += 1;
            return;
        }
        if self.random.below(100) < self.link.duplicate_percent {
            self.deliver(now, source, transmit.clone());
        }
        self.deliver(now, source, transmit);
    }

    /// When the next datagram arrives.
    pub fn next_arrival(&self) -> Option<Instant> {
        self.on_the_way.first_key_value().map(|((at, _), _)| *at)
    }

    /// A datagram that has arrived, with its source.
    pub fn receive(&mut self, now: Instant) -> Option<(SocketAddr, Transmit)> {
        let due = self.next_arrival().is_some_and(|at| at <= now);
        due.then(|| self.on_the_way.pop_first())
            .flatten()
            .map(|(_, arrived)| arrived)
    }

    fn deliver(&mut self, now: Instant, source: SocketAddr, transmit: Transmit) {
        let jitter = u64::try_from(self.link.jitter.as_micros()).unwrap_or(u64::MAX - 1);
        let at = now + self.link.delay + Duration::from_micros(self.random.below(jitter + 1));
        let number = self.random.below(u64::MAX);
        let order = if self.link.jitter.is_zero() {
            self.sent
        } else {
            number
        };
        self.on_the_way.insert((at, order), (source, transmit));
    }
}
