//! Between rows and records.

use std::borrow::Cow;
use std::sync::Arc;

use motekey_cose::revocation::{RevocationUpdate, TokenHash};
use rusqlite::types::Type;
use rusqlite::{Connection, Result, Row, params};

use crate::clock::UnixSeconds;
use crate::store::revocation::{Change, Requester};
use crate::store::state::State;
use crate::store::{Counter, IssuedToken, UPDATES_KEPT};

/// Name of the counter that is one for the whole store.
const SERIAL: &str = "serial";

/// What precedes the name of a resource server in the names of its counter.
const EXPIRES_IN: &str = "expires_in ";

/// How requesters are called.
const ADMINISTRATOR: &str = "administrators";
const PARTY: &str = "party ";

const COLUMNS: &str = "resource_server, token_id, key_id, client, issued_at, expires_at, \
                       token_hash, recipients, revoked_at";

/// Everything in the file, without a registry.
pub(super) fn load(connection: &Connection) -> Result<State> {
    let mut state = State::default();
    load_counters(connection, &mut state)?;
    let mut statement = connection.prepare("SELECT name FROM kept_out")?;
    for name in statement.query_map([], |row| row.get::<_, Arc<str>>(0))? {
        state.kept_out.insert(name?, false);
    }
    each_token(connection, "tokens", |token| state.tokens.insert(token))?;
    each_token(connection, "revoked", |token| {
        state.revocations.restore_token(Arc::new(token));
    })?;
    let mut statement = connection.prepare(
        "SELECT requester, number, removed, added FROM updates ORDER BY requester, number",
    )?;
    for change in statement.query_map([], read_change)? {
        state.revocations.restore_update(change?);
    }
    Ok(state)
}

fn load_counters(connection: &Connection, state: &mut State) -> Result<()> {
    let mut statement = connection.prepare("SELECT name, last FROM counters")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (name, last): (String, i64) = (row.get(0)?, row.get(1)?);
        let last = u64::try_from(last).map_err(|_| damaged(1))?;
        match name.strip_prefix(EXPIRES_IN) {
            Some(name) => drop(state.expires_in.insert(name.to_owned(), last)),
            None => state.serial = last,
        }
    }
    Ok(())
}

fn each_token(
    connection: &Connection,
    table: &str,
    mut take: impl FnMut(IssuedToken),
) -> Result<()> {
    let text = format!("SELECT {COLUMNS} FROM {table} ORDER BY number");
    let mut statement = connection.prepare(&text)?;
    for token in statement.query_map([], read_token)? {
        take(token?);
    }
    Ok(())
}

pub(super) fn write_counter(
    connection: &Connection,
    counter: Counter<'_>,
    last: u64,
) -> Result<()> {
    match counter {
        Counter::Serial => raise_counter(connection, SERIAL, last),
        Counter::ExpiresIn(name) => raise_counter(connection, &format!("{EXPIRES_IN}{name}"), last),
    }
}

/// Sets a counter, which never falls.
pub(super) fn raise_counter(connection: &Connection, name: &str, last: u64) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO counters (name, last) VALUES (?1, ?2) \
             ON CONFLICT (name) DO UPDATE SET last = max(last, excluded.last)",
        )?
        .execute(params![name, i64::try_from(last).unwrap_or(i64::MAX)])?;
    Ok(())
}

pub(super) fn insert_token(connection: &Connection, token: &IssuedToken) -> Result<()> {
    let text =
        format!("INSERT INTO tokens ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    write_token(connection, &text, token)
}

/// Marks a token as revoked and puts it in the list.
pub(super) fn write_revoked(connection: &Connection, token: &IssuedToken) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE tokens SET revoked_at = ?3 WHERE resource_server = ?1 AND token_id = ?2",
        )?
        .execute(params![
            token.resource_server,
            token.token_id,
            token.revoked_at
        ])?;
    let text =
        format!("INSERT INTO revoked ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    write_token(connection, &text, token)
}

