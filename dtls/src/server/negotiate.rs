//! What a server chooses from a ClientHello.

use alloc::vec::Vec;

use crate::codec::extension::{self, entries, number};
use crate::codec::hello::{ClientHello, EMPTY_RENEGOTIATION_INFO_SCSV};
use crate::codec::{DTLS_1_2, TooLong};
use crate::config::ServerConfig;
use crate::crypto::RandomSource;
use crate::error::HandshakeError;
use crate::random::SeededRandom;
use crate::record::ConnectionId;
use crate::suite::CipherSuite;

/// The outcome of the two hellos.
pub(super) struct Parameters {
    pub(super) suite: CipherSuite,
    /// The client's Connection ID, if one is used.
    pub(super) peer_id: Option<ConnectionId>,
    renegotiation_info: bool,
}

impl Parameters {
    pub(super) fn choose(
        config: &ServerConfig,
        hello: &ClientHello<'_>,
    ) -> Result<Self, HandshakeError> {
        // DTLS versions count down: 1.3 clients name 1.2 here, later ones smaller numbers (RFC 6347 Section 4.2.1).
        if hello.version > DTLS_1_2 || hello.version >> 8 != DTLS_1_2 >> 8 {
            return Err(HandshakeError::Version { got: hello.version });
        }
        let offers = |suite: u16| entries(hello.cipher_suites).any(|offered| offered == suite);
        let suite = config
            .cipher_suites
            .iter()
            .copied()
            .find(|suite| offers(suite.number()));
        let suite = suite.ok_or(HandshakeError::NoCommonSuite)?;
        if !hello.extensions.extended_master_secret {
            return Err(HandshakeError::NoExtendedMasterSecret);
        }
        let renegotiation = hello.extensions.renegotiation_info;
        // RFC 5746 Section 3.6: in a first handshake the field must be empty.
        if renegotiation.is_some_and(|data| !data.is_empty()) {
            return Err(HandshakeError::Illegal(
                "renegotiation_info in a first handshake",
            ));
        }
        let renegotiation_info = renegotiation.is_some() || offers(EMPTY_RENEGOTIATION_INFO_SCSV);
        let wants_ids = config.connection_ids.is_some();
        let peer_id = hello
            .extensions
            .connection_id
            .filter(|_| wants_ids)
            .and_then(ConnectionId::new);
        Ok(Self {
            suite,
            peer_id,
            renegotiation_info,
        })
    }

    /// A Connection ID of our own, if the client offered the extension and we use it.
    pub(super) fn connection_id(
        &self,
        config: &ServerConfig,
        random: &mut SeededRandom,
    ) -> Result<Option<ConnectionId>, HandshakeError> {
        let Some(ids) = config
            .connection_ids
            .as_ref()
            .filter(|_| self.peer_id.is_some())
        else {
            return Ok(None);
        };
        let mut bytes = [0; ConnectionId::MAX];
        random.fill(&mut bytes)?;
        bytes
            .iter_mut()
            .zip(&ids.prefix)
            .for_each(|(to, from)| *to = *from);
        Ok(bytes
            .get(..usize::from(ids.length))
            .and_then(ConnectionId::new))
    }

    /// The extensions of the ServerHello: only those that the client offered and that are used.
    pub(super) fn extensions(&self, own_id: Option<&ConnectionId>) -> Result<Vec<u8>, TooLong> {
        let mut out = Vec::new();
        if self.renegotiation_info {
            // RFC 5746 Section 3.6: an empty extension answers the signalling suite and the empty extension.
            extension::put_vec8(&mut out, number::RENEGOTIATION_INFO, &[])?;
        }
        // RFC 7627 Section 5.1: answered if it was received.
        extension::put(&mut out, number::EXTENDED_MASTER_SECRET, &[])?;
        if let Some(own_id) = own_id {
            extension::put_vec8(&mut out, number::CONNECTION_ID, own_id.as_bytes())?;
        }
        Ok(out)
    }
}
