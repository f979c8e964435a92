//! From the bytes of a token to rights: every check of RFC 9200 Section 5.10.1.1 in its order, whichever way the token
//! came.

use std::fmt;
use std::sync::Arc;

use motekey_coap::dtls::PreSharedKey;
use motekey_coap::message::Code;
use motekey_cose::claims::{ClaimsSet, NumericDate};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::key::{CoseKey, DERIVED_KEY, derive_proof_key};
use motekey_cose::registry::profile;
use motekey_cose::revocation::{TokenHash, is_revocable, twin};
use motekey_cose::token::{TokenError, verify};

use super::ResourceServer;
use super::link::IntrospectionFailure;
use super::proof_key::{Abilities, ProofKey, proof_key};
use super::token_table::{Candidate, Conflict, Digest};
use crate::clock::UnixSeconds;

/// Longest token taken, in bytes: longer ones are refused before anything looks at them.
pub(super) const LONGEST_TOKEN: usize = 4096;

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenRefusal {
    /// Longer than [`LONGEST_TOKEN`].
    TooLong,
    /// One of the checks of its protection and claims.
    Verification(TokenError),
    /// Nonce missing, foreign or stale.
    Nonce,
    /// For another profile.
    Profile(i64),
    /// The scope is not understood.
    Scope(String),
    /// Neither `exp` nor `exi`.
    NoEnd,
    /// `exi` without `cti`, or a `cti` that is not of this server.
    SequenceMissing,
    /// `exi`, and no place to remember sequence numbers over a restart.
    SequenceVolatile,
    /// The sequence number is not above the highest of an ended token.
    SequenceEnded,
    /// `cnf` is missing, or its key cannot be used.
    Key(&'static str),
    /// Written so that its hash could be another one than that in the revocation list.
    NotRevocable,
    /// Its authorization server has revoked it.
    Revoked,
    /// The authorization server did not say that it is good.
    Introspection(IntrospectionFailure),
    /// It has to be introspected, and came where nothing can wait for that.
    NotIntrospected,
    /// The table does not take it.
    Conflict(Conflict),
}

impl TokenRefusal {
    /// The answer of authz-info (RFC 9200 Section 5.10.1).
    pub(super) fn code(&self) -> Code {
        match self {
            Self::TooLong => Code::REQUEST_ENTITY_TOO_LARGE,
            Self::Verification(error) => verification_code(error),
            // RFC 9200 Section 5.3.1: without a fresh nonce the token is dropped, 4.01.
            Self::Nonce | Self::SequenceEnded => Code::UNAUTHORIZED,
            Self::Revoked | Self::NotIntrospected => Code::UNAUTHORIZED,
            Self::Introspection(IntrospectionFailure::Inactive) => Code::UNAUTHORIZED,
            // RFC 9200 Section 6.10: no access without an answer; the fault is not the client's.
            Self::Introspection(IntrospectionFailure::Unreachable(_)) => Code::SERVICE_UNAVAILABLE,
            Self::NotRevocable => Code::BAD_REQUEST,
            // RFC 9201 Section 5: a key that does not fit is refused with 4.00.
            Self::Profile(_) | Self::Scope(_) | Self::NoEnd | Self::Key(_) => Code::BAD_REQUEST,
            Self::SequenceMissing | Self::SequenceVolatile => Code::BAD_REQUEST,
            Self::Conflict(Conflict::UnknownKey) => Code::BAD_REQUEST,
            Self::Conflict(Conflict::KeyIdTaken | Conflict::Outdated) => Code::UNAUTHORIZED,
            Self::Conflict(Conflict::Full) => Code::SERVICE_UNAVAILABLE,
        }
    }

    /// The check that failed, one word.
    pub(super) fn check(&self) -> &'static str {
        match self {
            Self::TooLong => "size",
            Self::Verification(error) => verification_check(error),
            Self::Nonce => "cnonce",
            Self::Profile(_) => "ace_profile",
            Self::Scope(_) => "scope",
            Self::NoEnd => "exp",
            Self::SequenceMissing | Self::SequenceVolatile | Self::SequenceEnded => "exi",
            Self::Key(_) => "cnf",
            Self::NotRevocable => "form",
            Self::Revoked => "revoked",
            Self::Introspection(_) | Self::NotIntrospected => "introspection",
            Self::Conflict(_) => "table",
        }
    }
}

