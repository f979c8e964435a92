//! Counters in a file, for a store that forgets.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{
    Counter, IssuedToken, KeyStanding, Requester, RevocationView, Store, StoreError, StoreFuture,
    TokenSelection,
};
use crate::clock::UnixSeconds;
use crate::registry::{Device, Group, Registry, ResourceServerRecord};

/// Name of the file.
const FILE: &str = "counters";
/// Name of its successor while it is being written.
const SUCCESSOR: &str = "counters.new";
/// First line: what the file is, and the version of its form.
const HEADING: &str = "motekey counters 1";

/// A store whose counters survive a crash, in the file `counters` of a directory; the rest is up to the store behind.
///
/// A number is given out after the file that says so is on the disk. The file is replaced as a whole, so a crash leaves
/// the former one or the new one. Its size is a line for each resource server that ever had tokens with `exi`. Nobody
/// else may write it: the program holds a lock on the directory.
pub struct DurableCounters {
    behind: Arc<dyn Store>,
    counters: Arc<Mutex<Counters>>,
}

struct Counters {
    directory: PathBuf,
    /// The last number given out, by the text of the counter.
    last: BTreeMap<String, u64>,
}

impl DurableCounters {
    /// Takes up the counters in `directory`; a new directory begins with the first number of each.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged: numbers that were used before would come again.
    pub fn open(behind: Arc<dyn Store>, directory: &Path) -> Result<Self, CounterFileError> {
        let path = directory.join(FILE);
        let last = match fs::read_to_string(&path) {
            Ok(text) => parse(&text).ok_or_else(|| CounterFileError::Damaged(path.clone()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(CounterFileError::Unreadable(path, error)),
        };
        Ok(Self {
            behind,
            counters: Arc::new(Mutex::new(Counters {
                directory: directory.to_owned(),
                last,
            })),
        })
    }
}

/// Why counters cannot be taken up.
#[derive(Debug)]
pub enum CounterFileError {
    /// The file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// The file is not what was written.
    Damaged(PathBuf),
}

impl fmt::Display for CounterFileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(formatter, "{}: {error}", path.display()),
            Self::Damaged(path) => write!(
                formatter,
                "{} is damaged, and numbers that were used must not come again",
                path.display()
            ),
        }
    }
}

impl std::error::Error for CounterFileError {}

impl Counters {
    /// Gives out numbers, after the file says so.
    fn reserve(&mut self, counter: &str, count: u64) -> Result<Range<u64>, StoreError> {
        let former = self.last.get(counter).copied().unwrap_or_default();
        let last = former
            .checked_add(count)
            .filter(|last| *last < u64::MAX)
            .ok_or(StoreError::Full)?;
        let mut next = self.last.clone();
        next.insert(counter.to_owned(), last);
        self.write(&next).map_err(|error| {
            StoreError::Unavailable(format!("{}: {error}", self.directory.join(FILE).display()))
        })?;
        self.last = next;
        Ok(former + 1..last + 1)
    }

    /// Puts a new file in the place of the former one.
    fn write(&self, counters: &BTreeMap<String, u64>) -> io::Result<()> {
        let successor = self.directory.join(SUCCESSOR);
        let mut file = create_private(&successor)?;
        file.write_all(emit(counters).as_bytes())?;
        file.sync_all()?;
        fs::rename(&successor, self.directory.join(FILE))?;
        sync_directory(&self.directory)
    }
}

impl Store for DurableCounters {
    fn reserve<'a>(&'a self, counter: Counter<'a>, count: u64) -> StoreFuture<'a, Range<u64>> {
        let name = match counter {
            Counter::Serial => Ok("serial".to_owned()),
            // A name with a line break would be another line; the registry has none.
            Counter::ExpiresIn(name) if name.contains(char::is_control) => Err(
                StoreError::Unavailable("a control character in a name".to_owned()),
            ),
            Counter::ExpiresIn(name) => Ok(format!("expires_in {name}")),
        };
        let counters = self.counters.clone();
        Box::pin(async move {
            let name = name?;
            let reserved = tokio::task::spawn_blocking(move || {
                let mut counters = counters.lock().unwrap_or_else(PoisonError::into_inner);
                counters.reserve(&name, count)
            });
            reserved
                .await
                .map_err(|error| StoreError::Unavailable(error.to_string()))?
        })
    }

    fn registry(&self) -> StoreFuture<'_, Arc<Registry>> {
        self.behind.registry()
    }

    fn put_device(&self, device: Device) -> StoreFuture<'_, ()> {
        self.behind.put_device(device)
    }

    fn put_resource_server(&self, resource_server: ResourceServerRecord) -> StoreFuture<'_, ()> {
        self.behind.put_resource_server(resource_server)
    }

    fn put_group(&self, group: Group) -> StoreFuture<'_, ()> {
        self.behind.put_group(group)
    }

    fn remove<'a>(&'a self, name: &'a str) -> StoreFuture<'a, bool> {
        self.behind.remove(name)
    }

    fn record_token(&self, token: IssuedToken, now: UnixSeconds) -> StoreFuture<'_, ()> {
        self.behind.record_token(token, now)
    }

    fn key_standing<'a>(
        &'a self,
        client: &'a str,
        resource_server: &'a str,
        key_id: &'a [u8],
        now: UnixSeconds,
    ) -> StoreFuture<'a, KeyStanding> {
        self.behind
            .key_standing(client, resource_server, key_id, now)
    }

    fn token<'a>(
        &'a self,
        resource_server: &'a str,
        token_id: &'a [u8],
    ) -> StoreFuture<'a, Option<Arc<IssuedToken>>> {
        self.behind.token(resource_server, token_id)
    }

    fn remove_expired(&self, before: UnixSeconds) -> StoreFuture<'_, u64> {
        self.behind.remove_expired(before)
    }

    fn revoke<'a>(
        &'a self,
        which: &'a TokenSelection,
        now: UnixSeconds,
    ) -> StoreFuture<'a, Vec<Arc<IssuedToken>>> {
        self.behind.revoke(which, now)
    }

    fn expire_revoked(&self, now: UnixSeconds) -> StoreFuture<'_, Vec<Arc<IssuedToken>>> {
        self.behind.expire_revoked(now)
    }

    fn revocations<'a>(&'a self, requester: &'a Requester) -> StoreFuture<'a, RevocationView> {
        self.behind.revocations(requester)
    }
}

