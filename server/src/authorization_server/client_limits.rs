//! How many tokens one device gets: so that a single device, broken or taken over, does not use up what all share.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::UnixSeconds;

/// Seconds of the time that [`ClientLimits::tokens_per_minute`] counts in.
const MINUTE: u64 = 60;

/// What one device may ask for. Each device has an allowance of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLimits {
    /// Tokens a minute in the long run. Default 60: a device needs one for each resource server and lifetime.
    pub tokens_per_minute: u32,
    /// Tokens that may be asked for at once after a pause. Default 60.
    pub burst: u32,
    /// Tokens of one device that live at a time, as far as this process issued them. Default 256, which a million
    /// remembered tokens have room for 3900 times.
    pub live_tokens: usize,
}

impl ClientLimits {
    /// No limits: for measurements and for fuzzing, where one device asks for everything.
    pub const NONE: Self = Self {
        tokens_per_minute: u32::MAX,
        burst: u32::MAX,
        live_tokens: usize::MAX,
    };
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            tokens_per_minute: 60,
            burst: 60,
            live_tokens: 256,
        }
    }
}

/// The allowances. At most one entry for each registered device, of 8 bytes for each live token and about 100 more:
/// 2 kB at worst by default. None is evicted while its device is registered, so nobody gets a new allowance by asking
/// under many names.
#[derive(Debug)]
pub(super) struct Allowances {
    limits: ClientLimits,
    clients: Mutex<HashMap<Arc<str>, Allowance>>,
}

#[derive(Debug)]
struct Allowance {
    /// Tokens that may be asked for, times [`MINUTE`].
    left: u64,
    refilled_at: UnixSeconds,
    /// When the live tokens end, the first end first.
    ends: VecDeque<UnixSeconds>,
}

/// The place of a token among the live ones of its device. Without [`Place::keep`] it is given back.
#[derive(Debug)]
pub(super) struct Place<'a> {
    allowances: &'a Allowances,
    client: Arc<str>,
    end: Option<UnixSeconds>,
}

impl Allowances {
    pub(super) fn new(limits: ClientLimits) -> Self {
        Self {
            limits,
            clients: Mutex::default(),
        }
    }

    /// Takes a token that lives until `end` from the allowance of `client`. If there is none left: the seconds after
    /// which there may be one.
    pub(super) fn take(
        &self,
        client: &Arc<str>,
        now: UnixSeconds,
        end: UnixSeconds,
    ) -> Result<Place<'_>, u32> {
        let mut clients = self.clients();
        let allowance = clients.entry(client.clone()).or_insert_with(|| Allowance {
            left: u64::from(self.limits.burst) * MINUTE,
            refilled_at: now,
            ends: VecDeque::new(),
        });
        allowance.refill(&self.limits, now);
        allowance.take(&self.limits, now, end)?;
        Ok(Place {
            allowances: self,
            client: client.clone(),
            end: Some(end),
        })
    }

    /// Forgets the devices that are not registered any more.
    pub(super) fn retain(&self, registered: impl Fn(&str) -> bool) {
        self.clients().retain(|client, _| registered(client));
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<Arc<str>, Allowance>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Allowance {
    fn refill(&mut self, limits: &ClientLimits, now: UnixSeconds) {
        // A clock that goes back gives nothing, and does not stop what comes after.
        let elapsed = now.saturating_sub(self.refilled_at);
        let gained = u64::try_from(elapsed)
            .unwrap_or_default()
            .saturating_mul(limits.tokens_per_minute.into());
        self.left = self
            .left
            .saturating_add(gained)
            .min(u64::from(limits.burst) * MINUTE);
        self.refilled_at = now;
        while self.ends.front().is_some_and(|end| *end <= now) {
            self.ends.pop_front();
        }
    }

    fn take(
        &mut self,
        limits: &ClientLimits,
        now: UnixSeconds,
        end: UnixSeconds,
    ) -> Result<(), u32> {
        if self.ends.len() >= limits.live_tokens {
            let first = self.ends.front().map_or(0, |end| end.saturating_sub(now));
            return Err(u32::try_from(first).unwrap_or(u32::MAX).max(1));
        }
        let Some(left) = self.left.checked_sub(MINUTE) else {
            let missing = MINUTE - self.left;
            let wait = missing.div_ceil(u64::from(limits.tokens_per_minute).max(1));
            return Err(u32::try_from(wait).unwrap_or(u32::MAX));
        };
        self.left = left;
        let place = self.ends.partition_point(|other| *other <= end);
        self.ends.insert(place, end);
        Ok(())
    }
}

impl Place<'_> {
    /// The token was issued.
    pub(super) fn keep(mut self) {
        self.end = None;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some(end) = self.end else { return };
        if let Some(allowance) = self.allowances.clients().get_mut(&self.client)
            && let Ok(place) = allowance.ends.binary_search(&end)
        {
            allowance.ends.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ClientLimits = ClientLimits {
        tokens_per_minute: 30,
        burst: 4,
        live_tokens: 6,
    };

    fn take(
        allowances: &Allowances,
        client: &str,
        now: UnixSeconds,
        end: UnixSeconds,
    ) -> Result<(), u32> {
        allowances.take(&client.into(), now, end).map(Place::keep)
    }

    #[test]
    fn a_burst_then_the_rate_for_each_device() {
        let allowances = Allowances::new(LIMITS);
        let taken = |client: &str, now| {
            (0..10)
                .filter(|_| take(&allowances, client, now, now).is_ok())
                .count()
        };
        assert_eq!(taken("meter", 1_000), 4);
        assert_eq!(take(&allowances, "meter", 1_000, 1_000), Err(2), "seconds");
        assert_eq!(taken("other", 1_000), 4, "another device");
        assert_eq!(taken("meter", 1_001), 0);
        assert_eq!(taken("meter", 1_004), 2);
        assert_eq!(
            taken("meter", 500),
            0,
            "a clock that goes back gives nothing"
        );
        assert_eq!(taken("meter", 502), 1, "and does not stop what comes after");
        assert_eq!(taken("meter", 9_999), 4);
    }

    #[test]
    fn so_many_tokens_live_at_a_time() {
        let allowances = Allowances::new(LIMITS);
        for (now, end) in [
            (0, 100),
            (0, 90),
            (60, 200),
            (60, 200),
            (70, 300),
            (80, 300),
        ] {
            assert_eq!(take(&allowances, "meter", now, end), Ok(()));
        }
        assert_eq!(
            take(&allowances, "meter", 85, 400),
            Err(5),
            "the first end is 90"
        );
        assert_eq!(take(&allowances, "other", 85, 400), Ok(()));
        assert_eq!(take(&allowances, "meter", 90, 400), Ok(()));
        assert_eq!(take(&allowances, "meter", 91, 400), Err(9));
    }

    #[test]
    fn a_token_that_was_not_issued_leaves_its_place() {
        let allowances = Allowances::new(LIMITS);
        for second in 0..100 {
            drop(allowances.take(&"meter".into(), second * 2, 1_000).unwrap());
        }
        allowances.retain(|client| client == "other");
        assert!(allowances.clients().is_empty());
    }
}
