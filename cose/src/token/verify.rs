//! Verifying tokens, in the order of RFC 9200 Section 5.10.1.1.

use alloc::{string::String, vec::Vec};

use minicbor::{Decoder, data::Type};
use zeroize::Zeroizing;

use super::{
    MAXIMUM_TRIES, ProtectionError, TokenError, TrustedIssuer, TrustedIssuers, VerificationKey,
    read_envelope,
};
use crate::{
    claims::{ClaimsSet, NumericDate},
    confirmation::Confirmation,
    crypto::CryptoProvider,
    envelope::{Envelope, EnvelopeError, EnvelopeKind},
    key::CoseKey,
};

/// How a verified token was protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protection {
    /// Signed by its issuer.
    Signed,
    /// MACed under a key shared with its issuer.
    Maced,
    /// Encrypted under a key shared with its issuer.
    Encrypted,
    /// Signed by its issuer, then encrypted under a key shared with it.
    SignedAndEncrypted,
}

/// A token that passed every check of [`verify`]. There is no other way to have one.
#[derive(Debug, Clone)]
pub struct VerifiedToken {
    claims: ClaimsSet,
    issuer: String,
    protection: Protection,
    proof_key: Option<CoseKey>,
}

impl VerifiedToken {
    /// What the token says. Its scope has not been looked at.
    #[must_use]
    pub fn claims(&self) -> &ClaimsSet {
        &self.claims
    }

    /// The name of the issuer whose key protects the token.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// How the token was protected.
    #[must_use]
    pub fn protection(&self) -> Protection {
        self.protection
    }

    /// The proof-of-possession key, if the token holds it, in clear or as Encrypted_COSE_Key. Its public point was
    /// checked. A symmetric key may be there by name only. Certificates stand in the claims, not validated.
    #[must_use]
    pub fn proof_key(&self) -> Option<&CoseKey> {
        self.proof_key.as_ref()
    }
}

/// Verifies `token` at `now` for a resource server that identifies with `audiences`.
///
/// A token that is only signed must have `aud`, because every resource server of its issuer can verify it; a key that
/// the issuer shares with this server alone stands in for a missing `aud`. A token without `exp` and `exi` has no end
/// of its own: its bound is the caller's. Scope is the caller's as well.
///
/// # Errors
/// [`TokenError`]: the first check that fails. Nothing of the token may then be used.
pub fn verify(
    provider: &CryptoProvider,
    token: &[u8],
    issuers: &TrustedIssuers,
    now: NumericDate,
    audiences: &[&str],
) -> Result<VerifiedToken, TokenError> {
    // RFC 9200 Section 5.10.1.1: the security protection first.
    let (_, envelope) = read_envelope(token)?;
    let (issuer, content) = unprotect(&envelope, issuers.candidates(envelope.headers()))
        .map_err(TokenError::Protection)?;
    let (content, protection) = unnest(&envelope, issuer, content)?;
    // RFC 8392 Section 7.2: the content is a CBOR map of claims.
    let (mut claims, rights) = ClaimsSet::decode_without_rights(&content)?;
    check_claims(&claims, issuer, protection, now, audiences)?;
    // RFC 9200 Section 5.10.1.1: iss, exp and aud come before the scope, and before a key of whatever kind.
    claims.read_rights(&rights)?;
    let proof_key = proof_key(provider, &claims, issuer, protection)?;
    Ok(VerifiedToken {
        claims,
        issuer: issuer.name.clone(),
        protection,
        proof_key,
    })
}

type Content = Zeroizing<Vec<u8>>;

/// Tries the keys that could fit, at most [`MAXIMUM_TRIES`].
fn unprotect<'a>(
    envelope: &Envelope,
    candidates: impl Iterator<Item = (&'a TrustedIssuer, &'a VerificationKey)>,
) -> Result<(&'a TrustedIssuer, Content), ProtectionError> {
    // RFC 9052 Section 3.1: alg is authenticated.
    if !envelope.headers().algorithm_protected {
        return Err(ProtectionError::AlgorithmNotProtected);
    }
    let mut refusal = ProtectionError::NoKey;
    for (tries, (issuer, key)) in candidates.enumerate() {
        if tries == MAXIMUM_TRIES {
            return Err(ProtectionError::TooManyKeys);
        }
        match open(envelope, key) {
            Ok(content) => return Ok((issuer, content)),
            Err(error) => refusal = ProtectionError::Refused(error),
        }
    }
    Err(refusal)
}

fn open(envelope: &Envelope, key: &VerificationKey) -> Result<Content, EnvelopeError> {
    let content = match key {
        VerificationKey::Signature(key) => envelope.verify_signature(key, &[])?.to_vec(),
        VerificationKey::Mac(key) => envelope.verify_mac(key, &[])?.to_vec(),
        VerificationKey::Decryption(key) => envelope.decrypt(key, &[])?,
    };
    Ok(Zeroizing::new(content))
}

