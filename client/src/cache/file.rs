//! Reading and replacing the file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::error::CacheError;

/// Longest file that is read: more than [`super::MAX_ENTRIES`] entries with the longest tokens.
pub(super) const MAX_FILE: u64 = 1 << 20;

/// The bytes of the file; `None` if there is no file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, CacheError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CacheError::Unreadable(error.to_string())),
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| CacheError::Unreadable(error.to_string()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(CacheError::TooLong { limit: MAX_FILE });
    }
    Ok(Some(bytes))
}

/// Puts a new file in the place of the former one: after a crash there is the one or the other.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), CacheError> {
    write(path, bytes).map_err(|error| CacheError::Unwritable(error.to_string()))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let successor = successor(path);
    // What a crash left.
    if let Err(error) = fs::remove_file(&successor)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = create_private(&successor)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&successor, path)?;
    sync_directory(path)
}

/// Beside the file, so that it can be renamed.
fn successor(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

/// A file that nobody else can read, and that was not there before.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// Makes the new name survive a crash.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
