//! Writes `CONFORMANCE.md` (with `--write`), or prints how many rows of the checklist are covered.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use motekey_conformance::checklist::Checklist;
use motekey_conformance::{report::Report, scan};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "motekey-conformance: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let write = match arguments.as_slice() {
        [] => false,
        ["--write"] => true,
        _ => return Err("usage: motekey-conformance [--write]".into()),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let report = Report::new(Checklist::load()?, &scan::workspace(&root)?);
    if !report.faults().is_empty() {
        return Err(report.faults().join("\n").into());
    }
    if write {
        fs::write(root.join("CONFORMANCE.md"), report.markdown())?;
    }
    io::stdout().write_all(report.summary().as_bytes())?;
    Ok(())
}