impl fmt::Display for TokenRefusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(formatter, "longer than {LONGEST_TOKEN} bytes"),
            Self::Verification(error) => error.fmt(formatter),
            Self::Nonce => formatter.write_str("cnonce is missing, foreign or stale"),
            Self::Profile(profile) => write!(formatter, "made for the ACE profile {profile}"),
            Self::Scope(detail) => formatter.write_str(detail),
            Self::NoEnd => formatter.write_str("neither exp nor exi"),
            Self::SequenceMissing => {
                formatter.write_str("exi without a cti of this resource server")
            }
            Self::SequenceVolatile => {
                formatter.write_str("exi, and sequence numbers would not survive a restart")
            }
            Self::SequenceEnded => {
                formatter.write_str("exi token with a sequence number that has ended")
            }
            Self::Key(detail) => formatter.write_str(detail),
            Self::NotRevocable => formatter.write_str("not written as RFC 9770 Section 3 wants it"),
            Self::Revoked => formatter.write_str("revoked by its authorization server"),
            Self::Introspection(failure) => failure.fmt(formatter),
            Self::NotIntrospected => {
                formatter.write_str("to be introspected, so it has to be uploaded first")
            }
            Self::Conflict(Conflict::UnknownKey) => {
                formatter.write_str("cnf names a key that is not known here")
            }
            Self::Conflict(Conflict::KeyIdTaken) => {
                formatter.write_str("the key id belongs to another key")
            }
            Self::Conflict(Conflict::Outdated) => {
                formatter.write_str("a newer token of this key is stored")
            }
            Self::Conflict(Conflict::Full) => {
                formatter.write_str("the table is full of tokens in use")
            }
        }
    }
}

fn verification_code(error: &TokenError) -> Code {
    match error {
        // RFC 9200 Section 5.10.1.1: the protection, iss and exp answer 4.01, aud 4.03; what is no token or has no
        // claims that can be read, 4.00.
        TokenError::Protection(_)
        | TokenError::Issuer
        | TokenError::Expired
        | TokenError::NotYetValid => Code::UNAUTHORIZED,
        TokenError::Audience => Code::FORBIDDEN,
        _ => Code::BAD_REQUEST,
    }
}

fn verification_check(error: &TokenError) -> &'static str {
    match error {
        TokenError::NotAToken(_) => "format",
        TokenError::Protection(_) => "protection",
        TokenError::Claims(_) | TokenError::Nesting => "claims",
        TokenError::Issuer => "iss",
        TokenError::Expired => "exp",
        TokenError::NotYetValid => "nbf",
        TokenError::Audience => "aud",
        _ => "cnf",
    }
}

impl ResourceServer {
    /// Checks a token. Nothing is stored; a token that fails leaves no trace.
    pub(super) fn admit(
        &self,
        token: &[u8],
        digest: Digest,
        now: UnixSeconds,
    ) -> Result<Candidate, TokenRefusal> {
        let audiences: Vec<&str> = self.audiences.iter().map(String::as_str).collect();
        let date = NumericDate::from_seconds(now);
        let verified = verify(&self.crypto, token, &self.issuers, date, &audiences)
            .map_err(TokenRefusal::Verification)?;
        // RFC 9770 Section 11.1: a token that is written in another way is not accepted.
        if self.follows_list && !is_revocable(token) {
            return Err(TokenRefusal::NotRevocable);
        }
        let key = verified.proof_key();
        let twin = twin(token).filter(|_| self.follows_list);
        let mut candidate =
            self.candidate(verified.claims(), verified.issuer(), key, digest, now)?;
        candidate.twin = twin.map(|twin| TokenHash::of_token(&self.crypto, &twin));
        // RFC 9202 Section 3.3.1: a symmetric key that is only named belongs to this very token.
        if candidate.key.is_none() && matches!(verified.claims().cnf, Some(Confirmation::Key(_))) {
            candidate.key = self.derived_key(verified.issuer(), token)?;
            candidate.derived = candidate.key.is_some();
        }
        Ok(candidate)
    }

