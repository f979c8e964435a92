//! The replay window (RFC 6347 Section 4.1.2.6).

/// Which of the last 64 sequence numbers have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ReplayWindow {
    /// One above the highest number that has come; 0 at the beginning.
    next: u64,
    /// Bit n: the number `next - 1 - n` has come.
    seen: u64,
}

impl ReplayWindow {
    /// Whether a record of this number may be new. Older than the window counts as seen.
    pub(crate) const fn may_be_new(&self, sequence: u64) -> bool {
        match self.next.checked_sub(sequence) {
            None | Some(0) => true,
            Some(back @ 1..=64) => self.seen & (1 << (back - 1)) == 0,
            Some(_) => false,
        }
    }

    /// To save a session.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.next) << 64 | u128::from(self.seen)).to_be_bytes()
    }

    /// What [`ReplayWindow::to_bytes`] gave.
    pub(crate) fn from_bytes(bytes: &[u8; 16]) -> Self {
        let (next, seen) = bytes.split_at(8);
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0, |value, byte| value << 8 | u64::from(*byte))
        };
        Self {
            next: number(next),
            seen: number(seen),
        }
    }

    /// Marks a number. Called only after the record has verified (RFC 6347 Section 4.1.2.6: the window MUST NOT be
    /// updated before). Returns whether the record is newer than all before.
    pub(crate) const fn mark(&mut self, sequence: u64) -> bool {
        match self.next.checked_sub(sequence) {
            Some(back @ 1..=64) => {
                self.seen |= 1 << (back - 1);
                false
            }
            Some(65..) => false,
            None | Some(0) => {
                let shift = sequence - self.next + 1;
                self.seen = if shift > 63 {
                    1
                } else {
                    self.seen << shift | 1
                };
                self.next = sequence + 1;
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn d01_a_number_counts_once() {
        let mut window = ReplayWindow::default();
        for (sequence, new, newest) in [
            (0, true, true),
            (0, false, false),
            (2, true, true),
            (1, true, false),
            (1, false, false),
            (100, true, true),
        ] {
            assert_eq!(window.may_be_new(sequence), new, "{sequence}");
            if new {
                assert_eq!(window.mark(sequence), newest, "{sequence}");
            }
        }
        assert!(!window.may_be_new(36), "behind the window");
        assert!(window.may_be_new(37), "the oldest in the window");
    }

    proptest! {
        #[test]
        fn d01_no_number_is_accepted_twice(numbers in proptest::collection::vec(0_u64..200, 1..300)) {
            let mut window = ReplayWindow::default();
            let mut accepted = BTreeSet::new();
            for number in numbers.into_iter().collect::<Vec<_>>() {
                let highest = accepted.last().copied();
                if window.may_be_new(number) {
                    prop_assert!(accepted.insert(number));
                    prop_assert_eq!(window.mark(number), highest.is_none_or(|highest| number > highest));
                } else {
                    prop_assert!(accepted.contains(&number) || highest.is_some_and(|highest| number + 63 < highest));
                }
            }
        }
    }
}
