//! The names of the tests of this workspace, and the file that is written from them.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use motekey_conformance::checklist::Checklist;
use motekey_conformance::{report::Report, scan};

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
