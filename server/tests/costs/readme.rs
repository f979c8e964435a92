//! Tables in the README of the client and in that of the workspace.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::{env, fs};

/// One writer at a time.
static README: Mutex<()> = Mutex::new(());

/// Where the tables stand, from the root of the workspace.
const FILES: [&str; 2] = ["client/README.md", "README.md"];

/// Prints a table and compares it with the one between its marks, in each file that has them; with `UPDATE_TABLES` set,
/// writes it there.
pub(crate) fn keep(name: &str, table: &str) {
    println!("{table}");
    let _one = README.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = FILES.map(|file| keep_in(file, name, table));
    assert!(kept.contains(&true), "no file has marks of {name}");
}

fn keep_in(file: &str, name: &str, table: &str) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let text = fs::read_to_string(&path).unwrap();
    let (begin, end) = (
        format!("<!-- {name}: begin -->\n"),
        format!("<!-- {name}: end -->\n"),
    );
    let Some((before, rest)) = text.split_once(&begin) else {
        return false;
    };
    let (found, after) = rest.split_once(&end).expect("the mark of the end");
    if env::var_os("UPDATE_TABLES").is_some() {
        fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
    } else {
        assert_eq!(
            found, table,
            "the table '{name}' of {file} is stale: \
             UPDATE_TABLES=1 cargo test -p motekey-server --test costs"
        );
    }
    true
}
