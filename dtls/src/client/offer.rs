//! What a client offers, and whether a ServerHello keeps to it.

use alloc::vec::Vec;

use crate::certificate::CertificateType;
use crate::codec::extension::{self, number};
use crate::codec::handshake::HEADER as MESSAGE_HEADER;
use crate::codec::hello::{ClientHello, EMPTY_RENEGOTIATION_INFO_SCSV, ServerHello};
use crate::codec::record::HEADER as RECORD_HEADER;
use crate::codec::{DTLS_1_2, TooLong};
use crate::config::ClientConfig;
use crate::credentials::ClientCredential;
use crate::crypto::{NamedGroup, SignatureScheme};
use crate::error::HandshakeError;
use crate::handshake::Output;
use crate::record::ConnectionId;
use crate::resumption::ClientSession;
use crate::server::COOKIE;
use crate::suite::{CipherSuite, KeyExchange};

/// What the ClientHello says; the same in each of them (RFC 6347 Section 4.2.1).
pub(super) struct Offer {
    pub(super) random: [u8; 32],
    suites: Vec<CipherSuite>,
    /// For ephemeral keys; empty if no suite has them.
    pub(super) groups: Vec<NamedGroup>,
    /// Our certificate type, and the one that the server must show; `None` if no suite is signed.
    certificate_type: Option<CertificateType>,
    pub(super) connection_id: Option<ConnectionId>,
    /// The session to resume.
    pub(super) session: Option<ClientSession>,
}

/// What a ServerHello settled.
pub(super) struct Agreed {
    pub(super) suite: CipherSuite,
    /// What the server shows.
    pub(super) server_type: CertificateType,
    /// What we show, if we are asked to.
    pub(super) client_type: CertificateType,
}

impl Offer {
    pub(super) fn new(
        config: &ClientConfig,
        credential: &ClientCredential,
        session: Option<&ClientSession>,
        out: &mut Output<'_>,
    ) -> Result<Self, HandshakeError> {
        let fitting = config
            .cipher_suites
            .iter()
            .copied()
            .filter(|suite| fits(*suite, credential));
        let suites: Vec<CipherSuite> = fitting.collect();
        if suites.is_empty() {
            return Err(HandshakeError::NoCommonSuite);
        }
        let ephemeral = suites
            .iter()
            .any(|suite| suite.key_exchange() != KeyExchange::Psk);
        let connection_id = match &config.connection_id {
            Some(id) => Some(ConnectionId::new(id).ok_or(HandshakeError::TooLong)?),
            None => None,
        };
        let certificate_type = match credential {
            ClientCredential::PreSharedKey { .. } => None,
            ClientCredential::RawPublicKey { .. } => Some(CertificateType::RawPublicKey),
            ClientCredential::Certificate { .. } => Some(CertificateType::X509),
        };
        let mut offer = Self {
            random: out.random.bytes(),
            session: session
                .filter(|session| suites.contains(&session.suite))
                .filter(|session| session.fits(config.provider, credential))
                .cloned(),
            suites,
            groups: if ephemeral {
                config.groups.clone()
            } else {
                Vec::new()
            },
            certificate_type,
            connection_id,
        };
        // A hello in parts is not taken by servers that keep no state before the cookie: rather a full handshake.
        if !offer.fits(usize::from(config.limits.datagram))? {
            offer.session = None;
        }
        Ok(offer)
    }

    /// Whether a hello with the cookie of our own server fits into a datagram.
    fn fits(&self, limit: usize) -> Result<bool, TooLong> {
        let body = self.encode(&[0; COOKIE])?.len();
        let whole = body
            .saturating_add(RECORD_HEADER)
            .saturating_add(MESSAGE_HEADER);
        Ok(whole <= limit)
    }

    pub(super) fn encode(&self, cookie: &[u8]) -> Result<Vec<u8>, TooLong> {
        let mut suites: Vec<u16> = self.suites.iter().map(|suite| suite.number()).collect();
        // RFC 5746 Section 3.4: the signalling suite, shorter than the extension.
        suites.push(EMPTY_RENEGOTIATION_INFO_SCSV);
        let session_id = self
            .session
            .as_ref()
            .map_or(&[][..], |session| &session.session_id);
        let mut body = Vec::new();
        ClientHello::put(
            &mut body,
            &self.random,
            session_id,
            cookie,
            &suites,
            &self.extensions()?,
        )?;
        Ok(body)
    }

