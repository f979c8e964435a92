//! What a client waits for.

use alloc::boxed::Box;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::State;
use super::offer::{Agreed, Offer};
use crate::certificate::{CertificateType, OwnCertificate, Shown, signed_parameters};
use crate::codec::Writer;
use crate::codec::extension::entries;
use crate::codec::handshake::HandshakeType;
use crate::codec::hello::{HelloVerifyRequest, ServerHello};
use crate::codec::key_exchange::{
    CertificateRequest, EcdhParameters, ecdhe_psk_server, ecdhe_server, psk_server,
};
use crate::credentials::{ClientCredential, PeerIdentity};
use crate::crypto::{CryptoError, NamedGroup};
use crate::error::HandshakeError;
use crate::handshake::{Completed, Output, Secrets, Step, expect};
use crate::reassembly::Message;
use crate::record::ConnectionId;
use crate::schedule::{MasterSecret, Randoms, Role, Transcript, psk_premaster};
use crate::suite::KeyExchange;

/// How many HelloVerifyRequests are answered: more than one only if the server's secret rotates meanwhile, or
/// if strangers send them.
const MAX_VERIFY_REQUESTS: u8 = 4;

/// Waits for HelloVerifyRequest or ServerHello.
pub(crate) struct ExpectServerHello {
    offer: Offer,
    credential: ClientCredential,
    verify_requests: u8,
    transcript: Transcript,
}

impl ExpectServerHello {
    pub(super) fn new(offer: Offer, credential: ClientCredential, out: &Output<'_>) -> Self {
        let transcript = transcript(&credential, out);
        Self {
            offer,
            credential,
            verify_requests: 0,
            transcript,
        }
    }

    pub(super) fn hello(
        &mut self,
        cookie: &[u8],
        out: &mut Output<'_>,
    ) -> Result<(), HandshakeError> {
        // RFC 6347 Section 4.2.1: a ClientHello that was answered by HelloVerifyRequest is not in the transcript.
        self.transcript = transcript(&self.credential, out);
        let body = self.offer.encode(cookie)?;
        out.message(&mut self.transcript, HandshakeType::CLIENT_HELLO, body);
        Ok(())
    }

    pub(super) fn handle(
        mut self: Box<Self>,
        message: &Message,
        out: &mut Output<'_>,
    ) -> Result<Step<State>, HandshakeError> {
        match message.kind {
            HandshakeType::HELLO_VERIFY_REQUEST if self.verify_requests < MAX_VERIFY_REQUESTS => {
                self.verify_requests = self.verify_requests.saturating_add(1);
                let request = HelloVerifyRequest::decode(&message.body)?;
                self.hello(request.cookie, out)?;
                Ok(Step::Next(State::ServerHello(self)))
            }
            HandshakeType::SERVER_HELLO => self.server_hello(message, out),
            got => Err(HandshakeError::Unexpected {
                got,
                wanted: "ServerHello",
            }),
        }
    }

    fn server_hello(
        mut self,
        message: &Message,
        out: &mut Output<'_>,
    ) -> Result<Step<State>, HandshakeError> {
        let hello = ServerHello::decode(&message.body)?;
        let agreed = self.offer.accept(&hello)?;
        if let Some((own_id, peer_id)) =
            self.offer.connection_id.zip(hello.extensions.connection_id)
        {
            let peer_id = ConnectionId::new(peer_id)
                .ok_or(HandshakeError::Illegal("a Connection ID too long"))?;
            out.connection_ids = Some((own_id, peer_id));
        }
        self.transcript
            .add(message.kind, message.message_sequence, &message.body);
        let randoms = Randoms {
            client: self.offer.random,
            server: *hello.random,
        };
        let session_id = hello.session_id.to_vec();
        // RFC 5246 Section 7.4.1.3: our session id in the ServerHello says that the session is resumed.
        let resumed = self
            .offer
            .session
            .take()
            .filter(|session| *session.session_id == *session_id);
        if let Some(session) = resumed {
            if session.suite != agreed.suite {
                return Err(HandshakeError::Illegal(
                    "another cipher suite than that of the session",
                ));
            }
            let secrets = Secrets {
                suite: session.suite,
                randoms,
                master: session.master,
            };
            out.install_keys(&secrets, Role::Client);
            let transcript = self.transcript;
            let state = ExpectFinished {
                transcript,
                secrets,
                session_id,
                peer: None,
                resumed: true,
            };
            return Ok(Step::Next(State::Finished(Box::new(state))));
        }
        let (transcript, credential) = (self.transcript, self.credential);
        let key_exchange = agreed.suite.key_exchange();
        let context = Context {
            agreed,
            groups: self.offer.groups,
            randoms,
            session_id,
            transcript,
            credential,
        };
        Ok(Step::Next(match key_exchange {
            KeyExchange::Psk => {
                State::ServerHelloDone(Box::new(ExpectServerHelloDone::new(context)))
            }
            KeyExchange::EcdhePsk => State::ServerKeyExchange(Box::new(ExpectServerKeyExchange {
                context,
                shown: None,
            })),
            KeyExchange::EcdheEcdsa => State::Certificate(Box::new(ExpectCertificate { context })),
        }))
    }
}

