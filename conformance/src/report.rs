//! Joins checklist and tests, and writes `CONFORMANCE.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::checklist::{Checklist, Row};
use crate::scan::TestFunction;

/// The checklist with the tests that show its rows.
#[derive(Debug)]
pub struct Report {
    checklist: Checklist,
    tests: BTreeMap<String, Vec<TestFunction>>,
    faults: Vec<String>,
}

/// How a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// At least one test shows it.
    Covered,
    /// No test shows it yet.
    Open,
    /// It does not apply here.
    Excused,
}

/// How many rows stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Rows that a test shows.
    pub covered: usize,
    /// Rows that no test shows.
    pub open: usize,
    /// Rows that do not apply.
    pub excused: usize,
}

impl Report {
    /// Joins the checklist with the test functions of the workspace.
    #[must_use]
    pub fn new(checklist: Checklist, functions: &[TestFunction]) -> Self {
        let mut tests: BTreeMap<String, Vec<TestFunction>> = BTreeMap::new();
        let mut faults = Vec::new();
        for function in functions {
            let parts = function.name.split('_');
            for id in parts.map_while(|part| checklist.id_of(part)) {
                if checklist.excused.contains_key(&id) {
                    faults.push(fault(function, &id, "is excused, yet a test shows it"));
                } else if checklist.contains(&id) {
                    let shown = tests.entry(id).or_default();
                    if !shown.contains(function) {
                        shown.push(function.clone());
                    }
                } else {
                    faults.push(fault(function, &id, "does not exist in the checklist"));
                }
            }
        }
        Self {
            checklist,
            tests,
            faults,
        }
    }

    /// What is wrong with the names of the tests, one line each; empty when all is well.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// How the row with this id stands.
    #[must_use]
    pub fn status(&self, id: &str) -> Status {
        if self.checklist.excused.contains_key(id) {
            Status::Excused
        } else if self.tests.contains_key(id) {
            Status::Covered
        } else {
            Status::Open
        }
    }

    /// The ids of the open rows of these features, in the order of the checklist.
    #[must_use]
    pub fn open(&self, features: &[&str]) -> Vec<&str> {
        let rows = self.checklist.rows.iter();
        rows.filter(|row| features.contains(&row.feature.as_str()))
            .filter(|row| self.status(&row.id) == Status::Open)
            .map(|row| row.id.as_str())
            .collect()
    }

    /// Totals per feature, `core` first and then in the order of the checklist.
    #[must_use]
    pub fn totals(&self) -> Vec<(String, Totals)> {
        let mut all: Vec<(String, Totals)> = Vec::new();
        for row in &self.checklist.rows {
            let at = all
                .iter()
                .position(|(feature, _)| *feature == row.feature)
                .unwrap_or_else(|| {
                    all.push((row.feature.clone(), Totals::default()));
                    all.len() - 1
                });
            if let Some((_, totals)) = all.get_mut(at) {
                totals.count(self.status(&row.id));
            }
        }
        all.sort_by_key(|(feature, _)| feature != "core");
        all
    }

    /// The text of `CONFORMANCE.md`.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::from(HEAD);
        text.push_str("| feature | rows | covered | open | not applicable |\n| --- | --- | --- | --- | --- |\n");
        for (feature, totals) in self.totals() {
            let Totals {
                covered,
                open,
                excused,
            } = totals;
            let rows = totals.rows();
            let _ = writeln!(
                text,
                "| {feature} | {rows} | {covered} | {open} | {excused} |"
            );
        }
        for group in &self.checklist.groups {
            let _ = write!(text, "\n## {}\n\n{TABLE}", group.title);
            for row in &self.checklist.rows {
                if row.id.starts_with(group.letter) {
                    self.row(&mut text, row);
                }
            }
        }
        text
    }

    /// The totals as lines for a terminal.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for (feature, totals) in self.totals() {
            let Totals {
                covered, excused, ..
            } = totals;
            let rows = totals.rows();
            let _ = writeln!(
                text,
                "{feature:<6} {covered:>3} of {rows:>3} rows covered, {excused} not applicable"
            );
        }
        text
    }

    fn row(&self, text: &mut String, row: &Row) {
        let status = match self.checklist.excused.get(&row.id) {
            Some(reason) => format!("not applicable: {}", cell(reason)),
            None if self.tests.contains_key(&row.id) => "covered".to_owned(),
            None => "open".to_owned(),
        };
        let tests: Vec<String> = self
            .tests
            .get(&row.id)
            .into_iter()
            .flatten()
            .map(|test| format!("`{}::{}`", test.file, test.name))
            .collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} {} | {status} | {} |",
            row.id,
            cell(&row.role),
            cell(&row.level),
            row.feature,
            cell(&row.requirement),
            cell(&row.source),
            cell(&row.section),
            tests.join("<br>"),
        );
    }
}

