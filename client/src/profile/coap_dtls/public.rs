//! RawPublicKey mode (RFC 9202 Section 3.2): the key pair of this device, and the public key of the resource server.

use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::{CoseKey, KeyOperation};
use motekey_cose::registry::algorithm;

use crate::error::Unusable;
use crate::profile::KeyOffer;
use crate::token::ProofKey;

/// Operations of a key in a handshake: its owner signs, the other side verifies.
const SIGNING_OPERATIONS: [KeyOperation; 2] = [KeyOperation::Sign, KeyOperation::Verify];

/// The key of `cnf`, if it is that of this device.
pub(super) fn own(key: &CoseKey, offer: &KeyOffer<'_>) -> Result<ProofKey, Unusable> {
    let info = usable(key).map_err(|reason| Unusable::Key(format!("cnf: {reason}")))?;
    // RFC 9202 Section 3.2.2: the key of cnf is used; this device has but one.
    match offer.requested {
        Some(own) if own == info => requested(own, offer),
        _ => Err(Unusable::Key(
            "cnf names a public key whose private key this device does not have".into(),
        )),
    }
}

/// The key that the request named, with what the resource server has to show.
pub(super) fn requested(own: &[u8], offer: &KeyOffer<'_>) -> Result<ProofKey, Unusable> {
    let key = ProofKey::Public {
        own: own.to_vec(),
        kid: offer.requested_id.map(<[u8]>::to_vec),
        server: server(offer)?,
    };
    match offer.running {
        // RFC 9202 Section 4: an update keeps the keys of the running session.
        Some(running) if *running != key => Err(Unusable::OtherKey),
        _ => Ok(key),
    }
}

/// The public key of the resource server: from `rs_cnf`, from the configuration, or of the running session.
fn server(offer: &KeyOffer<'_>) -> Result<Vec<u8>, Unusable> {
    let named = match offer.resource_server {
        Some(Confirmation::Key(key)) => {
            Some(usable(key).map_err(|reason| Unusable::Key(format!("rs_cnf: {reason}")))?)
        }
        Some(_) => {
            return Err(Unusable::Key("rs_cnf holds no public key in clear".into()));
        }
        None => None,
    };
    match (named, offer.known_server, offer.running) {
        (Some(named), Some(known), _) if named != known => Err(Unusable::Key(
            "rs_cnf is another public key than the one that is configured for the resource server"
                .into(),
        )),
        (Some(named), ..) => Ok(named),
        (None, Some(known), _) => Ok(known.to_vec()),
        (None, None, Some(ProofKey::Public { server, .. })) => Ok(server.clone()),
        // RFC 9202 Section 3.2.1: rs_cnf is missing only if the client knows the key already.
        (None, None, _) => Err(Unusable::Key(
            "rs_cnf is missing, and no public key is configured for the resource server".into(),
        )),
    }
}

/// SubjectPublicKeyInfo of a public key that a handshake can use.
fn usable(key: &CoseKey) -> Result<Vec<u8>, &'static str> {
    let fitting = match key {
        CoseKey::Symmetric(_) => return Err("not a public key"),
        CoseKey::Ec2(_) => algorithm::ES256,
        CoseKey::Okp(_) => algorithm::EDDSA,
    };
    let attributes = key.attributes();
    // RFC 9201 Section 5: a key whose alg or key_ops does not fit the profile is not used.
    if attributes.alg.is_some_and(|number| number != fitting) {
        return Err("its alg restricts it to another use than DTLS");
    }
    if let Some(operations) = &attributes.key_ops
        && !operations
            .iter()
            .any(|operation| SIGNING_OPERATIONS.contains(operation))
    {
        return Err("its key_ops exclude signatures");
    }
    key.public_key_info(&PROVIDER)
        .map_err(|_| "its point is not on its curve")
}
