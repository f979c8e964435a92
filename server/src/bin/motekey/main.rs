//! `motekey`: the operator's program. It runs the authorization server, looks into tokens, and shows the whole
//! system at work in one command.

mod command_line;
mod demo;
mod failure;
mod hexadecimal;
mod logging;
mod print;
mod serve;
mod token;

use std::process::ExitCode;

use clap::Parser;

use command_line::{Command, CommandLine, TokenCommand};
use failure::Failure;

fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    match run(command_line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(command_line: CommandLine) -> Result<(), Failure> {
    match command_line.command {
        Command::Demo(arguments) => {
            logging::begin("off");
            demo::command(&arguments)
        }
        Command::Serve(arguments) => serve::command(&arguments),
        Command::Token(TokenCommand::Inspect(arguments)) => token::inspect_command(&arguments),
    }
}
