//! Tables in the README.

use std::path::Path;
use std::sync::Mutex;
use std::{env, fs};

/// One writer at a time.
static README: Mutex<()> = Mutex::new(());

/// Compares a table with the one between its marks; with `UPDATE_TABLES` set, writes it there.
pub(crate) fn keep(name: &str, table: &str) {
    let _one = README.lock();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(&path).unwrap();
    let (begin, end) = (
        format!("<!-- {name}: begin -->\n"),
        format!("<!-- {name}: end -->\n"),
    );
    let (before, rest) = text.split_once(&begin).expect("the mark of the beginning");
    let (found, after) = rest.split_once(&end).expect("the mark of the end");
    if env::var_os("UPDATE_TABLES").is_some() {
        fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(
        found, table,
        "the table '{name}' of README.md is stale: UPDATE_TABLES=1 cargo test -p motekey-dtls --test loss"
    );
}

/// The value below which `percent` of the sorted values lie.
pub(crate) fn percentile(sorted: &[u64], percent: usize) -> u64 {
    sorted
        .get(sorted.len() * percent / 100)
        .or(sorted.last())
        .copied()
        .unwrap_or(u64::MAX)
}

/// Microseconds as seconds with two digits.
pub(crate) fn seconds(micros: u64) -> String {
    format!("{}.{:02}", micros / 1_000_000, micros % 1_000_000 / 10_000)
}
