//! The task of one handshake.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use webrtc_dtls::Error;
use webrtc_dtls::cipher_suite::CipherSuiteId;
use webrtc_dtls::config::{Config, ExtendedMasterSecretType};
use webrtc_dtls::conn::DTLSConn;
use zeroize::Zeroizing;

use super::MAX_IDENTITY;
use super::channel::{Channel, Keys, Shared};
use super::record::alert;
use crate::dtls::{CredentialSource, PreSharedKey, PskAnswer};

/// Bytes of the key that an unknown identity is answered with.
const DECOY: usize = 32;
/// How long the crate's sender may take to hand over its alert, in steps.
const ALERT_STEPS: u32 = 10;
const ALERT_STEP: Duration = Duration::from_millis(2);

/// Which side of the handshake this is, and with which credentials.
pub(super) enum Role {
    Client {
        identity: Vec<u8>,
        key: PreSharedKey,
    },
    Server(Arc<dyn CredentialSource>),
}

impl Role {
    pub(super) fn is_client(&self) -> bool {
        matches!(self, Self::Client { .. })
    }
}

/// What the crate is told about timers and sizes.
#[derive(Debug, Clone, Copy)]
pub(super) struct HandshakeSettings {
    pub(super) flight_interval: Duration,
    pub(super) fragment: usize,
}

/// Reports a handshake as failed when its task goes away in any other way: by a panic, or with its runtime.
struct Guard(Arc<Shared>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fail("the task of the handshake ended".to_owned());
    }
}

/// Runs a handshake to its end and reports to `shared`.
pub(super) async fn run(
    channel: Channel,
    settings: HandshakeSettings,
    role: Role,
    shared: Arc<Shared>,
) {
    let guard = Guard(Arc::clone(&shared));
    let is_client = role.is_client();
    let config = configuration(settings, role, Arc::clone(&shared));
    match handshake(channel, config, is_client).await {
        Ok(keys) => shared.complete(keys),
        Err(error) => {
            // The crate sends its alerts from a task of their own, and does not tell when.
            for _ in 0..ALERT_STEPS {
                if shared.alert_sent() {
                    break;
                }
                tokio::time::sleep(ALERT_STEP).await;
            }
            shared.fail(error.to_string());
        }
    }
    drop(guard);
}

async fn handshake(channel: Channel, config: Config, is_client: bool) -> Result<Keys, Error> {
    let connection = DTLSConn::new(Arc::new(channel), config, is_client, None).await?;
    let state = connection.connection_state().await;
    let data = state.key_log_data()?;
    let master_secret = Zeroizing::new(data.master_secret);
    Keys::new(&master_secret, &data.local_random, &data.remote_random)
        .ok_or_else(|| Error::Other("the crate gave no master secret".to_owned()))
}

fn configuration(settings: HandshakeSettings, role: Role, shared: Arc<Shared>) -> Config {
    let (psk, psk_identity_hint) = match role {
        Role::Client { identity, key } => (client_callback(key), Some(identity)),
        Role::Server(source) => {
            let hint = source.identity_hint();
            (server_callback(source, shared), hint)
        }
    };
    Config {
        // RFC 9202 Section 3.3.2: TLS_PSK_WITH_AES_128_CCM_8 must be there; it is first.
        cipher_suites: vec![
            CipherSuiteId::Tls_Psk_With_Aes_128_Ccm_8,
            CipherSuiteId::Tls_Psk_With_Aes_128_Gcm_Sha256,
        ],
        // RFC 7925 Section 16: the extended master secret is offered and used.
        extended_master_secret: ExtendedMasterSecretType::Request,
        flight_interval: settings.flight_interval,
        mtu: settings.fragment,
        psk: Some(psk),
        psk_identity_hint,
        server_name: "coaps.invalid".to_owned(),
        ..Config::default()
    }
}

type PskFuture = Pin<Box<dyn Future<Output = Result<Vec<u8>, Error>> + Send>>;
type PskCallback = Arc<dyn (Fn(&[u8]) -> PskFuture) + Send + Sync>;

fn client_callback(key: PreSharedKey) -> PskCallback {
    Arc::new(move |_hint| {
        let key = key.expose().to_vec();
        Box::pin(std::future::ready(Ok(key)))
    })
}

fn server_callback(source: Arc<dyn CredentialSource>, shared: Arc<Shared>) -> PskCallback {
    Arc::new(move |identity| Box::pin(std::future::ready(answer(&*source, &shared, identity))))
}

fn answer(
    source: &dyn CredentialSource,
    shared: &Shared,
    identity: &[u8],
) -> Result<Vec<u8>, Error> {
    let answer = if identity.len() > MAX_IDENTITY {
        PskAnswer::IllegalParameter
    } else {
        source.pre_shared_key(identity)
    };
    match answer {
        PskAnswer::Key(key) => {
            shared.note_identity(identity);
            Ok(key.expose().to_vec())
        }
        PskAnswer::Unknown => decoy(),
        PskAnswer::IllegalParameter => {
            // RFC 9202 Section 3.3.2: illegal_parameter. The crate would send internal_error.
            shared.refuse(alert::ILLEGAL_PARAMETER);
            Err(Error::Other(
                "the PSK identity selects no valid access token".to_owned(),
            ))
        }
    }
}

/// RFC 4279 Section 2: to hide whether an identity is known, the server goes on as with a wrong key. Both end with
/// the same alert at the same place.
fn decoy() -> Result<Vec<u8>, Error> {
    let mut key = vec![0; DECOY];
    getrandom::fill(&mut key).map_err(|error| Error::Other(error.to_string()))?;
    Ok(key)
}
