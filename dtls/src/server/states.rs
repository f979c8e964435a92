//! What a server waits for after its first flight.

use alloc::boxed::Box;

use super::{Context, State};
use crate::certificate::{CertificateType, Shown};
use crate::codec::handshake::HandshakeType;
use crate::codec::key_exchange::{Signed, ecdhe_client, ecdhe_psk_client, psk_client};
use crate::credentials::{MAX_IDENTITY, PeerIdentity, PreSharedKey, PskAnswer};
use crate::crypto::{CryptoError, EphemeralKey};
use crate::error::HandshakeError;
use crate::handshake::{Completed, Output, Secrets, Step, expect};
use crate::reassembly::Message;
use crate::resumption::ServerSession;
use crate::schedule::{MasterSecret, Role, psk_premaster};
use crate::suite::{CipherSuite, KeyExchange};

/// The key exchange under way.
pub(super) struct Exchange {
    pub(super) suite: CipherSuite,
    /// Our ephemeral key, where the suite has one.
    pub(super) ephemeral: Option<Box<dyn EphemeralKey>>,
}

/// Waits for the client's Certificate.
pub(crate) struct ExpectCertificate {
    pub(super) context: Context,
    pub(super) exchange: Exchange,
    pub(super) kind: CertificateType,
}

impl ExpectCertificate {
    pub(super) fn handle(
        mut self,
        message: &Message,
        _out: &mut Output<'_>,
    ) -> Result<Step<State>, HandshakeError> {
        expect(message, HandshakeType::CERTIFICATE, "Certificate")?;
        self.context
            .transcript
            .add(message.kind, message.message_sequence, &message.body);
        let config = &self.context.config;
        let known = |public_key_info: &[u8]| config.credentials.raw_public_key(public_key_info);
        let shown = Shown::read(
            self.kind,
            &message.body,
            known,
            config.client_certificates.as_deref(),
        )?;
        let (context, exchange) = (self.context, self.exchange);
        let state = ExpectClientKeyExchange {
            context,
            exchange,
            shown: Some(shown),
        };
        Ok(Step::Next(State::ClientKeyExchange(Box::new(state))))
    }
}

/// Waits for ClientKeyExchange.
pub(crate) struct ExpectClientKeyExchange {
    pub(super) context: Context,
    pub(super) exchange: Exchange,
    pub(super) shown: Option<Shown>,
}

impl ExpectClientKeyExchange {
    pub(super) fn handle(
        mut self,
        message: &Message,
        out: &mut Output<'_>,
    ) -> Result<Step<State>, HandshakeError> {
        expect(
            message,
            HandshakeType::CLIENT_KEY_EXCHANGE,
            "ClientKeyExchange",
        )?;
        self.context
            .transcript
            .add(message.kind, message.message_sequence, &message.body);
        let suite = self.exchange.suite;
        let agree = |point: &[u8]| {
            let ephemeral = self.exchange.ephemeral.ok_or(HandshakeError::Crypto)?;
            ephemeral
                .agree(point)
                .map_err(|CryptoError| HandshakeError::Illegal("a point that is not of its group"))
        };
        let (key, peer, shared) = match suite.key_exchange() {
            KeyExchange::Psk => {
                let (key, peer) = pre_shared_key(&self.context, psk_client(&message.body)?, out)?;
                (Some(key), Some(peer), None)
            }
            KeyExchange::EcdhePsk => {
                let (identity, point) = ecdhe_psk_client(&message.body)?;
                let (key, peer) = pre_shared_key(&self.context, identity, out)?;
                (Some(key), Some(peer), Some(agree(point)?))
            }
            KeyExchange::EcdheEcdsa => (None, None, Some(agree(ecdhe_client(&message.body)?)?)),
        };
        let hash = self.context.transcript.hash();
        let shared = shared.as_ref().map(|shared| &shared[..]);
        let master = match (&key, shared) {
            (Some(key), shared) => {
                MasterSecret::extended(out.provider, &psk_premaster(key.expose(), shared), &hash)
            }
            (None, Some(shared)) => MasterSecret::extended(out.provider, shared, &hash),
            (None, None) => return Err(HandshakeError::Crypto),
        };
        let binding = match &key {
            _ if self.context.session_id.is_empty() => [0; 32],
            key => {
                let key = key.as_ref().map_or(&[][..], PreSharedKey::expose);
                ServerSession::binding(out.provider, &master, &self.context.server_name, key)
            }
        };
        let secrets = Secrets {
            suite,
            randoms: self.context.randoms,
            master,
        };
        out.install_keys(&secrets, Role::Server);
        let finished = ExpectFinished {
            context: self.context,
            secrets,
            peer,
            kind: Kind::Full { binding },
        };
        Ok(Step::Next(match self.shown {
            Some(shown) => {
                State::CertificateVerify(Box::new(ExpectCertificateVerify { finished, shown }))
            }
            None => State::Finished(Box::new(finished)),
        }))
    }
}

