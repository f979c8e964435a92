//! Where log lines go: standard error, filtered by the environment variable `MOTEKEY_LOG`.

use tracing_subscriber::EnvFilter;

/// Name of the environment variable with the filter, such as `debug` or `motekey_server=info`.
const VARIABLE: &str = "MOTEKEY_LOG";

/// Begins to log as text; what `MOTEKEY_LOG` does not say is up to `default`.
pub(crate) fn begin(default: &str) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(default));
    // A second subscriber is refused: the first one stays.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
}