    /// Checks what the authorization server says of an active token.
    pub(super) fn admit_introspected(
        &self,
        claims: &ClaimsSet,
        digest: Digest,
        now: UnixSeconds,
    ) -> Result<Candidate, TokenRefusal> {
        let refuse = |error| Err(TokenRefusal::Verification(error));
        let date = NumericDate::from_seconds(now);
        // RFC 9200 Section 5.10.1.1: the claims are checked all the same. Who answers is the issuer.
        if claims.is_expired(date) {
            return refuse(TokenError::Expired);
        }
        if claims.is_not_yet_valid(date) {
            return refuse(TokenError::NotYetValid);
        }
        let mut names = self.audiences.iter();
        if let Some(audience) = &claims.aud
            && !names.any(|name| audience.contains(name))
        {
            return refuse(TokenError::Audience);
        }
        let key = match &claims.cnf {
            Some(Confirmation::Key(key)) => Some(key),
            _ => None,
        };
        let issuer = claims.iss.as_deref().unwrap_or_default();
        self.candidate(claims, issuer, key, digest, now)
    }

    fn candidate(
        &self,
        claims: &ClaimsSet,
        issuer: &str,
        key: Option<&CoseKey>,
        digest: Digest,
        now: UnixSeconds,
    ) -> Result<Candidate, TokenRefusal> {
        // RFC 9200 Section 5.10.1.1: the scope is understood.
        let rights = match claims.scope.as_ref().or(self.default_scope.as_ref()) {
            Some(scope) => self.meanings.rights(scope).map_err(TokenRefusal::Scope)?,
            None => return Err(TokenRefusal::Scope("the token has no scope".to_owned())),
        };
        if let Some(other) = claims
            .ace_profile
            .filter(|number| *number != profile::COAP_DTLS)
        {
            return Err(TokenRefusal::Profile(other));
        }
        // RFC 9200 Section 5.3.1: a server that uses nonces drops tokens without a fresh one of its own.
        if let Some(maker) = &self.nonces
            && !claims
                .cnonce
                .as_ref()
                .is_some_and(|nonce| maker.is_fresh(nonce, now))
        {
            return Err(TokenRefusal::Nonce);
        }
        let (expires_at, sequence) = self.end(claims, now)?;
        let (key_id, key) = proof_key(claims, key, self.abilities())?;
        Ok(Candidate {
            digest,
            key_id,
            key,
            derived: false,
            issuer: issuer.into(),
            client: claims.sub.as_deref().map(Arc::from),
            rights,
            issued_at: claims.iat.map(|date| date.as_seconds()),
            token_id: claims.cti.clone(),
            expires_at,
            sequence,
            question: None,
            twin: None,
        })
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            public_keys: self.key_pair.is_some(),
            certificates: self.certificates.is_some(),
        }
    }

    /// The key of a token under the derivation key that is shared with its issuer, if there is one.
    fn derived_key(&self, issuer: &str, token: &[u8]) -> Result<Option<ProofKey>, TokenRefusal> {
        let shared = self.derivation_keys.iter().find(|(name, _)| name == issuer);
        let Some((_, material)) = shared else {
            return Ok(None);
        };
        derive_proof_key::<DERIVED_KEY>(&self.crypto, material.expose(), token)
            .map(|key| Some(ProofKey::Shared(PreSharedKey::new(key.to_vec()))))
            .map_err(|_| TokenRefusal::Key("the key cannot be derived"))
    }

    /// When the token ends, and its sequence number if it has `exi`.
    fn end(
        &self,
        claims: &ClaimsSet,
        now: UnixSeconds,
    ) -> Result<(UnixSeconds, Option<u64>), TokenRefusal> {
        let exp = claims.exp.map(|date| {
            // A token with a fraction ends with it; whole seconds are counted here.
            date.as_seconds().saturating_add(i64::from(
                date.is_after(NumericDate::from_seconds(date.as_seconds())),
            ))
        });
        let Some(seconds) = claims.exi else {
            return exp.map(|end| (end, None)).ok_or(TokenRefusal::NoEnd);
        };
        // RFC 9200 Section 6.6: a restart must not give such a token a new life.
        if self.sequence_storage.is_none() {
            return Err(TokenRefusal::SequenceVolatile);
        }
        // RFC 9200 Section 5.10.3: cti is the identifier of the resource server and a sequence number.
        let sequence = claims
            .cti
            .as_deref()
            .and_then(|identifier| identifier.strip_prefix(self.identifier.as_bytes()))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse::<u64>().ok())
            .ok_or(TokenRefusal::SequenceMissing)?;
        let counted = now.saturating_add_unsigned(seconds);
        if counted <= now {
            return Err(TokenRefusal::Verification(TokenError::Expired));
        }
        Ok((exp.map_or(counted, |exp| exp.min(counted)), Some(sequence)))
    }
}
