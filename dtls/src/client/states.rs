//! What a client waits for after ServerHello.

use alloc::boxed::Box;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::State;
use super::offer::Agreed;
use crate::certificate::{CertificateType, OwnCertificate, Shown, signed_parameters};
use crate::codec::Writer;
use crate::codec::extension::entries;
use crate::codec::handshake::HandshakeType;
use crate::codec::key_exchange::{
    CertificateRequest, EcdhParameters, ecdhe_psk_server, ecdhe_server, psk_server,
};
use crate::credentials::{ClientCredential, PeerIdentity};
use crate::crypto::{CryptoError, NamedGroup};
use crate::error::HandshakeError;
use crate::handshake::{Completed, Output, Secrets, Step, expect};
use crate::reassembly::Message;
use crate::resumption::{ClientOrigin, Resumable, client_binding};
use crate::schedule::{MasterSecret, Randoms, Role, Transcript, psk_premaster};

/// What all states after ServerHello have.
pub(super) struct Context {
    pub(super) agreed: Agreed,
    pub(super) groups: Vec<NamedGroup>,
    pub(super) randoms: Randoms,
    pub(super) session_id: Vec<u8>,
    pub(super) transcript: Transcript,
    pub(super) credential: ClientCredential,
}

impl Context {
    fn add(&mut self, message: &Message) {
        self.transcript
            .add(message.kind, message.message_sequence, &message.body);
    }
}

/// Waits for the server's Certificate.
pub(crate) struct ExpectCertificate {
    pub(super) context: Context,
}

impl ExpectCertificate {
    pub(super) fn handle(mut self, message: &Message) -> Result<Step<State>, HandshakeError> {
        expect(message, HandshakeType::CERTIFICATE, "Certificate")?;
        self.context.add(message);
        let kind = self.context.agreed.server_type;
        let shown = match &self.context.credential {
            ClientCredential::RawPublicKey { server, .. }
                if kind == CertificateType::RawPublicKey =>
            {
                // RFC 7250 Section 4.4, RFC 9202 Section 3.2.2: only the key that was told by other means.
                Shown::read(
                    kind,
                    &message.body,
                    |public_key_info| public_key_info == server,
                    None,
                )?
            }
            ClientCredential::Certificate { server, .. } if kind == CertificateType::X509 => {
                Shown::read(kind, &message.body, |_| false, Some(&**server))?
            }
            _ => return Err(HandshakeError::NoCommonCertificateType),
        };
        let state = ExpectServerKeyExchange {
            context: self.context,
            shown: Some(shown),
        };
        Ok(Step::Next(State::ServerKeyExchange(Box::new(state))))
    }
}

/// Waits for ServerKeyExchange, which has the server's ephemeral key.
pub(crate) struct ExpectServerKeyExchange {
    pub(super) context: Context,
    pub(super) shown: Option<Shown>,
}

impl ExpectServerKeyExchange {
    pub(super) fn handle(
        mut self,
        message: &Message,
        out: &mut Output<'_>,
    ) -> Result<Step<State>, HandshakeError> {
        expect(
            message,
            HandshakeType::SERVER_KEY_EXCHANGE,
            "ServerKeyExchange",
        )?;
        self.context.add(message);
        let parameters = match &self.shown {
            Some(shown) => {
                let (parameters, signed) = ecdhe_server(&message.body)?;
                let mut encoded = Vec::new();
                parameters.put(&mut encoded)?;
                // RFC 8422 Section 5.4: the signature covers both randoms and the parameters.
                let message = signed_parameters(&self.context.randoms, &encoded);
                shown.verify(out.provider, &signed, &message)?;
                parameters
            }
            None => ecdhe_psk_server(&message.body)?.1,
        };
        let agreement = self.agree(&parameters, out)?;
        let mut state = ExpectServerHelloDone::new(self.context);
        state.agreement = Some(agreement);
        state.peer = self.shown.map(|shown| shown.identity);
        Ok(Step::Next(State::ServerHelloDone(Box::new(state))))
    }

