//! The client's side of a handshake: one struct for each message that it waits for.

use alloc::boxed::Box;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::codec::extension::{self, number};
use crate::codec::handshake::HandshakeType;
use crate::codec::hello::{
    ClientHello, EMPTY_RENEGOTIATION_INFO_SCSV, HelloVerifyRequest, ServerHello,
};
use crate::codec::key_exchange::psk_server;
use crate::codec::{DTLS_1_2, TooLong, Writer};
use crate::config::ClientConfig;
use crate::credentials::{ClientCredential, PreSharedKey};
use crate::error::HandshakeError;
use crate::handshake::{Completed, Output, Secrets, Step, expect};
use crate::reassembly::Message;
use crate::record::ConnectionId;
use crate::resumption::ClientSession;
use crate::schedule::{MasterSecret, Randoms, Role, Transcript, psk_premaster};
use crate::suite::{CipherSuite, KeyExchange};

/// How many HelloVerifyRequests are answered: more than one only if the server's secret rotates meanwhile, or
/// if strangers send them.
const MAX_VERIFY_REQUESTS: u8 = 4;

/// A client in the middle of a handshake.
pub(crate) enum State {
    ServerHello(Box<ExpectServerHello>),
    ServerHelloDone(Box<ExpectServerHelloDone>),
    Finished(Box<ExpectFinished>),
}

impl State {
    pub(crate) fn handle(
        self,
        message: &Message,
        out: &mut Output<'_>,
    ) -> Result<Step<Self>, HandshakeError> {
        match self {
            Self::ServerHello(state) => state.handle(message, out),
            Self::ServerHelloDone(state) => state.handle(message, out),
            Self::Finished(state) => state.handle(message, out),
        }
    }
}

/// Begins a handshake: the first ClientHello.
pub(crate) fn begin(
    config: &ClientConfig,
    credential: &ClientCredential,
    session: Option<&ClientSession>,
    out: &mut Output<'_>,
) -> Result<State, HandshakeError> {
    let suites: Vec<CipherSuite> = config
        .cipher_suites
        .iter()
        .copied()
        .filter(|suite| fits(*suite, credential))
        .collect();
    if suites.is_empty() {
        return Err(HandshakeError::NoCommonSuite);
    }
    let connection_id = match &config.connection_id {
        Some(id) => Some(ConnectionId::new(id).ok_or(HandshakeError::TooLong)?),
        None => None,
    };
    let ClientCredential::PreSharedKey { identity, key } = credential;
    let mut state = ExpectServerHello {
        offer: Offer {
            random: out.random.block(),
            session: session
                .filter(|session| suites.contains(&session.suite))
                .cloned(),
            suites,
            connection_id,
        },
        identity: identity.clone(),
        key: key.clone(),
        verify_requests: 0,
        transcript: Transcript::new(out.provider),
    };
    state.hello(&[], out)?;
    Ok(State::ServerHello(Box::new(state)))
}

const fn fits(suite: CipherSuite, credential: &ClientCredential) -> bool {
    match (suite.key_exchange(), credential) {
        (KeyExchange::Psk, ClientCredential::PreSharedKey { .. }) => true,
    }
}

/// What the ClientHello says; the same in each of them (RFC 6347 Section 4.2.1).
struct Offer {
    random: [u8; 32],
    /// The session to resume.
    session: Option<ClientSession>,
    suites: Vec<CipherSuite>,
    connection_id: Option<ConnectionId>,
}

impl Offer {
    fn encode(&self, cookie: &[u8]) -> Result<Vec<u8>, TooLong> {
        let mut suites: Vec<u16> = self.suites.iter().map(|suite| suite.number()).collect();
        // RFC 5746 Section 3.4: the signalling suite, shorter than the extension.
        suites.push(EMPTY_RENEGOTIATION_INFO_SCSV);
        let mut extensions = Vec::new();
        // RFC 7627 Section 5.2: in every ClientHello.
        extension::put(&mut extensions, number::EXTENDED_MASTER_SECRET, &[])?;
        if let Some(id) = &self.connection_id {
            extension::put_vec8(&mut extensions, number::CONNECTION_ID, id.as_bytes())?;
        }
        let mut body = Vec::new();
        let session_id = self
            .session
            .as_ref()
            .map_or(&[][..], |session| &session.session_id);
        ClientHello::put(
            &mut body,
            &self.random,
            session_id,
            cookie,
            &suites,
            &extensions,
        )?;
        Ok(body)
    }

