//! A limit for requests that cost much: uploads of tokens, which anybody can send (RFC 9200 Section 5.10.1.2), and
//! introspection (RFC 9200 Section 6.10).

use std::hash::{BuildHasher, Hash, RandomState};

use crate::clock::UnixSeconds;

/// Places in the table. Peers that share a place share its allowance.
const PLACES: usize = 256;

/// Token buckets in a table of fixed size: 4 kB, no eviction. Which peers share a place is secret, so that nobody can
/// choose to starve a certain other.
#[derive(Debug)]
pub(crate) struct RateLimit {
    /// Requests a second of one place; the burst is four times that.
    rate: u32,
    hasher: RandomState,
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    left: u32,
    refilled_at: UnixSeconds,
}

impl RateLimit {
    pub(crate) fn new(rate: u32, now: UnixSeconds) -> Self {
        let full = Place {
            left: rate.saturating_mul(4),
            refilled_at: now,
        };
        Self {
            rate,
            hasher: RandomState::new(),
            places: vec![full; PLACES],
        }
    }

    /// Takes one request from the allowance of `peer`; `false` if there is none left.
    pub(crate) fn take(&mut self, peer: impl Hash, now: UnixSeconds) -> bool {
        let rate = self.rate;
        self.place(peer).is_some_and(|place| place.take(rate, now))
    }

    /// Gives back what [`RateLimit::take`] took for a request that turned out to be a good one.
    pub(crate) fn give_back(&mut self, peer: impl Hash) {
        let burst = self.rate.saturating_mul(4);
        if let Some(place) = self.place(peer) {
            place.left = place.left.saturating_add(1).min(burst);
        }
    }

    fn place(&mut self, peer: impl Hash) -> Option<&mut Place> {
        let index = usize::try_from(self.hasher.hash_one(peer) % PLACES as u64).unwrap_or_default();
        self.places.get_mut(index)
    }
}

impl Place {
    fn take(&mut self, rate: u32, now: UnixSeconds) -> bool {
        // A clock that went back gives nothing for the time that it lost, and counts on from there.
        let elapsed =
            u32::try_from(now.saturating_sub(self.refilled_at).max(0)).unwrap_or(u32::MAX);
        self.left = self
            .left
            .saturating_add(elapsed.saturating_mul(rate))
            .min(rate.saturating_mul(4));
        self.refilled_at = now;
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn f60_a_burst_then_the_rate() {
        let peer = IpAddr::from([192, 0, 2, 1]);
        let mut limit = RateLimit::new(5, 1_000);
        let taken = |limit: &mut RateLimit, now| (0..100).filter(|_| limit.take(peer, now)).count();
        assert_eq!(taken(&mut limit, 1_000), 20);
        assert_eq!(taken(&mut limit, 1_000), 0);
        assert_eq!(taken(&mut limit, 1_002), 10);
        assert_eq!(taken(&mut limit, 9_999), 20);
        assert_eq!(
            taken(&mut limit, 5_000),
            0,
            "a clock that goes back gives nothing"
        );
        assert_eq!(taken(&mut limit, 5_002), 10, "and goes on from there");
    }

    #[test]
    fn f60_one_peer_does_not_use_up_the_allowance_of_all() {
        let mut limit = RateLimit::new(1, 0);
        let mut allowed = 0;
        for last in 1..=100u8 {
            for _ in 0..10 {
                allowed += usize::from(limit.take(IpAddr::from([192, 0, 2, last]), 0));
            }
        }
        assert!(
            (200..=400).contains(&allowed),
            "{allowed} of 1000: four for each place in use"
        );
    }
}
