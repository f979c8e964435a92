//! Reading the configuration again while the server runs.

use std::path::PathBuf;
use std::sync::Arc;

use motekey_server::authorization_server::AuthorizationServer;
use motekey_server::config::{Configuration, Settings};
use tracing::{error, info, warn};

use super::store::ReplaceRegistry;

/// What is needed to take over a new configuration.
pub(super) struct Reload {
    config: Option<PathBuf>,
    /// The settings that the server was started with.
    settings: Settings,
    replace: ReplaceRegistry,
    server: Arc<AuthorizationServer>,
}

impl Reload {
    pub(super) fn new(
        config: Option<PathBuf>,
        settings: Settings,
        replace: ReplaceRegistry,
        server: Arc<AuthorizationServer>,
    ) -> Self {
        Self {
            config,
            settings,
            replace,
            server,
        }
    }

    /// Takes over the devices, resource servers and groups of the file. Sessions stay: each request is judged by the
    /// registry of its time. A file with an error changes nothing.
    pub(super) async fn run(&self) {
        let Some(path) = self.config.clone() else {
            info!("no configuration file to read again: the server was started without --config");
            return;
        };
        let loaded = tokio::task::spawn_blocking(move || Configuration::load(&path));
        let configuration = match loaded.await {
            Ok(Ok(configuration)) => configuration,
            Ok(Err(problem)) => {
                error!(%problem, "configuration not taken over, the former one stays");
                return;
            }
            Err(problem) => {
                error!(%problem, "configuration not read");
                return;
            }
        };
        for warning in configuration.warnings {
            warn!("{warning}");
        }
        let changes = configuration.settings.changes(&self.settings);
        if !changes.is_empty() {
            warn!(
                settings = changes.join(", "),
                "these settings take effect at the next start"
            );
        }
        if let Err(problem) = (self.replace)(configuration.registry) {
            error!(%problem, "configuration not taken over, the former one stays");
            return;
        }
        match self.server.refresh().await {
            Ok(()) => info!("configuration taken over"),
            Err(problem) => error!(%problem, "configuration not taken over"),
        }
    }
}
