//! `coap_dtls` with pre-shared keys (RFC 9202 Section 3.3).

use motekey_coap::dtls::{ClientCredential, PreSharedKey};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::key::{CoseKey, KeyOperation};
use motekey_cose::message::PskIdentity;
use motekey_cose::registry;

use super::{Approach, HandshakeLimits, Profile, TokenTransport, Upload};
use crate::error::Unusable;
use crate::token::{Access, ProofKey};

/// Content-Format `application/cwt` (RFC 8392 Section 9.2).
const CONTENT_FORMAT_CWT: u16 = 61;

/// Shortest key in bytes that this client takes: the strength of the mandatory cipher suite.
const MIN_KEY: usize = 16;

/// Longest key in bytes (RFC 4279 Section 5.3: 64 bytes are supported by every peer).
const MAX_KEY: usize = 64;

/// Key operations that fit the derivation of a premaster secret (RFC 9052 Table 5).
const DERIVING_OPERATIONS: [KeyOperation; 2] = [KeyOperation::DeriveKey, KeyOperation::DeriveBits];

/// Values of `alg` that fit. RFC 9053 has no algorithm for a TLS PSK; deployed servers write the one of the cipher
/// suites, AES-CCM with a tag of 8 or 16 bytes.
const FITTING_ALGORITHMS: [i64; 2] = [
    registry::algorithm::AES_CCM_16_64_128,
    registry::algorithm::AES_CCM_16_128_128,
];

/// Pre-shared keys over DTLS.
#[derive(Debug, Clone, Copy, Default)]
pub struct CoapDtls;

impl Profile for CoapDtls {
    fn number(&self) -> i64 {
        registry::profile::COAP_DTLS
    }

    fn name(&self) -> &'static str {
        "coap_dtls"
    }

    fn proof_key(
        &self,
        confirmation: Option<&Confirmation>,
        running: Option<&ProofKey>,
    ) -> Result<ProofKey, Unusable> {
        match (confirmation, running) {
            (Some(Confirmation::Key(key)), running) => {
                let key = symmetric(key, running)?;
                match running {
                    // RFC 9202 Section 4: the updated token carries the kid of the running session's key.
                    Some(running) if *running != key => Err(Unusable::OtherKey),
                    _ => Ok(key),
                }
            }
            (Some(Confirmation::KeyId(kid)), Some(running)) if *kid == running.kid => {
                Ok(running.clone())
            }
            (Some(Confirmation::KeyId(_)), Some(_)) => Err(Unusable::OtherKey),
            (None, Some(running)) => Ok(running.clone()),
            // RFC 9201 Section 3.2: cnf is REQUIRED when the authorization server made a symmetric key.
            (None, None) => Err(Unusable::Key("cnf is missing".into())),
            (Some(_), _) => Err(Unusable::Key("cnf holds no key in clear".into())),
        }
    }

    fn approach(&self, access: &Access, limits: HandshakeLimits) -> Result<Approach, Unusable> {
        let fits = access.token.len() <= limits.max_identity;
        let in_handshake = match limits.transport {
            TokenTransport::Automatic => fits,
            TokenTransport::InHandshake if fits => true,
            TokenTransport::InHandshake => {
                return Err(Unusable::TooLong {
                    got: access.token.len(),
                    limit: limits.max_identity,
                });
            }
            TokenTransport::Upload => false,
        };
        let key = access.key.secret.clone();
        if in_handshake {
            // RFC 9202 Section 3.3.2: the psk_identity is the bytes of access_token, not encoded again.
            let credential = ClientCredential::PreSharedKey {
                identity: access.token.clone(),
                key,
            };
            return Ok(Approach {
                upload: None,
                credential,
            });
        }
        // RFC 9202 Section 3.3.2: the psk_identity names the key, and holds nothing else.
        let identity = PskIdentity {
            kid: access.key.kid.clone(),
        }
        .encode();
        let credential = ClientCredential::PreSharedKey { identity, key };
        Ok(Approach {
            upload: Some(self.update(&access.token)),
            credential,
        })
    }

    fn update(&self, token: &[u8]) -> Upload {
        // RFC 9200 Section 5.10.1: POST to authz-info, the token is the payload, the Content-Format names its kind.
        Upload {
            content_format: CONTENT_FORMAT_CWT,
            payload: token.to_vec(),
        }
    }
}

/// The key of `cnf`, if DTLS can use it. A key that only names the running one stands for it.
fn symmetric(key: &CoseKey, running: Option<&ProofKey>) -> Result<ProofKey, Unusable> {
    let CoseKey::Symmetric(symmetric) = key else {
        return Err(Unusable::Key("not a symmetric key".into()));
    };
    let attributes = &symmetric.attributes;
    // RFC 9201 Section 5: a key whose alg or key_ops does not fit the profile is not used.
    if let Some(algorithm) = attributes
        .alg
        .filter(|number| !FITTING_ALGORITHMS.contains(number))
    {
        return Err(Unusable::Key(format!(
            "its alg ({algorithm}) restricts it to another use than DTLS"
        )));
    }
    if let Some(operations) = &attributes.key_ops
        && !operations
            .iter()
            .any(|operation| DERIVING_OPERATIONS.contains(operation))
    {
        return Err(Unusable::Key(
            "its key_ops exclude the derivation of keys".into(),
        ));
    }
    // The update of rights and form A of the identity need a kid.
    let Some(kid) = attributes.kid.clone().filter(|kid| !kid.is_empty()) else {
        return Err(Unusable::Key("it has no kid".into()));
    };
    match (&symmetric.value, running) {
        (Some(secret), _) if (MIN_KEY..=MAX_KEY).contains(&secret.len()) => Ok(ProofKey {
            kid,
            secret: PreSharedKey::new(secret.to_vec()),
        }),
        (Some(secret), _) => Err(Unusable::Key(format!(
            "{} bytes, wanted {MIN_KEY} to {MAX_KEY}",
            secret.len()
        ))),
        (None, Some(running)) if kid == running.kid => Ok(running.clone()),
        (None, Some(_)) => Err(Unusable::OtherKey),
        (None, None) => Err(Unusable::Key(
            "it is only named, and this client does not have it".into(),
        )),
    }
}

#[cfg(test)]
mod tests;
