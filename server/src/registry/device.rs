//! Devices: who they are and what they may ask for.

use std::collections::BTreeSet;
use std::sync::Arc;

use motekey_coap::dtls::PreSharedKey;
use motekey_cose::key::CoseKey;
use motekey_cose::registry::profile;
use motekey_cose::scope::Aif;

use crate::certificates::thumbprint;

/// A device that may ask for tokens. What no rule allows is refused.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its name: the subject of its tokens, and what logs call it.
    pub name: Arc<str>,
    /// What it proves itself with in the DTLS handshake.
    pub credential: DeviceCredential,
    /// The ACE profiles that it speaks, in the order it prefers them.
    pub profiles: Vec<i64>,
    /// What it may get.
    pub rules: Vec<AccessRule>,
    /// It is kept out: no session, no token. Default: false.
    pub disabled: bool,
    /// It may read the whole revocation list (RFC 9770 Section 10). Default: false.
    pub administrator: bool,
}

impl Device {
    /// A device with a pre-shared key that speaks `coap_dtls` and may do nothing yet.
    pub fn with_pre_shared_key(name: &str, identity: &[u8], key: PreSharedKey) -> Self {
        Self {
            name: name.into(),
            credential: DeviceCredential::PreSharedKey {
                identity: identity.to_vec(),
                key,
            },
            profiles: vec![profile::COAP_DTLS],
            rules: Vec::new(),
            disabled: false,
            administrator: false,
        }
    }

    /// A device with a raw public key that speaks `coap_dtls` and may do nothing yet.
    pub fn with_public_key(name: &str, key: CoseKey) -> Self {
        Self {
            name: name.into(),
            credential: DeviceCredential::RawPublicKey(key),
            profiles: vec![profile::COAP_DTLS],
            rules: Vec::new(),
            disabled: false,
            administrator: false,
        }
    }

    /// A device with a certificate (DER) that speaks `coap_dtls` and may do nothing yet.
    pub fn with_certificate(name: &str, certificate: &[u8]) -> Self {
        Self {
            name: name.into(),
            credential: DeviceCredential::Certificate(thumbprint(certificate)),
            profiles: vec![profile::COAP_DTLS],
            rules: Vec::new(),
            disabled: false,
            administrator: false,
        }
    }

    /// The same device with one more rule.
    #[must_use]
    pub fn allow(mut self, audience: &str, scope: ScopeRule) -> Self {
        self.rules.push(AccessRule {
            audience: audience.into(),
            scope,
        });
        self
    }
}

/// What a device, or a resource server, proves itself with to the authorization server.
#[derive(Debug, Clone)]
pub enum DeviceCredential {
    /// A key shared by this device and the authorization server, by nobody else (RFC 9200 Section 6.3).
    PreSharedKey {
        /// The PSK identity, 1 to 128 bytes.
        identity: Vec<u8>,
        /// The key, 16 bytes or more.
        key: PreSharedKey,
    },
    /// The public part of a key pair of the device (RFC 7250): P-256 or Ed25519.
    RawPublicKey(CoseKey),
    /// SHA-256 of its X.509 certificate (DER). The certificate is validated all the same; another one of the same
    /// authority, or a renewed one, is that of nobody.
    Certificate([u8; 32]),
}

/// What a device may do at one audience.
#[derive(Debug, Clone)]
pub struct AccessRule {
    /// The audience.
    pub audience: Arc<str>,
    /// The widest scope.
    pub scope: ScopeRule,
}

/// The widest scope that a rule allows.
#[derive(Debug, Clone)]
pub enum ScopeRule {
    /// Scope tokens of a text scope (RFC 6749 Section 3.3).
    Text(BTreeSet<String>),
    /// Resources and methods (RFC 9237).
    Aif(Aif),
}

impl ScopeRule {
    /// A text rule from a space-separated list.
    pub fn text(scopes: &str) -> Self {
        Self::Text(
            scopes
                .split(' ')
                .filter(|scope| !scope.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }
}
