//! What the state machines of both ends share: they are given a message and a place for what follows from it, and
//! report facts; nothing else.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use subtle::ConstantTimeEq;

use crate::codec::handshake::HandshakeType;
use crate::codec::key_exchange::{VERIFY_DATA, finished};
use crate::credentials::PeerIdentity;
use crate::crypto::CryptoProvider;
use crate::error::HandshakeError;
use crate::flight::Item;
use crate::random::SeededRandom;
use crate::reassembly::Message;
use crate::record::{ConnectionId, Protection};
use crate::resumption::Resumable;
use crate::schedule::{KeyBlock, MasterSecret, Randoms, Role, Transcript};
use crate::suite::CipherSuite;
use crate::time::Instant;

/// What a session is made of, once both ends agree.
#[derive(Debug, Clone)]
pub(crate) struct Secrets {
    pub(crate) suite: CipherSuite,
    pub(crate) randoms: Randoms,
    pub(crate) master: MasterSecret,
}

/// A handshake that ended well: both Finished are verified.
#[derive(Debug)]
pub(crate) struct Completed {
    pub(crate) secrets: Secrets,
    pub(crate) peer: Option<PeerIdentity>,
    /// Whether our flight was the last: it is then repeated when the peer repeats its own
    /// (RFC 6347 Section 4.2.4).
    pub(crate) last_flight_is_ours: bool,
}

/// Where a handshake goes after a message.
pub(crate) enum Step<S> {
    /// On to another state.
    Next(S),
    /// It is complete.
    Done(Box<Completed>),
}

/// What follows from a message.
pub(crate) struct Output<'a> {
    pub(crate) provider: &'static CryptoProvider,
    pub(crate) now: Instant,
    pub(crate) random: &'a mut SeededRandom,
    /// Number of our next message.
    pub(crate) message_sequence: &'a mut u16,
    /// A new flight; empty if there is none.
    pub(crate) flight: Vec<Item>,
    /// Keys of epoch 1.
    pub(crate) protection: Option<Protection>,
    /// Connection IDs that were agreed on: ours and the peer's.
    pub(crate) connection_ids: Option<(ConnectionId, Box<[u8]>)>,
    /// The session that is resumed, or that can be.
    pub(crate) resumable: Option<Resumable>,
    /// The key of an identity is wanted.
    pub(crate) wait: Option<Wait>,
}

/// A look-up that is answered later.
pub(crate) struct Wait {
    pub(crate) identity: Vec<u8>,
    /// For how long.
    pub(crate) limit: Duration,
}

impl<'a> Output<'a> {
    pub(crate) fn new(
        provider: &'static CryptoProvider,
        now: Instant,
        random: &'a mut SeededRandom,
        message_sequence: &'a mut u16,
    ) -> Self {
        Self {
            provider,
            now,
            random,
            message_sequence,
            flight: Vec::new(),
            protection: None,
            connection_ids: None,
            resumable: None,
            wait: None,
        }
    }

    /// Adds a message to the flight and to the transcript.
    pub(crate) fn message(
        &mut self,
        transcript: &mut Transcript,
        kind: HandshakeType,
        body: Vec<u8>,
    ) {
        let message_sequence = *self.message_sequence;
        *self.message_sequence = message_sequence.wrapping_add(1);
        transcript.add(kind, message_sequence, &body);
        self.flight.push(Item::Message {
            kind,
            message_sequence,
            body,
        });
    }

    /// Adds ChangeCipherSpec and Finished.
    pub(crate) fn finished(&mut self, transcript: &mut Transcript, secrets: &Secrets, role: Role) {
        let data = secrets
            .master
            .verify_data(self.provider, role, &transcript.hash());
        self.flight.push(Item::ChangeCipherSpec);
        self.message(transcript, HandshakeType::FINISHED, data.to_vec());
    }

    /// Derives the keys of epoch 1 for `role`.
    pub(crate) fn install_keys(&mut self, secrets: &Secrets, role: Role) {
        let KeyBlock { client, server } =
            secrets
                .master
                .key_block(self.provider, secrets.suite, &secrets.randoms);
        self.protection = Some(match role {
            Role::Client => Protection::new(server, client),
            Role::Server => Protection::new(client, server),
        });
    }

    /// Verifies the peer's Finished, `sender` being the peer.
    pub(crate) fn verify_finished(
        &self,
        message: &Message,
        transcript: &Transcript,
        secrets: &Secrets,
        sender: Role,
    ) -> Result<(), HandshakeError> {
        let received: &[u8; VERIFY_DATA] = finished(&message.body)?;
        let expected = secrets
            .master
            .verify_data(self.provider, sender, &transcript.hash());
        // RFC 5246 Section 7.4.9: recipients MUST verify that the contents are correct.
        if bool::from(received.ct_eq(&expected)) {
            Ok(())
        } else {
            Err(HandshakeError::Finished)
        }
    }
}

/// RFC 5246 Section 7.4: messages come in one order; any other is fatal.
pub(crate) fn expect(
    message: &Message,
    kind: HandshakeType,
    wanted: &'static str,
) -> Result<(), HandshakeError> {
    if message.kind == kind {
        Ok(())
    } else {
        Err(HandshakeError::Unexpected {
            got: message.kind,
            wanted,
        })
    }
}