    fn agree(
        &self,
        parameters: &EcdhParameters<'_>,
        out: &mut Output<'_>,
    ) -> Result<Agreement, HandshakeError> {
        let group = NamedGroup::from_number(parameters.group)
            .filter(|group| self.context.groups.contains(group));
        let group = group.ok_or(HandshakeError::Illegal("a group that was not offered"))?;
        let ephemeral = out.provider.key_exchange.generate(group, out.random)?;
        let public = ephemeral.public().to_vec();
        let shared = ephemeral
            .agree(parameters.public)
            .map_err(|CryptoError| HandshakeError::Illegal("a point that is not of its group"))?;
        Ok(Agreement { public, shared })
    }
}

/// Our ephemeral public key and the shared secret.
struct Agreement {
    public: Vec<u8>,
    shared: Zeroizing<[u8; 32]>,
}

/// Waits for ServerHelloDone; before it may come ServerKeyExchange with a hint (PSK), or CertificateRequest.
pub(crate) struct ExpectServerHelloDone {
    context: Context,
    agreement: Option<Agreement>,
    peer: Option<PeerIdentity>,
    hint_came: bool,
    /// Whether the server asked for a certificate, and takes the signatures of our key.
    requested: Option<bool>,
}

impl ExpectServerHelloDone {
    pub(super) const fn new(context: Context) -> Self {
        Self {
            context,
            agreement: None,
            peer: None,
            hint_came: false,
            requested: None,
        }
    }

    pub(super) fn handle(
        mut self: Box<Self>,
        message: &Message,
        out: &mut Output<'_>,
    ) -> Result<Step<State>, HandshakeError> {
        self.context.add(message);
        match message.kind {
            HandshakeType::SERVER_KEY_EXCHANGE if self.agreement.is_none() && !self.hint_came => {
                // RFC 4279 Section 5.2: the hint MUST be ignored unless an application profile says otherwise.
                psk_server(&message.body)?;
                self.hint_came = true;
                Ok(Step::Next(State::ServerHelloDone(self)))
            }
            // RFC 5246 Section 7.4.4: not from an anonymous server; PSK suites have no certificates.
            HandshakeType::CERTIFICATE_REQUEST
                if self.peer.is_some() && self.requested.is_none() =>
            {
                let request = CertificateRequest::decode(&message.body)?;
                let scheme = self.own().map(|own| own.key.scheme().number());
                // RFC 5246 Section 7.4.8: the scheme MUST be one that the request names.
                self.requested = Some(entries(request.schemes).any(|takes| Some(takes) == scheme));
                Ok(Step::Next(State::ServerHelloDone(self)))
            }
            HandshakeType::SERVER_HELLO_DONE if message.body.is_empty() => self.answer(out),
            got => Err(HandshakeError::Unexpected {
                got,
                wanted: "ServerHelloDone",
            }),
        }
    }

    /// What we show, if the type that was agreed on is ours.
    fn own(&self) -> Option<OwnCertificate> {
        let own = match &self.context.credential {
            ClientCredential::PreSharedKey { .. } => return None,
            ClientCredential::RawPublicKey { key, .. } => OwnCertificate::raw(key),
            ClientCredential::Certificate { own, .. } => OwnCertificate::x509(own),
        };
        Some(own).filter(|own| own.kind == self.context.agreed.client_type)
    }

    /// Certificate, ClientKeyExchange, CertificateVerify, ChangeCipherSpec, Finished; what is not wanted is left out.
    fn answer(mut self, out: &mut Output<'_>) -> Result<Step<State>, HandshakeError> {
        let own = match self.requested {
            Some(true) => self.own(),
            Some(false) | None => None,
        };
        if self.requested.is_some() {
            // RFC 5246 Section 7.4.6: without a suitable certificate, the client MUST send a message that has none.
            let body = own
                .as_ref()
                .map_or(Ok([0; 3].to_vec()), OwnCertificate::body)?;
            let kind = HandshakeType::CERTIFICATE;
            out.message(&mut self.context.transcript, kind, body);
        }
        let (body, premaster) = self.key_exchange()?;
        out.message(
            &mut self.context.transcript,
            HandshakeType::CLIENT_KEY_EXCHANGE,
            body,
        );
        // RFC 7627 Section 3: the session hash covers everything up to ClientKeyExchange.
        let master =
            MasterSecret::extended(out.provider, &premaster, &self.context.transcript.hash());
        if let Some(own) = &own {
            prove(own, &mut self.context.transcript, out)?;
        }
        let secrets = Secrets {
            suite: self.context.agreed.suite,
            randoms: self.context.randoms,
            master,
        };
        out.install_keys(&secrets, Role::Client);
        out.finished(&mut self.context.transcript, &secrets, Role::Client);
        let Context {
            transcript,
            session_id,
            credential,
            ..
        } = self.context;
        let state = ExpectFinished {
            transcript,
            secrets,
            peer: self.peer,
            full: Some(Full {
                session_id,
                credential,
            }),
        };
        Ok(Step::Next(State::Finished(Box::new(state))))
    }

