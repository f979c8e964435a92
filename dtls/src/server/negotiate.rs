//! What a server chooses from a ClientHello.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::certificate::{CertificateType, OwnCertificate};
use crate::codec::extension::{self, entries, number};
use crate::codec::hello::{ClientHello, EMPTY_RENEGOTIATION_INFO_SCSV};
use crate::codec::{DTLS_1_2, TooLong};
use crate::config::ServerConfig;
use crate::crypto::{NamedGroup, RandomSource, SignatureScheme};
use crate::error::HandshakeError;
use crate::random::SeededRandom;
use crate::record::ConnectionId;
use crate::suite::{CipherSuite, KeyExchange};

/// The outcome of the two hellos.
pub(super) struct Parameters {
    pub(super) suite: CipherSuite,
    pub(super) group: NamedGroup,
    /// What we show, in a signed suite.
    pub(super) own: Option<OwnCertificate>,
    /// What the client must show, if it must.
    pub(super) client_type: Option<CertificateType>,
    /// The client's Connection ID, if one is used.
    pub(super) peer_id: Option<Box<[u8]>>,
    /// Extensions to answer.
    renegotiation_info: bool,
    point_formats: bool,
    server_type: Option<CertificateType>,
    names_client_type: bool,
}

/// What must hold whatever is chosen.
pub(super) fn check(hello: &ClientHello<'_>) -> Result<(), HandshakeError> {
    // DTLS versions count down: 1.3 clients name 1.2 here, later ones smaller numbers (RFC 6347 Section 4.2.1).
    // RFC 7925 Section 18: without version 1.2 the server MUST send protocol_version.
    if hello.version > DTLS_1_2 || hello.version >> 8 != DTLS_1_2 >> 8 {
        return Err(HandshakeError::Version { got: hello.version });
    }
    // RFC 7627 Sections 5.2 and 5.3: neither a full handshake nor a resumed one goes on without the extension; for a
    // session that was made with it, the server MUST abort.
    if !hello.extensions.extended_master_secret {
        return Err(HandshakeError::NoExtendedMasterSecret);
    }
    // RFC 5746 Section 3.6: in a first handshake the field must be empty.
    match hello.extensions.renegotiation_info {
        Some([_, ..]) => Err(HandshakeError::Illegal(
            "renegotiation_info in a first handshake",
        )),
        Some([]) | None => Ok(()),
    }
}

fn offers(hello: &ClientHello<'_>, suite: u16) -> bool {
    entries(hello.cipher_suites).any(|offered| offered == suite)
}

impl Parameters {
    /// For a session that is resumed: no keys, no certificates.
    pub(super) fn resumed(
        config: &ServerConfig,
        hello: &ClientHello<'_>,
        suite: CipherSuite,
    ) -> Self {
        let wants_ids = config.connection_ids.is_some();
        Self {
            suite,
            group: NamedGroup::Secp256r1,
            own: None,
            client_type: None,
            peer_id: hello
                .extensions
                .connection_id
                .filter(|_| wants_ids)
                .map(Box::from),
            renegotiation_info: hello.extensions.renegotiation_info.is_some()
                || offers(hello, EMPTY_RENEGOTIATION_INFO_SCSV),
            point_formats: false,
            server_type: None,
            names_client_type: false,
        }
    }

    /// Whether the client says who it is.
    pub(super) const fn authenticates_client(&self) -> bool {
        match self.suite.key_exchange() {
            KeyExchange::Psk | KeyExchange::EcdhePsk => true,
            KeyExchange::EcdheEcdsa => self.client_type.is_some(),
        }
    }

