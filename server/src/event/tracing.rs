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
            } => warn!(?by, check, %code, detail, "token refused"),
            Event::TokenEnded { key_id, why } => info!(key_id = %Hex(key_id), ?why, "token ended"),
            Event::AccessDenied {
                client,
                code,
                method,
                target,
            } => {
                info!(client = name(client.as_ref()), %code, %method, target, "access denied");
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
