//! The hellos of a handshake, as the client sees them.

use alloc::boxed::Box;

use super::State;
use super::offer::{Agreed, Offer};
use super::states::{
    Context, ExpectCertificate, ExpectFinished, ExpectServerHelloDone, ExpectServerKeyExchange,
};
use crate::codec::handshake::HandshakeType;
use crate::codec::hello::{HelloVerifyRequest, ServerHello};
use crate::credentials::ClientCredential;
use crate::error::HandshakeError;
use crate::handshake::{Output, Secrets, Step};
use crate::reassembly::Message;
use crate::resumption::{ClientSession, Resumable};
use crate::schedule::{Randoms, Role, Transcript};
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
                // RFC 6347 Section 4.2.1: the client MUST send its ClientHello again with the cookie, all else the
                // same, whatever version the request names.
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
            // RFC 9146 Section 3: a server may ask for any length that fits into the extension.
            out.connection_ids = Some((own_id, peer_id.into()));
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
            return resume(session, &agreed, randoms, self.transcript, out);
        }
        let (transcript, credential) = (self.transcript, self.credential);
        let context = Context {
            agreed,
            groups: self.offer.groups,
            randoms,
            session_id,
            transcript,
            credential,
        };
        Ok(Step::Next(full(context)))
    }
}

/// What comes next in a full handshake.
fn full(context: Context) -> State {
    match context.agreed.suite.key_exchange() {
        KeyExchange::Psk => State::ServerHelloDone(Box::new(ExpectServerHelloDone::new(context))),
        KeyExchange::EcdhePsk => State::ServerKeyExchange(Box::new(ExpectServerKeyExchange {
            context,
            shown: None,
        })),
        KeyExchange::EcdheEcdsa => State::Certificate(Box::new(ExpectCertificate { context })),
    }
}

/// The server resumes the session that we offered: its Finished comes next.
fn resume(
    session: ClientSession,
    agreed: &Agreed,
    randoms: Randoms,
    transcript: Transcript,
    out: &mut Output<'_>,
) -> Result<Step<State>, HandshakeError> {
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
    let (session_id, origin) = (session.session_id, session.origin);
    // Who the peer is was shown in the full handshake, and by the master secret again now.
    let peer = origin.peer.clone();
    out.resumable = Some(Resumable::Client { session_id, origin });
    Ok(Step::Next(State::Finished(Box::new(ExpectFinished {
        transcript,
        secrets,
        peer,
        full: None,
    }))))
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
