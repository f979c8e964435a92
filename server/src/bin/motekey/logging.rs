//! Where log lines go: standard error, filtered by the environment variable `MOTEKEY_LOG`.

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;

/// Name of the environment variable with the filter, such as `debug` or `motekey_server=info`.
const VARIABLE: &str = "MOTEKEY_LOG";

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Begins to log as text; what `MOTEKEY_LOG` does not say is up to `default`.
pub(crate) fn begin(default: &str) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(default));
    start(LogFormat::Text, filter);
}

/// Begins to log in a form; what `MOTEKEY_LOG` does not say is up to `default`.
///
/// # Errors
/// `MOTEKEY_LOG` is not understood.
pub(crate) fn begin_as(format: LogFormat, default: &str) -> Result<(), Failure> {
    let filter = match std::env::var(VARIABLE) {
        Ok(text) => EnvFilter::try_new(&text).map_err(|error| {
            Failure::WrongUse(format!(
                "{VARIABLE}={text}: {error}; wanted error, warn, info, debug or trace, or a list such as info,motekey_coap=debug"
            ))
        })?,
        Err(_) => EnvFilter::new(default),
    };
    start(format, filter);
    Ok(())
}

fn start(format: LogFormat, filter: EnvFilter) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second subscriber is refused: the first one stays.
    let _ = match format {
        LogFormat::Text => {
            let colours = std::env::var_os("NO_COLOR").is_none()
                && std::io::IsTerminal::is_terminal(&std::io::stderr());
            builder.with_ansi(colours).try_init()
        }
        LogFormat::Json => builder.json().try_init(),
    };
}
