//! Certificate mode (draft-ietf-ace-authcred-dtls-profile-04 Section 3): tokens are bound to the certificate that the
//! device showed in the handshake.

use motekey_coap::dtls::PeerIdentity;
use motekey_cose::confirmation::{CertificateHash, Confirmation};

use super::{KeyBinding, KeyRequest};
use crate::authorization_server::refusal::Refusal;
use crate::certificates::{in_the_form_of, thumbprint};
use crate::registry::Audience;

/// Binds a token to the certificate that `wanted` names, by value or by hash as it does.
pub(super) fn bind(request: &KeyRequest<'_>, wanted: &Confirmation) -> Result<KeyBinding, Refusal> {
    let records = request.grant.resource_servers();
    // RFC 9200 Section 5.8.3: a key that the resource server cannot process is unsupported_pop_key.
    if records.iter().any(|record| record.certificate.is_none()) {
        return Err(Refusal::KeyNotUsable);
    }
    let PeerIdentity::Certificate(chain) = request.peer else {
        return Err(Refusal::KeyNotProven);
    };
    let own = chain.first().ok_or(Refusal::KeyNotProven)?;
    // RFC 9360 Section 2: what is named is a hint. The certificate was validated and its key proven in the handshake.
    if !names(wanted, own) {
        return Err(Refusal::KeyNotProven);
    }
    let resource_server = match request.grant.audience() {
        Audience::One(record) => record.certificate.as_ref(),
        // RFC 9201 Section 5: no rs_cnf for an audience of several resource servers.
        Audience::Many { .. } => None,
    };
    Ok(KeyBinding {
        key_id: Vec::new(),
        token: in_the_form_of(wanted, own),
        response: None,
        resource_server: resource_server.map(|certificate| in_the_form_of(wanted, certificate)),
        derived: false,
        update: false,
    })
}

fn names(wanted: &Confirmation, own: &[u8]) -> bool {
    match wanted {
        Confirmation::CertificateChain(chain) => chain.first().is_some_and(|first| first == own),
        Confirmation::CertificateHash(hash) => {
            hash.agrees_with(&CertificateHash::of_digest(thumbprint(own)))
        }
        _ => false,
    }
}
