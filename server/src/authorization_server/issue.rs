//! From a grant to a token: number, key, claims, protection, record. Nothing here runs without a [`Grant`].

use motekey_coap::dtls::PeerIdentity;
use motekey_cose::claims::{Audience as AudienceClaim, ClaimsSet, NumericDate};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::key::{CoseKey, DERIVED_KEY, derive_proof_key};
use motekey_cose::message::{TokenRequest, TokenResponse};
use motekey_cose::revocation::TokenHash;
use motekey_cose::token::{ProtectionKey, TokenStyle, mint};

use super::AuthorizationServer;
use super::credentials::Snapshot;
use super::numbers::Serial;
use super::policy::Grant;
use super::profile::{KeyBinding, KeyRequest, Profile};
use super::refusal::Refusal;
use crate::clock::UnixSeconds;
use crate::registry::Audience;
use crate::store::{IssuedToken, StoreError, TokenSelection};

/// A token that is recorded and may be sent.
pub(super) struct Issued {
    pub(super) response: TokenResponse,
    pub(super) token_id: Vec<u8>,
    pub(super) key_id: Vec<u8>,
    pub(super) expires_in: u64,
    pub(super) update: bool,
}

/// How often a token is made anew when the store has one of its ids already.
const TRIES: usize = 3;

impl AuthorizationServer {
    /// Issues the token of a grant.
    pub(super) async fn issue(
        &self,
        snapshot: &Snapshot,
        grant: &Grant,
        request: &TokenRequest,
        peer: &PeerIdentity,
    ) -> Result<Issued, Refusal> {
        let now = self.clock.now();
        let end = now.saturating_add_unsigned(lifetime(grant));
        let place = self
            .allowances
            .take(&grant.client().name, now, end)
            .map_err(|seconds| Refusal::TooMany { seconds })?;
        for _ in 0..TRIES {
            match self.issue_once(snapshot, grant, request, peer).await {
                // An id from before the counters began anew: the next number has another one.
                Err(Refusal::Store(StoreError::Conflict)) => {}
                Ok(issued) => {
                    place.keep();
                    return Ok(issued);
                }
                Err(refusal) => return Err(refusal),
            }
        }
        Err(Refusal::KeyTaken)
    }

    async fn issue_once(
        &self,
        snapshot: &Snapshot,
        grant: &Grant,
        request: &TokenRequest,
        peer: &PeerIdentity,
    ) -> Result<Issued, Refusal> {
        let profile = self
            .profile(grant.profile())
            .ok_or(Refusal::NoCommonProfile)?;
        let now = self.clock.now();
        let serial = self.numbers.next().await.map_err(Refusal::Store)?;
        let binding = self
            .bind(profile, grant, request, peer, &serial, now)
            .await?;
        let token_id = self.token_id(grant, &serial).await?;
        let claims = self.claims(grant, request, &binding, token_id.clone(), now);
        let access_token = self.protect(snapshot, grant, &claims, &serial)?;
        let confirmation = if binding.derived {
            Some(self.derived_key(grant, &access_token, &binding.key_id)?)
        } else {
            binding.response
        };
        let expires_in = lifetime(grant);
        let token_hash = TokenHash::of_token(&self.crypto, &access_token);
        let record = IssuedToken {
            token_id: token_id.clone(),
            key_id: binding.key_id.clone(),
            client: grant.client().name.clone(),
            resource_server: grant.target_name().clone(),
            issued_at: now,
            expires_at: now.saturating_add_unsigned(expires_in),
            token_hash,
            recipients: grant
                .resource_servers()
                .iter()
                .map(|record| record.name.clone())
                .collect(),
            revoked_at: None,
        };
        self.store
            .record_token(record, now)
            .await
            .map_err(Refusal::Store)?;
        self.still_welcome(grant, token_hash).await?;
        let response = TokenResponse {
            access_token,
            expires_in: Some(expires_in),
            cnf: confirmation,
            // RFC 9200 Section 5.8.2: the scope is in the answer where it differs from what was asked.
            scope: grant.narrowed().then(|| grant.scope().clone()),
            // RFC 9200 Section 5.8.2: ace_profile is in the answer when the request had it with null.
            ace_profile: request.asks_for_profile().then_some(grant.profile()),
            rs_cnf: binding.resource_server,
            ..TokenResponse::default()
        };
        Ok(Issued {
            response,
            token_id,
            key_id: binding.key_id,
            expires_in,
            update: binding.update,
        })
    }

    /// `cnf` of the response for a key that belongs to the token.
    fn derived_key(
        &self,
        grant: &Grant,
        token: &[u8],
        key_id: &[u8],
    ) -> Result<Confirmation, Refusal> {
        let record = match grant.audience() {
            Audience::One(record) => Some(record),
            Audience::Many { .. } => None,
        };
        let material = record.and_then(|record| record.derivation_key.as_ref());
        let material = material.ok_or(Refusal::KeyNotUsable)?;
        let key = derive_proof_key::<DERIVED_KEY>(&self.crypto, material.expose(), token)
            .map_err(|error| Refusal::Internal(error.to_string()))?;
        let key = CoseKey::symmetric(key.as_slice(), Some(key_id));
        Ok(Confirmation::Key(key))
    }

