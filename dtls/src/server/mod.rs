//! The server's side of a handshake: one struct for each message that it waits for.

mod cookie;
mod front;
mod negotiate;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::codec::Writer;
use crate::codec::extension::entries;
use crate::codec::handshake::HandshakeType;
use crate::codec::hello::{ClientHello, ServerHello};
use crate::codec::key_exchange::psk_client;
use crate::config::ServerConfig;
use crate::credentials::{MAX_IDENTITY, PeerIdentity, PreSharedKey, PskAnswer};
use crate::crypto::RandomSource;
use crate::error::HandshakeError;
use crate::handshake::{Completed, Output, Secrets, Step, expect};
use crate::reassembly::Message;
use crate::resumption::{SESSION_ID, ServerSession};
use crate::schedule::{MasterSecret, Randoms, Role, Transcript, psk_premaster};
use crate::suite::{CipherSuite, KeyExchange};

pub use front::{FirstContact, Server};
use negotiate::Parameters;

/// A server in the middle of a handshake.
pub(crate) enum State {
    ClientKeyExchange(Box<ExpectClientKeyExchange>),
    Finished(Box<ExpectFinished>),
}

impl State {
    pub(crate) fn handle(
        self,
        message: &Message,
        out: &mut Output<'_>,
    ) -> Result<Step<Self>, HandshakeError> {
        match self {
            Self::ClientKeyExchange(state) => state.handle(message, out),
            Self::Finished(state) => state.handle(message, out),
        }
    }
}

/// Answers a ClientHello whose cookie was verified.
pub(crate) fn begin(
    config: &Arc<ServerConfig>,
    message: &Message,
    out: &mut Output<'_>,
) -> Result<State, HandshakeError> {
    let hello = ClientHello::decode(&message.body)?;
    let mut parameters = Parameters::choose(config, &hello)?;
    let randoms = Randoms {
        client: *hello.random,
        server: out.random.block(),
    };
    let mut transcript = Transcript::new(out.provider);
    // RFC 6347 Section 4.2.1: the first ClientHello and the HelloVerifyRequest are not in the transcript.
    transcript.add(message.kind, message.message_sequence, &message.body);
    let resumed = resumable(config, &hello, out);
    let session_id = match &resumed {
        Some(session) => {
            parameters.suite = session.suite;
            hello.session_id.to_vec()
        }
        None => new_session_id(config, out)?,
    };
    let own_id = parameters.connection_id(config, out.random)?;
    let extensions = parameters.extensions(own_id.as_ref())?;
    let mut body = Vec::new();
    let suite = parameters.suite;
    ServerHello::put(
        &mut body,
        &randoms.server,
        &session_id,
        suite.number(),
        &extensions,
    )?;
    out.message(&mut transcript, HandshakeType::SERVER_HELLO, body);
    out.connection_ids = own_id.zip(parameters.peer_id);
    let context = Context {
        config: Arc::clone(config),
        transcript,
        session_id,
    };
    match resumed {
        Some(session) => Ok(abbreviated(context, session, randoms, out)),
        None => full(context, randoms, suite, out),
    }
}

/// What all states have.
struct Context {
    config: Arc<ServerConfig>,
    transcript: Transcript,
    /// Empty: the session cannot be resumed.
    session_id: Vec<u8>,
}

/// The rest of our flight in a full handshake.
fn full(
    mut context: Context,
    randoms: Randoms,
    suite: CipherSuite,
    out: &mut Output<'_>,
) -> Result<State, HandshakeError> {
    match suite.key_exchange() {
        KeyExchange::Psk => hint(&mut context, out)?,
    }
    out.message(
        &mut context.transcript,
        HandshakeType::SERVER_HELLO_DONE,
        Vec::new(),
    );
    Ok(State::ClientKeyExchange(Box::new(
        ExpectClientKeyExchange {
            context,
            randoms,
            suite,
        },
    )))
}

/// The rest of our flight when a session is resumed (RFC 5246 Section 7.3, figure 2).
fn abbreviated(
    mut context: Context,
    session: ServerSession,
    randoms: Randoms,
    out: &mut Output<'_>,
) -> State {
    let secrets = Secrets {
        suite: session.suite,
        randoms,
        master: session.master,
    };
    out.install_keys(&secrets, Role::Server);
    out.finished(&mut context.transcript, &secrets, Role::Server);
    State::Finished(Box::new(ExpectFinished {
        context,
        secrets,
        peer: session.peer,
        kind: Kind::Resumed,
    }))
}

