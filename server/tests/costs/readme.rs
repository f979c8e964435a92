//! Tables in the README of the client.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::{env, fs};

/// One writer at a time.
static README: Mutex<()> = Mutex::new(());

/// Prints a table and compares it with the one between its marks; with `UPDATE_TABLES` set, writes it there.
pub(crate) fn keep(name: &str, table: &str) {
    println!("{table}");
    let _one = README.lock().unwrap_or_else(PoisonError::into_inner);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../client/README.md");
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
        "the table '{name}' of client/README.md is stale: \
         UPDATE_TABLES=1 cargo test -p motekey-server --test costs"
    );
}
