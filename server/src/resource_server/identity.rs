//! Who may open a DTLS session: peers whose PSK identity selects a valid token (RFC 9202 Section 3.3.2).

use std::sync::Arc;

use motekey_coap::dtls::{CredentialSource, PeerIdentity, PskAnswer};
use motekey_cose::cbor;
use motekey_cose::message::PskIdentity;

use super::token_table::Entry;
use super::{ResourceServer, State};
use crate::clock::UnixSeconds;

/// The token table as a source of credentials.
pub(super) struct TokenCredentials(pub(super) Arc<ResourceServer>);

impl CredentialSource for TokenCredentials {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        let now = self.0.clock.now();
        match self.0.entry_of_identity(identity, now) {
            Ok(entry) => PskAnswer::Key(entry.key),
            Err(answer) => answer,
        }
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
        // RFC 9200 Section 5.10.1.2: limited as uploads are. A token that is stored costs nothing; one too many is not
        // looked at, so nothing is said of its validity.
        let digest = self.receive(identity).hash;
        let mut state = self.state();
        if state.tokens.by_digest(&digest, now).is_none() && !state.identities.take((), now) {
            return Err(PskAnswer::Unknown);
        }
        drop(state);
        let entry = self.take_identity(identity, now).map_err(|_| REFUSED)?;
        let entry = self.state().tokens.hand_out(&entry.key_id, now);
        entry.ok_or(REFUSED)
    }

    /// The key that a peer proved with this identity. Stores nothing.
    pub(super) fn proven_key(
        &self,
        state: &State,
        identity: &PeerIdentity,
        now: UnixSeconds,
    ) -> Option<Entry> {
        let PeerIdentity::PreSharedKey(identity) = identity else {
            return None;
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

/// Whether the first item is a map. Tokens are arrays or tagged arrays.
fn is_map(identity: &[u8]) -> bool {
    cbor::Value::parse(identity, cbor::Limits::DEFAULT)
        .is_ok_and(|value| value.kind() == cbor::Kind::Map)
}