fn write_token(connection: &Connection, text: &str, token: &IssuedToken) -> Result<()> {
    let alone = matches!(&*token.recipients, [one] if *one == token.resource_server);
    let recipients = (!alone).then(|| token.recipients.join("\n"));
    connection.prepare_cached(text)?.execute(params![
        token.resource_server,
        token.token_id,
        token.key_id,
        token.client,
        token.issued_at,
        token.expires_at,
        token.token_hash.as_bytes(),
        recipients,
        token.revoked_at,
    ])?;
    Ok(())
}

fn read_token(row: &Row<'_>) -> Result<IssuedToken> {
    let resource_server: Arc<str> = row.get(0)?;
    let hash: Vec<u8> = row.get(6)?;
    let recipients: Option<String> = row.get(7)?;
    Ok(IssuedToken {
        token_id: row.get(1)?,
        key_id: row.get(2)?,
        client: row.get(3)?,
        issued_at: row.get(4)?,
        expires_at: row.get(5)?,
        token_hash: TokenHash::from_bytes(&hash).ok_or_else(|| damaged(6))?,
        recipients: match recipients {
            Some(names) => names.lines().map(Arc::from).collect(),
            None => Arc::from([resource_server.clone()]),
        },
        revoked_at: row.get(8)?,
        resource_server,
    })
}

/// Deletes the tokens that expired before a time.
pub(super) fn delete_expired(connection: &Connection, before: UnixSeconds) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM tokens WHERE expires_at < ?1")?
        .execute([before])?;
    Ok(())
}

/// Takes from the list what has expired at a time.
pub(super) fn delete_revoked(connection: &Connection, now: UnixSeconds) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM revoked WHERE expires_at <= ?1")?
        .execute([now])?;
    Ok(())
}

pub(super) fn write_changes(connection: &Connection, changes: &[Change]) -> Result<()> {
    for change in changes {
        let number = i64::try_from(change.number).unwrap_or(i64::MAX);
        let requester = requester_text(&change.requester);
        connection
            .prepare_cached(
                "INSERT INTO updates (requester, number, removed, added) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                requester,
                number,
                hashes_bytes(&change.update.removed),
                hashes_bytes(&change.update.added)
            ])?;
        let kept = i64::try_from(UPDATES_KEPT).unwrap_or(i64::MAX);
        connection
            .prepare_cached("DELETE FROM updates WHERE requester = ?1 AND number <= ?2")?
            .execute(params![requester, number - kept])?;
    }
    Ok(())
}

fn read_change(row: &Row<'_>) -> Result<Change> {
    let requester: String = row.get(0)?;
    let number: i64 = row.get(1)?;
    Ok(Change {
        requester: match requester.strip_prefix(PARTY) {
            None => Requester::Administrator,
            Some(name) => Requester::Party(name.into()),
        },
        number: u64::try_from(number).map_err(|_| damaged(1))?,
        update: RevocationUpdate {
            removed: read_hashes(row, 2)?,
            added: read_hashes(row, 3)?,
        },
    })
}

fn requester_text(requester: &Requester) -> Cow<'static, str> {
    match requester {
        Requester::Administrator => ADMINISTRATOR.into(),
        Requester::Party(name) => format!("{PARTY}{name}").into(),
    }
}

fn hashes_bytes(hashes: &[TokenHash]) -> Vec<u8> {
    let bytes = hashes.iter().flat_map(|hash| hash.as_bytes());
    bytes.copied().collect()
}

fn read_hashes(row: &Row<'_>, column: usize) -> Result<Vec<TokenHash>> {
    let bytes: Vec<u8> = row.get(column)?;
    let hashes = bytes.chunks(TokenHash::LENGTH).map(TokenHash::from_bytes);
    hashes.collect::<Option<_>>().ok_or_else(|| damaged(column))
}

pub(super) fn write_kept_out(connection: &Connection, name: &str, disabled: bool) -> Result<()> {
    let text = match disabled {
        true => "INSERT INTO kept_out (name) VALUES (?1) ON CONFLICT (name) DO NOTHING",
        false => "DELETE FROM kept_out WHERE name = ?1",
    };
    connection.prepare_cached(text)?.execute([name])?;
    Ok(())
}

fn damaged(column: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(
        column,
        Type::Blob,
        "the value is not what was written".into(),
    )
}
