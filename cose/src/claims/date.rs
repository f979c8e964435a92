//! NumericDate (RFC 8392 Section 2).

use crate::cbor::{CborError, Number, Value, Writer};

const NANOSECONDS: u32 = 1_000_000_000;

/// A point in time: seconds since 1970-01-01T00:00:00Z without leap seconds, with a fraction of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NumericDate {
    /// Whole seconds, rounded down.
    seconds: i64,
    /// What is above them, below 10^9.
    nanoseconds: u32,
}

impl NumericDate {
    /// A whole second.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self {
            seconds,
            nanoseconds: 0,
        }
    }

    /// The whole seconds, rounded down.
    #[must_use]
    pub const fn as_seconds(&self) -> i64 {
        self.seconds
    }

    /// Whether this is later than `now`: an `exp` for which this holds has not been reached.
    #[must_use]
    pub fn is_after(&self, now: Self) -> bool {
        *self > now
    }

    /// This and so many seconds; the latest date there is if that is too late to be held.
    #[must_use]
    pub fn plus_seconds(&self, seconds: u64) -> Self {
        Self {
            seconds: self.seconds.saturating_add_unsigned(seconds),
            ..*self
        }
    }

    pub(crate) fn read(value: &Value<'_>) -> Result<Self, CborError> {
        // RFC 8392 Section 2: a number without tag 1, integer or floating point.
        match value.number()? {
            Number::Integer(seconds) => Ok(Self::from_seconds(seconds)),
            Number::Float(seconds) => Self::from_float(seconds).ok_or(CborError::OutOfRange {
                label: value.label(),
            }),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        if self.nanoseconds == 0 {
            // RFC 8392 Section 2: without tag 1.
            writer.integer(self.seconds);
        } else {
            writer.float(self.as_float());
        }
    }

    /// `None` for what is not a number and for what no `i64` holds.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is checked before"
    )]
    #[expect(
        clippy::cast_sign_loss,
        reason = "a fraction above the rounded down seconds is not negative"
    )]
    fn from_float(value: f64) -> Option<Self> {
        // 2^53: above it a floating-point number does not tell one second from the next.
        const LIMIT: f64 = 9_007_199_254_740_992.0;
        if !(-LIMIT..=LIMIT).contains(&value) {
            return None;
        }
        // `floor` is not in core: the cast rounds towards zero.
        let towards_zero = value as i64;
        let seconds = if (towards_zero as f64) > value {
            towards_zero - 1
        } else {
            towards_zero
        };
        let nanoseconds = ((value - seconds as f64) * f64::from(NANOSECONDS) + 0.5) as u32;
        if nanoseconds >= NANOSECONDS {
            return Some(Self::from_seconds(seconds + 1));
        }
        Some(Self {
            seconds,
            nanoseconds,
        })
    }

    fn as_float(&self) -> f64 {
        self.seconds as f64 + f64::from(self.nanoseconds) / f64::from(NANOSECONDS)
    }
}
