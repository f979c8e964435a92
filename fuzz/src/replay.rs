//! Runs a target on files, without a fuzzer.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use crate::Target;

/// Runs a target on every file named on the command line. Fails when there is none or one cannot be read.
#[must_use]
pub fn files(target: Target) -> ExitCode {
    let mut files = 0;
    for path in env::args_os().skip(1) {
        if let Err(error) = fs::read(&path).map(|data| target(&data)) {
            let _ = writeln!(io::stderr(), "{}: {error}", path.display());
            return ExitCode::FAILURE;
        }
        files += 1;
    }
    let _ = writeln!(io::stdout(), "{files} files replayed");
    if files == 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Runs a target on every file of a folder, and on every beginning of each; the number of files.
///
/// # Errors
/// When the folder or a file cannot be read.
pub fn folder(target: Target, folder: &Path) -> io::Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let data = fs::read(entry?.path())?;
        for end in 0..=data.len() {
            target(data.get(..end).unwrap_or_default());
        }
        files += 1;
    }
    Ok(files)
}
