//! The public key of this device, as token requests name it.

use motekey_coap::dtls::KeyPair;
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::CoseKey;

use crate::error::Error;

/// The public key of a key pair of this device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnKey {
    /// SubjectPublicKeyInfo, DER.
    pub(crate) info: Vec<u8>,
    /// What the authorization server knows the key by.
    pub(crate) key_id: Option<Vec<u8>>,
    by_value: CoseKey,
}

impl OwnKey {
    /// # Errors
    /// [`Error::Configuration`]: not a key that the profile can use.
    pub(crate) fn new(pair: &KeyPair, key_id: Option<&[u8]>) -> Result<Self, Error> {
        let info = pair.public_key_info().to_vec();
        let by_value = CoseKey::from_public_key_info(&PROVIDER, &info, key_id).map_err(|_| {
            Error::Configuration(
                "the public key of this device is neither on P-256 nor an Ed25519 key".into(),
            )
        })?;
        Ok(Self {
            info,
            key_id: key_id.map(<[u8]>::to_vec),
            by_value,
        })
    }

    /// `req_cnf`: by its identifier if the authorization server has one, else by value.
    pub(crate) fn requested(&self) -> Confirmation {
        // RFC 9202 Section 3.2.1: the public key, or an identifier that the authorization server knows.
        match &self.key_id {
            Some(key_id) => Confirmation::KeyId(key_id.clone()),
            None => Confirmation::Key(self.by_value.clone()),
        }
    }
}
