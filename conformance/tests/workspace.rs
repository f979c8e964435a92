//! The names of the tests of this workspace, and the file that is written from them.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use motekey_conformance::checklist::Checklist;
use motekey_conformance::{report::Report, scan};

/// Features of which every row is to be met.
const FINISHED: [&str; 3] = ["core", "opt", "rev"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn report() -> Result<Report, Box<dyn Error>> {
    Ok(Report::new(Checklist::load()?, &scan::workspace(&root())?))
}

#[test]
fn every_row_that_a_test_names_exists() {
    let report = report().unwrap();
    assert!(report.faults().is_empty(), "{}", report.faults().join("\n"));
}

/// Rows that wait for work: refresh tokens from our authorization server. The list may only become shorter.
const AWAITED: [&str; 1] = ["F-21"];

#[test]
fn every_row_of_the_finished_features_has_a_test_or_a_reason() {
    let report = report().unwrap();
    let open = report.open(&FINISHED);
    let new: Vec<_> = open.iter().filter(|id| !AWAITED.contains(id)).collect();
    assert!(new.is_empty(), "no test begins with the id of {new:?}");
}

#[test]
fn conformance_md_is_what_the_generator_writes() {
    let written = fs::read_to_string(root().join("CONFORMANCE.md")).unwrap_or_default();
    let wanted = report().unwrap().markdown();
    let differs = written.lines().zip(wanted.lines()).find(|(a, b)| a != b);
    assert!(
        written == wanted,
        "CONFORMANCE.md is out of date: run `cargo run -p motekey-conformance -- --write`\n{differs:?}"
    );
}

#[test]
fn the_scan_finds_itself() {
    let tests = scan::workspace(&root()).unwrap();
    assert!(
        tests
            .iter()
            .any(|test| test.file == "conformance/tests/workspace.rs"
                && test.name == "the_scan_finds_itself")
    );
}
