//! PreSharedKey mode (RFC 9202 Section 3.3): the symmetric key that the authorization server made.

use motekey_coap::dtls::PreSharedKey;
use motekey_cose::key::{CoseKey, KeyOperation};
use motekey_cose::registry;

use crate::error::Unusable;
use crate::token::ProofKey;

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

/// The key of `cnf`, if DTLS can use it. A key that only names the running one stands for it.
pub(super) fn symmetric(key: &CoseKey, running: Option<&ProofKey>) -> Result<ProofKey, Unusable> {
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
        (Some(secret), _) if (MIN_KEY..=MAX_KEY).contains(&secret.len()) => {
            Ok(ProofKey::PreShared {
                kid,
                secret: PreSharedKey::new(secret.to_vec()),
            })
        }
        (Some(secret), _) => Err(Unusable::Key(format!(
            "{} bytes, wanted {MIN_KEY} to {MAX_KEY}",
            secret.len()
        ))),
        (None, Some(running)) if running.kid() == Some(&kid) => Ok(running.clone()),
        (None, Some(_)) => Err(Unusable::OtherKey),
        (None, None) => Err(Unusable::Key(
            "it is only named, and this client does not have it".into(),
        )),
    }
}