/// Messages are kept where we may have to sign them.
fn transcript(credential: &ClientCredential, out: &Output<'_>) -> Transcript {
    match credential {
        ClientCredential::PreSharedKey { .. } => Transcript::new(out.provider),
        ClientCredential::RawPublicKey { .. } | ClientCredential::Certificate { .. } => {
            Transcript::keeping(out.provider)
        }
    }
}

/// What all states after ServerHello have.
struct Context {
    agreed: Agreed,
    groups: Vec<NamedGroup>,
    randoms: Randoms,
    session_id: Vec<u8>,
    transcript: Transcript,
    credential: ClientCredential,
}

impl Context {
    fn add(&mut self, message: &Message) {
        self.transcript
            .add(message.kind, message.message_sequence, &message.body);
    }
}

/// Waits for the server's Certificate.
pub(crate) struct ExpectCertificate {
    context: Context,
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
    context: Context,
    shown: Option<Shown>,
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
    const fn new(context: Context) -> Self {
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
                // RFC 4279 Section 5.2: the hint is for choosing an identity; ours was chosen.
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
            None => None,
            Some(true) => self.own(),
            Some(false) => None,
        };
        if self.requested.is_some() && own.is_none() {
            return Err(HandshakeError::NoCommonCertificateType);
        }
        if let Some(own) = &own {
            out.message(
                &mut self.context.transcript,
                HandshakeType::CERTIFICATE,
                own.body()?,
            );
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
            let mut body = Vec::new();
            // RFC 5246 Section 7.4.8: over all messages up to this one.
            own.sign(self.context.transcript.messages(), &mut body)?;
            out.message(
                &mut self.context.transcript,
                HandshakeType::CERTIFICATE_VERIFY,
                body,
            );
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
            ..
        } = self.context;
        let state = ExpectFinished {
            transcript,
            secrets,
            session_id,
            peer: self.peer,
            resumed: false,
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

/// Waits for the server's Finished.
pub(crate) struct ExpectFinished {
    transcript: Transcript,
    secrets: Secrets,
    session_id: Vec<u8>,
    /// A pre-shared key says no more about the server than that it has the key: `None`.
    peer: Option<PeerIdentity>,
    resumed: bool,
}

impl ExpectFinished {
    pub(super) fn handle(
        mut self,
        message: &Message,
        out: &mut Output<'_>,
    ) -> Result<Step<State>, HandshakeError> {
        expect(message, HandshakeType::FINISHED, "Finished")?;
        out.verify_finished(message, &self.transcript, &self.secrets, Role::Server)?;
        if self.resumed {
            // RFC 5246 Section 7.3, figure 2: here the last flight is the client's.
            self.transcript
                .add(message.kind, message.message_sequence, &message.body);
            out.finished(&mut self.transcript, &self.secrets, Role::Client);
        }
        let (secrets, peer, session_id) = (self.secrets, self.peer, self.session_id);
        Ok(Step::Done(Box::new(Completed {
            secrets,
            peer,
            last_flight_is_ours: self.resumed,
            session_id,
        })))
    }
}
