//! What the demo's devices measure: curves that look like the thing that is measured, the same for the same seed.

use std::f64::consts::TAU;

/// Seconds of one day.
pub(crate) const DAY: i64 = 86_400;

/// A small generator of repeatable numbers (SplitMix64). For curves only, never for keys.
#[derive(Debug, Clone)]
pub(crate) struct Repeatable(u64);

impl Repeatable {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `[low, high)`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A household at its meter: standby, a refrigerator that cycles, meals, an evening at home, kettles, and on some
/// roofs the sun.
#[derive(Debug, Clone)]
pub(crate) struct Household {
    standby: f64,
    refrigerator_period: f64,
    refrigerator_phase: f64,
    morning: (f64, f64),
    evening: (f64, f64, f64),
    kettles: Vec<f64>,
    solar_peak: f64,
}

impl Household {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Repeatable::new(seed);
        Self {
            standby: random.between(45.0, 140.0),
            refrigerator_period: random.between(2400.0, 3900.0),
            refrigerator_phase: random.between(0.0, 1.0),
            morning: (random.between(6.2, 8.4), random.between(300.0, 1200.0)),
            evening: (
                random.between(18.0, 20.5),
                random.between(500.0, 2100.0),
                random.between(1.0, 2.2),
            ),
            kettles: (0..4).map(|_| random.between(6.5, 22.5)).collect(),
            solar_peak: if random.between(0.0, 1.0) < 0.3 {
                random.between(1500.0, 4200.0)
            } else {
                0.0
            },
        }
    }

    /// Power drawn from the grid in watts at a second of the day; negative when the roof feeds in.
    pub(crate) fn power(&self, second: i64) -> f64 {
        let hour = second.rem_euclid(DAY) as f64 / 3600.0;
        let bell = |center: f64, width: f64| (-((hour - center) / width).powi(2)).exp();
        let cycle = (second as f64 / self.refrigerator_period + self.refrigerator_phase).fract();
        let refrigerator = if cycle < 0.35 { 95.0 } else { 2.0 };
        let kettle = if self.kettles.iter().any(|at| (hour - at).abs() < 0.06) {
            2050.0
        } else {
            0.0
        };
        let (morning, morning_power) = self.morning;
        let (evening, evening_power, evening_width) = self.evening;
        let flicker = 1.0 + 0.06 * (TAU * second as f64 / 1117.0).sin();
        let sun = self.solar_peak * bell(13.0, 2.6);
        let drawn = self.standby
            + refrigerator
            + kettle
            + morning_power * bell(morning, 0.7) * flicker
            + evening_power * bell(evening, evening_width) * flicker;
        ((drawn - sun) * 10.0).round() / 10.0
    }
}

/// A machine in a production cell: three shifts, strokes of a press, bearings that warm up. Degrees Celsius.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    idle: f64,
    rise: f64,
    stroke: f64,
}

impl Machine {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Repeatable::new(seed);
        Self {
            idle: random.between(21.0, 26.0),
            rise: random.between(18.0, 34.0),
            stroke: random.between(600.0, 1500.0),
        }
    }

    /// Bearing temperature at a second of the day.
    pub(crate) fn temperature(&self, second: i64) -> f64 {
        let hour = second.rem_euclid(DAY) as f64 / 3600.0;
        let into_shift = (hour - 6.0).rem_euclid(8.0);
        // Warming towards the working temperature, a pause between the shifts, cooling in it.
        let warmth = if into_shift < 7.3 {
            1.0 - (-into_shift / 1.1).exp()
        } else {
            (-(into_shift - 7.3) / 0.5).exp()
        };
        let ripple = 0.8 * (TAU * second as f64 / self.stroke).sin();
        ((self.idle + self.rise * warmth + ripple * warmth) * 10.0).round() / 10.0
    }
}

/// A room with a thermostat: set back at night, windows opened, a radiator that overshoots. Degrees Celsius.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    day: f64,
    night: f64,
    airing: f64,
    swing: f64,
}

impl Room {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Repeatable::new(seed);
        Self {
            day: random.between(19.5, 22.5),
            night: random.between(16.0, 18.0),
            airing: random.between(7.0, 20.0),
            swing: random.between(1500.0, 2700.0),
        }
    }

    /// Air temperature at a second of the day.
    pub(crate) fn temperature(&self, second: i64) -> f64 {
        let hour = second.rem_euclid(DAY) as f64 / 3600.0;
        let step = |from: f64, width: f64| 1.0 / (1.0 + (-(hour - from) / width).exp());
        let heated = step(6.3, 0.35) - step(22.4, 0.6);
        let airing = if hour >= self.airing {
            2.4 * (-(hour - self.airing) / 0.4).exp()
        } else {
            0.0
        };
        let overshoot = 0.25 * (TAU * second as f64 / self.swing).sin();
        ((self.night + (self.day - self.night) * heated - airing + overshoot) * 100.0).round()
            / 100.0
    }
}

/// Draws values as one line of block characters, lowest to highest.
pub(crate) fn sparkline(values: &[f64]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let span = (high - low).max(f64::MIN_POSITIVE);
    values
        .iter()
        .map(|value| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 0 and 7 by construction"
            )]
            let index = ((value - low) / span * 7.0).round() as usize;
            BLOCKS.get(index).copied().unwrap_or('█')
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(curve: impl Fn(i64) -> f64) -> Vec<f64> {
        (0..96).map(|quarter| curve(quarter * 900)).collect()
    }

    #[test]
    fn households_differ_and_repeat() {
        let first = day(|second| Household::new(1).power(second));
        assert_eq!(first, day(|second| Household::new(1).power(second)));
        assert_ne!(first, day(|second| Household::new(2).power(second)));
    }

    #[test]
    fn evenings_draw_more_than_nights() {
        for seed in 0..50 {
            let house = Household::new(seed);
            let mean = |from: i64, to: i64| {
                (from..to)
                    .map(|minute| house.power(minute * 60))
                    .sum::<f64>()
                    / (to - from) as f64
            };
            assert!(
                mean(18 * 60, 21 * 60) > 1.5 * mean(2 * 60, 5 * 60),
                "household {seed}"
            );
        }
    }

    #[test]
    fn some_roofs_feed_in_at_noon_and_never_at_night() {
        let houses: Vec<_> = (0..60).map(Household::new).collect();
        assert!(houses.iter().any(|house| house.power(13 * 3600) < -500.0));
        assert!(houses.iter().all(|house| house.power(2 * 3600) > 0.0));
    }

    #[test]
    fn machines_are_warmer_in_a_shift_and_rooms_by_day() {
        for seed in 0..50 {
            let machine = Machine::new(seed);
            assert!(machine.temperature(12 * 3600) > machine.temperature(6 * 3600) + 10.0);
            let room = Room::new(seed);
            assert!(room.temperature(21 * 3600) > room.temperature(4 * 3600) + 0.5);
        }
    }

    #[test]
    fn a_sparkline_has_one_block_a_value() {
        assert_eq!(sparkline(&[0.0, 7.0, 3.0]), "▁█▄");
        assert_eq!(sparkline(&[5.0, 5.0]).chars().count(), 2);
        assert_eq!(sparkline(&[]), "");
    }
}
