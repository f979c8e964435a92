//! Who came first: sessions in the order of a time, all together and those of each source.

use std::collections::hash_map::Entry;
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

/// Sessions in the order of a time. Some belong to a source. About 40 bytes for each, 80 with a source that has no
/// other; every operation costs the logarithm of their number.
#[derive(Debug, Default)]
pub(super) struct Order {
    all: BTreeSet<(Instant, SessionId)>,
    sources: HashMap<Source, Members>,
}

/// The sessions of a source; nearly every one has one.
#[derive(Debug)]
#[expect(
    clippy::box_collection,
    reason = "the set itself is larger than the one member that nearly every source has"
)]
enum Members {
    One(Instant, SessionId),
    /// Two at least.
    Many(Box<BTreeSet<(Instant, SessionId)>>),
}

impl Order {
    pub(super) fn insert(&mut self, at: Instant, id: SessionId, source: Option<Source>) {
        self.all.insert((at, id));
        let Some(source) = source else { return };
        match self.sources.entry(source) {
            Entry::Vacant(entry) => drop(entry.insert(Members::One(at, id))),
            Entry::Occupied(mut entry) => entry.get_mut().insert(at, id),
        }
    }

    pub(super) fn remove(&mut self, at: Instant, id: SessionId, source: Option<Source>) {
        self.all.remove(&(at, id));
        if let Some(source) = source
            && let Entry::Occupied(mut entry) = self.sources.entry(source)
            && entry.get_mut().remove(at, id)
        {
            entry.remove();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// How many the source has.
    pub(super) fn count(&self, source: Source) -> usize {
        match self.sources.get(&source) {
            None => 0,
            Some(Members::One(..)) => 1,
            Some(Members::Many(many)) => many.len(),
        }
    }

    pub(super) fn first(&self) -> Option<(Instant, SessionId)> {
        self.all.first().copied()
    }

    /// The first of the source.
    pub(super) fn first_of(&self, source: Source) -> Option<(Instant, SessionId)> {
        match self.sources.get(&source)? {
            Members::One(at, id) => Some((*at, *id)),
            Members::Many(many) => many.first().copied(),
        }
    }
}

impl Members {
    fn insert(&mut self, at: Instant, id: SessionId) {
        match self {
            Self::One(first_at, first) if (*first_at, *first) != (at, id) => {
                let both = BTreeSet::from([(*first_at, *first), (at, id)]);
                *self = Self::Many(Box::new(both));
            }
            Self::One(..) => {}
            Self::Many(many) => drop(many.insert((at, id))),
        }
    }

    /// True if none is left.
    fn remove(&mut self, at: Instant, id: SessionId) -> bool {
        match self {
            Self::One(only_at, only) => (*only_at, *only) == (at, id),
            Self::Many(many) => {
                many.remove(&(at, id));
                if many.len() == 1
                    && let Some((at, id)) = many.first().copied()
                {
                    *self = Self::One(at, id);
                }
                false
            }
        }
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
        order.remove(at(9), SessionId(4), Some(one));
        assert_eq!(order.first_of(one), Some((at(4), SessionId(4))));
        assert_eq!(order.first_of(other), None);
        assert_eq!((order.count(one), order.count(other)), (1, 0));
        assert_eq!(
            order.sources.len(),
            1,
            "a source without sessions is forgotten"
        );
    }
}
