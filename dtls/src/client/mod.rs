//! The client's side of a handshake: one struct for each message that it waits for.

mod hello;
mod offer;
mod states;

use alloc::boxed::Box;

use crate::config::ClientConfig;
use crate::credentials::ClientCredential;
use crate::error::HandshakeError;
use crate::handshake::{Output, Step};
use crate::reassembly::Message;
use crate::resumption::ClientSession;
use hello::ExpectServerHello;
use offer::Offer;
use states::{ExpectCertificate, ExpectFinished, ExpectServerHelloDone, ExpectServerKeyExchange};

/// A client in the middle of a handshake.
pub(crate) enum State {
    ServerHello(Box<ExpectServerHello>),
    Certificate(Box<ExpectCertificate>),
    ServerKeyExchange(Box<ExpectServerKeyExchange>),
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
            Self::Certificate(state) => state.handle(message),
            Self::ServerKeyExchange(state) => state.handle(message, out),
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
    let offer = Offer::new(config, credential, session, out)?;
    let mut state = ExpectServerHello::new(offer, credential.clone(), out);
    state.hello(&[], out)?;
    Ok(State::ServerHello(Box::new(state)))
}
