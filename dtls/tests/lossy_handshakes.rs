//! Handshakes over a network that loses, doubles, reorders and cuts off, in virtual time.

#![cfg(test)]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use common::*;
use motekey_dtls::crypto::rust::PROVIDER;
use motekey_dtls::*;

/// What the network does to each datagram, either way.
#[derive(Clone, Copy)]
struct Network {
    /// Percent lost.
    loss: u64,
    /// Percent that come twice.
    doubled: u64,
    /// Each takes 50 ms and a random part of as much again, times this.
    reorder: u64,
    /// Longer ones are lost.
    mtu: u16,
}

const GOOD: Network = Network {
    loss: 0,
    doubled: 0,
    reorder: 0,
    mtu: 1280,
};

/// On their way, by time of arrival and number: to the server?, datagram.
type Flying = BTreeMap<(Instant, u64), (bool, Vec<u8>)>;

struct Simulation {
    pair: Pair,
    network: Network,
    dice: TestRandom,
    flying: Flying,
    number: u64,
}

impl Simulation {
    fn new(seed: u64, network: Network, identity: &[u8]) -> Self {
        let limits = Limits {
            datagram: network.mtu,
            ..Limits::default()
        };
        let keys = Keys {
            keys: [(identity.to_vec(), KEY.to_vec())].into(),
            hint: None,
        };
        let server = ServerConfig {
            limits,
            ..ServerConfig::new(&PROVIDER, Arc::new(keys))
        };
        let client = ClientConfig {
            limits,
            ..client_config()
        };
        let pair = Pair::seeded(seed, server, client, &credential(identity, &KEY));
        Self {
            pair,
            network,
            dice: TestRandom::new(seed + 77),
            flying: Flying::new(),
            number: 0,
        }
    }

    fn throw(&mut self, to_server: bool, datagram: &[u8]) {
        assert!(
            datagram.len() <= usize::from(self.network.mtu),
            "{} bytes",
            datagram.len()
        );
        if self.dice.below(100) < self.network.loss {
            return;
        }
        let copies = if self.dice.below(100) < self.network.doubled {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let extra = self.dice.below(50_000) * self.network.reorder;
            let time = self.pair.now + Duration::from_micros(50_000 + extra);
            self.number += 1;
            self.flying
                .insert((time, self.number), (to_server, datagram.to_vec()));
        }
    }

    fn flush(&mut self) {
        while let Some(datagram) = self.pair.client.poll_transmit() {
            self.throw(true, &datagram);
        }
        while let Some(datagram) = self
            .pair
            .server
            .as_mut()
            .and_then(Connection::poll_transmit)
        {
            self.throw(false, &datagram);
        }
        self.pair.events();
    }

    fn arrive(&mut self, to_server: bool, datagram: &[u8]) {
        if !to_server {
            self.pair.client.handle_datagram(self.pair.now, datagram);
        } else if let Some(server) = &mut self.pair.server {
            server.handle_datagram(self.pair.now, datagram);
        } else {
            let (now, random) = (self.pair.now, &mut self.pair.random);
            match self
                .pair
                .front
                .first_contact(now, client_address(), datagram, random)
                .unwrap()
            {
                FirstContact::Ignore => {}
                FirstContact::Reply(reply) | FirstContact::Refuse { reply, .. } => {
                    self.throw(false, &reply)
                }
                FirstContact::Accept(connection) => self.pair.server = Some(*connection),
            }
        }
    }

    /// Time until both ends are connected; `None` if either gave up.
    fn run(&mut self) -> Option<Duration> {
        loop {
            self.flush();
            if self.pair.is_connected() {
                return Some(self.pair.now.saturating_duration_since(Instant::ZERO));
            }
            let timers = [
                self.pair.client.poll_timeout(),
                self.pair.server.as_ref().and_then(Connection::poll_timeout),
            ];
            let arrival = self.flying.first_key_value().map(|((time, _), _)| *time);
            let next = timers.into_iter().flatten().chain(arrival).min()?;
            self.pair.now = next.max(self.pair.now);
            while let Some(entry) = self
                .flying
                .first_entry()
                .filter(|entry| entry.key().0 <= next)
            {
                let (to_server, datagram) = entry.remove();
                self.arrive(to_server, &datagram);
            }
            self.pair.client.handle_timeout(self.pair.now);
            if let Some(server) = &mut self.pair.server {
                server.handle_timeout(self.pair.now);
            }
        }
    }
}

/// Completed percent, median and 90th percentile in milliseconds, of 300 handshakes.
fn measure(network: Network, identity: &[u8]) -> (usize, u128, u128) {
    let mut times: Vec<_> = (0..300)
        .filter_map(|seed| Simulation::new(seed, network, identity).run())
        .map(|time| time.as_millis())
        .collect();
    times.sort_unstable();
    let at = |percent: usize| {
        times
            .get(times.len() * percent / 100)
            .copied()
            .unwrap_or(u128::MAX)
    };
    (times.len() / 3, at(50), at(90))
}

#[test]
fn handshakes_complete_however_lossy_the_network_is() {
    for (loss, wanted) in [(0, 100), (10, 100), (20, 99), (30, 95)] {
        for (doubled, reorder) in [(0, 0), (20, 0), (0, 2), (20, 2)] {
            let network = Network {
                loss,
                doubled,
                reorder,
                ..GOOD
            };
            let (completed, median, p90) = measure(network, IDENTITY);
            println!(
                "| {loss} % | {doubled} % | {reorder} | {completed} % | {median} ms | {p90} ms |"
            );
            assert!(
                completed >= wanted,
                "{loss} % lost, {doubled} % doubled, reorder {reorder}: {completed} %"
            );
        }
    }
}

#[test]
fn handshakes_complete_whatever_the_mtu_is() {
    // A whole token as identity: many fragments.
    let token = vec![0xa7; 900];
    for mtu in [127, 256, 576, 1280] {
        for (loss, reorder) in [(0, 0), (0, 2), (10, 0)] {
            let network = Network {
                loss,
                reorder,
                mtu,
                ..GOOD
            };
            let (completed, median, p90) = measure(network, &token);
            println!("| {mtu} | {loss} % | {reorder} | {completed} % | {median} ms | {p90} ms |");
            assert!(
                completed >= 99,
                "MTU {mtu}, {loss} % lost, reorder {reorder}: {completed} %"
            );
        }
    }
}