    /// The body of ClientKeyExchange, and the premaster secret.
    fn key_exchange(&self) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>), HandshakeError> {
        let mut body = Vec::new();
        let shared = self
            .agreement
            .as_ref()
            .map(|agreement| &agreement.shared[..]);
        let premaster = match &self.context.credential {
            ClientCredential::PreSharedKey { identity, key } => {
                body.put_vec16(identity)?;
                psk_premaster(key.expose(), shared)
            }
            ClientCredential::RawPublicKey { .. } | ClientCredential::Certificate { .. } => {
                Zeroizing::new(shared.ok_or(HandshakeError::Crypto)?.to_vec())
            }
        };
        if let Some(agreement) = &self.agreement {
            body.put_vec8(&agreement.public)?;
        }
        Ok((body, premaster))
    }
}

/// CertificateVerify.
fn prove(
    own: &OwnCertificate,
    transcript: &mut Transcript,
    out: &mut Output<'_>,
) -> Result<(), HandshakeError> {
    let mut body = Vec::new();
    // RFC 5246 Section 7.4.8: over all messages up to this one.
    own.sign(transcript.messages(), &mut body)?;
    out.message(transcript, HandshakeType::CERTIFICATE_VERIFY, body);
    Ok(())
}

/// Waits for the server's Finished.
pub(crate) struct ExpectFinished {
    pub(super) transcript: Transcript,
    pub(super) secrets: Secrets,
    /// A pre-shared key says no more about the server than that it has the key: `None`.
    pub(super) peer: Option<PeerIdentity>,
    /// What a full handshake has and an abbreviated one has not.
    pub(super) full: Option<Full>,
}

/// What the session will be resumed with.
pub(super) struct Full {
    /// Empty: it cannot be resumed.
    session_id: Vec<u8>,
    credential: ClientCredential,
}

impl Full {
    fn resumable(
        self,
        out: &Output<'_>,
        secrets: &Secrets,
        peer: Option<&PeerIdentity>,
    ) -> Option<Resumable> {
        let session_id = Some(self.session_id).filter(|id| !id.is_empty())?;
        let binding = client_binding(out.provider, &secrets.master, &self.credential);
        Some(Resumable::Client {
            session_id: session_id.into_boxed_slice(),
            origin: ClientOrigin::new(peer.cloned(), binding),
        })
    }
}

impl ExpectFinished {
    pub(super) fn handle(
        mut self,
        message: &Message,
        out: &mut Output<'_>,
    ) -> Result<Step<State>, HandshakeError> {
        expect(message, HandshakeType::FINISHED, "Finished")?;
        out.verify_finished(message, &self.transcript, &self.secrets, Role::Server)?;
        let last_flight_is_ours = self.full.is_none();
        match self.full {
            Some(full) => {
                out.resumable = full.resumable(out, &self.secrets, self.peer.as_ref());
            }
            None => {
                // RFC 5246 Section 7.3, figure 2: here the last flight is the client's.
                self.transcript
                    .add(message.kind, message.message_sequence, &message.body);
                out.finished(&mut self.transcript, &self.secrets, Role::Client);
            }
        }
        Ok(Step::Done(Box::new(Completed {
            secrets: self.secrets,
            peer: self.peer,
            last_flight_is_ours,
        })))
    }
}
