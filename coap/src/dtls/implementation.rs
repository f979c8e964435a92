//! The DTLS implementations by name, for programs that let their user choose.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::motekey::{Motekey, MotekeyConfig, SystemRandom};
use super::webrtc::{Webrtc, WebrtcConfig};
use super::{Backend, CredentialSource};

/// A DTLS implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Implementation {
    /// `motekey-dtls`, made for networks with hostile peers.
    #[default]
    Motekey,
    /// `webrtc-dtls`, for trusted networks only.
    Webrtc,
}

impl Implementation {
    /// All of them, the default first.
    pub const ALL: [Self; 2] = [Self::Motekey, Self::Webrtc];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Motekey => "motekey",
            Self::Webrtc => "webrtc",
        }
    }

    /// A backend that can connect, and cannot be connected to. A handshake takes `handshake_time_limit` at most.
    /// Must be called on a tokio runtime.
    pub fn client(self, handshake_time_limit: Duration) -> Box<dyn Backend> {
        self.client_with(motekey(handshake_time_limit))
    }

    /// As [`Implementation::client`]; `webrtc-dtls` takes of the settings the time limit only.
    pub fn client_with(self, config: MotekeyConfig) -> Box<dyn Backend> {
        match self {
            Self::Motekey => Box::new(Motekey::client(config, Box::new(SystemRandom))),
            Self::Webrtc => Box::new(Webrtc::client(
                tokio::runtime::Handle::current(),
                webrtc(config.handshake_time_limit),
            )),
        }
    }

    /// A backend that accepts whom `credentials` knows. Otherwise as [`Implementation::client`].
    pub fn server(
        self,
        credentials: Arc<dyn CredentialSource>,
        handshake_time_limit: Duration,
    ) -> Box<dyn Backend> {
        self.server_with(credentials, motekey(handshake_time_limit))
    }

    /// As [`Implementation::server`]; `webrtc-dtls` takes of the settings the time limit only.
    pub fn server_with(
        self,
        credentials: Arc<dyn CredentialSource>,
        config: MotekeyConfig,
    ) -> Box<dyn Backend> {
        match self {
            Self::Motekey => Box::new(Motekey::server(config, credentials, Box::new(SystemRandom))),
            Self::Webrtc => Box::new(Webrtc::server(
                tokio::runtime::Handle::current(),
                webrtc(config.handshake_time_limit),
                credentials,
            )),
        }
    }
}

impl fmt::Display for Implementation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Implementation {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|implementation| implementation.name() == word)
            .ok_or_else(|| format!("no DTLS implementation '{word}': there are motekey and webrtc"))
    }
}

fn motekey(handshake_time_limit: Duration) -> MotekeyConfig {
    MotekeyConfig {
        handshake_time_limit,
        ..MotekeyConfig::default()
    }
}

fn webrtc(handshake_time_limit: Duration) -> WebrtcConfig {
    WebrtcConfig {
        handshake_time_limit,
        ..WebrtcConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_implementation_is_found_by_its_name() {
        for implementation in Implementation::ALL {
            assert_eq!(implementation.name().parse(), Ok(implementation));
        }
        assert!("openssl".parse::<Implementation>().is_err());
    }

    #[test]
    fn the_default_is_fit_for_hostile_networks_and_the_other_says_that_it_is_not() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let _entered = runtime.enter();
        let hostile = |implementation: Implementation| {
            implementation
                .client(Duration::from_secs(1))
                .capabilities()
                .hostile_networks
        };
        assert!(hostile(Implementation::default()));
        assert!(!hostile(Implementation::Webrtc));
    }
}
