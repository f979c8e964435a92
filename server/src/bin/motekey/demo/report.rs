//! What the demo prints at its end: one row a step, for people as a table, for programs as one JSON document.

use std::time::Duration;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, TableComponent, presets};
use serde::Serialize;

/// What one exchange cost at the device: every byte of UDP payload in both directions, DTLS included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Times the device waited for an answer.
    pub(crate) round_trips: u64,
    /// Datagrams, both directions.
    pub(crate) datagrams: u64,
    /// UDP payload bytes, both directions.
    pub(crate) bytes: u64,
    /// Elapsed time.
    pub(crate) time: Duration,
}

impl Cost {
    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            round_trips: self.round_trips + other.round_trips,
            datagrams: self.datagrams + other.datagrams,
            bytes: self.bytes + other.bytes,
            time: self.time + other.time,
        }
    }
}

/// One step of the demo, over all devices that took it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Step {
    /// What was done.
    pub(crate) step: String,
    /// How many peers did it.
    pub(crate) peers: usize,
    /// How many of them ended as they must.
    pub(crate) as_expected: usize,
    /// Whether this step was there to be refused.
    pub(crate) refusal: bool,
    /// What came of it, in words: the answer, or what was refused and why.
    pub(crate) outcome: String,
    /// Median of the peers.
    pub(crate) round_trips: u64,
    /// Median of the peers.
    pub(crate) datagrams: u64,
    /// Median of the peers.
    pub(crate) bytes: u64,
    /// Median of the peers, in milliseconds.
    pub(crate) milliseconds: f64,
    /// Slowest of the peers, in milliseconds.
    pub(crate) worst_milliseconds: f64,
}

impl Step {
    /// Sums up what the peers of one step paid. A step that nobody took is not as expected.
    pub(crate) fn of(
        step: impl Into<String>,
        costs: &[Cost],
        as_expected: usize,
        outcome: impl Into<String>,
    ) -> Self {
        let milliseconds = |time: Duration| (time.as_secs_f64() * 1e5).round() / 1e2;
        Self {
            step: step.into(),
            peers: costs.len(),
            as_expected,
            refusal: false,
            outcome: outcome.into(),
            round_trips: median(costs.iter().map(|cost| cost.round_trips)).unwrap_or_default(),
            datagrams: median(costs.iter().map(|cost| cost.datagrams)).unwrap_or_default(),
            bytes: median(costs.iter().map(|cost| cost.bytes)).unwrap_or_default(),
            milliseconds: milliseconds(
                median(costs.iter().map(|cost| cost.time)).unwrap_or_default(),
            ),
            worst_milliseconds: milliseconds(
                costs.iter().map(|cost| cost.time).max().unwrap_or_default(),
            ),
        }
    }

    /// Marks a step that must be refused.
    pub(crate) fn refused(mut self) -> Self {
        self.refusal = true;
        self
    }

    /// Every peer ended as it must.
    pub(crate) fn went_well(&self) -> bool {
        self.peers > 0 && self.as_expected == self.peers
    }
}

/// The whole run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    /// Name of the world.
    pub(crate) world: &'static str,
    /// Number of devices.
    pub(crate) devices: usize,
    /// The DTLS backend that carried it.
    pub(crate) dtls: &'static str,
    /// Every step went as it must.
    pub(crate) ok: bool,
    /// Elapsed seconds.
    pub(crate) seconds: f64,
    /// Readings that arrived at the resource server.
    pub(crate) readings: usize,
    /// The steps in order.
    pub(crate) steps: Vec<Step>,
}

impl Report {
    /// The steps as a table for a terminal of `width` columns.
    pub(crate) fn table(&self, width: u16) -> String {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
        for line in [
            TableComponent::HorizontalLines,
            TableComponent::MiddleIntersections,
        ] {
            table.remove_style(line);
        }
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width);
        table.set_header([
            "step",
            "peers",
            "round trips",
            "datagrams",
            "bytes",
            "ms",
            "worst ms",
            "outcome",
        ]);
        for step in &self.steps {
            let number = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
            let mark = if step.went_well() {
                ""
            } else {
                "NOT AS IT MUST: "
            };
            table.add_row([
                Cell::new(&step.step),
                number(format!("{}/{}", step.as_expected, step.peers)),
                number(step.round_trips.to_string()),
                number(step.datagrams.to_string()),
                number(step.bytes.to_string()),
                number(format!("{:.1}", step.milliseconds)),
                number(format!("{:.1}", step.worst_milliseconds)),
                Cell::new(format!("{mark}{}", step.outcome)),
            ]);
        }
        table.to_string()
    }
}

fn median<T: Ord>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    let middle = values.len() / 2;
    values.into_iter().nth(middle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(bytes: u64) -> Cost {
        Cost {
            round_trips: 2,
            datagrams: 4,
            bytes,
            time: Duration::from_micros(bytes),
        }
    }

    #[test]
    fn a_step_gives_the_median_and_the_worst() {
        let step = Step::of("post", &[cost(100), cost(5000), cost(200)], 3, "2.04");
        assert_eq!((step.bytes, step.peers), (200, 3));
        assert_eq!(step.worst_milliseconds, 5.0);
        assert!(step.went_well());
    }

    #[test]
    fn a_step_without_peers_or_with_a_wrong_ending_did_not_go_well() {
        assert!(!Step::of("post", &[], 0, "").went_well());
        assert!(!Step::of("post", &[cost(1), cost(2)], 1, "").went_well());
    }

    #[test]
    fn the_table_names_what_did_not_go_as_it_must() {
        let steps = vec![
            Step::of("post", &[cost(1)], 0, "4.03"),
            Step::of("read", &[cost(1)], 1, "2.05"),
        ];
        let report = Report {
            world: "energy",
            devices: 1,
            dtls: "x",
            ok: false,
            seconds: 1.0,
            readings: 0,
            steps,
        };
        let table = report.table(120);
        assert_eq!(table.matches("NOT AS IT MUST").count(), 1, "{table}");
    }
}
