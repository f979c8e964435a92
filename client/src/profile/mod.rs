//! The client side of an ACE profile: from a token response to a session with the resource server. Profiles are
//! values in the configuration; the flow asks the one that `ace_profile` names and never looks at the number itself.

mod coap_dtls;

use std::fmt;

use motekey_coap::dtls::{CertificateCheck, ClientCredential};
use motekey_cose::confirmation::{CertificateHash, Confirmation};

pub use coap_dtls::CoapDtls;

use crate::error::Unusable;
use crate::token::{Access, ProofKey};

/// How the token reaches the resource server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenTransport {
    /// In the handshake when it fits, by upload otherwise.
    #[default]
    Automatic,
    /// In the handshake: the `psk_identity` is the whole token. Saves a round trip.
    InHandshake,
    /// By upload to authz-info; the handshake names the key.
    Upload,
}

/// What the handshake with a resource server can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandshakeLimits {
    /// The choice of the configuration.
    pub transport: TokenTransport,
    /// Longest `psk_identity` in bytes that the own DTLS backend and the peer take.
    pub max_identity: usize,
}

/// What a token response says about keys, and what was known before it.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyOffer<'a> {
    /// `cnf` of the response: the key of the token.
    pub confirmation: Option<&'a Confirmation>,
    /// `rs_cnf` of the response: the public key of the resource server (RFC 9201 Section 3.2).
    pub resource_server: Option<&'a Confirmation>,
    /// The key of the session whose rights the request was to update, if it was one.
    pub running: Option<&'a ProofKey>,
    /// SubjectPublicKeyInfo of the public key that the request named in `req_cnf`, if it did.
    pub requested: Option<&'a [u8]>,
    /// The key id of that key, if the authorization server knows it by one.
    pub requested_id: Option<&'a [u8]>,
    /// The certificate of this device that the request named, if it did.
    pub requested_certificate: Option<CertificateHash>,
    /// SubjectPublicKeyInfo of the resource server, if it is configured.
    pub known_server: Option<&'a [u8]>,
}

/// What this device has for a handshake with the resource server, beside the token and its key.
#[derive(Debug, Clone, Copy)]
pub struct Means<'a> {
    /// What it has at the authorization server: the key pair or certificate that the token is bound to.
    pub own: &'a ClientCredential,
    /// How the certificate of the resource server is validated, if that is configured.
    pub certificates: Option<&'a CertificateCheck>,
}

/// The steps to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approach {
    /// Upload to authz-info before the handshake.
    pub upload: Option<Upload>,
    /// What the handshake shows.
    pub credential: ClientCredential,
}

/// A POST to authz-info.
#[derive(Clone, PartialEq, Eq)]
pub struct Upload {
    /// CoAP Content-Format.
    pub content_format: u16,
    /// The body.
    pub payload: Vec<u8>,
}

impl fmt::Debug for Upload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Upload({} bytes, Content-Format {})",
            self.payload.len(),
            self.content_format
        )
    }
}

/// The client side of one ACE profile. Pure: no sockets, no clock.
pub trait Profile: Send + Sync + fmt::Debug {
    /// Number in the registry of ACE profiles.
    fn number(&self) -> i64;

    /// Name in the registry of ACE profiles.
    fn name(&self) -> &'static str;

    /// The proof-of-possession key of a token response.
    ///
    /// # Errors
    /// There is no key, or it does not fit this profile (RFC 9201 Section 5), or the update is bound to another key.
    fn proof_key(&self, offer: KeyOffer<'_>) -> Result<ProofKey, Unusable>;

    /// How to come to a session with this token.
    ///
    /// # Errors
    /// The token or its key cannot be used within `limits`.
    fn approach(
        &self,
        access: &Access,
        means: Means<'_>,
        limits: HandshakeLimits,
    ) -> Result<Approach, Unusable>;

    /// The upload of a token that changes the rights of a running session.
    fn update(&self, token: &[u8]) -> Upload;
}
