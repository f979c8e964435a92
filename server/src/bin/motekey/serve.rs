//! `motekey serve`: the authorization server, until a signal ends it.

mod data_directory;
mod listening;
mod reload;
mod signals;
mod store;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use motekey_coap::dtls::Implementation;
use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::config::{CertificateSettings, Configuration, Settings};
#[cfg(unix)]
use motekey_server::control::{Control, ControlError};
use motekey_server::event::TracingSubscriber;
use motekey_server::listen::Listen;
use motekey_server::store::Store;
use tracing::{info, warn};

use crate::failure::Failure;
use crate::logging::{self, LogFormat};
use data_directory::DataDirectory;
use reload::Reload;
use signals::{Signal, Signals};

/// The port of CoAP over DTLS (RFC 7252 Section 6.2).
const PORT: u16 = 5684;

/// How long sessions get for a goodbye and requests for their answer.
const SHUTDOWN_TIME: Duration = Duration::from_secs(5);

/// Most threads that work on requests.
const MAX_WORKERS: usize = 4;

/// Most threads that wait for the disk.
const MAX_BLOCKING: usize = 4;

#[derive(Debug, Args)]
#[command(
    after_help = "Without --config nobody is registered and every request is refused.\n\
        With --data, numbers, issued tokens, the revocation list and disabled devices are on the disk before an answer\n\
        leaves, in motekey.db. Without it a restart begins all numbers anew, among them the sequence numbers of tokens\n\
        for resource servers without a clock (RFC 9200 Section 5.10.3), and what was revoked is forgotten.\n\n\
        With --data it also takes the commands motekey token list|revoke and motekey device list|enable|disable, from\n\
        its own user.\n\n\
        Signals: SIGTERM and SIGINT end the server, SIGHUP reads the configuration file again.\n\
        Log lines go to standard error; MOTEKEY_LOG sets their level (error, warn, info, debug, trace).\n\n\
        Examples:\n  motekey serve --config motekey.toml --data /var/lib/motekey\n  \
        motekey serve --config motekey.toml --listen 0.0.0.0:5684 --log-format json"
)]
pub(crate) struct ServeArguments {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where is kept what must outlast a restart; created for its owner alone.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Where requests are taken: UDP, CoAP over DTLS. Without it what the configuration says, or 127.0.0.1:5684.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,

    /// The form of log lines.
    #[arg(long, value_enum, default_value = "text")]
    log_format: LogFormat,

    /// The DTLS implementation: motekey, or webrtc (for trusted networks only).
    #[arg(long, value_name = "NAME", default_value_t)]
    dtls: Implementation,
}

