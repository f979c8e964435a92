//! The profile `coap_dtls` (RFC 9202): a fresh symmetric key in PreSharedKey mode, the proven public key of the device
//! in RawPublicKey mode, its proven certificate in certificate mode (draft-ietf-ace-authcred-dtls-profile-04).

mod certificate;

use motekey_coap::dtls::PeerIdentity;
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::RandomSource;
use motekey_cose::key::CoseKey;
use motekey_cose::registry::profile;
use zeroize::Zeroizing;

use super::{KeyBinding, KeyRequest, Profile};
use crate::authorization_server::refusal::Refusal;
use crate::public_key::{PublicKeyKind, subject_public_key_info};
use crate::registry::{Audience, DeviceCredential, ResourceServerRecord};
use crate::store::KeyStanding;

/// Bytes of a fresh symmetric key: what TLS_PSK_WITH_AES_128_CCM_8 can make use of.
const KEY_LENGTH: usize = 16;

/// The issue side of `coap_dtls`.
#[derive(Debug, Clone, Copy, Default)]
pub struct CoapDtls;

/// What `req_cnf` asks for.
enum Wanted<'a> {
    /// Nothing: a fresh symmetric key (RFC 9200 Section 5.8.1).
    Fresh,
    /// A key by its id.
    Named,
    /// A public key by value.
    Public(&'a CoseKey),
    /// A certificate, by value or by hash.
    Certificate(&'a Confirmation),
}

impl Profile for CoapDtls {
    fn number(&self) -> i64 {
        profile::COAP_DTLS
    }

    fn key_in_question<'a>(
        &self,
        requested: Option<&'a Confirmation>,
        _peer: &PeerIdentity,
    ) -> Option<&'a [u8]> {
        match requested {
            Some(Confirmation::KeyId(key_id)) => Some(key_id),
            Some(Confirmation::Key(key))
                if key.is_symmetric() && key.symmetric_value().is_none() =>
            {
                key.kid()
            }
            _ => None,
        }
    }

    fn bind(
        &self,
        request: &KeyRequest<'_>,
        random: &mut dyn RandomSource,
    ) -> Result<KeyBinding, Refusal> {
        match wanted(request.requested)? {
            Wanted::Public(key) => public_key(request, key),
            Wanted::Certificate(wanted) => certificate::bind(request, wanted),
            Wanted::Fresh => fresh_key(request, random),
            Wanted::Named => match (own_public_key(request), request.standing) {
                // RFC 9202 Section 3.2.1: an identifier of a public key that the authorization server knows.
                (Some(key), _) => public_key(request, &key),
                (None, Some(KeyStanding::Live(_))) => same_key(request),
                // RFC 9202 Section 4: an update names the key of a token that this client holds.
                (
                    None,
                    Some(
                        KeyStanding::Ended
                        | KeyStanding::Unknown {
                            holds_live_token: true,
                        },
                    ),
                ) => Err(Refusal::KeyUnknown),
                // RFC 9202 Section 3.3.1: for a key id that is not known a new key is made.
                (
                    None,
                    Some(KeyStanding::Unknown {
                        holds_live_token: false,
                    })
                    | None,
                ) => fresh_key(request, random),
            },
        }
    }
}

fn wanted(requested: Option<&Confirmation>) -> Result<Wanted<'_>, Refusal> {
    match requested {
        None => Ok(Wanted::Fresh),
        Some(Confirmation::KeyId(_)) => Ok(Wanted::Named),
        // RFC 9201 Section 3.1: a symmetric key value is refused, the identifier of one is fine.
        Some(Confirmation::Key(key)) if key.symmetric_value().is_some() => {
            Err(Refusal::SymmetricKeyValue)
        }
        Some(Confirmation::Key(key)) if key.is_symmetric() && key.kid().is_some() => {
            Ok(Wanted::Named)
        }
        Some(Confirmation::Key(key)) if key.is_symmetric() => Err(Refusal::KeyNotUsable),
        Some(Confirmation::Key(key)) => Ok(Wanted::Public(key)),
        Some(
            certificate @ (Confirmation::CertificateChain(_) | Confirmation::CertificateHash(_)),
        ) => Ok(Wanted::Certificate(certificate)),
        Some(Confirmation::Encrypted(_)) => Err(Refusal::KeyNotUsable),
    }
}

/// The one resource server that can share a symmetric key with the device.
fn symmetric_partner<'a>(request: &KeyRequest<'a>) -> Result<&'a ResourceServerRecord, Refusal> {
    match request.grant.audience() {
        // RFC 9200 Sections 6.1 and 6.9: one symmetric key is never used with more than one resource server.
        Audience::Many { .. } => Err(Refusal::GroupKey),
        // RFC 9202 Section 3.3.1: a key in a token needs encryption under a key of this resource server.
        Audience::One(record)
            if record.pop_keys.symmetric
                && (record.shared_key.is_some() || record.derivation_key.is_some()) =>
        {
            Ok(record)
        }
        Audience::One(_) => Err(Refusal::PublicKeyNeeded),
    }
}

