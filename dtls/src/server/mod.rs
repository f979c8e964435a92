//! The server's side of a handshake: one struct for each message that it waits for.

mod cookie;
mod front;
mod negotiate;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::codec::Writer;
use crate::codec::handshake::HandshakeType;
use crate::codec::hello::{ClientHello, ServerHello};
use crate::codec::key_exchange::psk_client;
use crate::config::ServerConfig;
use crate::credentials::{MAX_IDENTITY, PeerIdentity, PskAnswer};
use crate::error::HandshakeError;
use crate::handshake::{Completed, Output, Secrets, Step, expect};
use crate::reassembly::Message;
use crate::schedule::{MasterSecret, Randoms, Role, Transcript, psk_premaster};
use crate::suite::KeyExchange;

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
    let parameters = Parameters::choose(config, &hello)?;
    let randoms = Randoms {
        client: *hello.random,
        server: out.random.block(),
    };
    let mut transcript = Transcript::new(out.provider);
    // RFC 6347 Section 4.2.1: the first ClientHello and the HelloVerifyRequest are not in the transcript.
    transcript.add(message.kind, message.message_sequence, &message.body);
    let own_id = parameters.connection_id(config, out.random)?;
    let extensions = parameters.extensions(own_id.as_ref())?;
    let mut body = Vec::new();
    ServerHello::put(
        &mut body,
        &randoms.server,
        &[],
        parameters.suite.number(),
        &extensions,
    )?;
    out.message(&mut transcript, HandshakeType::SERVER_HELLO, body);
    out.connection_ids = own_id.zip(parameters.peer_id);
    match parameters.suite.key_exchange() {
        KeyExchange::Psk => hint(config, &mut transcript, out)?,
    }
    out.message(
        &mut transcript,
        HandshakeType::SERVER_HELLO_DONE,
        Vec::new(),
    );
    let config = Arc::clone(config);
    Ok(State::ClientKeyExchange(Box::new(
        ExpectClientKeyExchange {
            config,
            transcript,
            randoms,
            suite: parameters.suite,
        },
    )))
}

/// RFC 4279 Section 2: without a hint, ServerKeyExchange is left out.
fn hint(
    config: &ServerConfig,
    transcript: &mut Transcript,
    out: &mut Output<'_>,
) -> Result<(), HandshakeError> {
    if let Some(hint) = config.credentials.identity_hint() {
        let mut body = Vec::new();
        body.put_vec16(&hint)?;
        out.message(transcript, HandshakeType::SERVER_KEY_EXCHANGE, body);
    }
    Ok(())
}

/// Waits for ClientKeyExchange.
pub(crate) struct ExpectClientKeyExchange {
    config: Arc<ServerConfig>,
    transcript: Transcript,
    randoms: Randoms,
    suite: crate::suite::CipherSuite,
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
        self.transcript
            .add(message.kind, message.message_sequence, &message.body);
        let (premaster, peer) = match self.suite.key_exchange() {
            KeyExchange::Psk => self.pre_shared_key(psk_client(&message.body)?, out)?,
        };
        let master = MasterSecret::extended(out.provider, &premaster, &self.transcript.hash());
        let secrets = Secrets {
            suite: self.suite,
            randoms: self.randoms,
            master,
        };
        out.install_keys(&secrets, Role::Server);
        let state = ExpectFinished {
            transcript: self.transcript,
            secrets,
            peer,
        };
        Ok(Step::Next(State::Finished(Box::new(state))))
    }

    fn pre_shared_key(
        &self,
        identity: &[u8],
        out: &mut Output<'_>,
    ) -> Result<(Zeroizing<Vec<u8>>, PeerIdentity), HandshakeError> {
        if identity.len() > MAX_IDENTITY {
            return Err(HandshakeError::Illegal("a PSK identity that is too long"));
        }
        // Made in any case: an unknown identity must not show by the time that the answer takes.
        let decoy = Zeroizing::new(out.random.block());
        let premaster = match self.config.credentials.pre_shared_key(identity) {
            PskAnswer::Key(key) => psk_premaster(key.expose(), None),
            // RFC 4279 Section 2: go on as if the identity existed but the key were wrong.
            PskAnswer::Unknown => psk_premaster(decoy.get(..16).unwrap_or_default(), None),
            // RFC 9202 Section 3.3.2: abort the handshake with an "illegal_parameter" alert.
            PskAnswer::IllegalParameter => return Err(HandshakeError::IdentityRefused),
        };
        Ok((premaster, PeerIdentity::PreSharedKey(identity.to_vec())))
    }
}

/// Waits for the client's Finished.
pub(crate) struct ExpectFinished {
    transcript: Transcript,
    secrets: Secrets,
    peer: PeerIdentity,
}

impl ExpectFinished {
    fn handle(
        mut self,
        message: &Message,
        out: &mut Output<'_>,
    ) -> Result<Step<State>, HandshakeError> {
        expect(message, HandshakeType::FINISHED, "Finished")?;
        out.verify_finished(message, &self.transcript, &self.secrets, Role::Client)?;
        self.transcript
            .add(message.kind, message.message_sequence, &message.body);
        out.finished(&mut self.transcript, &self.secrets, Role::Server);
        let peer = Some(self.peer);
        Ok(Step::Done(Box::new(Completed {
            secrets: self.secrets,
            peer,
            last_flight_is_ours: true,
        })))
    }
}