/// Runs the authorization server.
pub(crate) fn command(arguments: &ServeArguments) -> Result<(), Failure> {
    let configuration = match &arguments.config {
        Some(path) => {
            Configuration::load(path).map_err(|error| Failure::WrongUse(error.to_string()))?
        }
        None => Configuration::default(),
    };
    logging::begin_as(arguments.log_format, "info")?;
    // Held until the server has ended.
    let data = arguments
        .data
        .as_ref()
        .or(configuration.settings.data_directory.as_ref());
    let data = data.map(|path| DataDirectory::open(path)).transpose()?;
    let workers =
        std::thread::available_parallelism().map_or(1, |count| count.get().min(MAX_WORKERS));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .max_blocking_threads(MAX_BLOCKING)
        .enable_all()
        .build()
        .map_err(|error| Failure::Local(format!("cannot start threads: {error}")))?;
    let result = runtime.block_on(serve(arguments, configuration, data.as_ref()));
    // A thread that waits for a disk does not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

async fn serve(
    arguments: &ServeArguments,
    configuration: Configuration,
    data: Option<&DataDirectory>,
) -> Result<(), Failure> {
    let Configuration {
        settings,
        registry,
        warnings,
    } = configuration;
    for warning in warnings {
        warn!("{warning}");
    }
    let nobody = registry.devices().next().is_none();
    let opened = store::open(registry, settings.max_issued_tokens, data)?;
    // Signals are taken before anybody can see that the server runs.
    let mut signals = Signals::new()
        .map_err(|error| Failure::Local(format!("cannot receive signals: {error}")))?;
    let server = Arc::new(authorization_server(opened.store, &settings).await?);
    let address = arguments
        .listen
        .or(settings.listen)
        .unwrap_or_else(|| (Ipv4Addr::LOCALHOST, PORT).into());
    let (dtls, channel) = (arguments.dtls, settings.dtls());
    let listen = Listen::secure(address)
        .backend(Box::new(move |credentials| {
            dtls.server_with(credentials, channel)
        }))
        .endpoint(settings.endpoint.clone());
    let running = server
        .start(listen)
        .await
        .map_err(|error| listening::failure(address, &error))?;
    // Closed when the server ends.
    #[cfg(unix)]
    let _control = data.map(|data| control(data, &server)).transpose()?;
    let address = running.secure_address();
    info!(%address, %dtls, "listening");
    advise(address, dtls, nobody);
    let reload = Reload::new(arguments.config.clone(), settings, opened.replace, server);
    loop {
        match signals.next().await {
            Signal::Reload => reload.run().await,
            Signal::End(name) => {
                info!(signal = name, "ending");
                break;
            }
        }
    }
    end(running.shutdown(), &mut signals).await;
    info!("ended");
    Ok(())
}

#[cfg(unix)]
fn control(data: &DataDirectory, server: &Arc<AuthorizationServer>) -> Result<Control, Failure> {
    Control::open(data.path(), server.clone()).map_err(|error| {
        let next = match &error {
            ControlError::InUse(_) => "end that server, or give another --data DIR",
            ControlError::NoSocket(_) => "move that file away",
            ControlError::Unusable(..) => {
                "give a data directory that this user can write, with a path of at most 90 bytes, by --data DIR"
            }
        };
        Failure::Local(format!("control channel: {error}; next: {next}"))
    })
}

async fn authorization_server(
    store: Arc<dyn Store>,
    settings: &Settings,
) -> Result<AuthorizationServer, Failure> {
    let mut builder = AuthorizationServer::builder(store)
        .subscriber(TracingSubscriber)
        .token_path(&settings.token_path);
    if let Some(issuer) = &settings.issuer {
        builder = builder.issuer(issuer);
    }
    if let Some(pair) = &settings.key_pair {
        builder = builder.key_pair(pair.clone());
    }
    let certificates = settings.certificates.as_ref();
    if let Some(certificates) = certificates.and_then(CertificateSettings::certificates) {
        builder = builder.certificates(certificates);
    }
    if let Some(pair) = &settings.signing_key {
        builder = builder.signing_key(pair.algorithm, pair.key.clone());
    }
    builder
        .build()
        .await
        .map_err(|error| Failure::Local(format!("cannot start: {error}")))
}

/// What an operator should do next, if anything.
fn advise(address: SocketAddr, dtls: Implementation, nobody: bool) {
    if nobody {
        warn!(
            "nobody is registered, so every request is refused; next: write a configuration file with a \
             [[resource_server]] and a [[device]] and start with --config FILE"
        );
    }
    if dtls == Implementation::Webrtc && !address.ip().is_loopback() {
        warn!(
            "the DTLS implementation webrtc is for trusted networks only; next: leave --dtls out"
        );
    }
}

/// Waits for the goodbyes, at most [`SHUTDOWN_TIME`], and not at all after a second signal.
async fn end(shutdown: impl Future<Output = ()>, signals: &mut Signals) {
    tokio::select! {
        () = shutdown => {}
        () = tokio::time::sleep(SHUTDOWN_TIME) => warn!("not every session was ended in time"),
        () = signals.second_end() => warn!("ended by a second signal"),
    }
}
