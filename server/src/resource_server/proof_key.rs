//! The keys that tokens are bound to, and whether DTLS can use them (RFC 9201 Section 5).

use std::sync::Arc;

use motekey_coap::dtls::PreSharedKey;
use motekey_cose::claims::ClaimsSet;
use motekey_cose::confirmation::{CertificateHash, Confirmation};
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::{CoseKey, KeyOperation};
use motekey_cose::registry::algorithm;
use subtle::ConstantTimeEq;

use super::admission::TokenRefusal;
use crate::public_key::{PublicKeyKind, subject_public_key_info};

/// A proof-of-possession key.
#[derive(Debug, Clone)]
pub(super) enum ProofKey {
    /// Of PreSharedKey mode (RFC 9202 Section 3.3).
    Shared(PreSharedKey),
    /// Of RawPublicKey mode (RFC 9202 Section 3.2): its key id in the table is its SubjectPublicKeyInfo.
    Public,
    /// Of certificate mode (draft-ietf-ace-authcred-dtls-profile-04 Section 3): the hash of the client's certificate.
    Certificate(CertificateHash),
}

impl ProofKey {
    /// Whether two keys with one key id are the same. Does not tell by its time where they differ.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Shared(one), Self::Shared(other)) => one.expose().ct_eq(other.expose()).into(),
            (Self::Public, Self::Public) => true,
            (Self::Certificate(one), Self::Certificate(other)) => one.agrees_with(other),
            _ => false,
        }
    }
}

/// What a server can do in handshakes beside pre-shared keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Abilities {
    pub(super) public_keys: bool,
    pub(super) certificates: bool,
}

/// The key id of a certificate in the table: what its whole and its truncated hash have in common. A token
/// with the same key id for a key of another kind is refused: see [`ProofKey::same`].
pub(super) fn certificate_key_id(hash: &CertificateHash) -> Arc<[u8]> {
    [b"x5t", hash.truncated().as_bytes()].concat().into()
}

/// Key id and key of `cnf`, if this profile can use them. The key is `None` if the token only names it.
pub(super) fn proof_key(
    claims: &ClaimsSet,
    key: Option<&CoseKey>,
    abilities: Abilities,
) -> Result<(Arc<[u8]>, Option<ProofKey>), TokenRefusal> {
    match (&claims.cnf, key) {
        (None, _) => Err(TokenRefusal::Key("the token has no cnf")),
        (Some(Confirmation::KeyId(key_id)), _) => Ok((key_id.as_slice().into(), None)),
        (Some(_), Some(key)) if key.is_symmetric() => {
            check_shared(key)?;
            let key_id = key.kid().ok_or(TokenRefusal::Key("the key has no kid"))?;
            let value = key
                .symmetric_value()
                .map(|value| ProofKey::Shared(PreSharedKey::new(value.to_vec())));
            Ok((key_id.into(), value))
        }
        (
            Some(named @ (Confirmation::CertificateChain(_) | Confirmation::CertificateHash(_))),
            _,
        ) => certificate(named, abilities),
        (Some(_), Some(_)) if !abilities.public_keys => Err(TokenRefusal::Key(
            "a public key, and this server has no key pair",
        )),
        (Some(_), Some(key)) => {
            check_public(key)?;
            let info = subject_public_key_info(key).ok_or(TokenRefusal::Key(
                "the point of the key is not on its curve",
            ))?;
            // The client chooses the kid of its public key, so it names nothing here.
            Ok((info.into(), Some(ProofKey::Public)))
        }
        (Some(_), None) => Err(TokenRefusal::Key("cnf has no key that can be used")),
    }
}

/// The certificate that `cnf` means. It is validated when the client shows it, in the handshake, and never fetched.
// RFC 9360 Section 2, draft-ietf-ace-authcred-dtls-profile-04 Section 4.
fn certificate(
    named: &Confirmation,
    abilities: Abilities,
) -> Result<(Arc<[u8]>, Option<ProofKey>), TokenRefusal> {
    if !abilities.certificates {
        return Err(TokenRefusal::Key(
            "a certificate, and this server has none of its own",
        ));
    }
    let hash = named
        .certificate(&PROVIDER)
        .ok_or(TokenRefusal::Key("cnf has no key that can be used"))?;
    Ok((certificate_key_id(&hash), Some(ProofKey::Certificate(hash))))
}

/// Whether a symmetric key may be used as PSK of DTLS.
fn check_shared(key: &CoseKey) -> Result<(), TokenRefusal> {
    // RFC 9053 has no algorithm for a TLS PSK. That of the cipher suite is taken, which deployed servers write.
    let algorithms = [algorithm::AES_CCM_16_64_128, algorithm::AES_CCM_16_128_128];
    let deriving = |operations: &[KeyOperation]| {
        operations.iter().any(|operation| {
            matches!(
                operation,
                KeyOperation::DeriveKey | KeyOperation::DeriveBits
            )
        }) || (operations.contains(&KeyOperation::Encrypt)
            && operations.contains(&KeyOperation::Decrypt))
    };
    check_use(key, &algorithms, deriving)
}

/// Whether a public key may be that of the client in an ECDHE_ECDSA handshake: it verifies signatures.
fn check_public(key: &CoseKey) -> Result<(), TokenRefusal> {
    let algorithm = match PublicKeyKind::of(key) {
        Some(PublicKeyKind::P256) => algorithm::ES256,
        Some(PublicKeyKind::Ed25519) => algorithm::EDDSA,
        None => return Err(TokenRefusal::Key("cnf has no key that can be used")),
    };
    check_use(key, &[algorithm], |operations| {
        operations.contains(&KeyOperation::Verify)
    })
}

/// RFC 9201 Section 5, RFC 9052 Section 7.1: `alg` and `key_ops`, where they are there, allow the use.
fn check_use(
    key: &CoseKey,
    algorithms: &[i64],
    allowed: impl Fn(&[KeyOperation]) -> bool,
) -> Result<(), TokenRefusal> {
    let attributes = key.attributes();
    if attributes
        .alg
        .is_some_and(|algorithm| !algorithms.contains(&algorithm))
    {
        return Err(TokenRefusal::Key("alg of the key does not fit the profile"));
    }
    if attributes
        .key_ops
        .as_ref()
        .is_some_and(|operations| !allowed(operations))
    {
        return Err(TokenRefusal::Key(
            "key_ops of the key do not fit the profile",
        ));
    }
    Ok(())
}
