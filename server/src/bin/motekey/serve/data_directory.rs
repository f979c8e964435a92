//! The directory of what must survive a restart: for its owner alone, and for one server at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tracing::warn;

use crate::failure::Failure;

/// Name of the file that is locked while a server runs. It holds the process id of the holder.
const LOCK: &str = "lock";

/// Most bytes of a lock file that are looked at.
const LONGEST_HOLDER: u64 = 64;

/// A directory that is ours until this value is dropped. The system gives the lock back when a process dies.
pub(super) struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Creates the directory if it is not there, and locks it.
    ///
    /// # Errors
    /// It cannot be made or written, or another server has it.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let failure = |error: &io::Error| {
            Failure::Local(format!(
                "data directory {}: {error}; next: give one that this user can write with --data DIR",
                path.display()
            ))
        };
        create(path).map_err(|error| failure(&error))?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join(LOCK))
            .map_err(|error| failure(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(path, &mut file)),
            Err(TryLockError::Error(error)) => return Err(failure(&error)),
        }
        name_holder(&mut file).map_err(|error| failure(&error))?;
        warn_if_open(path);
        Ok(Self {
            path: path.to_owned(),
            _lock: file,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn create(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn name_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "process {}", std::process::id())
}

fn in_use(path: &Path, file: &mut File) -> Failure {
    let mut holder = String::new();
    let read = file.take(LONGEST_HOLDER).read_to_string(&mut holder);
    let holder = match holder.trim() {
        _ if read.is_err() => "another process",
        "" => "another process",
        holder => holder,
    };
    Failure::Local(format!(
        "data directory {} is in use by {holder}; next: end that server, or give another --data DIR",
        path.display()
    ))
}

#[cfg(unix)]
fn warn_if_open(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(metadata) = fs::metadata(path) else {
        return;
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.display();
        warn!(
            "the mode {mode:04o} of the data directory {path} lets others in; next: chmod 700 {path}"
        );
    }
}

#[cfg(not(unix))]
fn warn_if_open(_path: &Path) {}