impl Totals {
    /// All rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.covered + self.open + self.excused
    }

    fn count(&mut self, status: Status) {
        match status {
            Status::Covered => self.covered += 1,
            Status::Open => self.open += 1,
            Status::Excused => self.excused += 1,
        }
    }
}

const HEAD: &str = "\
# Conformance

Generated by `cargo run -p motekey-conformance -- --write` from the checklist and the names of the tests: do not edit.

A row is a demand of an RFC or draft, in our words. *Covered* means that at least one test begins with its id and
shows it; *open* means that none does yet, whether or not the code is there. Level is the word of the source in
capitals, or what stands there in its place. Features: `core` is the base system, AS, RS and client with CWT over
CoAP and DTLS; `opt` introspection, refresh, key derivation, TLS, Connection ID; `osc` the OSCORE profile; `rev` the
revocation list; `edhoc` the EDHOC profile; `cert` certificates; `wf` the workflow draft; `pki` enrolment and
directory.

";

const TABLE: &str = "\
| id | role | level | feature | requirement | section | status | tests |
| --- | --- | --- | --- | --- | --- | --- | --- |
";

fn fault(function: &TestFunction, id: &str, what: &str) -> String {
    format!("{}::{}: row {id} {what}", function.file, function.name)
}

/// Text that cannot end a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"{"groups":[{"letter":"O","title":"Other"},{"letter":"F","title":"Framework"}],"rows":[
        {"id":"O-01","role":"C","level":"MUST","feature":"osc","source":"RFC 9203","section":"3","requirement":"a | b"},
        {"id":"F-01","role":"AS","level":"MUST","feature":"core","source":"RFC 9200","section":"5","requirement":"one"},
        {"id":"F-02","role":"RS","level":"MUST","feature":"core","source":"RFC 9200","section":"6","requirement":"two"}]}"#;

    fn report(excused: &str, names: &[&str]) -> Report {
        let functions: Vec<_> = names
            .iter()
            .map(|name| TestFunction {
                file: "a/src/b.rs".into(),
                name: (*name).into(),
            })
            .collect();
        Report::new(Checklist::parse(LIST, excused).unwrap(), &functions)
    }

    #[test]
    fn ids_are_read_from_the_beginning_of_a_name_only() {
        let report = report("[]", &["f01_o01_f01_x", "x_f02", "p256_f02", "f02x_a"]);
        assert_eq!(report.faults(), &[] as &[String]);
        assert_eq!(report.status("F-01"), Status::Covered);
        assert_eq!(report.status("O-01"), Status::Covered);
        assert_eq!(report.status("F-02"), Status::Open);
        assert_eq!(report.markdown().matches("f01_o01_f01_x").count(), 2);
    }

    #[test]
    fn rows_without_test_and_reason_are_told_by_feature() {
        let report = report(r#"[{"id":"F-02","reason":"no"}]"#, &["x_f01"]);
        assert_eq!(report.open(&["core"]), ["F-01"]);
        assert_eq!(report.open(&["osc", "core"]), ["O-01", "F-01"]);
        assert_eq!(report.open(&[]), [] as [&str; 0]);
    }

    #[test]
    fn unknown_and_excused_rows_in_names_are_faults() {
        let report = report(r#"[{"id":"F-02","reason":"no"}]"#, &["f64_bits", "f02_a"]);
        assert_eq!(
            report.faults(),
            [
                "a/src/b.rs::f64_bits: row F-64 does not exist in the checklist",
                "a/src/b.rs::f02_a: row F-02 is excused, yet a test shows it",
            ]
        );
    }

    #[test]
    fn markdown_has_totals_with_core_first_and_one_line_per_row() {
        let report = report(r#"[{"id":"F-02","reason":"not | here"}]"#, &["f01_a"]);
        let text = report.markdown();
        let totals = text.find("| core | 2 | 1 | 0 | 1 |\n| osc | 1 | 0 | 1 | 0 |\n");
        assert!(totals.is_some(), "{text}");
        for line in [
            "| O-01 | C | MUST | osc | a \\| b | RFC 9203 3 | open |  |\n",
            "| F-01 | AS | MUST | core | one | RFC 9200 5 | covered | `a/src/b.rs::f01_a` |\n",
            "| F-02 | RS | MUST | core | two | RFC 9200 6 | not applicable: not \\| here |  |\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
