//! Tokens, devices and resource servers as they stand in answers.

use std::fmt::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::authorization_server::revocation::{AcknowledgedBy, Reached};
use crate::clock::UnixSeconds;
use crate::registry::{Device, DeviceCredential};
use crate::store::{IssuedToken, TokenPlace};

/// A place in the listing of tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The end of the token.
    pub expires_at: UnixSeconds,
    /// Its resource server or group.
    pub resource_server: String,
    /// Its id, in hexadecimal.
    pub token: String,
}

/// A token, as far as it is remembered. No secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenState {
    /// Its id (`cti`), in hexadecimal.
    pub token: String,
    /// Its hash in the revocation list, in hexadecimal.
    pub hash: String,
    /// The device that holds it.
    pub device: String,
    /// The resource server or group that it is for.
    pub resource_server: String,
    /// The key id in it, in hexadecimal; empty if the key is named otherwise.
    pub key: String,
    /// When it was issued, in seconds since 1970.
    pub issued_at: UnixSeconds,
    /// When it ends.
    pub expires_at: UnixSeconds,
    /// When it was revoked, if it was.
    pub revoked_at: Option<UnixSeconds>,
    /// Who knows that it was revoked.
    pub known_by: Vec<Knows>,
}

/// A registered device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceState {
    /// Its name.
    pub device: String,
    /// What it authenticates with: `pre-shared key` or `raw public key`.
    pub credential: String,
    /// It is kept out.
    pub disabled: bool,
    /// It is an administrator.
    pub administrator: bool,
    /// Of a disabled one: which resource servers know that its tokens were revoked, as long as those have not expired.
    pub known_by: Vec<Knows>,
}

/// Whether a resource server knows of a revocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Knows {
    /// Its name.
    pub resource_server: String,
    /// Since when this server knows that it does, in seconds since 1970; `None`: it has not acknowledged.
    pub acknowledged_at: Option<UnixSeconds>,
    /// From what: `notification` or `query`.
    pub by: Option<String>,
}

impl TokenState {
    pub(super) fn new(token: &IssuedToken, known_by: Vec<Knows>) -> Self {
        Self {
            token: hexadecimal(&token.token_id),
            hash: hexadecimal(token.token_hash.as_bytes()),
            device: token.client.to_string(),
            resource_server: token.resource_server.to_string(),
            key: hexadecimal(&token.key_id),
            issued_at: token.issued_at,
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
            known_by,
        }
    }
}

impl DeviceState {
    pub(super) fn new(device: &Device, known_by: Vec<Knows>) -> Self {
        let credential = match device.credential {
            DeviceCredential::PreSharedKey { .. } => "pre-shared key",
            DeviceCredential::RawPublicKey(_) => "raw public key",
            DeviceCredential::Certificate(_) => "certificate",
        };
        Self {
            device: device.name.to_string(),
            credential: credential.to_owned(),
            disabled: device.disabled,
            administrator: device.administrator,
            known_by,
        }
    }
}

impl From<Reached> for Knows {
    fn from(reached: Reached) -> Self {
        let by = reached.acknowledged.map(|acknowledged| acknowledged.by);
        Self {
            resource_server: reached.resource_server.to_string(),
            acknowledged_at: reached.acknowledged.map(|acknowledged| acknowledged.at),
            by: by.map(|by| match by {
                AcknowledgedBy::Notification => "notification".to_owned(),
                AcknowledgedBy::Query => "query".to_owned(),
            }),
        }
    }
}

impl Place {
    pub(super) fn new((expires_at, (resource_server, token)): &TokenPlace) -> Self {
        Self {
            expires_at: *expires_at,
            resource_server: resource_server.to_string(),
            token: hexadecimal(token),
        }
    }

    pub(super) fn read(&self) -> Option<TokenPlace> {
        let name = (Arc::from(&*self.resource_server), bytes(&self.token)?);
        Some((self.expires_at, name))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of a hexadecimal text of either case.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|character| u8::try_from(character.to_digit(16)?).ok())
        .collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
