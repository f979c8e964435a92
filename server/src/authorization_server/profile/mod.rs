//! The seam to ACE profiles, issue side: which key a token is bound to, and what device and resource server are told
//! of it. A profile is a value in the configuration; nothing else of the server knows which ones there are.

mod coap_dtls;

use motekey_coap::dtls::PeerIdentity;
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::RandomSource;

pub use coap_dtls::CoapDtls;

use super::policy::Grant;
use super::refusal::Refusal;
use crate::store::KeyStanding;

/// An ACE profile (RFC 9200 Section 5.8.4.3), issue side.
pub trait Profile: Send + Sync + 'static {
    /// Its number in `ace_profile`.
    fn number(&self) -> i64;

    /// The key id whose standing [`Profile::bind`] wants to know, if the request names one.
    fn key_in_question<'a>(
        &self,
        requested: Option<&'a Confirmation>,
        peer: &PeerIdentity,
    ) -> Option<&'a [u8]>;

    /// Chooses the key of a granted token.
    ///
    /// # Errors
    /// The requested key cannot be used, is not proven, or is not known.
    fn bind(
        &self,
        request: &KeyRequest<'_>,
        random: &mut dyn RandomSource,
    ) -> Result<KeyBinding, Refusal>;
}

/// What a profile chooses from.
#[derive(Debug)]
pub struct KeyRequest<'a> {
    /// What was granted.
    pub grant: &'a Grant,
    /// The key that the device asked for (`req_cnf`).
    pub requested: Option<&'a Confirmation>,
    /// Who the device proved to be in the handshake.
    pub peer: &'a PeerIdentity,
    /// What the key id of [`Profile::key_in_question`] is to the device.
    pub standing: Option<&'a KeyStanding>,
    /// A key id that was never used, for a new key.
    pub new_key_id: [u8; 8],
}

/// What a token is bound to and who is told what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyBinding {
    /// `cnf` of the token.
    pub token: Confirmation,
    /// `cnf` of the response.
    pub response: Option<Confirmation>,
    /// `rs_cnf` of the response: the public key of the resource server.
    pub resource_server: Option<Confirmation>,
    /// The key id that the token is recorded under; empty if the key has none.
    pub key_id: Vec<u8>,
    /// The key is derived from the token when that is made, under the derivation key of the resource server (RFC 9202
    /// Section 3.3.1); `cnf` of the response then has it.
    pub derived: bool,
    /// The token updates the rights of a key that the device has already.
    pub update: bool,
}