    /// Checks a ServerHello against the offer.
    fn accept(&self, hello: &ServerHello<'_>) -> Result<CipherSuite, HandshakeError> {
        if hello.version != DTLS_1_2 {
            return Err(HandshakeError::Version { got: hello.version });
        }
        let suite = self
            .suites
            .iter()
            .copied()
            .find(|suite| suite.number() == hello.cipher_suite);
        let suite = suite.ok_or(HandshakeError::Illegal(
            "a cipher suite that was not offered",
        ))?;
        if hello.compression_method != 0 {
            return Err(HandshakeError::Illegal(
                "a compression method that was not offered",
            ));
        }
        // RFC 5246 Section 7.4.1.4: an extension that was not offered ends the handshake.
        let with_id: &[u16] = &[
            number::EXTENDED_MASTER_SECRET,
            number::RENEGOTIATION_INFO,
            number::CONNECTION_ID,
        ];
        let allowed = if self.connection_id.is_some() {
            Some(with_id)
        } else {
            with_id.get(..2)
        };
        if hello.extensions.has_other_than(allowed.unwrap_or_default()) {
            return Err(HandshakeError::UnofferedExtension);
        }
        if !hello.extensions.extended_master_secret {
            return Err(HandshakeError::NoExtendedMasterSecret);
        }
        // RFC 5746 Section 3.4: the field must be empty in a first handshake.
        if hello
            .extensions
            .renegotiation_info
            .is_some_and(|data| !data.is_empty())
        {
            return Err(HandshakeError::Illegal(
                "renegotiation_info in a first handshake",
            ));
        }
        Ok(suite)
    }
}

/// Waits for HelloVerifyRequest or ServerHello.
pub(crate) struct ExpectServerHello {
    offer: Offer,
    identity: Vec<u8>,
    key: PreSharedKey,
    verify_requests: u8,
    transcript: Transcript,
}

impl ExpectServerHello {
    fn hello(&mut self, cookie: &[u8], out: &mut Output<'_>) -> Result<(), HandshakeError> {
        // RFC 6347 Section 4.2.1: a ClientHello that was answered by HelloVerifyRequest is not in the transcript.
        self.transcript = Transcript::new(out.provider);
        let body = self.offer.encode(cookie)?;
        out.message(&mut self.transcript, HandshakeType::CLIENT_HELLO, body);
        Ok(())
    }

    fn handle(
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
        let suite = self.offer.accept(&hello)?;
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
            if session.suite != suite {
                return Err(HandshakeError::Illegal(
                    "another cipher suite than that of the session",
                ));
            }
            let secrets = Secrets {
                suite,
                randoms,
                master: session.master,
            };
            out.install_keys(&secrets, Role::Client);
            let state = ExpectFinished {
                transcript: self.transcript,
                secrets,
                session_id,
                resumed: true,
            };
            return Ok(Step::Next(State::Finished(Box::new(state))));
        }
        Ok(Step::Next(State::ServerHelloDone(Box::new(
            ExpectServerHelloDone {
                suite,
                randoms,
                session_id,
                transcript: self.transcript,
                identity: self.identity,
                key: self.key,
                hint_came: false,
            },
        ))))
    }
}

/// Waits for ServerKeyExchange, which may be left out, and ServerHelloDone.
pub(crate) struct ExpectServerHelloDone {
    suite: CipherSuite,
    randoms: Randoms,
    session_id: Vec<u8>,
    transcript: Transcript,
    identity: Vec<u8>,
    key: PreSharedKey,
    hint_came: bool,
}

impl ExpectServerHelloDone {
    fn handle(
        mut self: Box<Self>,
        message: &Message,
        out: &mut Output<'_>,
    ) -> Result<Step<State>, HandshakeError> {
        self.transcript
            .add(message.kind, message.message_sequence, &message.body);
        match message.kind {
            HandshakeType::SERVER_KEY_EXCHANGE if !self.hint_came => {
                // RFC 4279 Section 5.2: the hint is for choosing an identity; ours was chosen.
                psk_server(&message.body)?;
                self.hint_came = true;
                Ok(Step::Next(State::ServerHelloDone(self)))
            }
            HandshakeType::SERVER_HELLO_DONE if message.body.is_empty() => self.answer(out),
            got => Err(HandshakeError::Unexpected {
                got,
                wanted: "ServerHelloDone",
            }),
        }
    }

    /// ClientKeyExchange, ChangeCipherSpec, Finished.
    fn answer(mut self, out: &mut Output<'_>) -> Result<Step<State>, HandshakeError> {
        let mut body = Vec::with_capacity(self.identity.len().saturating_add(2));
        body.put_vec16(&self.identity)?;
        out.message(
            &mut self.transcript,
            HandshakeType::CLIENT_KEY_EXCHANGE,
            body,
        );
        let premaster: Zeroizing<Vec<u8>> = psk_premaster(self.key.expose(), None);
        let master = MasterSecret::extended(out.provider, &premaster, &self.transcript.hash());
        let secrets = Secrets {
            suite: self.suite,
            randoms: self.randoms,
            master,
        };
        out.install_keys(&secrets, Role::Client);
        out.finished(&mut self.transcript, &secrets, Role::Client);
        let (transcript, session_id) = (self.transcript, self.session_id);
        let state = ExpectFinished {
            transcript,
            secrets,
            session_id,
            resumed: false,
        };
        Ok(Step::Next(State::Finished(Box::new(state))))
    }
}

/// Waits for the server's Finished.
pub(crate) struct ExpectFinished {
    transcript: Transcript,
    secrets: Secrets,
    session_id: Vec<u8>,
    resumed: bool,
}

impl ExpectFinished {
    fn handle(
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
        // A pre-shared key says no more about the server than that it has the key.
        let (secrets, session_id) = (self.secrets, self.session_id);
        let completed = Completed {
            secrets,
            peer: None,
            last_flight_is_ours: self.resumed,
            session_id,
        };
        Ok(Step::Done(Box::new(completed)))
    }
}
