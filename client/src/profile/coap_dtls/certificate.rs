//! Certificate mode (draft-ietf-ace-authcred-dtls-profile-04 Section 3): the certificate of this device, and that of the
//! resource server, which is validated as any other.

use motekey_coap::dtls::{
    CertificateCheck, CertificateError, CertificateVerifier, ClientCredential,
};
use motekey_cose::confirmation::{CertificateHash, Confirmation};
use motekey_cose::crypto::rust::PROVIDER;

use crate::error::Unusable;
use crate::own_key::certificate_hash;
use crate::profile::{KeyOffer, Means};
use crate::token::ProofKey;

/// The certificate that `cnf` names, if it is that of this device.
pub(super) fn own(named: &Confirmation, offer: &KeyOffer<'_>) -> Result<ProofKey, Unusable> {
    let named = named.certificate(&PROVIDER);
    match (named, offer.requested_certificate) {
        (Some(named), Some(own)) if named.agrees_with(&own) => requested(offer),
        _ => Err(Unusable::Key(
            "cnf names a certificate that this device does not have".into(),
        )),
    }
}

/// The certificate that the request named, with the one that the resource server has to show.
pub(super) fn requested(offer: &KeyOffer<'_>) -> Result<ProofKey, Unusable> {
    let own = offer
        .requested_certificate
        .ok_or_else(|| Unusable::Key("it is a certificate, and the request named none".into()))?;
    let server = match offer.resource_server {
        Some(named) => Some(named.certificate(&PROVIDER).ok_or_else(|| {
            Unusable::Key("rs_cnf holds no certificate, by value or by SHA-256".into())
        })?),
        None => running_server(offer.running),
    };
    let key = ProofKey::Certificate { own, server };
    match offer.running {
        // RFC 9202 Section 4: an update keeps the keys of the running session.
        Some(running) if *running != key => Err(Unusable::OtherKey),
        _ => Ok(key),
    }
}

fn running_server(running: Option<&ProofKey>) -> Option<CertificateHash> {
    match running {
        Some(ProofKey::Certificate { server, .. }) => *server,
        _ => None,
    }
}

/// What the handshake shows, and what it asks of the resource server.
pub(super) fn credential(
    own: CertificateHash,
    server: Option<CertificateHash>,
    means: Means<'_>,
) -> Result<ClientCredential, Unusable> {
    let certified = match means.own {
        ClientCredential::Certificate { own: certified, .. } => Some(certified),
        _ => None,
    };
    let certified = certified
        .filter(|certified| certificate_hash(certified).is_some_and(|hash| hash.agrees_with(&own)))
        .ok_or_else(|| {
            Unusable::Key("it is bound to a certificate that this device does not have now".into())
        })?;
    let check = means.certificates.ok_or_else(|| {
        Unusable::Key("nothing says how to validate the certificate of the resource server".into())
    })?;
    let check = check.clone();
    Ok(ClientCredential::Certificate {
        own: certified.clone(),
        server: CertificateCheck::new(Named { check, server }),
    })
}

/// A validated chain, whose end entity is the one of `rs_cnf`.
struct Named {
    check: CertificateCheck,
    server: Option<CertificateHash>,
}

impl CertificateVerifier for Named {
    fn verify(&self, chain: &[&[u8]]) -> Result<Vec<u8>, CertificateError> {
        // draft-ietf-ace-authcred-dtls-profile-04 Section 4: rs_cnf comes from the authorization server, and the
        // certificate is validated all the same.
        let public_key_info = self.check.verify(chain)?;
        let is_named = self.server.is_none_or(|named| {
            chain
                .first()
                .is_some_and(|first| named.is_of(&PROVIDER, first))
        });
        if is_named {
            Ok(public_key_info)
        } else {
            Err(CertificateError::NotAcceptable)
        }
    }
}
