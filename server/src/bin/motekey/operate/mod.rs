//! Commands to a server that runs: `motekey token list|revoke` and `motekey device list|enable|disable`.

mod output;

use std::path::{Path, PathBuf};

use clap::Args;
use motekey_server::config::Configuration;
use motekey_server::control::{Command, Knows, Reply, Revoked, Unanswered, Which, ask};

use crate::failure::Failure;
use crate::print::progress;

/// Which server is meant.
#[derive(Debug, Args)]
pub(crate) struct ServerArguments {
    /// The data directory of the server.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// The configuration file of the server, which names its data directory.
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    config: Option<PathBuf>,
}

/// How long resource servers are waited for.
#[derive(Debug, Args)]
pub(crate) struct WaitArguments {
    /// How long to wait for resource servers to acknowledge, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=300))]
    wait: u64,

    /// Print one JSON document.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: ServerArguments,
}

/// Arguments of `motekey token list`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  motekey token list --data /var/lib/motekey\n  motekey token list --device meter-1 --json --config motekey.toml"
)]
pub(crate) struct TokenListArguments {
    /// Of this device only.
    #[arg(long, value_name = "NAME")]
    device: Option<String>,

    /// Print one JSON document.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: ServerArguments,
}

/// Arguments of `motekey token revoke`.
#[derive(Debug, Args)]
#[command(
    after_help = "The revocation is on the disk when the command ends, whoever has acknowledged it. Resource servers hear of it by\n\
        observing the revocation list (RFC 9770), or when they ask for it next.\n\n\
        Examples:\n  motekey token revoke 00000000002a --data /var/lib/motekey\n  motekey token revoke --device meter-1 --wait 30 --config motekey.toml"
)]
pub(crate) struct TokenRevokeArguments {
    #[command(flatten)]
    which: WhichArguments,

    #[command(flatten)]
    wait: WaitArguments,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct WhichArguments {
    /// The token with this id (cti) or hash, in hexadecimal.
    #[arg(value_name = "TOKEN-ID")]
    token: Option<String>,

    /// Every token of this device.
    #[arg(long, value_name = "NAME")]
    device: Option<String>,

    /// Every token for this resource server.
    #[arg(long, value_name = "NAME")]
    resource_server: Option<String>,

    /// Every token with this key id, in hexadecimal.
    #[arg(long, value_name = "KID")]
    key: Option<String>,
}

/// Arguments of `motekey device list`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  motekey device list --data /var/lib/motekey")]
pub(crate) struct DeviceListArguments {
    /// Print one JSON document.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: ServerArguments,
}

/// Arguments of `motekey device disable`.
#[derive(Debug, Args)]
#[command(
    after_help = "The device gets no more tokens, its session with the authorization server ends, its tokens are revoked, and with\n\
        them its sessions at resource servers. It stays out over restarts and reloads, until motekey device enable.\n\n\
        Example:\n  motekey device disable meter-1 --data /var/lib/motekey"
)]
pub(crate) struct DeviceDisableArguments {
    /// The name of the device.
    #[arg(value_name = "NAME")]
    device: String,

    #[command(flatten)]
    wait: WaitArguments,
}

/// Arguments of `motekey device enable`.
#[derive(Debug, Args)]
#[command(
    after_help = "Its tokens stay revoked; it asks for new ones.\n\nExample:\n  motekey device enable meter-1 --data /var/lib/motekey"
)]
pub(crate) struct DeviceEnableArguments {
    /// The name of the device.
    #[arg(value_name = "NAME")]
    device: String,

    #[command(flatten)]
    server: ServerArguments,
}

/// Lists tokens.
pub(crate) fn token_list(arguments: &TokenListArguments) -> Result<(), Failure> {
    let directory = directory(&arguments.server)?;
    let (mut list, mut after) = (output::TokenList::begin(arguments.json), None);
    loop {
        let device = arguments.device.clone();
        let command = Command::TokenList { device, after };
        let Reply::Tokens { tokens, next } = send(&directory, command, 0)? else {
            return Err(unexpected());
        };
        list.add(tokens);
        after = next;
        if after.is_none() {
            list.print();
            return Ok(());
        }
    }
}

/// Revokes tokens.
pub(crate) fn token_revoke(arguments: &TokenRevokeArguments) -> Result<(), Failure> {
    let WhichArguments {
        token,
        device,
        resource_server,
        key,
    } = &arguments.which;
    let which = match (token, device, resource_server, key) {
        (Some(token), ..) => Which::Token(token.clone()),
        (_, Some(device), ..) => Which::Device(device.clone()),
        (_, _, Some(name), _) => Which::ResourceServer(name.clone()),
        (.., Some(key)) => Which::Key(key.clone()),
        (None, None, None, None) => {
            return Err(Failure::WrongUse(
                "no token is named; next: motekey token revoke --help".to_owned(),
            ));
        }
    };
    let revoked = revoke(&arguments.wait, Command::TokenRevoke(which))?;
    output::revoked(&revoked, None, arguments.wait.json);
    Ok(())
}

