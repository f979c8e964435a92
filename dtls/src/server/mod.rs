//! The server's side of a handshake: one struct for each message that it waits for.

mod cookie;
mod flight;
mod front;
mod key_exchange;
mod lookups;
mod negotiate;
mod states;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::codec::extension::entries;
use crate::codec::hello::ClientHello;
use crate::config::ServerConfig;
use crate::credentials::PskAnswer;
use crate::crypto::RandomSource;
use crate::error::HandshakeError;
use crate::handshake::{Output, Step};
use crate::reassembly::Message;
use crate::resumption::{Resumable, SESSION_ID, ServerSession};
use crate::schedule::{Randoms, Transcript};

pub(crate) use cookie::COOKIE;
pub use front::{FirstContact, Server};
use key_exchange::{AwaitKey, ExpectClientKeyExchange};
pub(crate) use lookups::Waiting;
use negotiate::Parameters;
use states::{ExpectCertificate, ExpectCertificateVerify, ExpectFinished};

/// A server in the middle of a handshake.
pub(crate) enum State {
    Certificate(Box<ExpectCertificate>),
    ClientKeyExchange(Box<ExpectClientKeyExchange>),
    /// For the answer to a look-up, not for a message.
    Key(Box<AwaitKey>),
    CertificateVerify(Box<ExpectCertificateVerify>),
    Finished(Box<ExpectFinished>),
}

impl State {
    pub(crate) fn handle(
        self,
        message: &Message,
        out: &mut Output<'_>,
    ) -> Result<Step<Self>, HandshakeError> {
        match self {
            Self::Certificate(state) => state.handle(message, out),
            Self::ClientKeyExchange(state) => state.handle(message, out),
            Self::Key(_) => Ok(Step::Next(self)),
            Self::CertificateVerify(state) => state.handle(message, out),
            Self::Finished(state) => state.handle(message, out),
        }
    }

    /// The answer to a look-up, for the state that waits for one.
    pub(crate) fn answer(
        self,
        answer: PskAnswer,
        out: &mut Output<'_>,
    ) -> Result<Step<Self>, HandshakeError> {
        match self {
            Self::Key(state) => state.answer(answer, out),
            other => Ok(Step::Next(other)),
        }
    }
}

/// What all states have.
struct Context {
    config: Arc<ServerConfig>,
    waiting: Waiting,
    transcript: Transcript,
    randoms: Randoms,
    /// Empty: the session cannot be resumed.
    session_id: Vec<u8>,
    /// `ServerNameList` of the client; empty if there was none.
    server_name: Vec<u8>,
}

impl Context {
    fn resumable(&self) -> Option<Resumable> {
        let session_id = self.session_id.clone().into_boxed_slice();
        (!session_id.is_empty()).then(|| Resumable::Server {
            session_id,
            cache: self.config.sessions.clone(),
        })
    }
}

/// Answers a ClientHello whose cookie was verified.
pub(crate) fn begin(
    config: &Arc<ServerConfig>,
    waiting: &Waiting,
    message: &Message,
    out: &mut Output<'_>,
) -> Result<State, HandshakeError> {
    let hello = ClientHello::decode(&message.body)?;
    negotiate::check(&hello)?;
    let resumed = resumable(config, &hello, out);
    let parameters = match &resumed {
        Some(session) => Parameters::resumed(config, &hello, session.suite),
        None => Parameters::choose(config, &hello)?,
    };
    let mut transcript = match parameters.client_type {
        Some(_) => Transcript::keeping(out.provider),
        None => Transcript::new(out.provider),
    };
    // RFC 6347 Section 4.2.1: the first ClientHello and the HelloVerifyRequest are not in the transcript.
    transcript.add(message.kind, message.message_sequence, &message.body);
    let session_id = match &resumed {
        Some(_) => hello.session_id.to_vec(),
        None => new_session_id(config, &parameters, out)?,
    };
    let randoms = Randoms {
        client: *hello.random,
        server: out.random.bytes(),
    };
    let mut context = Context {
        config: Arc::clone(config),
        waiting: waiting.clone(),
        transcript,
        randoms,
        session_id,
        server_name: server_name(&hello).to_vec(),
    };
    flight::hello(&mut context, &parameters, out)?;
    match resumed {
        Some(session) => Ok(flight::abbreviated(context, session, out)),
        None => flight::full(context, parameters, out),
    }
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
    (wanted && session.is_valid(config, out.now, server_name(hello))).then_some(session)
}

fn server_name<'a>(hello: &ClientHello<'a>) -> &'a [u8] {
    hello.extensions.server_name.unwrap_or_default()
}

/// A new id, if sessions are kept: those of clients that authenticate themselves.
fn new_session_id(
    config: &ServerConfig,
    parameters: &Parameters,
    out: &mut Output<'_>,
) -> Result<Vec<u8>, HandshakeError> {
    let mut session_id = Vec::new();
    if config.sessions.is_some() && parameters.authenticates_client() {
        session_id.resize(SESSION_ID, 0);
        out.random.fill(&mut session_id)?;
    }
    Ok(session_id)
}
