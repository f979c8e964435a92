//! With which credential each session was opened. A session ends with it: a peer that holds the old key of a device is
//! not the device any more, and less so the one that got the identity after it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use motekey_coap::dtls::{
    CertificateCheck, CertifiedKey, CredentialSource, KeyPair, PeerIdentity, PskAnswer, SessionId,
};
use motekey_coap::endpoint::ObservationId;
use motekey_coap::message::{Request, Response};
use zeroize::Zeroizing;

use super::credentials::Snapshot;
use super::{AuthorizationServer, Refusal};
use crate::clock::UnixSeconds;
use crate::registry::{DeviceCredential, Party};

/// Seconds that a handshake takes at most. A key that was given to one is remembered so long.
const HANDSHAKE: u64 = 60;

/// SHA-256 of the name and the secret, or public key, of a party. Kept in memory, never printed or sent.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Fingerprint([u8; 32]);

/// The sessions that are open: as many entries as the endpoint has sessions, of about 200 bytes. And for each registered
/// identity the keys that unfinished handshakes were given: one, unless keys change meanwhile.
#[derive(Default)]
pub(super) struct Sessions(Mutex<State>);

#[derive(Default)]
struct State {
    open: HashMap<SessionId, Bound>,
    told: HashMap<Vec<u8>, Vec<Told>>,
}

struct Bound {
    peer: PeerIdentity,
    /// None where it is not certain which credential was used: such a session gets nothing.
    credential: Option<Fingerprint>,
}

/// A key that handshakes were given.
struct Told {
    credential: Fingerprint,
    /// When the last of them asked.
    at: UnixSeconds,
    /// Handshakes that asked and have not finished.
    handshakes: u32,
}

impl Sessions {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn is_fresh(&self, now: UnixSeconds) -> bool {
        self.at.abs_diff(now) <= HANDSHAKE
    }
}

impl State {
    /// The key that a finished handshake of this identity was given; none if handshakes were given several of late.
    fn finish(&mut self, identity: &[u8], now: UnixSeconds) -> Option<Fingerprint> {
        let told = self.told.get_mut(identity)?;
        told.retain(|told| told.is_fresh(now));
        let [only] = told.as_mut_slice() else {
            return None;
        };
        only.handshakes -= 1;
        let credential = only.credential;
        told.retain(|told| told.handshakes > 0);
        Some(credential)
    }

    fn tell(&mut self, identity: &[u8], credential: Fingerprint, now: UnixSeconds) {
        let told = self.told.entry(identity.to_vec()).or_default();
        match told.iter_mut().find(|told| told.credential == credential) {
            Some(known) => {
                known.handshakes = known.handshakes.saturating_add(1);
                known.at = now;
            }
            None => told.push(Told {
                credential,
                at: now,
                handshakes: 1,
            }),
        }
    }
}

impl AuthorizationServer {
    /// A handshake succeeded: binds the session to the credential that it was opened with.
    pub(super) fn open_session(&self, session: SessionId, peer: &PeerIdentity) {
        let snapshot = self.current.get();
        let mut state = self.sessions.state();
        let credential = match peer {
            // The registry may have changed since the handshake asked for the key.
            PeerIdentity::PreSharedKey(identity) => state.finish(identity, self.clock.now()),
            // A public key or certificate is the credential itself.
            _ => self.fingerprint_of(&snapshot, peer),
        };
        let peer = peer.clone();
        state.open.insert(session, Bound { peer, credential });
        drop(state);
        self.observers.connected(session);
        if !self.is_session_current(session) {
            self.end_outdated_sessions();
        }
    }

    /// The session is gone.
    pub(super) fn close_session(&self, session: SessionId) {
        self.sessions.state().open.remove(&session);
        self.observers.closed(session);
    }

    /// Has the sessions closed whose peer was removed, was disabled, or has another credential now.
    pub(super) fn end_outdated_sessions(&self) {
        let now = self.clock.now();
        let mut state = self.sessions.state();
        state.told.retain(|_, told| {
            told.retain(|told| told.is_fresh(now));
            !told.is_empty()
        });
        drop(state);
        self.observers
            .keep(|session| self.is_session_current(session));
    }

    /// Answers a request of a session, unless its peer is not who it was when the session was opened.
    pub(super) async fn answer_session(
        &self,
        session: SessionId,
        peer: Option<&PeerIdentity>,
        observation: Option<ObservationId>,
        request: &Request,
    ) -> Response {
        if peer.is_some() && !self.is_session_current(session) {
            return self.refuse(None, &Refusal::CredentialChanged);
        }
        let response = self.answer_observer(peer, observation, request).await;
        // The registry may have changed meanwhile: then the answer may be that for another device, and is not sent.
        if peer.is_some() && !self.is_session_current(session) {
            return self.refuse(None, &Refusal::CredentialChanged);
        }
        response
    }

    fn is_session_current(&self, session: SessionId) -> bool {
        let snapshot = self.current.get();
        let state = self.sessions.state();
        state.open.get(&session).is_some_and(|bound| {
            bound.credential.is_some()
                && bound.credential == self.fingerprint_of(&snapshot, &bound.peer)
        })
    }

    fn fingerprint_of(&self, snapshot: &Snapshot, peer: &PeerIdentity) -> Option<Fingerprint> {
        let party = snapshot.party(peer)?;
        match (party.credential()?, peer) {
            (DeviceCredential::PreSharedKey { key, .. }, _) => {
                Some(self.fingerprint(party, key.expose()))
            }
            (_, PeerIdentity::RawPublicKey(info)) => Some(self.fingerprint(party, info)),
            (DeviceCredential::Certificate(thumbprint), _) => {
                Some(self.fingerprint(party, thumbprint))
            }
            _ => None,
        }
    }

    fn fingerprint(&self, party: &Party, secret: &[u8]) -> Fingerprint {
        let name = party.name().as_bytes();
        let length = name.len().to_be_bytes();
        let parts = Zeroizing::new([&length, name, secret].concat());
        Fingerprint(self.crypto.kdf.sha256(&parts))
    }
}

/// The keys of the registered parties, remembered for the sessions that they open.
pub(super) struct PartyKeys(pub(super) Arc<AuthorizationServer>);

impl CredentialSource for PartyKeys {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        let server = &self.0;
        let snapshot = server.current.get();
        let answer = snapshot.pre_shared_key(identity);
        let peer = PeerIdentity::PreSharedKey(identity.to_vec());
        if let Some(credential) = server.fingerprint_of(&snapshot, &peer) {
            let now = server.clock.now();
            server.sessions.state().tell(identity, credential, now);
        }
        answer
    }

    fn raw_public_key(&self, public_key_info: &[u8]) -> bool {
        let peer = PeerIdentity::RawPublicKey(public_key_info.to_vec());
        self.0.current.get().party(&peer).is_some()
    }

    fn certificate(&self, chain: &[&[u8]]) -> bool {
        let chain = chain.iter().map(|certificate| certificate.to_vec());
        let peer = PeerIdentity::Certificate(chain.collect());
        self.0.current.get().party(&peer).is_some()
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