    /// Whether the device is still registered and let in. If not, its new token is revoked and does not leave.
    async fn still_welcome(&self, grant: &Grant, token_hash: TokenHash) -> Result<(), Refusal> {
        let snapshot = self.current.get();
        let device = snapshot.registry.device(&grant.client().name);
        if device.is_some_and(|device| !device.disabled) {
            return Ok(());
        }
        self.revoke(&TokenSelection::Hash(token_hash))
            .await
            .map_err(Refusal::Store)?;
        Err(Refusal::UnknownPeer)
    }

    async fn bind(
        &self,
        profile: &dyn Profile,
        grant: &Grant,
        request: &TokenRequest,
        peer: &PeerIdentity,
        serial: &Serial,
        now: UnixSeconds,
    ) -> Result<KeyBinding, Refusal> {
        let requested = request.req_cnf.as_ref();
        let standing = match profile.key_in_question(requested, peer) {
            Some(key_id) => {
                let (client, target) = (&grant.client().name, grant.target_name());
                Some(
                    self.store
                        .key_standing(client, target, key_id, now)
                        .await
                        .map_err(Refusal::Store)?,
                )
            }
            None => None,
        };
        let key_request = KeyRequest {
            grant,
            requested,
            peer,
            standing: standing.as_ref(),
            new_key_id: serial.key_id(),
        };
        let mut random = self.random;
        profile.bind(&key_request, &mut random)
    }

    /// The `cti` of the token.
    async fn token_id(&self, grant: &Grant, serial: &Serial) -> Result<Vec<u8>, Refusal> {
        match grant.audience() {
            Audience::One(record) if record.clockless => {
                // RFC 9200 Section 5.10.3: the identifier of the resource server, then the sequence number of the
                // tokens with exi for it. The layout is open; ours is the name, then decimal digits.
                let sequence = self
                    .numbers
                    .next_sequence(&record.name)
                    .await
                    .map_err(Refusal::Store)?;
                Ok(format!("{}{sequence}", record.name).into_bytes())
            }
            _ => Ok(serial.token_id().to_vec()),
        }
    }

    fn claims(
        &self,
        grant: &Grant,
        request: &TokenRequest,
        binding: &KeyBinding,
        token_id: Vec<u8>,
        now: UnixSeconds,
    ) -> ClaimsSet {
        let issued_at = NumericDate::from_seconds(now);
        let lifetime = lifetime(grant);
        let clockless = matches!(grant.audience(), Audience::One(record) if record.clockless);
        let named = grant
            .resource_servers()
            .iter()
            .all(|record| record.subject_in_token);
        ClaimsSet {
            iss: self.issuer.clone(),
            sub: named.then(|| grant.client().name.to_string()),
            // RFC 9237 Section 2: audience and key say whose rights these are, and where.
            aud: Some(AudienceClaim::One(grant.audience_name().to_string())),
            exp: (!clockless).then(|| issued_at.plus_seconds(lifetime)),
            nbf: None,
            iat: Some(issued_at),
            cti: Some(token_id),
            cnf: Some(binding.token.clone()),
            scope: Some(grant.scope().clone()),
            ace_profile: None,
            // RFC 9200 Section 5.8.4.4: the nonce of the request is copied unchanged.
            cnonce: request.cnonce.clone(),
            exi: clockless.then_some(lifetime),
        }
    }

    fn protect(
        &self,
        snapshot: &Snapshot,
        grant: &Grant,
        claims: &ClaimsSet,
        serial: &Serial,
    ) -> Result<Vec<u8>, Refusal> {
        let style = grant
            .resource_servers()
            .first()
            .map_or_else(TokenStyle::default, |record| record.token_style);
        let shared = match grant.audience() {
            Audience::One(record) => snapshot.encryption_key(&record.name),
            // RFC 9200 Section 6.1: a token for several recipients is signed, not protected by a key they share.
            Audience::Many { .. } => None,
        };
        let minted = match (shared, &self.signing_key) {
            (Some(key), _) => {
                let nonce = serial.nonce(key.algorithm().nonce_length());
                mint(
                    claims,
                    &ProtectionKey::Encrypt { key, nonce: &nonce },
                    style,
                )
            }
            (None, Some(key)) => mint(claims, &ProtectionKey::Sign(key), style),
            (None, None) => return Err(Refusal::Internal("no key to sign tokens with".to_owned())),
        };
        minted.map_err(|error| Refusal::Internal(error.to_string()))
    }
}

/// Seconds that a token of this grant lives: of a group, the shortest time of its members.
fn lifetime(grant: &Grant) -> u64 {
    grant
        .resource_servers()
        .iter()
        .map(|record| record.token_lifetime)
        .min()
        .unwrap_or_default()
}
