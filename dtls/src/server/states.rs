//! What a server waits for after its first flight.

use alloc::boxed::Box;

use super::key_exchange::{Exchange, ExpectClientKeyExchange};
use super::{Context, State};
use crate::certificate::{CertificateType, Shown};
use crate::codec::handshake::HandshakeType;
use crate::codec::key_exchange::Signed;
use crate::credentials::PeerIdentity;
use crate::error::HandshakeError;
use crate::handshake::{Completed, Output, Secrets, Step, expect};
use crate::reassembly::Message;
use crate::resumption::ServerSession;
use crate::schedule::Role;

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

/// Waits for CertificateVerify.
pub(crate) struct ExpectCertificateVerify {
    pub(super) finished: ExpectFinished,
    pub(super) shown: Shown,
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
