//! The suite of all backends over this one.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::{Webrtc, WebrtcConfig};
use crate::dtls::conformance::Subject;
use crate::dtls::{Backend, CredentialSource};

/// The crate's timers run on the paused clock of this runtime.
struct Paused(Runtime);

impl Paused {
    fn new() -> Self {
        Self(
            Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap(),
        )
    }
}

impl Subject for Paused {
    fn server(&mut self, credentials: Arc<dyn CredentialSource>) -> Box<dyn Backend> {
        Box::new(Webrtc::server(
            self.0.handle().clone(),
            WebrtcConfig::default(),
            credentials,
        ))
    }

    fn client(&mut self) -> Box<dyn Backend> {
        Box::new(Webrtc::client(
            self.0.handle().clone(),
            WebrtcConfig::default(),
        ))
    }

    fn pass(&mut self, duration: Duration) {
        self.0
            .block_on(async { tokio::time::sleep(duration).await });
    }

    fn handshake_time_limit(&self) -> Duration {
        WebrtcConfig::default().handshake_time_limit
    }
}

crate::dtls_conformance!(Paused::new());
