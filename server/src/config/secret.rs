//! Keys in configuration files: hexadecimal text, in place or in a file of its own, wiped when dropped.

use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use motekey_coap::dtls::PreSharedKey;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use toml::Spanned;
use zeroize::{Zeroize, Zeroizing};

use super::SecretText;
use super::problem::Problem;

/// Longest file of one key, in bytes.
const LONGEST_KEY_FILE: u64 = 4096;

/// What makes a new key.
pub(super) const NEW_KEY: &str = "make one with: openssl rand -hex 16";

/// A secret as it stands in the file. Never printed, wiped when dropped.
pub(super) struct Secret(Zeroizing<String>);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

/// Takes text only, and shows nothing of what is something else.
struct SecretVisitor;

/// The methods of a visitor that refuse a type without showing its value.
macro_rules! refuse {
    ($($method:ident: $kind:ty),*) => {
        $(fn $method<E: Error>(self, _: $kind) -> Result<Secret, E> {
            Err(E::custom("a key is text in quotation marks: hexadecimal digits"))
        })*
    };
}

impl Visitor<'_> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("hexadecimal digits in quotation marks")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret(Zeroizing::new(text.to_owned())))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Secret, E> {
        Ok(Secret(Zeroizing::new(text)))
    }

    refuse!(visit_i64: i64, visit_u64: u64, visit_i128: i128, visit_u128: u128, visit_f64: f64, visit_bool: bool);
}

/// Reads secrets, and remembers which files hold some.
pub(super) struct Secrets {
    directory: PathBuf,
    inline: bool,
    files: Vec<PathBuf>,
    /// Owners of keys that read as text.
    texts: Vec<String>,
}

/// A key that is given in place or by the name of a file.
pub(super) struct KeySource<'a> {
    /// Whose: for messages.
    pub(super) owner: &'a str,
    /// Name of the setting that holds the key itself.
    pub(super) setting: &'static str,
    pub(super) inline: Option<&'a Spanned<Secret>>,
    pub(super) file: Option<&'a Spanned<PathBuf>>,
}

impl Secrets {
    /// Relative paths start from `directory`.
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            inline: false,
            files: Vec::new(),
            texts: Vec::new(),
        }
    }

    /// A path of the file, from its directory if it is relative.
    pub(super) fn resolve(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }

    /// The key that a source names with its place, `None` if it names none.
    pub(super) fn key(
        &mut self,
        source: &KeySource<'_>,
    ) -> Result<Option<Spanned<PreSharedKey>>, Problem> {
        let KeySource { owner, setting, .. } = *source;
        let (span, key) = match (source.inline, source.file) {
            (None, None) => return Ok(None),
            (Some(_), Some(file)) => {
                let text = format!("{owner}: {setting} and {setting}_file, one of them is enough");
                return Err(Problem::at(file.span(), text));
            }
            (Some(secret), None) => {
                self.inline = true;
                let key = hexadecimal(&secret.get_ref().0).map_err(|error| {
                    let text = format!("{owner}: {setting}: {error}; {NEW_KEY}");
                    Problem::at(secret.span(), text)
                })?;
                (secret.span(), key)
            }
            (None, Some(file)) => {
                let path = self.resolve(file.get_ref());
                let key = key_file(&path).map_err(|error| {
                    let text = format!("{owner}: {setting}_file: {}: {error}", path.display());
                    Problem::at(file.span(), text)
                })?;
                self.files.push(path);
                (file.span(), key)
            }
        };
        if key.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
            self.texts.push(owner.to_owned());
        }
        Ok(Some(Spanned::new(span, PreSharedKey::new(key))))
    }

    /// A sentence about every key that reads as text, and every file with secrets that others can read.
    pub(super) fn warnings(mut self, configuration: &Path) -> Vec<String> {
        if self.inline {
            self.files.push(configuration.to_owned());
        }
        self.files.sort();
        self.files.dedup();
        let texts = self.texts.iter().map(|owner| {
            format!("{owner}: the key reads as text, which others can guess; {NEW_KEY}")
        });
        texts
            .chain(self.files.iter().filter_map(|path| open_to_others(path)))
            .collect()
    }
}

/// Reads a file of at most `limit` bytes.
pub(super) fn read_bounded(path: &Path, limit: u64) -> Result<SecretText, String> {
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Zeroizing::new(Vec::new());
    // With room for the whole from the beginning, so that no former copy of a secret is left behind.
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    bytes.reserve(usize::try_from(length.min(limit)).unwrap_or_default() + 1);
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > limit {
        return Err(format!("larger than {limit} bytes"));
    }
    Ok(bytes)
}

/// Bytes in hexadecimal of either case; blanks at both ends are skipped. The error shows nothing of the text.
pub(super) fn hexadecimal(text: &str) -> Result<Vec<u8>, String> {
    let text = text.trim();
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut bytes = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let digit = |digit: u8| {
            char::from(digit)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        };
        let [high, low] = *pair;
        let (Some(high), Some(low)) = (digit(high), digit(low)) else {
            bytes.zeroize();
            return Err("not hexadecimal".to_owned());
        };
        bytes.push(high << 4 | low);
    }
    if !rest.is_empty() {
        bytes.zeroize();
        return Err("an odd number of hexadecimal digits".to_owned());
    }
    Ok(bytes)
}

fn key_file(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = read_bounded(path, LONGEST_KEY_FILE)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| format!("not hexadecimal; {NEW_KEY}"))?;
    hexadecimal(text).map_err(|error| format!("{error}; {NEW_KEY}"))
}

#[cfg(unix)]
fn open_to_others(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let path = path.display();
    (mode & 0o077 != 0).then(|| {
        format!("{path} holds secrets and its mode {mode:04o} lets others reach them; next: chmod 600 {path}")
    })
}

#[cfg(not(unix))]
fn open_to_others(_path: &Path) -> Option<String> {
    None
}