/// Lists devices.
pub(crate) fn device_list(arguments: &DeviceListArguments) -> Result<(), Failure> {
    let directory = directory(&arguments.server)?;
    let (mut list, mut after) = (Vec::new(), None);
    loop {
        let Reply::Devices { devices, next } = send(&directory, Command::DeviceList { after }, 0)?
        else {
            return Err(unexpected());
        };
        list.extend(devices);
        after = next;
        if after.is_none() {
            output::devices(&list, arguments.json);
            return Ok(());
        }
    }
}

/// Keeps a device out.
pub(crate) fn device_disable(arguments: &DeviceDisableArguments) -> Result<(), Failure> {
    let device = arguments.device.clone();
    let command = Command::DeviceDisabled {
        device,
        disabled: true,
    };
    let revoked = revoke(&arguments.wait, command)?;
    output::revoked(&revoked, Some(&arguments.device), arguments.wait.json);
    Ok(())
}

/// Lets a device in again.
pub(crate) fn device_enable(arguments: &DeviceEnableArguments) -> Result<(), Failure> {
    let directory = directory(&arguments.server)?;
    let command = Command::DeviceDisabled {
        device: arguments.device.clone(),
        disabled: false,
    };
    match send(&directory, command, 0)? {
        Reply::Enabled => {
            crate::print::line(&format!("{} is let in again", arguments.device));
            Ok(())
        }
        _ => Err(unexpected()),
    }
}

fn revoke(arguments: &WaitArguments, command: Command) -> Result<Revoked, Failure> {
    let directory = directory(&arguments.server)?;
    match send(&directory, command, arguments.wait)? {
        Reply::Revoked(revoked) => Ok(revoked),
        _ => Err(unexpected()),
    }
}

/// The data directory of the server that is meant.
fn directory(arguments: &ServerArguments) -> Result<PathBuf, Failure> {
    if let Some(data) = &arguments.data {
        return Ok(data.clone());
    }
    let Some(path) = &arguments.config else {
        return Err(Failure::WrongUse(
            "which server? next: give its data directory with --data DIR, or its file with --config FILE"
                .to_owned(),
        ));
    };
    let configuration =
        Configuration::load(path).map_err(|error| Failure::WrongUse(error.to_string()))?;
    configuration.settings.data_directory.ok_or_else(|| {
        Failure::WrongUse(format!(
            "{} names no data directory; next: give the one that the server was started with by --data DIR",
            path.display()
        ))
    })
}

/// Has the server do it; progress goes to standard error.
fn send(directory: &Path, command: Command, wait_seconds: u64) -> Result<Reply, Failure> {
    let mut former = None;
    let shown = |known: &[Knows]| {
        let missing = known.iter().filter(|knows| knows.acknowledged_at.is_none());
        let missing = missing.count();
        if wait_seconds > 0 && former.replace(missing) != Some(missing) {
            let all = known.len();
            progress(&format!(
                "waiting for resource servers: {} of {all} know",
                all - missing
            ));
        }
    };
    match ask(directory, command, wait_seconds, shown) {
        Ok(Reply::Refused { problem, next }) => {
            Err(Failure::Refused(format!("{problem}; next: {next}")))
        }
        Ok(Reply::Failed { problem, next }) => {
            Err(Failure::Local(format!("{problem}; next: {next}")))
        }
        Ok(reply) => Ok(reply),
        Err(error) => Err(unanswered(directory, &error)),
    }
}

fn unanswered(directory: &Path, error: &Unanswered) -> Failure {
    let next = match error {
        Unanswered::NoServer(_) => format!(
            "motekey serve --data {0} starts one, or give the data directory of the one that runs",
            directory.display()
        ),
        Unanswered::NotAllowed(_) => "run it as the user of the server".to_owned(),
        Unanswered::Lost(..) => "motekey token list shows what was done".to_owned(),
        Unanswered::NoAnswer(_) => "use the program of the same version as the server".to_owned(),
    };
    Failure::Unreachable(format!("{error}; next: {next}"))
}

fn unexpected() -> Failure {
    Failure::Local(
        "the server answered something else than was asked; next: use the program of the same version as the server"
            .to_owned(),
    )
}
