//! What is wrong and where, while a file is being read.

use std::ops::Range;

/// Something wrong, with its place in the text.
pub(super) struct Problem {
    /// Byte offset in the text.
    pub(super) position: Option<usize>,
    pub(super) text: String,
}

impl Problem {
    /// Something wrong at a place.
    pub(super) fn at(span: Range<usize>, text: impl Into<String>) -> Self {
        Self {
            position: Some(span.start),
            text: text.into(),
        }
    }

    /// What the TOML reader found. Only its sentence: the lines that it would show can hold secrets.
    pub(super) fn toml(error: &toml::de::Error) -> Self {
        Self {
            position: error.span().map(|span| span.start),
            text: match error.message().trim() {
                // What the reader says to text without quotation marks.
                message if message.ends_with("expected nothing") => {
                    "no value of TOML; text stands in quotation marks".to_owned()
                }
                message => message.replace('\n', ", "),
            },
        }
    }
}

/// The line of a byte offset, counted from one.
pub(super) fn line_of(text: &str, position: usize) -> usize {
    let before = text.as_bytes().get(..position).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}
