//! The configuration of `motekey serve`: one TOML file in, [`Settings`] and a [`Registry`] out. Every setting has a
//! default, so no file is needed; `examples/motekey.toml` explains each.
//!
//! An error names the file, the line and what would be right, and never shows a secret. The tables of the file are
//! wiped when they have been read.

mod certificates;
mod file;
mod limits;
mod problem;
mod records;
mod scope;
mod secret;
mod settings;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

pub use certificates::CertificateSettings;
pub use settings::{Settings, SigningKeyPair};

use crate::registry::Registry;
use file::File;
use problem::{Problem, line_of};
use secret::Secrets;

/// Longest configuration file, in bytes: some ten thousand devices.
pub const LONGEST_FILE: u64 = 16 * 1024 * 1024;

/// What a configuration file says.
#[derive(Default)]
pub struct Configuration {
    /// How the server runs.
    pub settings: Settings,
    /// Who is registered.
    pub registry: Registry,
    /// What an operator should know, although it is no error: one sentence each.
    pub warnings: Vec<String>,
}

impl Configuration {
    /// Reads a file. Relative paths in it start from its directory.
    ///
    /// # Errors
    /// The file or one that it names cannot be read, or something in it is wrong.
    pub fn load(path: &Path) -> Result<Self, ConfigurationError> {
        let unreadable = |text| ConfigurationError {
            file: path.to_owned(),
            line: None,
            text,
        };
        let bytes = secret::read_bounded(path, LONGEST_FILE).map_err(unreadable)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| unreadable("not UTF-8, so no TOML".to_owned()))?;
        Self::parse(text, path)
    }

    /// Reads the text of the file `path`.
    ///
    /// # Errors
    /// As [`Configuration::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigurationError> {
        interpret(text, path).map_err(|problem| ConfigurationError {
            file: path.to_owned(),
            line: problem.position.map(|position| line_of(text, position)),
            text: problem.text,
        })
    }
}

/// What is wrong with a configuration: where, what, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationError {
    /// The configuration file.
    pub file: PathBuf,
    /// The line in it, counted from one; `None` if it is about the whole file.
    pub line: Option<usize>,
    /// One sentence without secrets.
    pub text: String,
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.line {
            Some(line) => write!(formatter, "{file}:{line}: {}", self.text),
            None => write!(formatter, "{file}: {}", self.text),
        }
    }
}

impl std::error::Error for ConfigurationError {}

fn interpret(text: &str, path: &Path) -> Result<Configuration, Problem> {
    let file: File = toml::from_str(text).map_err(|error| Problem::toml(&error))?;
    let mut secrets = Secrets::new(path.parent().unwrap_or(Path::new("")));
    let settings = settings::read(&file, &mut secrets)?;
    let registry = records::read(&file, settings.signing_key.is_some(), &mut secrets)?;
    Ok(Configuration {
        settings,
        registry,
        warnings: secrets.warnings(path),
    })
}

/// The text of a file, wiped when dropped.
type SecretText = Zeroizing<Vec<u8>>;
