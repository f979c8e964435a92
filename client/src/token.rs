//! From a token response to an [`Access`]: the checks that a client owes before it uses a token.

use std::time::Duration;

use motekey_coap::dtls::PreSharedKey;
use motekey_coap::time::Instant;
use motekey_cose::confirmation::CertificateHash;
use motekey_cose::envelope::EnvelopeKind;
use motekey_cose::message::{Secret, TokenResponse, TokenType};
use motekey_cose::scope::Scope;
use motekey_cose::token::{TokenTags, inspect};

use crate::error::Unusable;
use crate::own_key::OwnKey;
use crate::profile::{KeyOffer, Profile};

/// The key that a token is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProofKey {
    /// Shared with the resource server (RFC 9202 Section 3.3).
    PreShared {
        /// Key id, in clear in the handshake.
        kid: Vec<u8>,
        /// The key. Never printed.
        secret: PreSharedKey,
    },
    /// The public key of this device (RFC 9202 Section 3.2).
    Public {
        /// Its SubjectPublicKeyInfo, DER.
        own: Vec<u8>,
        /// What the authorization server knows it by, if it does.
        kid: Option<Vec<u8>>,
        /// SubjectPublicKeyInfo of the resource server, DER: no other key is accepted in the handshake.
        server: Vec<u8>,
    },
    /// The certificate of this device (draft-ietf-ace-authcred-dtls-profile-04 Section 3).
    Certificate {
        /// Its hash.
        own: CertificateHash,
        /// The certificate of the resource server, if the token response named it: no other is accepted in the
        /// handshake. It is validated in either case.
        server: Option<CertificateHash>,
    },
}

impl ProofKey {
    /// The key id; `None` if the key has none.
    pub fn kid(&self) -> Option<&[u8]> {
        match self {
            Self::PreShared { kid, .. } => Some(kid),
            Self::Public { kid, .. } => kid.as_deref(),
            Self::Certificate { .. } => None,
        }
    }

    /// What kind of key it is, in words.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::PreShared { .. } => "pre-shared key",
            Self::Public { .. } => "raw public key",
            Self::Certificate { .. } => "certificate",
        }
    }
}

/// A token that this client may use, with everything that its use needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// `access_token` as received.
    pub token: Vec<u8>,
    /// The key that the token is bound to.
    pub key: ProofKey,
    /// Number of the profile to use.
    pub profile: i64,
    /// End of the token, counted from the moment the request was sent: never later than the real end.
    pub expires_at: Instant,
    /// Lifetime that was granted.
    pub lifetime: Duration,
    /// `audience` of the request.
    pub audience: Option<String>,
    /// What was granted: `scope` of the response, else of the request.
    pub scope: Option<Scope>,
    /// `scope` of the request.
    pub asked_scope: Option<Scope>,
    /// What gets the next token for the same key and audience, if the authorization server gave it (RFC 6749
    /// Section 6). Never printed.
    pub refresh_token: Option<Secret>,
}

impl Access {
    /// Whether the token and its key can still be used.
    pub fn is_valid(&self, now: Instant) -> bool {
        // RFC 9200 Section 5.10.2: the client checks validity before each request.
        now < self.expires_at
    }
}

/// What the client knew when it sent the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) audience: Option<&'a str>,
    pub(crate) scope: Option<&'a Scope>,
    /// The profile that the configuration fixes; with `None` the request asked for it.
    pub(crate) profile: Option<i64>,
    /// Provisioned lifetime.
    pub(crate) default_lifetime: Option<Duration>,
    /// The key of the session whose rights are updated.
    pub(crate) running: Option<&'a ProofKey>,
    /// The public key that the request named.
    pub(crate) own: Option<&'a OwnKey>,
    /// SubjectPublicKeyInfo of the resource server, if it is configured.
    pub(crate) known_server: Option<&'a [u8]>,
    /// The token that is refreshed: what the response does not say stays as it was.
    pub(crate) refreshed: Option<&'a Access>,
    pub(crate) sent_at: Instant,
    pub(crate) max_token: usize,
}

/// Turns a token response into an access, or says why it must not be used.
pub(crate) fn accept(
    response: TokenResponse,
    asked: Asked<'_>,
    profiles: &[Box<dyn Profile>],
    now: Instant,
) -> Result<Access, Unusable> {
    if response.access_token.len() > asked.max_token {
        return Err(Unusable::TooLong {
            got: response.access_token.len(),
            limit: asked.max_token,
        });
    }
    // RFC 9200 Section 5.8.2: a missing token_type means PoP; anything else is marked, and refused here.
    match response.token_type {
        None | Some(TokenType::Pop) => {}
        Some(other) => return Err(Unusable::TokenType(other.to_i64())),
    }
    let profile = choose_profile(response.ace_profile, asked.profile, profiles)?;
    let key = profile.proof_key(KeyOffer {
        confirmation: response.cnf.as_ref(),
        resource_server: response.rs_cnf.as_ref(),
        running: asked.running,
        requested: asked.own.and_then(OwnKey::info),
        requested_id: asked.own.and_then(OwnKey::key_id),
        requested_certificate: asked.own.and_then(OwnKey::certificate),
        known_server: asked.known_server,
    })?;
    // RFC 9200 Section 5.10.4: without expires_in and without a provisioned default the token is not used.
    let lifetime = response
        .expires_in
        .map(Duration::from_secs)
        .or(asked.default_lifetime);
    let lifetime = lifetime.ok_or(Unusable::NoLifetime)?;
    let access = Access {
        key,
        profile: profile.number(),
        expires_at: asked.sent_at + lifetime,
        lifetime,
        audience: asked.audience.map(str::to_owned),
        // RFC 6749 Section 6: scope and refresh token stay, if the response names no others.
        scope: response
            .scope
            .or_else(|| asked.refreshed.and_then(|old| old.scope.clone()))
            .or_else(|| asked.scope.cloned()),
        asked_scope: asked.scope.cloned(),
        refresh_token: response
            .refresh_token
            .or_else(|| asked.refreshed.and_then(|old| old.refresh_token.clone())),
        token: response.access_token,
    };
    if access.is_valid(now) {
        Ok(access)
    } else {
        Err(Unusable::Expired)
    }
}

/// RFC 9200 Section 5.8.2: the client uses the profile that the response names and none other.
fn choose_profile(
    named: Option<i64>,
    configured: Option<i64>,
    profiles: &[Box<dyn Profile>],
) -> Result<&dyn Profile, Unusable> {
    let number = named.or(configured).ok_or(Unusable::ProfileMissing)?;
    profiles
        .iter()
        .find(|profile| profile.number() == number)
        .map(AsRef::as_ref)
        .ok_or(Unusable::Profile(number))
}

/// The outer structure of a token, as far as a client can see it. Nothing is verified: that is for the resource
/// server.
pub(crate) fn structure(token: &[u8]) -> String {
    let Ok(inspection) = inspect(token) else {
        return format!("opaque, {} bytes", token.len());
    };
    let tags = match inspection.tags {
        TokenTags::None => " without tags",
        TokenTags::Cose => "",
        TokenTags::CwtAndCose => " with the CWT tag",
    };
    let kind = match inspection.kind {
        EnvelopeKind::Sign1 => "COSE_Sign1",
        EnvelopeKind::Mac0 => "COSE_Mac0",
        EnvelopeKind::Encrypt0 => "COSE_Encrypt0",
    };
    format!("{kind}{tags}, {} bytes", inspection.size)
}

#[cfg(test)]
mod tests;
