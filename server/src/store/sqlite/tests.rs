use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use rusqlite::Connection;

use super::*;
use crate::store::conformance::{self, hash, token};

/// An empty directory of its own, gone with the value.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("motekey-sqlite-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.0, registry(), 0).unwrap()
    }

    fn error(&self) -> String {
        let opened = SqliteStore::open(&self.0, registry(), 0);
        opened.map(|_| ()).unwrap_err().to_string()
    }

    fn sqlite(&self) -> Connection {
        Connection::open(self.0.join(FILE)).unwrap()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    let device = conformance::device("meter", 1);
    registry.put_device(device).unwrap();
    registry
}

async fn revoke(store: &SqliteStore, serial: u64, now: UnixSeconds) -> usize {
    let which = TokenSelection::Hash(hash(serial));
    store.revoke(&which, now).await.unwrap().len()
}

#[tokio::test]
async fn f72_p16_sqlite_store_passes_the_suite() {
    let directory = Directory::new("suite");
    let mut number = 0;
    conformance::run(|| {
        number += 1;
        let path = directory.0.join(number.to_string());
        fs::create_dir(&path).unwrap();
        std::future::ready(SqliteStore::open(&path, Registry::new(), 0).unwrap())
    })
    .await;
}

#[tokio::test]
async fn r06_r18_all_that_revocation_needs_is_there_after_a_restart() {
    let directory = Directory::new("restart");
    let store = directory.store();
    for serial in 1..=100 {
        let mut token = token(serial, "meter", 1000);
        if serial == 7 {
            token.recipients = Arc::from(["lock".into(), "gate".into()]);
        }
        store.record_token(token, 0).await.unwrap();
    }
    for serial in 1..=80 {
        assert_eq!(revoke(&store, serial, 5).await, 1);
    }
    store.set_disabled("meter", true).await.unwrap();
    let requesters = ["meter", "gateway", "lock", "nobody"]
        .map(|name| Requester::Party(name.into()))
        .into_iter()
        .chain([Requester::Administrator]);
    let mut before = Vec::new();
    for requester in requesters {
        let view = store.revocations(&requester).await.unwrap();
        before.push((requester, view));
    }
    let everything = store.tokens(&TokenQuery::default()).await.unwrap();
    drop(store);
    let store = directory.store();
    for (requester, wanted) in before {
        let view = store.revocations(&requester).await.unwrap();
        assert_eq!(view, wanted, "{requester:?}");
    }
    assert_eq!(store.tokens(&TokenQuery::default()).await, Ok(everything));
    let device = store.registry().await.unwrap();
    assert!(device.device("meter").unwrap().disabled);
    // It goes on where it was: what is live can be revoked, what was revoked cannot again, what expires leaves.
    assert_eq!(revoke(&store, 80, 6).await, 0);
    assert_eq!(revoke(&store, 81, 6).await, 1);
    let all = Requester::Administrator;
    assert_eq!(store.revocations(&all).await.unwrap().count, 81);
    assert_eq!(store.expire_revoked(1000).await.unwrap().len(), 81);
    assert_eq!(store.remove_expired(1001).await, Ok(100));
    drop(store);
    let store = directory.store();
    let view = store.revocations(&all).await.unwrap();
    // 81 single ones, and what expired in three pieces.
    assert_eq!((view.hashes.len(), view.count), (0, 84));
    let rows = "SELECT (SELECT count(*) FROM tokens) + (SELECT count(*) FROM revoked)";
    let rows: i64 = directory
        .sqlite()
        .query_row(rows, [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 0);
    let updates = "SELECT max(kept) FROM (SELECT count(*) AS kept FROM updates GROUP BY requester)";
    let updates: i64 = directory
        .sqlite()
        .query_row(updates, [], |row| row.get(0))
        .unwrap();
    assert_eq!(updates, 64);
    assert_eq!(store.set_disabled("meter", false).await, Ok(Some(false)));
}

#[tokio::test]
async fn f65_c11_counters_go_on_after_the_store_was_dropped() {
    let directory = Directory::new("counters");
    // Counters of before there was a data file are taken over.
    let former = "motekey counters 1\n7 expires_in the valve\n4096 serial\nend 2\n";
    fs::write(directory.0.join("counters"), former).unwrap();
    let (mut serial, mut expires_in) = (4097, 8);
    for _ in 0..3 {
        let store = directory.store();
        for _ in 0..2 {
            let numbers = store.reserve(Counter::Serial, 10).await;
            assert_eq!(numbers, Ok(serial..serial + 10));
            let numbers = store.reserve(Counter::ExpiresIn("the valve"), 1).await;
            assert_eq!(numbers, Ok(expires_in..expires_in + 1));
            serial += 10;
            expires_in += 1;
        }
    }
    assert!(!directory.0.join("counters").exists());
    let store = directory.store();
    let all = COUNTER_LIMIT - serial;
    assert!(store.reserve(Counter::Serial, all).await.is_ok());
    assert_eq!(
        store.reserve(Counter::Serial, 1).await,
        Err(StoreError::Full)
    );
}

/// A page in the log, with its head of 24 bytes.
const FRAME: usize = 24 + 4096;

/// A crash at any moment: the file as it is, the log cut at every byte of its last record.
#[tokio::test]
async fn a_cut_log_leaves_the_state_before_or_after_and_never_half() {
    let directory = Directory::new("cut");
    let log = directory.0.join(format!("{FILE}-wal"));
    let store = directory.store();
    for serial in 1..=3 {
        store
            .record_token(token(serial, "meter", 1000), 0)
            .await
            .unwrap();
    }
    assert_eq!(revoke(&store, 1, 5).await, 1);
    let before = fs::read(&log).unwrap().len();
    let which = TokenSelection::Client("meter".into());
    assert_eq!(store.revoke(&which, 5).await.unwrap().len(), 2);
    let (file, whole) = (
        fs::read(directory.0.join(FILE)).unwrap(),
        fs::read(&log).unwrap(),
    );
    assert!(whole.len() > before, "the transaction is in the log");
    let cut = Directory::new("cut-copy");
    let state = |length: usize| {
        fs::write(cut.0.join(FILE), &file).unwrap();
        fs::write(cut.0.join(format!("{FILE}-wal")), &whole[..length]).unwrap();
        let _ = fs::remove_file(cut.0.join(format!("{FILE}-shm")));
        let connection = cut.sqlite();
        // Waiting for the disk shows nothing here.
        connection
            .pragma_update(None, "synchronous", "off")
            .unwrap();
        let counts = "SELECT (SELECT count(*) FROM tokens), (SELECT count(*) FROM tokens WHERE revoked_at = 5), \
                      (SELECT count(*) FROM revoked), (SELECT count(*) FROM updates)";
        let counts: (u32, u32, u32, u32) = connection
            .query_row(counts, [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .unwrap();
        counts
    };
    // Each revocation is told to the device, the resource server and the administrators.
    let (former, latter) = ((3, 1, 1, 3), (3, 3, 3, 6));
    let begun = Instant::now();
    // Every byte of the last frame, which ends the transaction, and of the heads of the others.
    let last = whole.len() - FRAME;
    let heads = (before..last).filter(|length| (length - before) % FRAME <= 24);
    let cuts: Vec<_> = heads.chain(last..whole.len()).collect();
    for length in &cuts {
        assert_eq!(state(*length), former, "cut at {length} of {}", whole.len());
    }
    assert_eq!(state(whole.len()), latter);
    println!("{} cuts in {:?}", cuts.len(), begun.elapsed());
    // And the store itself opens what is left.
    for length in [before, whole.len() - 1] {
        assert_eq!(state(length), former);
        let left = cut.store();
        let view = left.revocations(&Requester::Administrator).await.unwrap();
        assert_eq!((view.hashes, view.count), (vec![hash(1)], 1));
    }
}

#[tokio::test]
async fn what_the_disk_refuses_has_not_happened() {
    let directory = Directory::new("refused");
    let store = directory.store();
    store
        .record_token(token(1, "meter", 1000), 0)
        .await
        .unwrap();
    // A trigger stands for a disk that takes no more.
    let full =
        "CREATE TRIGGER full BEFORE INSERT ON revoked BEGIN SELECT raise(ABORT, 'full'); END";
    directory.sqlite().execute_batch(full).unwrap();
    let which = TokenSelection::Client("meter".into());
    let refused = store.revoke(&which, 5).await;
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("the data file was not written"), "{text}");
    let all = Requester::Administrator;
    assert_eq!(store.revocations(&all).await, Ok(RevocationView::default()));
    let known = store.token("gateway", &1_u64.to_be_bytes()).await.unwrap();
    assert_eq!(known.unwrap().revoked_at, None);
    assert!(store.registry().await.unwrap().device("meter").is_some());
    directory
        .sqlite()
        .execute_batch("DROP TRIGGER full")
        .unwrap();
    assert_eq!(store.revoke(&which, 5).await.unwrap().len(), 1);
    assert_eq!(store.revocations(&all).await.unwrap().count, 1);
}

#[test]
fn files_that_are_not_ours_are_refused() {
    let newer = Directory::new("newer");
    drop(newer.store());
    let text = "INSERT INTO migrations (version, applied_at) VALUES (2, 0)";
    newer.sqlite().execute_batch(text).unwrap();
    let text = newer.error();
    assert!(
        text.contains("has version 2 of its schema, this program knows 1"),
        "{text}"
    );

    let foreign = Directory::new("foreign");
    foreign
        .sqlite()
        .execute_batch("CREATE TABLE books (title)")
        .unwrap();
    assert!(foreign.error().contains("of another program"));

    let damaged = Directory::new("damaged");
    fs::write(damaged.0.join(FILE), [7; 4096]).unwrap();
    assert!(
        damaged.error().contains("not a database"),
        "{}",
        damaged.error()
    );

    let counters = Directory::new("old");
    fs::write(counters.0.join("counters"), "motekey counters 1\n").unwrap();
    assert!(
        counters.error().contains("is damaged"),
        "{}",
        counters.error()
    );

    assert!(SqliteStore::open(Path::new("/nonexistent"), registry(), 0).is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_their_owner() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new("mode");
    let store = directory.store();
    store.reserve(Counter::Serial, 1).await.unwrap();
    let mut count = 0;
    for entry in fs::read_dir(&directory.0).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{entry:?}");
        count += 1;
    }
    assert_eq!(count, 3, "the file, its log, and the index of the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tokens_share_the_wait_for_the_disk() {
    let directory = Directory::new("group");
    let store = Arc::new(directory.store());
    let begun = Instant::now();
    let tasks: Vec<_> = (1..=500)
        .map(|serial| {
            let store = store.clone();
            tokio::spawn(async move { store.record_token(token(serial, "meter", 1000), 0).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(()));
    }
    println!("500 tokens on the disk in {:?}", begun.elapsed());
    drop(store);
    let count = directory
        .store()
        .tokens(&TokenQuery::default())
        .await
        .unwrap();
    assert_eq!(count.tokens.len(), 500);
}
