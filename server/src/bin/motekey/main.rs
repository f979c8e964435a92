//! `motekey`: the operator's program. It runs the authorization server, looks into tokens, and shows the whole
//! system at work in one command.

mod command_line;
mod demo;
mod failure;
mod hexadecimal;
mod logging;
#[cfg(unix)]
mod operate;
mod print;
mod serve;
mod token;

use std::process::ExitCode;

use clap::Parser;

#[cfg(unix)]
use command_line::DeviceCommand;
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
        #[cfg(unix)]
        Command::Token(TokenCommand::List(arguments)) => operate::token_list(&arguments),
        #[cfg(unix)]
        Command::Token(TokenCommand::Revoke(arguments)) => operate::token_revoke(&arguments),
        #[cfg(unix)]
        Command::Device(DeviceCommand::List(arguments)) => operate::device_list(&arguments),
        #[cfg(unix)]
        Command::Device(DeviceCommand::Disable(arguments)) => operate::device_disable(&arguments),
        #[cfg(unix)]
        Command::Device(DeviceCommand::Enable(arguments)) => operate::device_enable(&arguments),
    }
}