    /// The first of our suites that the client offers and that both ends can do.
    pub(super) fn choose(
        config: &ServerConfig,
        hello: &ClientHello<'_>,
    ) -> Result<Self, HandshakeError> {
        let mut failure = HandshakeError::NoCommonSuite;
        let group = group(config, hello);
        for suite in config
            .cipher_suites
            .iter()
            .copied()
            .filter(|suite| offers(hello, suite.number()))
        {
            let mut parameters = Self::resumed(config, hello, suite);
            if suite.key_exchange() == KeyExchange::Psk {
                return Ok(parameters);
            }
            let Some(group) = group else { continue };
            parameters.group = group;
            parameters.point_formats = hello.extensions.ec_point_formats.is_some();
            if suite.key_exchange() == KeyExchange::EcdhePsk {
                return Ok(parameters);
            }
            match parameters.certificates(config, hello) {
                Ok(()) => return Ok(parameters),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// RFC 7250 Section 4.2: the certificate types of both ends; no common type is unsupported_certificate.
    fn certificates(
        &mut self,
        config: &ServerConfig,
        hello: &ClientHello<'_>,
    ) -> Result<(), HandshakeError> {
        if config.raw_public_key.is_none() && config.certificate.is_none() {
            return Err(HandshakeError::NoCommonSuite);
        }
        let types = certificate_types(hello.extensions.server_certificate_type)?;
        let own = types
            .iter()
            .find_map(|kind| own_certificate(config, hello, *kind));
        let own = own.ok_or(HandshakeError::NoCommonCertificateType)?;
        self.server_type = hello.extensions.server_certificate_type.map(|_| own.kind);
        self.own = Some(own);
        if config.client_authentication {
            let types = certificate_types(hello.extensions.client_certificate_type)?;
            let can = |kind: &CertificateType| match kind {
                CertificateType::RawPublicKey => true,
                CertificateType::X509 => config.client_certificates.is_some(),
            };
            // RFC 7250 Section 4.2: the type MUST be one that the client named.
            self.client_type = Some(
                types
                    .into_iter()
                    .find(can)
                    .ok_or(HandshakeError::NoCommonCertificateType)?,
            );
            self.names_client_type = hello.extensions.client_certificate_type.is_some();
        }
        Ok(())
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
        if self.point_formats {
            // RFC 8422 Section 5.2: uncompressed only.
            extension::put_vec8(&mut out, number::EC_POINT_FORMATS, &[0])?;
        }
        if let Some(kind) = self.server_type {
            extension::put(&mut out, number::SERVER_CERTIFICATE_TYPE, &[kind.number()])?;
        }
        // RFC 7250 Section 4.2: it MUST be there with a CertificateRequest, and MUST NOT without.
        if let Some(kind) = self.client_type.filter(|_| self.names_client_type) {
            extension::put(&mut out, number::CLIENT_CERTIFICATE_TYPE, &[kind.number()])?;
        }
        if let Some(own_id) = own_id {
            extension::put_vec8(&mut out, number::CONNECTION_ID, own_id.as_bytes())?;
        }
        Ok(out)
    }
}

/// RFC 8422 Section 5.1: the curve of an ECDSA certificate is among the groups that the client named, too.
fn takes_group(hello: &ClientHello<'_>, group: NamedGroup) -> bool {
    let list = hello.extensions.supported_groups;
    list.is_none_or(|list| entries(list).any(|offered| offered == group.number()))
}

/// RFC 8422 Section 4: a client that names no groups takes any.
fn group(config: &ServerConfig, hello: &ClientHello<'_>) -> Option<NamedGroup> {
    match hello.extensions.supported_groups {
        None => Some(NamedGroup::Secp256r1),
        Some(list) => {
            let wants = |group: &NamedGroup| entries(list).any(|offered| offered == group.number());
            config.groups.iter().copied().find(wants)
        }
    }
}

/// The types of a ClientHello extension, in the client's order; X.509 alone if there is none (RFC 7250 Section 4.1).
fn certificate_types(extension: Option<&[u8]>) -> Result<Vec<CertificateType>, HandshakeError> {
    match extension {
        None => Ok([CertificateType::X509].to_vec()),
        Some(content) => {
            let list = extension::vec8(content)?;
            Ok(list
                .iter()
                .filter_map(|number| CertificateType::from_number(*number))
                .collect())
        }
    }
}

/// Our certificate of a type, if there is one whose signatures the client takes (RFC 5246 Section 7.4.1.4.1).
fn own_certificate(
    config: &ServerConfig,
    hello: &ClientHello<'_>,
    kind: CertificateType,
) -> Option<OwnCertificate> {
    let own = match kind {
        CertificateType::RawPublicKey => OwnCertificate::raw(config.raw_public_key.as_ref()?),
        CertificateType::X509 => OwnCertificate::x509(config.certificate.as_ref()?),
    };
    let scheme = own.key.scheme().number();
    if own.key.scheme() == SignatureScheme::EcdsaSecp256r1Sha256
        && !takes_group(hello, NamedGroup::Secp256r1)
    {
        return None;
    }
    // RFC 5246 Section 7.4.3: the scheme MUST be one that signature_algorithms names; without the extension, SHA-1 is
    // all that may be assumed (Section 7.4.1.4.1), and that we do not do.
    let takes = entries(hello.extensions.signature_algorithms.unwrap_or_default())
        .any(|offered| offered == scheme);
    takes.then_some(own)
}
