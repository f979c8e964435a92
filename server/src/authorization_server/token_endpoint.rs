//! The token endpoint (RFC 9200 Section 5.8) as one plain function from peer and request to response.

use std::sync::Arc;

use motekey_coap::dtls::PeerIdentity;
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::confirmation::ConfirmationError;
use motekey_cose::key::KeyError;
use motekey_cose::message::{MessageError, TokenRequest};

use super::AuthorizationServer;
use super::issue::Issued;
use super::policy::{self, Grant};
use super::refusal::Refusal;
use crate::event::Event;

impl AuthorizationServer {
    /// Answers a request to the token endpoint. `peer` is who the DTLS handshake showed; without it there is no token.
    pub async fn token(&self, peer: Option<&PeerIdentity>, request: &Request) -> Response {
        // RFC 9200 Section 5.8: the endpoint takes POST only.
        if request.method != Code::POST {
            return Response::new(Code::METHOD_NOT_ALLOWED);
        }
        // RFC 9200 Section 5: no token over a channel that is not secured and mutually authenticated.
        let Some(peer) = peer else {
            return self.refuse(None, &Refusal::NotSecured);
        };
        if let Err(refusal) = check_formats(request) {
            return refusal;
        }
        let snapshot = self.current.get();
        // RFC 9200 Section 5.5: client credentials are needed for every grant type.
        let Some(client) = snapshot.authenticate(peer) else {
            return self.refuse(None, &Refusal::UnknownPeer);
        };
        let outcome = async {
            let parameters = parse(request)?;
            let grant = policy::decide(&snapshot.registry, client, &parameters)?;
            let issued = self.issue(&snapshot, &grant, &parameters, peer).await?;
            Ok((grant, issued))
        };
        match outcome.await {
            Ok((grant, issued)) => self.answer(&grant, &issued),
            Err(refusal) => self.refuse(Some(&client.name), &refusal),
        }
    }

    fn answer(&self, grant: &Grant, issued: &Issued) -> Response {
        self.subscribers.tell(|| Event::TokenGranted {
            client: grant.client().name.clone(),
            audience: grant.audience_name().clone(),
            token_id: issued.token_id.clone(),
            key_id: issued.key_id.clone(),
            expires_in: issued.expires_in,
            narrowed: grant.narrowed(),
            update: issued.update,
        });
        // RFC 9200 Section 5.8.2: 2.01 with a map. RFC 9202 Section 3.2.1: Max-Age is not above expires_in.
        Response::new(Code::CREATED)
            .with_payload(ContentFormat::ACE_CBOR, issued.response.encode())
            .max_age(u32::try_from(issued.expires_in).unwrap_or(u32::MAX))
    }

    pub(super) fn refuse(&self, client: Option<&Arc<str>>, refusal: &Refusal) -> Response {
        if let Refusal::Store(error) = refusal {
            self.subscribers.tell(|| Event::StoreFailed {
                operation: "token",
                detail: error.to_string(),
            });
        }
        self.subscribers.tell(|| Event::TokenDenied {
            client: client.cloned(),
            reason: refusal.name(),
            detail: refusal.to_string(),
        });
        refusal.response()
    }
}

/// RFC 9200 Section 5: the parameters are one CBOR map, Content-Format application/ace+cbor, both ways.
fn check_formats(request: &Request) -> Result<(), Response> {
    request.require_accept(&[ContentFormat::ACE_CBOR])?;
    // An empty payload is told apart: whoever put the parameters into the query learns where they belong.
    if !request.payload.is_empty() {
        request.require_content_format(ContentFormat::ACE_CBOR)?;
    }
    Ok(())
}

fn parse(request: &Request) -> Result<TokenRequest, Refusal> {
    // RFC 9200 Section 5: Uri-Query parameters are never read as OAuth parameters.
    if request.payload.is_empty() {
        return Err(Refusal::NoPayload);
    }
    TokenRequest::decode(&request.payload).map_err(|error| match error {
        // RFC 9200 Section 5.8.3: a key that nobody here can use is unsupported_pop_key, not invalid_request.
        MessageError::Confirmation {
            error:
                ConfirmationError::Key(KeyError::UnsupportedKeyType | KeyError::UnsupportedCurve)
                | ConfirmationError::UnsupportedHash,
            ..
        } => Refusal::KeyNotUsable,
        error => Refusal::Malformed(error),
    })
}
