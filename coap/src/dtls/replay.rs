//! The sliding window against replayed records (RFC 6347 Section 4.1.2.6).

/// Width in records (RFC 6347 Section 4.1.2.6 prefers 64).
const WIDTH: u64 = 64;

/// Which records of one epoch were accepted: the newest and the 63 before it. Older ones count as replayed, so the
/// window fails closed. 16 bytes, whatever arrives.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReplayWindow {
    /// One more than the highest accepted sequence number.
    next: u64,
    /// Bit n stands for sequence number `next - 1 - n`.
    seen: u64,
}

impl ReplayWindow {
    /// Neither accepted before nor too old to know.
    pub(crate) fn is_fresh(&self, sequence: u64) -> bool {
        if sequence >= self.next {
            return true;
        }
        let age = self.next - 1 - sequence;
        age < WIDTH && self.seen >> age & 1 == 0
    }

    /// Remembers a record. Only after it verified.
    pub(crate) fn accept(&mut self, sequence: u64) {
        if sequence >= self.next {
            let shift = sequence.saturating_add(1) - self.next;
            self.seen = if shift < WIDTH {
                self.seen << shift | 1
            } else {
                1
            };
            self.next = sequence.saturating_add(1);
        } else {
            let age = self.next - 1 - sequence;
            if age < WIDTH {
                self.seen |= 1 << age;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn d01_the_window_knows_the_last_64_records() {
        let mut window = ReplayWindow::default();
        assert!(window.is_fresh(0));
        window.accept(100);
        for (sequence, fresh) in [
            (100, false),
            (101, true),
            (99, true),
            (37, true),
            (36, false),
            (0, false),
        ] {
            assert_eq!(window.is_fresh(sequence), fresh, "{sequence}");
        }
        window.accept(37);
        assert!(!window.is_fresh(37));
        window.accept(1 << 47);
        assert!(!window.is_fresh(101));
        assert!(window.is_fresh((1 << 47) - 63));
    }

    proptest! {
        #[test]
        fn d01_nothing_is_accepted_twice(sequences in proptest::collection::vec(0_u64..300, 1..400)) {
            let mut window = ReplayWindow::default();
            let mut accepted = std::collections::BTreeSet::new();
            for sequence in sequences {
                if window.is_fresh(sequence) {
                    prop_assert!(accepted.insert(sequence));
                    window.accept(sequence);
                }
            }
        }
    }
}
