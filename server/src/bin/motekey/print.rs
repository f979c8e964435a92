//! Standard output, in one place.

/// Prints a line of a command's result.
#[expect(
    clippy::print_stdout,
    reason = "results of commands go to standard output"
)]
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Prints a line about what is going on, apart from the result.
#[expect(
    clippy::print_stderr,
    reason = "progress goes to standard error, so that a result can be piped"
)]
pub(crate) fn progress(text: &str) {
    eprintln!("{text}");
}
