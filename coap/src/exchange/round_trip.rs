//! How long a peer takes to acknowledge, and the first wait that follows from it (RFC 6298, RFC 7252 Section 4.2).

use crate::endpoint::EndpointConfig;
use crate::time::{Duration, Instant};

/// How long, in seconds, a measurement tells of a network that may answer sooner than ACK_TIMEOUT. Older ones no longer shorten the
/// first wait: a device that slept has to wake its radio first.
const FRESH: u32 = 60;

/// What was measured of one session, in 16 bytes. Only sessions under DTLS are measured: their acknowledgements cannot
/// be forged. RFC 7252 Section 4.8.1: with less than 1 s a sender must keep measuring and stay safe under congestion;
/// so it follows RFC 8961: each acknowledged message that was sent once is a sample, none that was repeated is (Karn's
/// algorithm), every repetition doubles the wait, and what loss has doubled stays doubled until a sample comes.
#[derive(Debug, Default)]
pub(crate) struct RoundTrip {
    /// SRTT in microseconds; zero: nothing was measured.
    smoothed: u32,
    /// RTTVAR in microseconds.
    variation: u32,
    /// Messages that had to be repeated since the last sample.
    repeated: u8,
    /// When the last sample came, in seconds.
    at: u32,
}

impl RoundTrip {
    /// A message that was sent once was answered after this time.
    pub(crate) fn sample(&mut self, now: Instant, time: Duration) {
        let sample = u32::try_from(time.as_micros()).unwrap_or(u32::MAX).max(1);
        if self.smoothed == 0 {
            // RFC 6298 Section 2.2: SRTT <- R, RTTVAR <- R/2.
            (self.smoothed, self.variation) = (sample, sample / 2);
        } else {
            // RFC 6298 Section 2.3: RTTVAR <- 3/4 RTTVAR + 1/4 |SRTT - R'|, SRTT <- 7/8 SRTT + 1/8 R'.
            let difference = self.smoothed.abs_diff(sample);
            self.variation = mean(self.variation, 3, difference, 1, 4);
            self.smoothed = mean(self.smoothed, 7, sample, 1, 8).max(1);
        }
        (self.repeated, self.at) = (0, in_seconds(now));
    }

    /// A message was acknowledged that had been sent again.
    pub(crate) const fn repeated(&mut self) {
        self.repeated = self.repeated.saturating_add(1);
    }

    /// ACK_TIMEOUT for the next message.
    pub(crate) fn ack_timeout(&self, now: Instant, config: &EndpointConfig) -> Duration {
        let constant = config.ack_timeout;
        if self.smoothed == 0 {
            return constant;
        }
        // RFC 6298 Section 2.3: RTO <- SRTT + 4 RTTVAR.
        let measured = Duration::from_micros(u64::from(self.smoothed))
            + 4 * Duration::from_micros(u64::from(self.variation));
        if measured >= constant {
            return measured.min(config.max_ack_timeout.max(constant));
        }
        if in_seconds(now).saturating_sub(self.at) > FRESH {
            return constant;
        }
        let doubled = measured.max(config.min_ack_timeout) * (1 << self.repeated.min(8));
        doubled.min(constant)
    }
}

fn in_seconds(now: Instant) -> u32 {
    u32::try_from(now.as_micros() / 1_000_000).unwrap_or(u32::MAX)
}

/// The weighted mean of two numbers.
fn mean(one: u32, weight: u64, other: u32, other_weight: u64, sum: u64) -> u32 {
    let total = u64::from(one) * weight + u64::from(other) * other_weight;
    u32::try_from(total / sum).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_wait_is_three_round_trips_after_one_sample_within_its_bounds() {
        let config = EndpointConfig::default();
        for (sample, expected) in [
            (0, 200),
            (10, 200),
            (100, 300),
            (500, 1500),
            (700, 2100),
            (60_000, 10_000),
        ] {
            let mut round_trip = RoundTrip::default();
            assert_eq!(round_trip.ack_timeout(at(0), &config), millis(2000));
            round_trip.sample(at(0), millis(sample));
            let wait = round_trip.ack_timeout(at(0), &config);
            assert_eq!(wait, millis(expected), "{sample} ms");
        }
        let mut round_trip = RoundTrip::default();
        round_trip.sample(at(0), Duration::MAX);
        assert_eq!(round_trip.ack_timeout(at(0), &config), millis(10_000));
    }

    #[test]
    fn equal_bounds_switch_the_measurement_off() {
        let config = EndpointConfig {
            min_ack_timeout: millis(2000),
            max_ack_timeout: millis(2000),
            ..EndpointConfig::default()
        };
        for sample in [1, 100, 5000] {
            let mut round_trip = RoundTrip::default();
            round_trip.sample(at(0), millis(sample));
            assert_eq!(round_trip.ack_timeout(at(0), &config), millis(2000));
        }
    }

    #[test]
    fn further_samples_refine_the_wait_as_rfc_6298_says() {
        let config = EndpointConfig::default();
        let mut round_trip = RoundTrip::default();
        round_trip.sample(at(0), millis(400));
        // RTTVAR 3/4 * 200 + 1/4 * 400 = 250, SRTT 7/8 * 400 + 1/8 * 800 = 450.
        round_trip.sample(at(0), millis(800));
        assert_eq!(round_trip.ack_timeout(at(0), &config), millis(1450));
        for _ in 0..40 {
            round_trip.sample(at(0), millis(400));
        }
        let wait = round_trip.ack_timeout(at(0), &config);
        assert!((millis(400)..millis(420)).contains(&wait), "{wait:?}");
    }

    #[test]
    fn loss_doubles_the_wait_until_a_sample_comes() {
        let config = EndpointConfig::default();
        let mut round_trip = RoundTrip::default();
        round_trip.sample(at(0), millis(100));
        for expected in [300, 600, 1200, 2000, 2000] {
            assert_eq!(round_trip.ack_timeout(at(0), &config), millis(expected));
            round_trip.repeated();
        }
        (0..400).for_each(|_| round_trip.repeated());
        assert_eq!(round_trip.ack_timeout(at(0), &config), millis(2000));
        round_trip.sample(at(0), millis(100));
        assert!(round_trip.ack_timeout(at(0), &config) < millis(300));
    }

    #[test]
    fn an_old_measurement_shortens_nothing_and_still_lengthens() {
        let config = EndpointConfig::default();
        for (sample, fresh, old) in [(100, 300, 2000), (1000, 3000, 3000)] {
            let mut round_trip = RoundTrip::default();
            round_trip.sample(at(0), millis(sample));
            for (now, expected) in [(60_999, fresh), (61_000, old)] {
                let wait = round_trip.ack_timeout(at(now), &config);
                assert_eq!(wait, millis(expected), "{sample} ms at {now}");
            }
        }
    }
}
