//! Events as structured log lines.

use std::fmt;
use std::sync::Arc;

use tracing::{debug, error, info, warn};

use super::{Event, Subscriber};

/// Writes each event with `tracing`, its fields as fields. What needs the operator is a warning or an error, what
/// changes rights is information, the rest is for debugging.
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingSubscriber;

impl Subscriber for TracingSubscriber {
    fn event(&self, event: &Event) {
        match event {
            Event::RegistryLoaded {
                devices,
                resource_servers,
            } => info!(devices, resource_servers, "registry loaded"),
            Event::TokenGranted {
                client,
                audience,
                token_id,
                key_id,
                expires_in,
                narrowed,
                update,
            } => info!(
                %client, %audience, token_id = %Hex(token_id), key_id = %Hex(key_id), expires_in, narrowed, update,
                "token granted"
            ),
            Event::TokenDenied {
                client,
                reason,
                detail,
            } => {
                info!(
                    client = name(client.as_ref()),
                    reason, detail, "token denied"
                );
            }
            Event::TokenRevoked {
                client,
                resource_server,
                token_id,
                token_hash,
            } => warn!(
                %client, %resource_server, token_id = %Hex(token_id), %token_hash, "token revoked"
            ),
            Event::DeviceDisabled { client, revoked } => {
                warn!(%client, revoked, "device disabled");
            }
            Event::TokenIntrospected {
                resource_server,
                active,
            } => info!(%resource_server, active, "token introspected"),
            Event::IntrospectionDenied { caller, detail } => {
                info!(
                    caller = name(caller.as_ref()),
                    detail, "introspection denied"
                );
            }
            Event::StoreFailed { operation, detail } => error!(operation, detail, "store failed"),
            Event::TokenAccepted {
                by,
                client,
                key_id,
                expires_at,
                replaced,
            } => info!(
                ?by, client = name(client.as_ref()), key_id = %Hex(key_id), expires_at, replaced, "token accepted"
            ),
            Event::TokenRefused {
                by,
                check,
                code,
                detail,
            } => match *check {
                // What anybody can send is no news: a flood of it must not fill the log.
                "size" | "format" | "protection" => {
                    debug!(?by, check, %code, detail, "token refused")
                }
                _ => warn!(?by, check, %code, detail, "token refused"),
            },
            Event::TokenEnded { key_id, why } => info!(key_id = %Hex(key_id), ?why, "token ended"),
            Event::AccessDenied {
                client,
                code,
                method,
                target,
            } => match client {
                Some(client) => info!(%client, %code, %method, target, "access denied"),
                // Anybody can cause this, at any rate.
                None => debug!(%code, %method, target, "access denied to a stranger"),
            },
            Event::RevocationListRead { full, ended } => {
                debug!(full, ended, "revocation list read");
            }
            Event::AuthorizationServerUnreachable { detail } => {
                warn!(detail, "authorization server unreachable");
            }
            Event::SessionOpened { session, client } => {
                debug!(
                    session = session.0,
                    client = name(client.as_ref()),
                    "session opened"
                );
            }
            Event::SessionClosed { session, reason } => {
                debug!(session = session.0, reason, "session closed")
            }
            Event::SessionMoved { session, from, to } => {
                debug!(session = session.0, %from, %to, "session moved");
            }
            // Strangers cause these, at any rate.
            Event::HandshakeFailed { peer, reason } => debug!(%peer, reason, "handshake failed"),
            Event::HandshakeRefused { peer, reason } => {
                debug!(%peer, %reason, "handshake refused");
            }
        }
    }
}

fn name(client: Option<&Arc<str>>) -> &str {
    client.map_or("unknown", |client| client)
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use motekey_coap::endpoint::Refusal;
    use motekey_coap::message::Code;
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Level, Metadata};

    use super::*;
    use crate::event::Arrival;

    /// Notes the level of each line.
    #[derive(Default)]
    struct Levels(Arc<Mutex<Vec<Level>>>);

    impl tracing::Subscriber for Levels {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &tracing::Event<'_>) {
            self.0.lock().unwrap().push(*event.metadata().level());
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn what_strangers_cause_is_for_debugging_only() {
        let denied = |client: Option<&str>| Event::AccessDenied {
            client: client.map(Arc::from),
            code: Code::UNAUTHORIZED,
            method: Code::GET,
            target: "/a".to_owned(),
        };
        let refused = |check| Event::TokenRefused {
            by: Arrival::Upload,
            check,
            code: Code::UNAUTHORIZED,
            detail: String::new(),
        };
        let peer = "192.0.2.1:1".parse().unwrap();
        let failed = Event::HandshakeFailed {
            peer,
            reason: String::new(),
        };
        let crowded = Event::HandshakeRefused {
            peer,
            reason: Refusal::TableFull,
        };
        for (event, level) in [
            (failed, Level::DEBUG),
            (crowded, Level::DEBUG),
            (denied(None), Level::DEBUG),
            (denied(Some("meter")), Level::INFO),
            (refused("format"), Level::DEBUG),
            (refused("protection"), Level::DEBUG),
            (refused("size"), Level::DEBUG),
            (refused("aud"), Level::WARN),
        ] {
            let levels = Levels::default();
            let seen = levels.0.clone();
            tracing::subscriber::with_default(levels, || TracingSubscriber.event(&event));
            assert_eq!(*seen.lock().unwrap(), [level], "{event:?}");
        }
    }
}
