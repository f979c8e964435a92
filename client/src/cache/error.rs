//! Why a token cache cannot be used.

use std::fmt;

/// Why the file of a token cache cannot be used. The file is then left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheError {
    /// The file cannot be read; what the operating system says.
    Unreadable(String),
    /// The file cannot be written; what the operating system says. The former file is still there.
    Unwritable(String),
    /// The file is something else.
    NotACache,
    /// The file has another version of the form, most likely of a newer program.
    OtherVersion(u8),
    /// The file was sealed under another key.
    WrongKey,
    /// The file is not what was written.
    Damaged,
    /// The file is longer than a cache can be.
    TooLong {
        /// Most bytes that are read.
        limit: u64,
    },
    /// There is no randomness, or the cryptography failed.
    Cryptography(String),
}

impl CacheError {
    /// Whether another key or another file name helps.
    pub(crate) const fn is_wrong_use(&self) -> bool {
        matches!(
            self,
            Self::NotACache | Self::OtherVersion(_) | Self::WrongKey
        )
    }
}

impl fmt::Display for CacheError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(reason) => write!(formatter, "it cannot be read: {reason}"),
            Self::Unwritable(reason) => write!(
                formatter,
                "it cannot be written: {reason}; check the rights of its directory and the space"
            ),
            Self::NotACache => {
                formatter.write_str("it is no token cache; name another file, nothing was changed")
            }
            Self::OtherVersion(version) => write!(
                formatter,
                "it has version {version} of the form, which this program does not know; use the program that wrote \
                 it, or name another file"
            ),
            Self::WrongKey => formatter.write_str(
                "it was sealed under another key; give that key, or remove the file: its tokens are asked for anew",
            ),
            Self::Damaged => formatter.write_str(
                "it is not what was written; remove it: its tokens are asked for anew",
            ),
            Self::TooLong { limit } => {
                write!(formatter, "it is longer than {limit} bytes; name another file")
            }
            Self::Cryptography(reason) => write!(formatter, "it cannot be sealed: {reason}"),
        }
    }
}

impl std::error::Error for CacheError {}
