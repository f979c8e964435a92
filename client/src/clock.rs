//! The only place of this crate that reads a clock. Everything else takes instants.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use motekey_coap::time::Instant;

/// A source of monotonic time: never goes back, need not know the date. Token lifetimes are counted on it, so that
/// a device without a calendar clock still knows when its key ends (RFC 9200 Section 5.10.4).
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present instant.
    fn now(&self) -> Instant;
}

/// The clock of the operating system, counted from the creation of the value.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: std::time::Instant,
}

impl SystemClock {
    /// A clock whose origin is now.
    pub fn new() -> Self {
        Self {
            origin: std::time::Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::ZERO + self.origin.elapsed()
    }
}

/// The clock of the operating system plus an offset that only grows: for demonstrations and tests of expiry that
/// do not wait.
#[derive(Debug, Default)]
pub struct OffsetClock {
    system: SystemClock,
    offset_micros: AtomicU64,
}

impl OffsetClock {
    /// A clock without an offset yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock forward by `step`.
    pub fn advance(&self, step: Duration) {
        let micros = u64::try_from(step.as_micros()).unwrap_or(u64::MAX);
        self.offset_micros.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for OffsetClock {
    fn now(&self) -> Instant {
        self.system.now() + Duration::from_micros(self.offset_micros.load(Ordering::SeqCst))
    }
}

/// The date, as far as a device knows it. Needed for one thing only: to judge tokens that were kept over a restart,
/// when the monotonic clock began anew.
pub trait WallClock: Send + Sync + fmt::Debug {
    /// Seconds since 1970-01-01T00:00:00Z; `None` as long as the device does not know the date.
    fn unix_seconds(&self) -> Option<u64>;
}

/// The date of the operating system. A date before 2020 is taken for that of a device which does not know it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemWallClock;

/// 2020-01-01T00:00:00Z: before this program was written.
const NEVER_BEFORE: u64 = 1_577_836_800;

impl WallClock for SystemWallClock {
    fn unix_seconds(&self) -> Option<u64> {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .ok()
            .map(|elapsed| elapsed.as_secs())
            .filter(|seconds| *seconds >= NEVER_BEFORE)
    }
}

/// No date at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoWallClock;

impl WallClock for NoWallClock {
    fn unix_seconds(&self) -> Option<u64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_moves_only_forward() {
        let clock = OffsetClock::new();
        let before = clock.now();
        clock.advance(Duration::from_secs(60));
        assert!(clock.now() - before >= Duration::from_secs(60));
        assert!(clock.now() - before < Duration::from_secs(61));
    }
}
