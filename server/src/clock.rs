//! Wall-clock time as an argument. [`SystemClock`] is the only place of this crate that reads the system clock;
//! everything else asks the [`Clock`] that the configuration gave it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970-01-01T00:00:00Z, as in the dates of a token (RFC 8392 Section 2).
pub type UnixSeconds = i64;

/// Tells the time to whoever issues or judges tokens.
///
/// A resource server that does not know the time passes its seconds since boot and accepts only tokens with `exi`
/// (RFC 9200 Section 5.10.3).
pub trait Clock: Send + Sync + 'static {
    /// The present, whole seconds.
    fn now(&self) -> UnixSeconds;
}

impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> UnixSeconds {
        (**self).now()
    }
}

/// The runtime's monotonic clock, for waits. Tests that pause the runtime move it.
pub(crate) fn runtime_now() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixSeconds {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| {
                i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
            })
    }
}

/// A clock that can be moved: for tests and for the demo, which lets a token expire without waiting for it.
pub struct VirtualClock {
    base: Option<Arc<dyn Clock>>,
    offset: AtomicI64,
}

impl VirtualClock {
    /// A clock that stands still at `start` until it is moved.
    pub fn fixed(start: UnixSeconds) -> Self {
        Self {
            base: None,
            offset: AtomicI64::new(start),
        }
    }

    /// A clock that runs with `base` and is ahead of it by what [`VirtualClock::advance`] added.
    pub fn running(base: impl Clock) -> Self {
        Self {
            base: Some(Arc::new(base)),
            offset: AtomicI64::new(0),
        }
    }

    /// Moves the clock by `seconds`, backwards if negative.
    pub fn advance(&self, seconds: i64) {
        self.offset.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> UnixSeconds {
        let base = self.base.as_ref().map_or(0, |base| base.now());
        base.saturating_add(self.offset.load(Ordering::SeqCst))
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VirtualClock({})", self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_clock_moves_only_when_told() {
        let clock = VirtualClock::fixed(1_000);
        assert_eq!(clock.now(), 1_000);
        clock.advance(60);
        clock.advance(-10);
        assert_eq!(clock.now(), 1_050);
    }

    #[test]
    fn running_virtual_clock_adds_its_offset() {
        let base = Arc::new(VirtualClock::fixed(500));
        let clock = VirtualClock::running(base.clone());
        clock.advance(7);
        base.advance(1);
        assert_eq!(clock.now(), 508);
    }

    #[test]
    fn system_clock_is_past_the_year_2020() {
        assert!(SystemClock.now() > 1_577_836_800);
    }
}