/// Verifies the inner token of an encrypted one, with a key of the same issuer. One level is processed; a tagged item
/// anywhere else is refused and never taken as claims (RFC 8392 Section 7.2).
fn unnest(
    outer: &Envelope,
    issuer: &TrustedIssuer,
    content: Content,
) -> Result<(Content, Protection), TokenError> {
    match (outer.kind(), is_tagged(&content)) {
        (EnvelopeKind::Sign1, false) => Ok((content, Protection::Signed)),
        (EnvelopeKind::Mac0, false) => Ok((content, Protection::Maced)),
        (EnvelopeKind::Encrypt0, false) => Ok((content, Protection::Encrypted)),
        (EnvelopeKind::Encrypt0, true) => {
            let (_, inner) = read_envelope(&content)?;
            if inner.kind() != EnvelopeKind::Sign1 {
                return Err(TokenError::Nesting);
            }
            let candidates = issuer.candidates(inner.headers()).map(|key| (issuer, key));
            let (_, content) = unprotect(&inner, candidates).map_err(TokenError::Protection)?;
            if is_tagged(&content) {
                return Err(TokenError::Nesting);
            }
            Ok((content, Protection::SignedAndEncrypted))
        }
        (EnvelopeKind::Sign1 | EnvelopeKind::Mac0, true) => Err(TokenError::Nesting),
    }
}

fn is_tagged(content: &[u8]) -> bool {
    Decoder::new(content)
        .datatype()
        .is_ok_and(|kind| kind == Type::Tag)
}

fn check_claims(
    claims: &ClaimsSet,
    issuer: &TrustedIssuer,
    protection: Protection,
    now: NumericDate,
    audiences: &[&str],
) -> Result<(), TokenError> {
    // RFC 9200 Section 5.10.1.1, iss: if present, the authorization server that made the protection.
    if claims.iss.as_ref().is_some_and(|iss| *iss != issuer.name) {
        return Err(TokenError::Issuer);
    }
    // RFC 9200 Section 5.10.1.1, exp: in the future.
    if claims.is_expired(now) {
        return Err(TokenError::Expired);
    }
    // RFC 8392 Section 3.1.5: not accepted before nbf.
    if claims.is_not_yet_valid(now) {
        return Err(TokenError::NotYetValid);
    }
    // RFC 9200 Section 5.10.1.1, aud: an audience that the resource server identifies with.
    let addressed = match &claims.aud {
        Some(aud) => audiences.iter().any(|audience| aud.contains(audience)),
        None => protection != Protection::Signed,
    };
    if addressed {
        Ok(())
    } else {
        Err(TokenError::Audience)
    }
}

/// The usable key of `cnf`.
fn proof_key(
    provider: &CryptoProvider,
    claims: &ClaimsSet,
    issuer: &TrustedIssuer,
    protection: Protection,
) -> Result<Option<CoseKey>, TokenError> {
    let key = match &claims.cnf {
        None
        | Some(
            Confirmation::KeyId(_)
            | Confirmation::CertificateChain(_)
            | Confirmation::CertificateHash(_),
        ) => return Ok(None),
        Some(Confirmation::Encrypted(bytes)) => open_confirmation(bytes, issuer)?,
        Some(Confirmation::Key(key)) => {
            let encrypted = matches!(
                protection,
                Protection::Encrypted | Protection::SignedAndEncrypted
            );
            // RFC 8747 Section 3.2: a symmetric key in clear is known to everybody on the way.
            if key.is_symmetric() && key.has_secret() && !encrypted {
                return Err(TokenError::ClearSymmetricKey);
            }
            key.clone()
        }
    };
    key.check_point(provider)
        .map_err(TokenError::ConfirmationKey)?;
    Ok(Some(key))
}

/// RFC 8747 Section 3.3: opened with a key that the issuer shares with this resource server.
fn open_confirmation(bytes: &[u8], issuer: &TrustedIssuer) -> Result<CoseKey, TokenError> {
    let envelope = Envelope::parse(bytes)
        .map_err(|error| TokenError::EncryptedKey(ProtectionError::Refused(error)))?;
    if envelope.kind() != EnvelopeKind::Encrypt0 {
        let error = EnvelopeError::WrongKind {
            got: envelope.kind(),
            wanted: EnvelopeKind::Encrypt0,
        };
        return Err(TokenError::EncryptedKey(ProtectionError::Refused(error)));
    }
    let candidates = issuer
        .candidates(envelope.headers())
        .map(|key| (issuer, key));
    let (_, plaintext) = unprotect(&envelope, candidates).map_err(TokenError::EncryptedKey)?;
    CoseKey::from_cbor(&plaintext).map_err(TokenError::ConfirmationKey)
}