    /// Only what is used. Point formats are left out: uncompressed is what everybody does (RFC 8422 Section 5.1.2).
    fn extensions(&self) -> Result<Vec<u8>, TooLong> {
        let mut out = Vec::new();
        // RFC 7627 Section 5.2: in every ClientHello.
        extension::put(&mut out, number::EXTENDED_MASTER_SECRET, &[])?;
        if !self.groups.is_empty() {
            let groups: Vec<u16> = self.groups.iter().map(|group| group.number()).collect();
            extension::put_list16(&mut out, number::SUPPORTED_GROUPS, &groups)?;
        }
        if let Some(kind) = self.certificate_type {
            // RFC 7925 Section 5: the extension MUST be sent; without it the server would assume SHA-1.
            let schemes = SignatureScheme::ALL.map(SignatureScheme::number);
            extension::put_list16(&mut out, number::SIGNATURE_ALGORITHMS, &schemes)?;
            if kind != CertificateType::X509 {
                // RFC 7250 Section 4.1: types that we cannot show or check MUST be left out, and so must both
                // extensions if X.509 alone is left.
                extension::put_vec8(&mut out, number::CLIENT_CERTIFICATE_TYPE, &[kind.number()])?;
                extension::put_vec8(&mut out, number::SERVER_CERTIFICATE_TYPE, &[kind.number()])?;
            }
        }
        if let Some(id) = &self.connection_id {
            extension::put_vec8(&mut out, number::CONNECTION_ID, id.as_bytes())?;
        }
        Ok(out)
    }

    /// The extensions that a ServerHello may have: those that were offered.
    fn allowed(&self) -> Vec<u16> {
        let mut allowed = Vec::from([number::EXTENDED_MASTER_SECRET, number::RENEGOTIATION_INFO]);
        if self.certificate_type == Some(CertificateType::RawPublicKey) {
            allowed.extend([
                number::CLIENT_CERTIFICATE_TYPE,
                number::SERVER_CERTIFICATE_TYPE,
            ]);
        }
        if self.connection_id.is_some() {
            allowed.push(number::CONNECTION_ID);
        }
        allowed
    }

    /// Checks a ServerHello against the offer.
    pub(super) fn accept(&self, hello: &ServerHello<'_>) -> Result<Agreed, HandshakeError> {
        // RFC 7925 Section 18: DTLS 1.2, or the handshake MUST fail; no older version is ever offered.
        if hello.version != DTLS_1_2 {
            return Err(HandshakeError::Version { got: hello.version });
        }
        let suite = self
            .suites
            .iter()
            .copied()
            .find(|suite| suite.number() == hello.cipher_suite);
        let suite = suite.ok_or(HandshakeError::Illegal(
            "a cipher suite that was not offered",
        ))?;
        if hello.compression_method != 0 {
            return Err(HandshakeError::Illegal(
                "a compression method that was not offered",
            ));
        }
        let extensions = &hello.extensions;
        // RFC 5246 Section 7.4.1.4: an extension that was not offered ends the handshake.
        if extensions.has_other_than(&self.allowed()) {
            return Err(HandshakeError::UnofferedExtension);
        }
        // RFC 7627 Sections 5.2 and 5.3: aborted in full handshakes and, as it MUST, in resumed ones.
        if !extensions.extended_master_secret {
            return Err(HandshakeError::NoExtendedMasterSecret);
        }
        // RFC 5746 Section 3.4: the field must be empty in a first handshake.
        if extensions
            .renegotiation_info
            .is_some_and(|data| !data.is_empty())
        {
            return Err(HandshakeError::Illegal(
                "renegotiation_info in a first handshake",
            ));
        }
        let server_type = CertificateType::selected(extensions.server_certificate_type)?;
        let client_type = CertificateType::selected(extensions.client_certificate_type)?;
        Ok(Agreed {
            suite,
            server_type,
            client_type,
        })
    }
}

const fn fits(suite: CipherSuite, credential: &ClientCredential) -> bool {
    let signed = matches!(suite.key_exchange(), KeyExchange::EcdheEcdsa);
    match credential {
        ClientCredential::PreSharedKey { .. } => !signed,
        ClientCredential::RawPublicKey { .. } | ClientCredential::Certificate { .. } => signed,
    }
}
