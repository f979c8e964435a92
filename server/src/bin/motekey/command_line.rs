//! The words that `motekey` understands. Names are a contract: scripts depend on them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::demo::world::WorldName;
#[cfg(unix)]
use crate::operate::{
    DeviceDisableArguments, DeviceEnableArguments, DeviceListArguments, TokenListArguments,
    TokenRevokeArguments,
};
use crate::serve::ServeArguments;

/// Authorization server for constrained devices: CoAP over DTLS, ACE tokens (RFC 9200).
#[derive(Debug, Parser)]
#[command(name = "motekey", version, about, propagate_version = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Plays a whole world on loopback: devices get tokens and use them, and whoever must be refused is refused.
    Demo(DemoArguments),

    /// Runs the authorization server: tokens for registered devices over CoAP and DTLS.
    Serve(ServeArguments),

    /// Looks into access tokens; lists and revokes those of a running server.
    #[command(subcommand)]
    Token(TokenCommand),

    /// Lists the devices of a running server, keeps them out, lets them in again.
    #[cfg(unix)]
    #[command(subcommand)]
    Device(DeviceCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Shows the structure of a token and, where it is not encrypted, its claims. Verifies nothing.
    Inspect(TokenInspectArguments),

    /// Lists the tokens that a server issued, and who knows of those that were revoked.
    #[cfg(unix)]
    List(TokenListArguments),

    /// Revokes tokens, and shows which resource servers have acknowledged it, and when.
    #[cfg(unix)]
    Revoke(TokenRevokeArguments),
}

#[cfg(unix)]
#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    /// Lists the registered devices.
    List(DeviceListArguments),

    /// Keeps a device out, with all its tokens and sessions.
    Disable(DeviceDisableArguments),

    /// Lets a device in again.
    Enable(DeviceEnableArguments),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  motekey demo\n  motekey demo factory --devices 50\n  motekey demo --json | jq .steps"
)]
pub(crate) struct DemoArguments {
    /// Which world to play.
    #[arg(value_enum, default_value = "energy")]
    pub(crate) world: WorldName,

    /// How many devices take part.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub(crate) devices: u16,

    /// Print the report as one JSON document on standard output; progress stays on standard error.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  motekey token inspect d28443a10126...\n  motekey token inspect --file token.cwt --json"
)]
pub(crate) struct TokenInspectArguments {
    /// The token in hexadecimal; standard input when it is `-` or left out.
    #[arg(conflicts_with = "file")]
    pub(crate) token: Option<String>,

    /// A file that holds the bytes of the token.
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,

    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}