fn fresh_key(
    request: &KeyRequest<'_>,
    random: &mut dyn RandomSource,
) -> Result<KeyBinding, Refusal> {
    if symmetric_partner(request)?.derivation_key.is_some() {
        // RFC 9202 Section 3.3.1: the token names the key, and the resource server derives it.
        return Ok(KeyBinding {
            token: Confirmation::Key(CoseKey::symmetric_name(&request.new_key_id)),
            response: None,
            resource_server: None,
            key_id: request.new_key_id.to_vec(),
            derived: true,
            update: false,
        });
    }
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    random
        .fill(key.as_mut_slice())
        .map_err(|error| Refusal::Internal(error.to_string()))?;
    let confirmation = Confirmation::Key(CoseKey::symmetric(
        key.as_slice(),
        Some(&request.new_key_id),
    ));
    Ok(KeyBinding {
        token: confirmation.clone(),
        // RFC 9201 Section 3.2: cnf is required when the authorization server chose a symmetric key.
        response: Some(confirmation),
        resource_server: None,
        key_id: request.new_key_id.to_vec(),
        derived: false,
        update: false,
    })
}

/// New rights for the key that the device has. The key itself is with device and resource server only.
fn same_key(request: &KeyRequest<'_>) -> Result<KeyBinding, Refusal> {
    symmetric_partner(request)?;
    let key_id = request
        .requested
        .and_then(Confirmation::kid)
        .ok_or(Refusal::KeyUnknown)?;
    // RFC 9202 Section 4: the new token has the kid that the request named.
    let confirmation = Confirmation::KeyId(key_id.to_vec());
    Ok(KeyBinding {
        token: confirmation.clone(),
        response: Some(confirmation),
        resource_server: None,
        key_id: key_id.to_vec(),
        derived: false,
        update: true,
    })
}

/// The registered public key of the device, if the request names it and the handshake proved it.
fn own_public_key(request: &KeyRequest<'_>) -> Option<CoseKey> {
    let DeviceCredential::RawPublicKey(key) = &request.grant.client().credential else {
        return None;
    };
    let named = request.requested.and_then(Confirmation::kid);
    (named.is_some() && named == key.kid()).then(|| key.clone())
}

fn public_key(request: &KeyRequest<'_>, key: &CoseKey) -> Result<KeyBinding, Refusal> {
    let kind = PublicKeyKind::of(key).ok_or(Refusal::KeyNotUsable)?;
    let info = subject_public_key_info(key).ok_or(Refusal::KeyNotUsable)?;
    // RFC 9200 Section 5.8.3: an asymmetric key that the resource server cannot process is unsupported_pop_key.
    if !request
        .grant
        .resource_servers()
        .iter()
        .all(|record| record.pop_keys.takes(kind))
    {
        return Err(Refusal::KeyNotUsable);
    }
    // RFC 9202 Section 3.2.1: the peer of this very session owns the key; the handshake proved it.
    if !matches!(request.peer, PeerIdentity::RawPublicKey(proven) if *proven == info) {
        return Err(Refusal::KeyNotProven);
    }
    let public = key.public().ok_or(Refusal::KeyNotUsable)?;
    Ok(KeyBinding {
        // The client chose the kid of its key. It stays out of the key ids that this server gives out, so that nobody
        // learns which of them are taken, nor takes one.
        key_id: Vec::new(),
        // RFC 9202 Section 3.2.1: the token is bound to the client's public key, by value.
        token: Confirmation::Key(public),
        response: None,
        resource_server: resource_server_key(request.grant.audience(), kind)?,
        derived: false,
        update: false,
    })
}

/// `rs_cnf`: the public key of the one resource server (RFC 9202 Section 3.2.1), of the client's kind if it has one.
fn resource_server_key(
    audience: &Audience,
    kind: PublicKeyKind,
) -> Result<Option<Confirmation>, Refusal> {
    // RFC 9201 Section 5: no rs_cnf for an audience of several resource servers.
    let Audience::One(record) = audience else {
        return Ok(None);
    };
    let same_kind = record
        .public_keys
        .iter()
        .find(|key| PublicKeyKind::of(key) == Some(kind));
    let key = same_kind
        .or(record.public_keys.first())
        .and_then(CoseKey::public)
        .ok_or(Refusal::KeyNotUsable)?;
    Ok(Some(Confirmation::Key(key)))
}
