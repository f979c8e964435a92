use alloc::vec::Vec;

use super::{MessageError, names, read_confirmation};
use crate::cbor::{Limits, MapReader, MapWriter};
use crate::confirmation::Confirmation;
use crate::key::CoseKey;
use crate::registry::parameter;

/// The `psk_identity` of a DTLS handshake that names a key of a token uploaded before: `{8: {1: {1: 4, 2: kid}}}`
/// (RFC 9202 Section 3.3.2). The other form of identity is a whole token, as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PskIdentity {
    /// The identifier of the key.
    pub kid: Vec<u8>,
}

impl PskIdentity {
    /// Reads an identity that is a map with a `cnf` whose COSE_Key is symmetric and has a `kid`. A key value in it
    /// is dropped: nobody proves anything by showing it.
    ///
    /// # Errors
    /// [`MessageError`]. It does not say that the identity is no token: tokens are arrays or tagged.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut members = MapReader::parse(bytes, Limits::DEFAULT, names::TOKEN)?;
        let mut confirmation = None;
        while let Some((label, value)) = members.next_member()? {
            if label == parameter::CNF {
                confirmation = read_confirmation(&value)?;
            }
        }
        match confirmation {
            Some(Confirmation::Key(key)) if key.is_symmetric() => {
                key.kid().map(|kid| Self { kid: kid.into() })
            }
            _ => None,
        }
        .ok_or(MessageError::Missing { label: names::CNF })
    }

    /// The encoded identity.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut map = MapWriter::with_capacity(CAPACITY.saturating_add(self.kid.len()));
        let confirmation = Confirmation::Key(CoseKey::symmetric_name(&self.kid));
        Confirmation::write(Some(&confirmation), parameter::CNF, &mut map);
        map.finish()
    }
}

/// Room for everything but the identifier.
const CAPACITY: usize = 16;
