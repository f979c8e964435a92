//! The introspection endpoint (RFC 9200 Section 5.9): a resource server asks whether a token is good, and for its
//! claims.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use motekey_coap::dtls::PeerIdentity;
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::claims::{ClaimsSet, NumericDate};
use motekey_cose::message::{
    ErrorCode, ErrorResponse, IntrospectionRequest, IntrospectionResponse, MessageError,
};
use motekey_cose::revocation::TokenHash;
use motekey_cose::token::verify;

use super::AuthorizationServer;
use super::credentials::Snapshot;
use crate::event::Event;
use crate::rate_limit::RateLimit;
use crate::registry::{Party, ResourceServerRecord};
use crate::store::StoreError;

/// How introspection is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntrospectionSettings {
    /// The path of the endpoint. Default: `/introspect`.
    // RFC 9200 Section 5.9: the default name of the endpoint in a URI path is /introspect.
    pub path: String,
    /// Requests a second of one resource server, with a burst of four times that. Default: 64.
    pub requests_per_second: u32,
}

impl Default for IntrospectionSettings {
    fn default() -> Self {
        Self {
            path: "/introspect".to_owned(),
            requests_per_second: 64,
        }
    }
}

/// The endpoint.
pub(super) struct Introspection {
    pub(super) path: String,
    limit: Mutex<RateLimit>,
}

impl Introspection {
    pub(super) fn new(settings: IntrospectionSettings, now: i64) -> Self {
        Self {
            path: settings.path,
            limit: Mutex::new(RateLimit::new(settings.requests_per_second, now)),
        }
    }
}

/// Seconds after which a resource server may ask again that was turned away.
const RETRY_AFTER: u32 = 2;

/// Why there is no answer.
enum Denial {
    NotSecured,
    UnknownPeer,
    NotAResourceServer,
    TooOften,
    Malformed(MessageError),
    NoPayload,
    Store(StoreError),
}

impl AuthorizationServer {
    /// Answers a request to the introspection endpoint.
    pub(super) async fn introspect(
        &self,
        endpoint: &Introspection,
        peer: Option<&PeerIdentity>,
        request: &Request,
    ) -> Response {
        // RFC 9200 Section 5.9.1: the endpoint takes POST.
        if request.method != Code::POST {
            return Response::new(Code::METHOD_NOT_ALLOWED);
        }
        let snapshot = self.current.get();
        let party = peer.and_then(|peer| snapshot.party(peer));
        let caller = match (peer, party) {
            // RFC 9200 Section 5.9: introspection over a secured and authenticated channel only.
            (None, _) => return self.deny(None, &Denial::NotSecured),
            (_, None) => return self.deny(None, &Denial::UnknownPeer),
            (_, Some(Party::Device(device))) => {
                return self.deny(Some(&device.name), &Denial::NotAResourceServer);
            }
            (_, Some(Party::ResourceServer(record))) => record,
        };
        // RFC 9200 Section 6.10: a limit, before any cryptography.
        if !endpoint.take(&caller.name, self.clock.now()) {
            return self.deny(Some(&caller.name), &Denial::TooOften);
        }
        if let Err(refusal) = check_formats(request) {
            return refusal;
        }
        match self.judge(&snapshot, caller, request).await {
            Ok(answer) => {
                self.subscribers.tell(|| Event::TokenIntrospected {
                    resource_server: caller.name.clone(),
                    active: answer.active,
                });
                // RFC 9200 Section 5.9.2: 2.01 with a map, application/ace+cbor.
                Response::new(Code::CREATED).with_payload(ContentFormat::ACE_CBOR, answer.encode())
            }
            Err(denial) => self.deny(Some(&caller.name), &denial),
        }
    }

    async fn judge(
        &self,
        snapshot: &Snapshot,
        caller: &Arc<ResourceServerRecord>,
        request: &Request,
    ) -> Result<IntrospectionResponse, Denial> {
        if request.payload.is_empty() {
            return Err(Denial::NoPayload);
        }
        let question = IntrospectionRequest::decode(&request.payload).map_err(Denial::Malformed)?;
        // RFC 9200 Section 5.9.3: a well-formed question about a bad token is no error.
        let Some(claims) = self.read_token(snapshot, caller, &question.token) else {
            return Ok(IntrospectionResponse::inactive());
        };
        if self
            .is_active(snapshot, caller, &question.token, &claims)
            .await?
        {
            // RFC 9201 Section 4: the cnf of the token is among its claims.
            Ok(IntrospectionResponse::active(claims))
        } else {
            // RFC 7662 Section 2.2: nothing else about an inactive token.
            Ok(IntrospectionResponse::inactive())
        }
    }

