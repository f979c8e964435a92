//! Signals of the operating system.

use std::io;

/// What a signal asks for.
pub(super) enum Signal {
    /// To end; with the name of the signal.
    End(&'static str),
    /// To read the configuration again.
    Reload,
}

#[cfg(unix)]
pub(super) use on_unix::Signals;

#[cfg(not(unix))]
pub(super) use elsewhere::Signals;

#[cfg(unix)]
mod on_unix {
    use tokio::signal::unix::{SignalKind, signal};

    use super::{Signal, io};

    /// Receives signals.
    pub(crate) struct Signals {
        terminate: tokio::signal::unix::Signal,
        interrupt: tokio::signal::unix::Signal,
        hang_up: tokio::signal::unix::Signal,
    }

    impl Signals {
        /// Begins to receive.
        pub(crate) fn new() -> io::Result<Self> {
            Ok(Self {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
                hang_up: signal(SignalKind::hangup())?,
            })
        }

        /// Waits for the next one.
        pub(crate) async fn next(&mut self) -> Signal {
            tokio::select! {
                _ = self.terminate.recv() => Signal::End("SIGTERM"),
                _ = self.interrupt.recv() => Signal::End("SIGINT"),
                _ = self.hang_up.recv() => Signal::Reload,
            }
        }

        /// Waits for one more that asks to end.
        pub(crate) async fn second_end(&mut self) {
            while matches!(self.next().await, Signal::Reload) {}
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use super::{Signal, io};

    /// Receives Ctrl-C.
    pub(crate) struct Signals;

    impl Signals {
        /// Begins to receive.
        pub(crate) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        /// Waits for the next one.
        pub(crate) async fn next(&mut self) -> Signal {
            // Without a way to be told to end there is nothing better than to end.
            let _ = tokio::signal::ctrl_c().await;
            Signal::End("Ctrl-C")
        }

        /// Waits for one more that asks to end.
        pub(crate) async fn second_end(&mut self) {
            let _ = self.next().await;
        }
    }
}
