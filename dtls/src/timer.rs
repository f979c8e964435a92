//! When a flight is sent again (RFC 6347 Section 4.2.4).

use core::time::Duration;

use crate::config::Timing;
use crate::random::SeededRandom;
use crate::time::Instant;

/// The timer of a handshake.
#[derive(Debug)]
pub(crate) struct Timer {
    timing: Timing,
    /// The handshake fails at this time.
    limit: Instant,
    /// When the flight goes out again; `None` while nothing waits for an answer.
    repeat: Option<Instant>,
    /// The wait that led to `repeat`, without jitter.
    wait: Duration,
    /// The first wait of the next flight.
    first_wait: Duration,
    /// When the current flight went out first, until it was repeated.
    sample: Option<Instant>,
    /// When the current flight went out last.
    sent: Instant,
    /// Sequence number of the first record of that sending.
    sent_sequence: u64,
    /// The round trip measured last.
    round_trip: Option<Duration>,
}

/// What a time means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing yet.
    Nothing,
    /// The flight goes out again.
    Repeat,
    /// The time limit of the handshake has passed.
    Expired,
}

impl Timer {
    pub(crate) fn new(timing: Timing, now: Instant) -> Self {
        let (wait, first_wait) = (timing.initial, timing.initial);
        Self {
            timing,
            limit: now + timing.limit,
            repeat: None,
            wait,
            first_wait,
            sample: None,
            sent: now,
            sent_sequence: 0,
            round_trip: None,
        }
    }

    /// A new flight goes out at `now`, in records from `sequence` on.
    pub(crate) fn start(&mut self, now: Instant, sequence: u64, random: &mut SeededRandom) {
        self.answered(now);
        self.sample = Some(now);
        self.arm(now, sequence, self.first_wait, random);
    }

    /// The flight goes out again at `now`, in records from `sequence` on.
    pub(crate) fn repeated(&mut self, now: Instant, sequence: u64, random: &mut SeededRandom) {
        // RFC 6298 Section 3: a round trip is not measured on what was sent twice.
        self.sample = None;
        // RFC 6347 Section 4.2.4.1: the wait doubles with each repetition.
        let doubled = self.wait.saturating_mul(2).min(self.timing.maximum);
        self.arm(now, sequence, doubled, random);
    }

    /// A HelloVerifyRequest came in a record with this number, which is that of the ClientHello it answers
    /// (RFC 6347 Section 4.2.1): if that was the last one, its round trip can be measured although the flight was
    /// repeated.
    pub(crate) fn verify_request(&mut self, sequence: u64) {
        if sequence == self.sent_sequence {
            self.sample = Some(self.sent);
        }
    }

    /// The round trip that was measured last.
    pub(crate) const fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Whether the peer's repetition may be answered at `now`: not sooner than half of the shortest wait after our
    /// last sending, so that two ends, or a stranger, cannot keep each other sending.
    pub(crate) fn may_repeat_early(&self, now: Instant) -> bool {
        self.repeat.is_some() && now.saturating_duration_since(self.sent) >= self.timing.minimum / 2
    }

    pub(crate) fn due(&self, now: Instant) -> Due {
        if now >= self.limit {
            Due::Expired
        } else if self.repeat.is_some_and(|repeat| now >= repeat) {
            Due::Repeat
        } else {
            Due::Nothing
        }
    }

    pub(crate) fn next(&self) -> Instant {
        self.repeat
            .map_or(self.limit, |repeat| repeat.min(self.limit))
    }

    /// The peer has the flight, and waits for us: nothing is repeated until the next flight.
    pub(crate) fn pause(&mut self, now: Instant) {
        self.answered(now);
        self.repeat = None;
    }

    /// The peer's answer to the flight came at `now`.
    pub(crate) fn answered(&mut self, now: Instant) {
        if let Some(sent) = self.sample.take() {
            let round_trip = now.saturating_duration_since(sent);
            self.round_trip = Some(round_trip);
            // RFC 6298 Section 2.2: RTO = R + 4 * R/2 after the first measurement.
            let measured = round_trip.saturating_mul(3);
            self.first_wait = measured.max(self.timing.minimum).min(self.timing.initial);
        }
    }

    fn arm(&mut self, now: Instant, sequence: u64, wait: Duration, random: &mut SeededRandom) {
        let jitter = wait.saturating_mul(u32::from(self.timing.jitter_percent)) / 100;
        let part = jitter.saturating_mul(u32::from(random.number())) / u32::from(u16::MAX);
        self.wait = wait;
        self.sent = now;
        self.sent_sequence = sequence;
        self.repeat = Some(now + wait + part);
    }
}

#[cfg(feature = "rust-crypto")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::rust::PROVIDER;
    use crate::crypto::{RandomError, RandomSource};

    struct Fixed;

    impl RandomSource for Fixed {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
            bytes.fill(7);
            Ok(())
        }
    }

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    #[test]
    fn waits_double_within_their_jitter_until_the_limit() {
        let mut random = SeededRandom::new(&PROVIDER, &mut Fixed).unwrap();
        let mut timer = Timer::new(Timing::default(), at(0));
        timer.start(at(0), 0, &mut random);
        let mut now = at(0);
        for wait in [1000, 2000, 4000, 8000, 16000] {
            let next = timer.next();
            let waited = next.saturating_duration_since(now).as_millis();
            assert!(
                (wait..=wait * 5 / 4).contains(&waited),
                "{waited} for {wait}"
            );
            assert_eq!(timer.due(next), Due::Repeat);
            timer.repeated(next, 1, &mut random);
            now = next;
        }
        assert_eq!(timer.next(), at(60_000));
        assert_eq!(timer.due(at(60_000)), Due::Expired);
    }

    #[test]
    fn a_measured_round_trip_shortens_the_wait_of_the_next_flight() {
        let mut random = SeededRandom::new(&PROVIDER, &mut Fixed).unwrap();
        let mut timer = Timer::new(
            Timing {
                jitter_percent: 0,
                ..Timing::default()
            },
            at(0),
        );
        timer.start(at(0), 0, &mut random);
        timer.start(at(100), 1, &mut random);
        assert_eq!(timer.next(), at(400));
        timer.repeated(at(400), 2, &mut random);
        assert_eq!(timer.next(), at(1000));
        timer.start(at(5000), 3, &mut random);
        assert_eq!(
            timer.next(),
            at(5300),
            "no measurement on a repeated flight"
        );
        assert!(!timer.may_repeat_early(at(5000)) && timer.may_repeat_early(at(5100)));
    }

    #[test]
    fn a_verify_request_tells_which_sending_it_answers() {
        let mut random = SeededRandom::new(&PROVIDER, &mut Fixed).unwrap();
        for (sequence, round_trip) in [(1, Some(80)), (0, None), (2, None)] {
            let mut timer = Timer::new(Timing::default(), at(0));
            timer.start(at(0), 0, &mut random);
            timer.repeated(at(1000), 1, &mut random);
            timer.verify_request(sequence);
            timer.start(at(1080), 2, &mut random);
            assert_eq!(timer.round_trip(), round_trip.map(Duration::from_millis));
        }
    }
}