/// The file: heading, a line for each counter with its last number, and their count, so that a lost end is seen.
fn emit(counters: &BTreeMap<String, u64>) -> String {
    let mut text = format!("{HEADING}\n");
    for (counter, last) in counters {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{last} {counter}");
    }
    let _ = writeln!(text, "end {}", counters.len());
    text
}

fn parse(text: &str) -> Option<BTreeMap<String, u64>> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    (lines.next()? == HEADING).then_some(())?;
    let count: usize = lines.next_back()?.strip_prefix("end ")?.parse().ok()?;
    let counters = lines
        .map(|line| {
            let (last, counter) = line.split_once(' ')?;
            Some((counter.to_owned(), last.parse().ok()?))
        })
        .collect::<Option<BTreeMap<_, _>>>()?;
    (counters.len() == count).then_some(counters)
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A rename is on the disk when its directory is.
#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, conformance};

    /// An empty directory of its own, gone with the value.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir()
                .join(format!("motekey-counters-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn open(&self) -> Result<DurableCounters, CounterFileError> {
            DurableCounters::open(Arc::new(MemoryStore::new()), &self.0)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[tokio::test]
    async fn f72_p16_durable_counters_pass_the_suite() {
        let directory = Directory::new("suite");
        let mut number = 0;
        conformance::run(|| {
            number += 1;
            let path = directory.0.join(number.to_string());
            fs::create_dir(&path).unwrap();
            std::future::ready(DurableCounters::open(Arc::new(MemoryStore::new()), &path).unwrap())
        })
        .await;
    }

    #[tokio::test]
    async fn f65_c11_counters_go_on_after_the_store_was_dropped() {
        let directory = Directory::new("reopen");
        let mut serial = 1;
        let mut expires_in = 1;
        for start in 0..5 {
            let store = directory.open().unwrap();
            for _ in 0..3 {
                assert_eq!(
                    store.reserve(Counter::Serial, 4096).await,
                    Ok(serial..serial + 4096),
                    "start {start}"
                );
                assert_eq!(
                    store.reserve(Counter::ExpiresIn("the valve"), 1).await,
                    Ok(expires_in..expires_in + 1)
                );
                serial += 4096;
                expires_in += 1;
            }
        }
    }

    #[tokio::test]
    async fn a_crash_before_the_rename_changes_nothing() {
        let directory = Directory::new("crash");
        directory
            .open()
            .unwrap()
            .reserve(Counter::Serial, 10)
            .await
            .unwrap();
        fs::write(directory.0.join(SUCCESSOR), "motekey cou").unwrap();
        let store = directory.open().unwrap();
        assert_eq!(store.reserve(Counter::Serial, 1).await, Ok(11..12));
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_not_given_out() {
        let directory = Directory::new("unwritable");
        let store = directory.open().unwrap();
        store.reserve(Counter::Serial, 10).await.unwrap();
        // Where the successor would be created there is a directory.
        fs::create_dir(directory.0.join(SUCCESSOR)).unwrap();
        assert!(matches!(
            store.reserve(Counter::Serial, 1).await,
            Err(StoreError::Unavailable(_))
        ));
        fs::remove_dir(directory.0.join(SUCCESSOR)).unwrap();
        assert_eq!(store.reserve(Counter::Serial, 1).await, Ok(11..12));
    }

    #[tokio::test]
    async fn counters_end() {
        let directory = Directory::new("end");
        let store = directory.open().unwrap();
        assert_eq!(
            store.reserve(Counter::Serial, u64::MAX - 1).await,
            Ok(1..u64::MAX)
        );
        assert_eq!(
            store.reserve(Counter::Serial, 1).await,
            Err(StoreError::Full)
        );
    }

    #[test]
    fn damaged_files_are_refused() {
        let directory = Directory::new("damaged");
        let good = "motekey counters 1\n7 expires_in a b\n4096 serial\nend 2\n";
        fs::write(directory.0.join(FILE), good).unwrap();
        assert!(directory.open().is_ok());
        let damaged = [
            "",
            "motekey counters 1\n",
            "motekey counters 1\n4096 serial\nend 2\n",
            "motekey counters 1\n4096 serial\nend 1",
            "motekey counters 2\n4096 serial\nend 1\n",
            "motekey counters 1\n-1 serial\nend 1\n",
            "motekey counters 1\nserial\nend 1\n",
            "motekey counters 1\n1 serial\n2 serial\nend 2\n",
        ];
        for text in damaged {
            fs::write(directory.0.join(FILE), text).unwrap();
            assert!(
                matches!(directory.open(), Err(CounterFileError::Damaged(_))),
                "{text:?}"
            );
        }
        // Every shorter beginning of a good file is one that lost its end.
        for end in 0..good.len() {
            fs::write(directory.0.join(FILE), &good[..end]).unwrap();
            assert!(directory.open().is_err(), "{end} bytes");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_file_is_for_its_owner() {
        use std::os::unix::fs::PermissionsExt;
        let directory = Directory::new("mode");
        directory
            .open()
            .unwrap()
            .reserve(Counter::Serial, 1)
            .await
            .unwrap();
        let mode = fs::metadata(directory.0.join(FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