    /// The claims of a token that this server made for the caller and that has not expired.
    // RFC 9200 Section 5.9: a caller learns only of tokens that it may see. The token of another resource server does
    // not open with the keys of this one, or names another audience.
    fn read_token(
        &self,
        snapshot: &Snapshot,
        caller: &ResourceServerRecord,
        token: &[u8],
    ) -> Option<ClaimsSet> {
        let issuers = snapshot.issuers(&caller.name)?;
        let audiences = snapshot.registry.audiences_of(&caller.name);
        let now = NumericDate::from_seconds(self.clock.now());
        let token = verify(&self.crypto, token, issuers, now, &audiences).ok()?;
        Some(token.claims().clone())
    }

    /// Whether the token is recorded, for this caller, and not revoked.
    async fn is_active(
        &self,
        snapshot: &Snapshot,
        caller: &ResourceServerRecord,
        token: &[u8],
        claims: &ClaimsSet,
    ) -> Result<bool, Denial> {
        let Some(token_id) = &claims.cti else {
            return Ok(false);
        };
        let hash = TokenHash::of_token(&self.crypto, token);
        let groups = snapshot.registry.audiences_of(&caller.name);
        for target in std::iter::once(&*caller.name).chain(groups) {
            let record = self.store.token(target, token_id).await;
            // Whoever changes the bytes of a token changes its hash: what is asked about is the token as it was issued.
            let Some(record) = record
                .map_err(Denial::Store)?
                .filter(|record| record.token_hash == hash)
            else {
                continue;
            };
            // RFC 9200 Section 5.10.3: when a token with exi ends, its resource server alone knows.
            let live = claims.exi.is_some() || record.expires_at > self.clock.now();
            return Ok(live
                && record.revoked_at.is_none()
                && record.recipients.contains(&caller.name));
        }
        Ok(false)
    }

    fn deny(&self, caller: Option<&Arc<str>>, denial: &Denial) -> Response {
        if let Denial::Store(error) = denial {
            self.subscribers.tell(|| Event::StoreFailed {
                operation: "introspect",
                detail: error.to_string(),
            });
        }
        self.subscribers.tell(|| Event::IntrospectionDenied {
            caller: caller.cloned(),
            detail: denial.to_string(),
        });
        denial.response()
    }
}

impl Introspection {
    fn take(&self, caller: &Arc<str>, now: i64) -> bool {
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        limit.take(caller, now)
    }
}

impl Denial {
    fn response(&self) -> Response {
        let error = |code, error, description: Option<String>| {
            let body = ErrorResponse {
                error,
                description,
                uri: None,
            };
            Response::new(code).with_payload(ContentFormat::ACE_CBOR, body.encode())
        };
        match self {
            // RFC 9200 Section 5.9.3: credentials that are not valid are 4.01.
            Self::NotSecured => Response::new(Code::UNAUTHORIZED),
            Self::UnknownPeer => error(Code::UNAUTHORIZED, ErrorCode::InvalidClient, None),
            // RFC 9200 Section 5.9.3: without the right to introspect 4.03, and no payload.
            Self::NotAResourceServer => Response::new(Code::FORBIDDEN),
            Self::TooOften => Response::new(Code::TOO_MANY_REQUESTS).max_age(RETRY_AFTER),
            // RFC 9200 Section 5.9.3: what is malformed is invalid_request.
            Self::Malformed(cause) => {
                let description = Some(cause.to_string());
                error(Code::BAD_REQUEST, ErrorCode::InvalidRequest, description)
            }
            Self::NoPayload => error(Code::BAD_REQUEST, ErrorCode::InvalidRequest, None),
            Self::Store(_) => Response::new(Code::SERVICE_UNAVAILABLE),
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSecured => formatter.write_str("the channel is not secured"),
            Self::UnknownPeer => formatter.write_str("the peer is not registered"),
            Self::NotAResourceServer => formatter.write_str("a device has no right to introspect"),
            Self::TooOften => formatter.write_str("too many requests"),
            Self::Malformed(error) => error.fmt(formatter),
            Self::NoPayload => formatter.write_str("the payload is empty"),
            Self::Store(error) => error.fmt(formatter),
        }
    }
}

/// RFC 9200 Section 5.9.1: application/ace+cbor both ways.
fn check_formats(request: &Request) -> Result<(), Response> {
    request.require_accept(&[ContentFormat::ACE_CBOR])?;
    if !request.payload.is_empty() {
        request.require_content_format(ContentFormat::ACE_CBOR)?;
    }
    Ok(())
}