/// The session that the client wants to resume, if it may. RFC 5246 Section 7.4.1.2: its suite must be offered.
fn resumable(
    config: &ServerConfig,
    hello: &ClientHello<'_>,
    out: &Output<'_>,
) -> Option<ServerSession> {
    let cache = config
        .sessions
        .as_ref()
        .filter(|_| !hello.session_id.is_empty())?;
    let session = cache.find(hello.session_id)?;
    let number = session.suite.number();
    let offered = entries(hello.cipher_suites).any(|suite| suite == number);
    let wanted = offered && config.cipher_suites.contains(&session.suite);
    (wanted && session.is_valid(out.provider, out.now, &*config.credentials)).then_some(session)
}

fn new_session_id(config: &ServerConfig, out: &mut Output<'_>) -> Result<Vec<u8>, HandshakeError> {
    let mut session_id = Vec::new();
    if config.sessions.is_some() {
        session_id.resize(SESSION_ID, 0);
        out.random.fill(&mut session_id)?;
    }
    Ok(session_id)
}

/// RFC 4279 Section 2: without a hint, ServerKeyExchange is left out.
fn hint(context: &mut Context, out: &mut Output<'_>) -> Result<(), HandshakeError> {
    if let Some(hint) = context.config.credentials.identity_hint() {
        let mut body = Vec::new();
        body.put_vec16(&hint)?;
        out.message(
            &mut context.transcript,
            HandshakeType::SERVER_KEY_EXCHANGE,
            body,
        );
    }
    Ok(())
}

/// Waits for ClientKeyExchange.
pub(crate) struct ExpectClientKeyExchange {
    context: Context,
    randoms: Randoms,
    suite: CipherSuite,
}

impl ExpectClientKeyExchange {
    fn handle(
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
        let (key, peer) = match self.suite.key_exchange() {
            KeyExchange::Psk => self.pre_shared_key(psk_client(&message.body)?, out)?,
        };
        let premaster = psk_premaster(key.expose(), None);
        let master =
            MasterSecret::extended(out.provider, &premaster, &self.context.transcript.hash());
        let key_check = match self.context.session_id.is_empty() {
            true => [0; 32],
            false => ServerSession::key_check(out.provider, &master, key.expose()),
        };
        let secrets = Secrets {
            suite: self.suite,
            randoms: self.randoms,
            master,
        };
        out.install_keys(&secrets, Role::Server);
        let kind = Kind::Full { key_check };
        let state = ExpectFinished {
            context: self.context,
            secrets,
            peer,
            kind,
        };
        Ok(Step::Next(State::Finished(Box::new(state))))
    }

    fn pre_shared_key(
        &self,
        identity: &[u8],
        out: &mut Output<'_>,
    ) -> Result<(PreSharedKey, PeerIdentity), HandshakeError> {
        if identity.len() > MAX_IDENTITY {
            return Err(HandshakeError::Illegal("a PSK identity that is too long"));
        }
        // Made in any case: an unknown identity must not show by the time that the answer takes.
        let decoy = out.random.block();
        let decoy = PreSharedKey::new(decoy.get(..16).unwrap_or_default().to_vec());
        let key = match self.context.config.credentials.pre_shared_key(identity) {
            PskAnswer::Key(key) => key,
            // RFC 4279 Section 2: go on as if the identity existed but the key were wrong.
            PskAnswer::Unknown => decoy,
            // RFC 9202 Section 3.3.2: abort the handshake with an "illegal_parameter" alert.
            PskAnswer::IllegalParameter => return Err(HandshakeError::IdentityRefused),
        };
        Ok((key, PeerIdentity::PreSharedKey(identity.to_vec())))
    }
}

/// Which handshake it is.
enum Kind {
    Full { key_check: [u8; 32] },
    Resumed,
}

/// Waits for the client's Finished.
pub(crate) struct ExpectFinished {
    context: Context,
    secrets: Secrets,
    peer: PeerIdentity,
    kind: Kind,
}

impl ExpectFinished {
    fn handle(
        mut self,
        message: &Message,
        out: &mut Output<'_>,
    ) -> Result<Step<State>, HandshakeError> {
        expect(message, HandshakeType::FINISHED, "Finished")?;
        let transcript = &mut self.context.transcript;
        out.verify_finished(message, transcript, &self.secrets, Role::Client)?;
        transcript.add(message.kind, message.message_sequence, &message.body);
        let last_flight_is_ours = matches!(self.kind, Kind::Full { .. });
        if let Kind::Full { key_check } = self.kind {
            out.finished(transcript, &self.secrets, Role::Server);
            if let Some(cache) = self.context.config.sessions.as_ref() {
                let Secrets { suite, master, .. } = self.secrets.clone();
                let session = ServerSession {
                    suite,
                    master,
                    peer: self.peer.clone(),
                    made: out.now,
                    key_check,
                };
                cache.insert(&self.context.session_id, session);
            }
        }
        let session_id = self.context.session_id;
        Ok(Step::Done(Box::new(Completed {
            secrets: self.secrets,
            peer: Some(self.peer),
            last_flight_is_ours,
            session_id,
        })))
    }
}
