//! How a command ends when it does not end well: what happened, to which thing, and what to run next.

use std::fmt;
use std::process::ExitCode;

/// A command that failed. The numbers are a contract: scripts depend on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The other side refused (exit code 1).
    Refused(String),
    /// The command or a file it names is wrong (exit code 2).
    WrongUse(String),
    /// The server cannot be reached (exit code 3).
    Unreachable(String),
    /// A fault on this machine (exit code 4).
    Local(String),
}

impl Failure {
    /// Prints the sentence on standard error and gives the exit code.
    #[expect(
        clippy::print_stderr,
        reason = "the one place where a command says why it failed"
    )]
    pub(crate) fn report(&self) -> ExitCode {
        eprintln!("motekey: {self}");
        ExitCode::from(self.exit_code())
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 1,
            Self::WrongUse(_) => 2,
            Self::Unreachable(_) => 3,
            Self::Local(_) => 4,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Refused(text)
        | Self::WrongUse(text)
        | Self::Unreachable(text)
        | Self::Local(text)) = self;
        formatter.write_str(text)
    }
}
