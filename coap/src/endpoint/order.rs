//! Who came first: sessions in the order of a time, all together and those of each source.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

use super::SessionId;
use crate::time::Instant;

/// Who counts as one sender of datagrams: an IPv4 address, or an IPv6 network of 64 bits, since one host has as many
/// addresses of its network as it likes (RFC 8981). IPv4 takes the place of prefixes that nobody has (`::/8`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Source(u64);

impl Source {
    pub(super) fn of(peer: SocketAddr) -> Self {
        match peer.ip().to_canonical() {
            IpAddr::V4(address) => Self(u32::from(address).into()),
            IpAddr::V6(address) => Self(u64::try_from(u128::from(address) >> 64).unwrap_or(0)),
        }
    }
}

/// Sessions in the order of a time. Some belong to a source. About 40 bytes for each, 120 with a source that has no
/// other; every operation costs the logarithm of their number.
#[derive(Debug, Default)]
pub(super) struct Order {
    all: BTreeSet<(Instant, SessionId)>,
    of_sources: BTreeSet<(Source, Instant, SessionId)>,
    counts: HashMap<Source, u32>,
}

impl Order {
    pub(super) fn insert(&mut self, at: Instant, id: SessionId, source: Option<Source>) {
        self.all.insert((at, id));
        if let Some(source) = source
            && self.of_sources.insert((source, at, id))
        {
            *self.counts.entry(source).or_default() += 1;
        }
    }

    pub(super) fn remove(&mut self, at: Instant, id: SessionId, source: Option<Source>) {
        self.all.remove(&(at, id));
        if let Some(source) = source
            && self.of_sources.remove(&(source, at, id))
            && let Some(count) = self.counts.get_mut(&source)
        {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&source);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// How many the source has.
    pub(super) fn count(&self, source: Source) -> usize {
        let count = self.counts.get(&source).copied().unwrap_or(0);
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    pub(super) fn first(&self) -> Option<(Instant, SessionId)> {
        self.all.first().copied()
    }

    /// The first of the source.
    pub(super) fn first_of(&self, source: Source) -> Option<(Instant, SessionId)> {
        let from = (source, Instant::ZERO, SessionId(0));
        let (of, at, id) = self.of_sources.range(from..).next()?;
        (*of == source).then_some((*at, *id))
    }
}

#[cfg(test)]
mod tests {
    use super::{Instant, Order, SessionId, Source};

    #[test]
    fn a_source_is_an_ipv4_address_or_an_ipv6_network() {
        let source = |address: &str| Source::of(address.parse().unwrap());
        for (one, other, same) in [
            ("192.0.2.1:1", "192.0.2.1:2", true),
            ("192.0.2.1:1", "192.0.2.2:1", false),
            ("192.0.2.1:1", "[::ffff:192.0.2.1]:1", true),
            ("[2001:db8::1]:1", "[2001:db8::ffff:2]:2", true),
            ("[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false),
        ] {
            assert_eq!(source(one) == source(other), same, "{one} {other}");
        }
    }

    #[test]
    fn the_first_of_all_and_of_a_source_and_how_many() {
        let mut order = Order::default();
        let (one, other) = (Source(1), Source(2));
        let at = Instant::from_micros;
        for (time, id, source) in [
            (3, 1, Some(one)),
            (1, 2, None),
            (2, 3, Some(other)),
            (4, 4, Some(one)),
        ] {
            order.insert(at(time), SessionId(id), source);
        }
        assert_eq!(order.first(), Some((at(1), SessionId(2))));
        assert_eq!(order.first_of(one), Some((at(3), SessionId(1))));
        assert_eq!(
            (order.len(), order.count(one), order.count(other)),
            (4, 2, 1)
        );
        order.remove(at(3), SessionId(1), Some(one));
        order.remove(at(2), SessionId(3), Some(other));
        order.remove(at(2), SessionId(3), Some(other));
        assert_eq!(order.first_of(one), Some((at(4), SessionId(4))));
        assert_eq!(order.first_of(other), None);
        assert_eq!((order.count(one), order.count(other)), (1, 0));
        assert_eq!(
            order.counts.len(),
            1,
            "a source without sessions is forgotten"
        );
    }
}