fn pre_shared_key(
    context: &Context,
    identity: &[u8],
    out: &mut Output<'_>,
) -> Result<(PreSharedKey, PeerIdentity), HandshakeError> {
    if identity.len() > MAX_IDENTITY {
        return Err(HandshakeError::Illegal("a PSK identity that is too long"));
    }
    // Made in any case: an unknown identity must not show by the time that the answer takes.
    let decoy = out.random.block();
    let decoy = PreSharedKey::new(decoy.get(..16).unwrap_or_default().to_vec());
    let key = match context.config.credentials.pre_shared_key(identity) {
        PskAnswer::Key(key) => key,
        // RFC 4279 Section 2: go on as if the identity existed but the key were wrong.
        PskAnswer::Unknown => decoy,
        // RFC 9202 Section 3.3.2: abort the handshake with an "illegal_parameter" alert.
        PskAnswer::IllegalParameter => return Err(HandshakeError::IdentityRefused),
    };
    Ok((key, PeerIdentity::PreSharedKey(identity.to_vec())))
}

/// Waits for CertificateVerify.
pub(crate) struct ExpectCertificateVerify {
    finished: ExpectFinished,
    shown: Shown,
}

impl ExpectCertificateVerify {
    pub(super) fn handle(
        mut self,
        message: &Message,
        out: &mut Output<'_>,
    ) -> Result<Step<State>, HandshakeError> {
        expect(
            message,
            HandshakeType::CERTIFICATE_VERIFY,
            "CertificateVerify",
        )?;
        let signed = Signed::decode(&message.body)?;
        let transcript = &mut self.finished.context.transcript;
        // RFC 5246 Section 7.4.8: over all messages up to this one.
        self.shown
            .verify(out.provider, &signed, transcript.messages())?;
        transcript.add(message.kind, message.message_sequence, &message.body);
        self.finished.peer = Some(self.shown.identity);
        Ok(Step::Next(State::Finished(Box::new(self.finished))))
    }
}

/// Which handshake it is.
pub(super) enum Kind {
    Full { binding: [u8; 32] },
    Resumed,
}

/// Waits for the client's Finished.
pub(crate) struct ExpectFinished {
    pub(super) context: Context,
    pub(super) secrets: Secrets,
    pub(super) peer: Option<PeerIdentity>,
    pub(super) kind: Kind,
}

impl ExpectFinished {
    pub(super) fn handle(
        mut self,
        message: &Message,
        out: &mut Output<'_>,
    ) -> Result<Step<State>, HandshakeError> {
        expect(message, HandshakeType::FINISHED, "Finished")?;
        let transcript = &mut self.context.transcript;
        out.verify_finished(message, transcript, &self.secrets, Role::Client)?;
        transcript.add(message.kind, message.message_sequence, &message.body);
        let last_flight_is_ours = matches!(self.kind, Kind::Full { .. });
        if let Kind::Full { binding } = self.kind {
            out.finished(transcript, &self.secrets, Role::Server);
            self.keep(binding, out);
        }
        let (secrets, peer) = (self.secrets, self.peer);
        Ok(Step::Done(Box::new(Completed {
            secrets,
            peer,
            last_flight_is_ours,
        })))
    }

    /// Keeps the session, so that it can be resumed.
    fn keep(&self, binding: [u8; 32], out: &mut Output<'_>) {
        let cache = self.context.config.sessions.as_ref();
        if let Some((cache, peer)) = cache.zip(self.peer.clone()) {
            let Secrets { suite, master, .. } = self.secrets.clone();
            let session = ServerSession {
                suite,
                master,
                peer,
                made: out.now,
                binding,
            };
            cache.insert(&self.context.session_id, session);
            out.resumable = self.context.resumable();
        }
    }
}
