//! The file in which counters were kept before there was a data file: it is taken over once.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Name of the file.
pub(super) const FILE: &str = "counters";
/// First line: what the file is, and the version of its form.
const HEADING: &str = "motekey counters 1";

/// The last number of each counter, by its text; none if there is no file.
///
/// # Errors
/// The file cannot be read, or is damaged: numbers that were used before would come again.
pub(super) fn read(directory: &Path) -> Result<BTreeMap<String, u64>, CounterFileError> {
    let path = directory.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text).ok_or(CounterFileError::Damaged(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(CounterFileError::Unreadable(path, error)),
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

/// Heading, a line for each counter with its last number, and their count, so that a lost end is seen.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_files_are_refused() {
        let good = "motekey counters 1\n7 expires_in a b\n4096 serial\nend 2\n";
        let wanted = [("expires_in a b", 7), ("serial", 4096)];
        let wanted = wanted.map(|(name, last)| (name.to_owned(), last));
        assert_eq!(parse(good), Some(wanted.into()));
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
            assert_eq!(parse(text), None, "{text:?}");
        }
        // Every shorter beginning of a good file is one that lost its end.
        for end in 0..good.len() {
            assert_eq!(parse(&good[..end]), None, "{end} bytes");
        }
    }
}
