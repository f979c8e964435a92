//! Opening the file, and its schema from version to version.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::OpenError;
use crate::clock::UnixSeconds;

/// What the file says it is, in its header: "mote".
const APPLICATION: i64 = 0x6d6f_7465;

/// How long is waited for a program that has the file locked, for example `sqlite3`.
const BUSY_TIME: Duration = Duration::from_secs(5);

/// The steps of the schema; the first makes version 1. A step that was once released never changes.
const STEPS: [&str; 1] = [include_str!("schema-1.sql")];

/// Opens the file and brings its schema up to date, in one transaction.
pub(super) fn open(path: &Path, now: UnixSeconds) -> Result<Connection, OpenError> {
    let unusable = |detail: String| OpenError::Unusable(path.to_owned(), detail);
    create_private(path).map_err(|error| unusable(error.to_string()))?;
    let sqlite = |error: rusqlite::Error| unusable(error.to_string());
    let mut connection = Connection::open(path).map_err(sqlite)?;
    connection.busy_timeout(BUSY_TIME).map_err(sqlite)?;
    let application: i64 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(sqlite)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(sqlite)?;
    if application != APPLICATION && (application != 0 || tables > 0) {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    configure(&connection).map_err(sqlite)?;
    let found = migrate(&mut connection, now).map_err(sqlite)?;
    let known = version(STEPS.len());
    if found > known {
        let path = path.to_owned();
        return Err(OpenError::Newer { path, found, known });
    }
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))?;
    // A transaction is on the disk when it is committed.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

/// Takes the steps that are missing; gives the version of the file, which is newer if a newer program wrote it.
fn migrate(connection: &mut Connection, now: UnixSeconds) -> rusqlite::Result<i64> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let present = transaction
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'",
            [],
            |_| Ok(()),
        )
        .optional()?
        .is_some();
    let found: i64 = match present {
        true => {
            transaction.query_row("SELECT max(version) FROM migrations", [], |row| row.get(0))?
        }
        false => 0,
    };
    if found > version(STEPS.len()) {
        return Ok(found);
    }
    for (step, text) in STEPS.iter().enumerate() {
        let reached = version(step + 1);
        if reached > found {
            transaction.execute_batch(text)?;
            transaction.execute(
                "INSERT INTO migrations (version, applied_at) VALUES (?1, ?2)",
                (reached, now),
            )?;
        }
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.commit()?;
    Ok(version(STEPS.len()))
}

fn version(steps: usize) -> i64 {
    i64::try_from(steps).unwrap_or(i64::MAX)
}

/// SQLite gives `-wal` and `-shm` the mode of the file.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
