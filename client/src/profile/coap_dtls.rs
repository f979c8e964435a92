//! `coap_dtls` (RFC 9202): pre-shared keys, raw public keys, and certificates
//! (draft-ietf-ace-authcred-dtls-profile-04).

mod certificate;
mod public;
mod shared;

use motekey_coap::dtls::{ClientCredential, KeyPair, PreSharedKey};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::message::PskIdentity;
use motekey_cose::registry;

use super::{Approach, HandshakeLimits, KeyOffer, Means, Profile, TokenTransport, Upload};
use crate::error::Unusable;
use crate::token::{Access, ProofKey};

/// Content-Format `application/cwt` (RFC 8392 Section 9.2).
const CONTENT_FORMAT_CWT: u16 = 61;

/// Pre-shared keys, raw public keys and certificates over DTLS. Which of them it is, the token response says.
#[derive(Debug, Clone, Copy, Default)]
pub struct CoapDtls;

impl Profile for CoapDtls {
    fn number(&self) -> i64 {
        registry::profile::COAP_DTLS
    }

    fn name(&self) -> &'static str {
        "coap_dtls"
    }

    fn proof_key(&self, offer: KeyOffer<'_>) -> Result<ProofKey, Unusable> {
        match (offer.confirmation, offer.running) {
            (Some(Confirmation::Key(key)), running) if key.is_symmetric() => {
                let key = shared::symmetric(key, running)?;
                match running {
                    // RFC 9202 Section 4: the updated token carries the kid of the running session's key.
                    Some(running) if *running != key => Err(Unusable::OtherKey),
                    _ => Ok(key),
                }
            }
            (Some(Confirmation::Key(key)), _) => public::own(key, &offer),
            (Some(Confirmation::KeyId(kid)), running) => named(kid, running, &offer),
            (
                Some(
                    named @ (Confirmation::CertificateChain(_) | Confirmation::CertificateHash(_)),
                ),
                _,
            ) => certificate::own(named, &offer),
            // draft-ietf-ace-authcred-dtls-profile-04 Section 3: as in RawPublicKey mode.
            (None, _) if offer.requested_certificate.is_some() => certificate::requested(&offer),
            // RFC 9202 Section 3.2.2: without cnf it is the key of req_cnf.
            (None, running) => match (offer.requested, running) {
                (Some(own), _) => public::requested(own, &offer),
                (None, Some(running)) => Ok(running.clone()),
                // RFC 9201 Section 3.2: cnf is REQUIRED when the authorization server made a symmetric key.
                (None, None) => Err(Unusable::Key("cnf is missing".into())),
            },
            (Some(_), _) => Err(Unusable::Key("cnf holds no key in clear".into())),
        }
    }

    fn approach(
        &self,
        access: &Access,
        means: Means<'_>,
        limits: HandshakeLimits,
    ) -> Result<Approach, Unusable> {
        match &access.key {
            ProofKey::PreShared { kid, secret } => {
                self.with_shared_key(&access.token, kid, secret, limits)
            }
            ProofKey::Public {
                own: info, server, ..
            } => {
                let credential = ClientCredential::RawPublicKey {
                    key: key_pair(means.own, info)?,
                    server: server.clone(),
                };
                // RFC 9202 Section 3.2.2: the token is at the resource server before the handshake begins.
                Ok(Approach {
                    upload: Some(self.update(&access.token)),
                    credential,
                })
            }
            ProofKey::Certificate { own, server } => Ok(Approach {
                upload: Some(self.update(&access.token)),
                credential: certificate::credential(*own, *server, means)?,
            }),
        }
    }

    fn update(&self, token: &[u8]) -> Upload {
        // RFC 9200 Section 5.10.1: POST to authz-info, the token is the payload, the Content-Format names its kind.
        Upload {
            content_format: CONTENT_FORMAT_CWT,
            payload: token.to_vec(),
        }
    }
}

impl CoapDtls {
    fn with_shared_key(
        self,
        token: &[u8],
        kid: &[u8],
        key: &PreSharedKey,
        limits: HandshakeLimits,
    ) -> Result<Approach, Unusable> {
        let fits = token.len() <= limits.max_identity;
        let in_handshake = match limits.transport {
            TokenTransport::Automatic => fits,
            TokenTransport::InHandshake if fits => true,
            TokenTransport::InHandshake => {
                return Err(Unusable::TooLong {
                    got: token.len(),
                    limit: limits.max_identity,
                });
            }
            TokenTransport::Upload => false,
        };
        let key = key.clone();
        if in_handshake {
            // RFC 9202 Section 3.3.2: the psk_identity is the bytes of access_token, not encoded again.
            let identity = token.to_vec();
            return Ok(Approach {
                upload: None,
                credential: ClientCredential::PreSharedKey { identity, key },
            });
        }
        // RFC 9202 Section 3.3.2: the psk_identity names the key, and holds nothing else.
        let identity = PskIdentity { kid: kid.to_vec() }.encode();
        Ok(Approach {
            upload: Some(self.update(token)),
            credential: ClientCredential::PreSharedKey { identity, key },
        })
    }
}

/// The key that `cnf` only names: the running one, or the own public key.
fn named(
    kid: &[u8],
    running: Option<&ProofKey>,
    offer: &KeyOffer<'_>,
) -> Result<ProofKey, Unusable> {
    match (offer.requested, running) {
        (Some(own), _) if offer.requested_id == Some(kid) => public::requested(own, offer),
        (_, Some(running)) if running.kid() == Some(kid) => Ok(running.clone()),
        (_, Some(_)) => Err(Unusable::OtherKey),
        (_, None) => Err(Unusable::Key(
            "it is only named, and this client does not have it".into(),
        )),
    }
}

/// The key pair with this public key.
fn key_pair(own: &ClientCredential, info: &[u8]) -> Result<KeyPair, Unusable> {
    own.key_pair()
        .filter(|pair| pair.public_key_info() == info)
        .cloned()
        .ok_or_else(|| {
            Unusable::Key("it is bound to a key pair that this device does not have now".into())
        })
}

#[cfg(test)]
mod tests;
