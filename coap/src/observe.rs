//! The order of notifications (RFC 7641 Section 3.4).

use crate::time::{Duration, Instant};

/// Sequence numbers have 24 bits.
pub(crate) const SEQUENCE_MASK: u32 = 0x00ff_ffff;

/// When a notification was received, and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) sequence: u32,
    pub(crate) at: Instant,
}

impl Received {
    /// Whether a notification that arrives now is newer than this one.
    pub(crate) fn is_older_than(self, next: Self) -> bool {
        const HALF: u32 = 1 << 23;
        let (old, new) = (self.sequence & SEQUENCE_MASK, next.sequence & SEQUENCE_MASK);
        // RFC 7641 Section 3.4: the three conditions, any of which makes the later one the newer.
        (old < new && new - old < HALF)
            || (old > new && old - new > HALF)
            || next.at.saturating_duration_since(self.at) > Duration::from_secs(128)
    }
}

#[cfg(test)]
mod tests {
    use super::{Instant, Received};

    #[test]
    fn notifications_are_ordered_as_rfc_7641_says() {
        for (old, new, seconds, newer) in [
            (1, 2, 0, true),
            (2, 1, 0, false),
            (2, 2, 0, false),
            (0xff_ffff, 0, 0, true),
            (0, 0xff_ffff, 0, false),
            (0, 0x7f_ffff, 0, true),
            (0, 0x80_0000, 0, false),
            (9, 3, 128, false),
            (9, 3, 129, true),
        ] {
            let first = Received {
                sequence: old,
                at: Instant::ZERO,
            };
            let second = Received {
                sequence: new,
                at: Instant::from_micros(seconds * 1_000_000),
            };
            assert_eq!(
                first.is_older_than(second),
                newer,
                "{old} then {new} after {seconds} s"
            );
        }
    }
}
