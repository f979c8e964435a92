//! `mote`: a constrained device on the command line.

mod arguments;
mod commands;
mod credential;
mod file;
mod input;
mod keys;
mod output;
mod scope;
mod setup;

use std::process::ExitCode;

use clap::Parser;
use motekey_client::{Error, Fault};

use arguments::Arguments;

/// Why a command did not end well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library says why.
    Client(Error),
    /// Wrong use that the program itself found.
    Use(String),
    /// The resource server answered with an error code; the answer was printed.
    Refused,
    /// The reason is part of the document that was printed.
    Reported(Fault),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::Use(reason)
    }
}

fn main() -> ExitCode {
    // clap ends the program with 2 on wrong use and 0 after --help.
    let arguments = Arguments::parse();
    let json = arguments.options.json;
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(json, &error.to_string(), Fault::Local),
    };
    match runtime.block_on(commands::run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Client(error)) => fail(json, &error.to_string(), error.fault()),
        Err(Failure::Use(reason)) => fail(json, &reason, Fault::WrongUse),
        Err(Failure::Reported(fault)) => ExitCode::from(fault.exit_code()),
        Err(Failure::Refused) => ExitCode::from(Fault::Refused.exit_code()),
    }
}

#[expect(
    clippy::print_stderr,
    reason = "a program tells people on standard error why it failed"
)]
fn fail(json: bool, reason: &str, fault: Fault) -> ExitCode {
    if json {
        commands::print(&serde_json::json!({ "error": reason, "fault": fault.name() }).to_string());
    } else {
        eprintln!("mote: {reason}");
    }
    ExitCode::from(fault.exit_code())
}
