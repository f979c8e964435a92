//! What a server says after the ClientHello.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::key_exchange::{Exchange, ExpectClientKeyExchange};
use super::negotiate::Parameters;
use super::states::{ExpectCertificate, ExpectFinished, Kind};
use super::{Context, State};
use crate::certificate::{OwnCertificate, signed_parameters};
use crate::codec::Writer;
use crate::codec::handshake::HandshakeType;
use crate::codec::hello::ServerHello;
use crate::codec::key_exchange::{CertificateRequest, EcdhParameters};
use crate::crypto::{EphemeralKey, NamedGroup, SignatureScheme};
use crate::error::HandshakeError;
use crate::handshake::{Output, Secrets};
use crate::resumption::ServerSession;
use crate::schedule::Role;
use crate::suite::KeyExchange;

/// ServerHello.
pub(super) fn hello(
    context: &mut Context,
    parameters: &Parameters,
    out: &mut Output<'_>,
) -> Result<(), HandshakeError> {
    let own_id = parameters.connection_id(&context.config, out.random)?;
    let extensions = parameters.extensions(own_id.as_ref())?;
    let mut body = Vec::with_capacity(48 + context.session_id.len() + extensions.len());
    let (random, suite) = (&context.randoms.server, parameters.suite.number());
    ServerHello::put(&mut body, random, &context.session_id, suite, &extensions)?;
    out.message(&mut context.transcript, HandshakeType::SERVER_HELLO, body);
    out.connection_ids = own_id.zip(parameters.peer_id.clone());
    Ok(())
}

/// The rest of the flight when a session is resumed (RFC 5246 Section 7.3, figure 2).
pub(super) fn abbreviated(
    mut context: Context,
    session: ServerSession,
    out: &mut Output<'_>,
) -> State {
    let secrets = Secrets {
        suite: session.suite,
        randoms: context.randoms,
        master: session.master,
    };
    out.install_keys(&secrets, Role::Server);
    out.finished(&mut context.transcript, &secrets, Role::Server);
    out.resumable = context.resumable();
    State::Finished(Box::new(ExpectFinished {
        context,
        secrets,
        peer: Some(session.peer),
        kind: Kind::Resumed,
    }))
}

/// The rest of the flight in a full handshake (RFC 5246 Section 7.3, figure 1).
pub(super) fn full(
    mut context: Context,
    parameters: Parameters,
    out: &mut Output<'_>,
) -> Result<State, HandshakeError> {
    let suite = parameters.suite;
    let ephemeral = match suite.key_exchange() {
        KeyExchange::Psk => {
            hint(&mut context, out)?;
            None
        }
        KeyExchange::EcdhePsk => Some(ecdhe_psk(&mut context, parameters.group, out)?),
        KeyExchange::EcdheEcdsa => {
            let own = parameters
                .own
                .as_ref()
                .ok_or(HandshakeError::NoCommonCertificateType)?;
            Some(ecdhe_ecdsa(&mut context, own, parameters.group, out)?)
        }
    };
    if parameters.client_type.is_some() {
        certificate_request(&mut context, out)?;
    }
    out.message(
        &mut context.transcript,
        HandshakeType::SERVER_HELLO_DONE,
        Vec::new(),
    );
    let exchange = Exchange { suite, ephemeral };
    Ok(match parameters.client_type {
        Some(kind) => State::Certificate(Box::new(ExpectCertificate {
            context,
            exchange,
            kind,
        })),
        None => State::ClientKeyExchange(Box::new(ExpectClientKeyExchange {
            context,
            exchange,
            shown: None,
        })),
    })
}

/// RFC 4279 Section 2: without a hint, ServerKeyExchange is left out.
fn hint(context: &mut Context, out: &mut Output<'_>) -> Result<(), HandshakeError> {
    if let Some(hint) = context.config.credentials.identity_hint() {
        let mut body = Vec::new();
        body.put_vec16(&hint)?;
        out.message(
            &mut context.transcript,
            HandshakeType::SERVER_KEY_EXCHANGE,
            body,
        );
    }
    Ok(())
}

/// RFC 5489 Section 2: hint, perhaps empty, and ephemeral key.
fn ecdhe_psk(
    context: &mut Context,
    group: NamedGroup,
    out: &mut Output<'_>,
) -> Result<Box<dyn EphemeralKey>, HandshakeError> {
    let ephemeral = out.provider.key_exchange.generate(group, out.random)?;
    let mut body = Vec::new();
    body.put_vec16(
        &context
            .config
            .credentials
            .identity_hint()
            .unwrap_or_default(),
    )?;
    EcdhParameters {
        group: group.number(),
        public: ephemeral.public(),
    }
    .put(&mut body)?;
    out.message(
        &mut context.transcript,
        HandshakeType::SERVER_KEY_EXCHANGE,
        body,
    );
    Ok(ephemeral)
}

/// RFC 8422 Section 5.4: Certificate, and the ephemeral key with its signature.
fn ecdhe_ecdsa(
    context: &mut Context,
    own: &OwnCertificate,
    group: NamedGroup,
    out: &mut Output<'_>,
) -> Result<Box<dyn EphemeralKey>, HandshakeError> {
    out.message(
        &mut context.transcript,
        HandshakeType::CERTIFICATE,
        own.body()?,
    );
    let ephemeral = out.provider.key_exchange.generate(group, out.random)?;
    let mut body = Vec::new();
    EcdhParameters {
        group: group.number(),
        public: ephemeral.public(),
    }
    .put(&mut body)?;
    let message = signed_parameters(&context.randoms, &body);
    own.sign(&message, &mut body)?;
    out.message(
        &mut context.transcript,
        HandshakeType::SERVER_KEY_EXCHANGE,
        body,
    );
    Ok(ephemeral)
}

/// RFC 5246 Section 7.4.4; the same for both certificate types.
fn certificate_request(context: &mut Context, out: &mut Output<'_>) -> Result<(), HandshakeError> {
    let mut schemes = Vec::new();
    SignatureScheme::ALL
        .iter()
        .for_each(|scheme| schemes.put_u16(scheme.number()));
    let mut body = Vec::new();
    CertificateRequest {
        types: &[CertificateRequest::ECDSA_SIGN],
        schemes: &schemes,
        authorities: &[],
    }
    .put(&mut body)?;
    out.message(
        &mut context.transcript,
        HandshakeType::CERTIFICATE_REQUEST,
        body,
    );
    Ok(())
}
