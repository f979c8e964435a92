//! Finds the test functions in Rust sources.
//!
//! Sources are read as tokens, so that comments and strings cannot look like tests, and groups of tokens are
//! entered whatever they belong to, so that tests inside modules and inside `proptest!` are found.
//! A test inside a `macro_rules!` counts once, in the file where it is written.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A test function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TestFunction {
    /// The file, relative to the root of the workspace, with `/` between its parts.
    pub file: String,
    /// The name of the function.
    pub name: String,
}

/// A source could not be read.
#[derive(Debug)]
pub enum ScanError {
    /// A file or folder cannot be read.
    Io(PathBuf, io::Error),
    /// A file is not Rust.
    NotRust(PathBuf),
}

/// All test functions under `root`, sorted. Hidden folders and those named `target` are left out, and so are
/// tests marked `#[ignore]`: what does not run shows nothing.
///
/// # Errors
/// When a file cannot be read or is not Rust.
pub fn workspace(root: &Path) -> Result<Vec<TestFunction>, ScanError> {
    let mut tests = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).map_err(|error| ScanError::Io(folder.clone(), error))?;
        for entry in entries {
            let entry = entry.map_err(|error| ScanError::Io(folder.clone(), error))?;
            let path = entry.path();
            let kind = entry
                .file_type()
                .map_err(|error| ScanError::Io(path.clone(), error))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if kind.is_dir() && !name.starts_with('.') && name != "target" {
                folders.push(path);
            } else if kind.is_file() && name.ends_with(".rs") {
                tests.extend(file(root, &path)?);
            }
        }
    }
    tests.sort();
    Ok(tests)
}

/// The names of the test functions in a source text, in order; `None` when it is not Rust.
#[must_use]
pub fn test_names(source: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    collect(source.parse().ok()?, &mut names);
    Some(names)
}

fn file(root: &Path, path: &Path) -> Result<Vec<TestFunction>, ScanError> {
    let source = fs::read_to_string(path).map_err(|error| ScanError::Io(path.into(), error))?;
    let names = test_names(&source).ok_or_else(|| ScanError::NotRust(path.into()))?;
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = relative
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    let file = parts.join("/");
    Ok(names
        .into_iter()
        .map(|name| TestFunction {
            file: file.clone(),
            name,
        })
        .collect())
}

/// What the attributes before an item say.
#[derive(Default)]
struct Attributes {
    test: bool,
    ignored: bool,
}

fn collect(tokens: TokenStream, names: &mut Vec<String>) {
    let mut tokens = tokens.into_iter().peekable();
    let mut attributes = Attributes::default();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                if let Some(TokenTree::Group(group)) = tokens.peek()
                    && group.delimiter() == Delimiter::Bracket
                {
                    attributes.read(&group.stream());
                    tokens.next();
                }
            }
            TokenTree::Ident(word) if word == "fn" => {
                if let Some(TokenTree::Ident(name)) = tokens.peek()
                    && attributes.test
                    && !attributes.ignored
                {
                    names.push(name.to_string());
                }
                attributes = Attributes::default();
            }
            // Words that can stand between an attribute and its function.
            TokenTree::Ident(word)
                if ["pub", "async", "const", "unsafe", "extern"]
                    .contains(&word.to_string().as_str()) => {}
            TokenTree::Literal(_) => {}
            TokenTree::Group(group) => {
                // `pub(crate)` keeps the attributes, a body ends them.
                if group.delimiter() != Delimiter::Parenthesis {
                    attributes = Attributes::default();
                }
                collect(group.stream(), names);
            }
            _ => attributes = Attributes::default(),
        }
    }
}

impl Attributes {
    /// Takes in one attribute: `test` and any path that ends in it (`tokio::test`) make a test.
    fn read(&mut self, attribute: &TokenStream) {
        let mut last = String::new();
        for token in attribute.clone() {
            match token {
                TokenTree::Ident(word) => last = word.to_string(),
                TokenTree::Punct(punct) if punct.as_char() == ':' => {}
                _ => break,
            }
        }
        self.test |= last == "test";
        self.ignored |= last == "ignore";
    }
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::NotRust(path) => write!(f, "{}: not Rust source", path.display()),
        }
    }
}

impl std::error::Error for ScanError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_functions_that_are_tests_and_no_others() {
        let table: [(&str, &[&str]); 15] = [
            ("#[test] fn f22_a() {}", &["f22_a"]),
            (
                "#[tokio::test(start_paused = true)] pub(crate) async fn h01_a() {}",
                &["h01_a"],
            ),
            (
                "#[test] #[should_panic(expected = \"fn x\")] fn f22_a() {}",
                &["f22_a"],
            ),
            (
                "#[doc = \"x\"] #[test] fn f22_a() -> Result<(), E> { Ok(()) }",
                &["f22_a"],
            ),
            (
                "mod tests { mod deep { #[test] fn f22_a() {} } #[test] fn f23_b() {} }",
                &["f22_a", "f23_b"],
            ),
            (
                "proptest! { #![proptest_config(c())] #[test] fn c01_a(x in 0..9u8) { } }",
                &["c01_a"],
            ),
            (
                "macro_rules! suite { ($b:expr) => { #[test] fn d01_a() { $b } } }",
                &["d01_a"],
            ),
            ("fn f22_helper() {}", &[]),
            ("#[inline] fn f22_helper() {}", &[]),
            ("#[test] #[ignore = \"slow\"] fn f22_a() {}", &[]),
            ("#[cfg(test)] fn f22_helper() {}", &[]),
            ("#[test] const X: u8 = 1; fn f22_helper() {}", &[]),
            ("// #[test] fn f22_a() {}\n/* #[test] fn f23_a() {} */", &[]),
            ("const S: &str = \"#[test] fn f22_a() {}\";", &[]),
            ("#[test] fn $name() {} fn f22_helper() {}", &[]),
        ];
        for (source, names) in table {
            assert_eq!(test_names(source).unwrap(), names, "{source}");
        }
    }

    #[test]
    fn text_that_is_not_rust_is_told_apart_from_a_file_without_tests() {
        assert_eq!(test_names("fn a( {"), None);
        assert_eq!(test_names(""), Some(vec![]));
    }
}
