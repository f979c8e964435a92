//! Who may open a DTLS session: peers whose PSK identity selects a valid token (RFC 9202 Section 3.3.2), and peers with
//! the raw public key or the certificate of one (RFC 9202 Section 3.2.2, draft-ietf-ace-authcred-dtls-profile-04).

use std::sync::Arc;

use motekey_coap::dtls::{
    CertificateCheck, CertifiedKey, CredentialSource, KeyPair, PeerIdentity, PskAnswer,
};
use motekey_cose::cbor;
use motekey_cose::confirmation::CertificateHash;
use motekey_cose::message::PskIdentity;

use super::proof_key::{ProofKey, certificate_key_id};
use super::token_table::Entry;
use super::{ResourceServer, State};
use crate::certificates::thumbprint;
use crate::clock::UnixSeconds;

/// The token table as a source of credentials.
pub(super) struct TokenCredentials(pub(super) Arc<ResourceServer>);

impl CredentialSource for TokenCredentials {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        let now = self.0.clock.now();
        match self.0.entry_of_identity(identity, now) {
            Ok(Entry {
                key: ProofKey::Shared(key),
                ..
            }) => PskAnswer::Key(key),
            Ok(_) => PskAnswer::IllegalParameter,
            Err(answer) => answer,
        }
    }

    fn raw_public_key(&self, public_key_info: &[u8]) -> bool {
        let now = self.0.clock.now();
        // RFC 9202 Section 3.2.2: only the public key of a client that a stored valid token names.
        public_entry(&self.0.state(), public_key_info, now).is_some()
    }

    fn certificate(&self, chain: &[&[u8]]) -> bool {
        let now = self.0.clock.now();
        // draft-ietf-ace-authcred-dtls-profile-04 Section 3: only the certificate that a stored valid token means. That
        // its chain is valid was checked before.
        chain
            .first()
            .is_some_and(|first| certificate_entry(&self.0.state(), first, now).is_some())
    }

    fn key_pair(&self) -> Option<KeyPair> {
        self.0.key_pair.clone()
    }

    fn own_certificate(&self) -> Option<CertifiedKey> {
        let certificates = self.0.certificates.as_ref()?;
        Some(certificates.own.clone())
    }

    fn client_certificates(&self) -> Option<CertificateCheck> {
        let certificates = self.0.certificates.as_ref()?;
        Some(certificates.peers.clone())
    }
}

impl ResourceServer {
    /// The token that an identity selects. Form B is stored by this, as if it had been uploaded.
    fn entry_of_identity(&self, identity: &[u8], now: UnixSeconds) -> Result<Entry, PskAnswer> {
        // RFC 9202 Section 3.3.2: an identity that selects no valid token ends the handshake with illegal_parameter.
        const REFUSED: PskAnswer = PskAnswer::IllegalParameter;
        // RFC 9202 Section 3.3.2: an identity is parsed as CBOR. A map with cnf names the key of a token that was
        // uploaded before; everything else has to be a token.
        if is_map(identity) {
            let named = PskIdentity::decode(identity).map_err(|_| REFUSED)?;
            let entry = self.state().tokens.hand_out(&named.kid, now);
            return entry.ok_or(REFUSED);
        }
        // RFC 9200 Section 5.10.1.2: limited as uploads are. A good token costs nothing, so that a fleet can come back
        // at once; one bad token too many is not looked at, so nothing is said of its validity.
        let digest = self.receive(identity).hash;
        let mut state = self.state();
        let unknown = state.tokens.by_digest(&digest, now).is_none();
        if unknown && !state.identities.take((), now) {
            return Err(PskAnswer::Unknown);
        }
        drop(state);
        let entry = self.take_identity(identity, now).map_err(|_| REFUSED)?;
        let mut state = self.state();
        if unknown {
            state.identities.give_back(());
        }
        state.tokens.hand_out(&entry.key_id, now).ok_or(REFUSED)
    }

    /// The key that a peer proved with this identity. Stores nothing.
    pub(super) fn proven_key(
        &self,
        state: &State,
        identity: &PeerIdentity,
        now: UnixSeconds,
    ) -> Option<Entry> {
        let identity = match identity {
            PeerIdentity::PreSharedKey(identity) => identity,
            PeerIdentity::RawPublicKey(info) => return public_entry(state, info, now).cloned(),
            PeerIdentity::Certificate(chain) => {
                let first = chain.first()?;
                return certificate_entry(state, first, now).cloned();
            }
        };
        if is_map(identity) {
            let named = PskIdentity::decode(identity).ok()?;
            return state.tokens.get(&named.kid, now).cloned();
        }
        state
            .tokens
            .by_digest(&self.receive(identity).hash, now)
            .cloned()
    }
}

/// The live token that is bound to a public key, by its SubjectPublicKeyInfo.
fn public_entry<'a>(state: &'a State, info: &[u8], now: UnixSeconds) -> Option<&'a Entry> {
    let entry = state.tokens.get(info, now)?;
    matches!(entry.key, ProofKey::Public).then_some(entry)
}

/// The live token that is bound to a certificate (DER).
fn certificate_entry<'a>(
    state: &'a State,
    certificate: &[u8],
    now: UnixSeconds,
) -> Option<&'a Entry> {
    let shown = CertificateHash::of_digest(thumbprint(certificate));
    let entry = state.tokens.get(&certificate_key_id(&shown), now)?;
    match &entry.key {
        ProofKey::Certificate(named) if named.agrees_with(&shown) => Some(entry),
        _ => None,
    }
}

/// Whether the first item is a map. Tokens are arrays or tagged arrays.
fn is_map(identity: &[u8]) -> bool {
    cbor::Value::parse(identity, cbor::Limits::DEFAULT)
        .is_ok_and(|value| value.kind() == cbor::Kind::Map)
}
