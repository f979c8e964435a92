//! The client's key exchange message, and the look-up of its pre-shared key, at once or later.

use alloc::boxed::Box;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::lookups::Place;
use super::states::{ExpectCertificateVerify, ExpectFinished, Kind};
use super::{Context, State};
use crate::certificate::Shown;
use crate::codec::handshake::HandshakeType;
use crate::codec::key_exchange::{ecdhe_client, ecdhe_psk_client, psk_client};
use crate::credentials::{MAX_IDENTITY, PeerIdentity, PreSharedKey, PskAnswer};
use crate::crypto::{CryptoError, EphemeralKey};
use crate::error::HandshakeError;
use crate::handshake::{Output, Secrets, Step, Wait, expect};
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

/// A shared secret of ephemeral keys.
type Shared = Zeroizing<[u8; 32]>;

impl Exchange {
    /// Reads a ClientKeyExchange: the identity, if there is one, and the shared secret, if there is one.
    fn read(self, body: &[u8]) -> Result<(Option<&[u8]>, Option<Shared>), HandshakeError> {
        let suite = self.suite.key_exchange();
        let agree = |point: &[u8]| {
            let ephemeral = self.ephemeral.ok_or(HandshakeError::Crypto)?;
            ephemeral
                .agree(point)
                .map_err(|CryptoError| HandshakeError::Illegal("a point that is not of its group"))
        };
        let (identity, shared) = match suite {
            KeyExchange::Psk => (Some(psk_client(body)?), None),
            KeyExchange::EcdhePsk => {
                let (identity, point) = ecdhe_psk_client(body)?;
                (Some(identity), Some(agree(point)?))
            }
            KeyExchange::EcdheEcdsa => (None, Some(agree(ecdhe_client(body)?)?)),
        };
        if identity.is_some_and(|identity| identity.len() > MAX_IDENTITY) {
            return Err(HandshakeError::Illegal("a PSK identity that is too long"));
        }
        Ok((identity, shared))
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
        let kind = HandshakeType::CLIENT_KEY_EXCHANGE;
        expect(message, kind, "ClientKeyExchange")?;
        self.context
            .transcript
            .add(message.kind, message.message_sequence, &message.body);
        let suite = self.exchange.suite;
        let (identity, shared) = self.exchange.read(&message.body)?;
        let Some(identity) = identity else {
            let shared = shared.ok_or(HandshakeError::Crypto)?;
            let finished = finished(self.context, suite, &shared[..], None, out);
            return Ok(Step::Next(match self.shown {
                Some(shown) => {
                    State::CertificateVerify(Box::new(ExpectCertificateVerify { finished, shown }))
                }
                None => State::Finished(Box::new(finished)),
            }));
        };
        let answer = self.context.config.credentials.pre_shared_key(identity);
        if answer == PskAnswer::Pending {
            return wait(self.context, suite, shared, identity, out);
        }
        let identity = identity.to_vec();
        keyed(self.context, suite, shared.as_ref(), identity, answer, out)
    }
}

/// Waits for the answer to a look-up ([`PskAnswer::Pending`]).
pub(crate) struct AwaitKey {
    context: Context,
    suite: CipherSuite,
    shared: Option<Shared>,
    identity: Vec<u8>,
    _place: Place,
}

impl AwaitKey {
    /// Goes on as if the look-up had answered at once.
    pub(super) fn answer(
        self,
        answer: PskAnswer,
        out: &mut Output<'_>,
    ) -> Result<Step<State>, HandshakeError> {
        let (shared, identity) = (self.shared, self.identity);
        keyed(
            self.context,
            self.suite,
            shared.as_ref(),
            identity,
            answer,
            out,
        )
    }
}

fn wait(
    context: Context,
    suite: CipherSuite,
    shared: Option<Shared>,
    identity: &[u8],
    out: &mut Output<'_>,
) -> Result<Step<State>, HandshakeError> {
    let lookups = context.config.lookups;
    let place = context.waiting.enter(lookups.waiting);
    let place = place.ok_or(HandshakeError::TooManyLookups)?;
    out.wait = Some(Wait {
        identity: identity.to_vec(),
        limit: lookups.limit,
    });
    Ok(Step::Next(State::Key(Box::new(AwaitKey {
        context,
        suite,
        shared,
        identity: identity.to_vec(),
        _place: place,
    }))))
}

/// Goes on with the answer of the credential source.
fn keyed(
    context: Context,
    suite: CipherSuite,
    shared: Option<&Shared>,
    identity: Vec<u8>,
    answer: PskAnswer,
    out: &mut Output<'_>,
) -> Result<Step<State>, HandshakeError> {
    // Made in any case: an unknown identity must not show by the time that the answer takes.
    let decoy = PreSharedKey::new(out.random.bytes::<16>().to_vec());
    let key = match answer {
        PskAnswer::Key(key) => key,
        // RFC 4279 Section 2: go on as if the identity existed but the key were wrong.
        PskAnswer::Unknown | PskAnswer::Pending => decoy,
        // RFC 9202 Section 3.3.2: abort the handshake with an "illegal_parameter" alert.
        PskAnswer::IllegalParameter => return Err(HandshakeError::IdentityRefused),
    };
    let shared = shared.map(|shared| &shared[..]);
    let premaster = psk_premaster(key.expose(), shared);
    let mut finished = finished(context, suite, &premaster, Some(&key), out);
    finished.peer = Some(PeerIdentity::PreSharedKey(identity));
    Ok(Step::Next(State::Finished(Box::new(finished))))
}

/// Derives the keys; what comes next is the client's Finished.
fn finished(
    context: Context,
    suite: CipherSuite,
    premaster: &[u8],
    key: Option<&PreSharedKey>,
    out: &mut Output<'_>,
) -> ExpectFinished {
    // RFC 7627 Section 3: the session hash covers everything up to ClientKeyExchange.
    let master = MasterSecret::extended(out.provider, premaster, &context.transcript.hash());
    let binding = if context.session_id.is_empty() {
        [0; 32]
    } else {
        let key = key.map_or(&[][..], PreSharedKey::expose);
        ServerSession::binding(out.provider, &master, &context.server_name, key)
    };
    let secrets = Secrets {
        suite,
        randoms: context.randoms,
        master,
    };
    out.install_keys(&secrets, Role::Server);
    ExpectFinished {
        context,
        secrets,
        peer: None,
        kind: Kind::Full { binding },
    }
}
