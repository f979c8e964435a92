//! The exchanges that lead to a token: the unauthorized request for hints, and the token request.

use motekey_coap::message::options::number;
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::message::{
    GrantType, ProfileRequest, RequestCreationHints, TokenRequest, TokenResponse,
};
use motekey_cose::scope::Scope;

use crate::configuration::ResourceServer;
use crate::error::{Error, Unusable};
use crate::own_key::OwnKey;
use crate::problem::oauth_error;
use crate::target::{Origin, Target};
use crate::token::{Access, ProofKey};

/// What a token request is made of: the configuration first, then the hints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) audience: Option<String>,
    pub(crate) scope: Option<Scope>,
    pub(crate) cnonce: Option<Vec<u8>>,
    pub(crate) profile: Option<i64>,
    /// The key of the session whose rights are to be updated.
    pub(crate) running: Option<ProofKey>,
    /// The public key that the token is to be bound to; without it, a symmetric one.
    pub(crate) own: Option<OwnKey>,
    /// The token to be refreshed; the request then says nothing else.
    pub(crate) refreshed: Option<Box<Access>>,
}

impl Wanted {
    /// What the configuration asks for.
    pub(crate) fn new(resource_server: &ResourceServer) -> Self {
        Self {
            audience: resource_server.audience.clone(),
            scope: resource_server.scope.clone(),
            cnonce: None,
            profile: resource_server.profile,
            running: None,
            own: None,
            refreshed: None,
        }
    }

    /// The public key that the token is to be bound to.
    pub(crate) fn bound_to(mut self, own: Option<OwnKey>) -> Self {
        self.own = own;
        self
    }

    /// The key that an update is for, if there is a session: its public key stays even if another was to be asked for.
    pub(crate) fn for_running(mut self, running: Option<ProofKey>) -> Self {
        if let Some(ProofKey::PreShared { .. }) = &running {
            self.own = None;
        }
        self.running = running;
        self
    }

    /// What the configuration asks for, and the hints that came for `origin` where it says nothing.
    ///
    /// # Errors
    /// [`Error::ForeignAudience`]: the hinted audience may be another resource server.
    pub(crate) fn hinted(
        resource_server: &ResourceServer,
        origin: &Origin,
        hints: &RequestCreationHints,
    ) -> Result<Self, Error> {
        let mut wanted = Self::new(resource_server);
        if let (None, Some(named)) = (&wanted.audience, &hints.audience) {
            // RFC 9200 Section 6.9: the handshake authenticates the audience of the token. Hints come from anybody,
            // so they must not choose who that is.
            if !resource_server.takes_audience(origin, named) {
                return Err(Error::ForeignAudience {
                    resource_server: origin.to_string(),
                    named: named.clone(),
                });
            }
            wanted.audience = Some(named.clone());
        }
        wanted.scope = wanted.scope.or_else(|| hints.scope.clone());
        // RFC 9200 Section 5.3.1: a cnonce is copied into the token request as it came.
        wanted.cnonce.clone_from(&hints.cnonce);
        Ok(wanted)
    }

    /// The refresh of a token, if the authorization server gave the means.
    pub(crate) fn refresh(old: &Access, own: Option<OwnKey>) -> Option<Self> {
        old.refresh_token.as_ref()?;
        let wanted = Self {
            audience: old.audience.clone(),
            scope: old.asked_scope.clone(),
            cnonce: None,
            profile: Some(old.profile),
            running: None,
            own,
            refreshed: Some(Box::new(old.clone())),
        };
        Some(wanted.for_running(Some(old.key.clone())))
    }

    /// What is asked for, in one line for reports.
    pub(crate) fn summary(&self, path: &str) -> String {
        let mut line = format!("POST {path}");
        if self.refreshed.is_some() {
            line.push_str(" refresh");
            return line;
        }
        if let Some(audience) = &self.audience {
            line.push_str(&format!(" audience {audience:?}"));
        }
        if let Some(scope) = &self.scope {
            line.push_str(&format!(" scope {:?}", scope.to_string()));
        }
        if self.running.is_some() {
            line.push_str(" for the key of the session");
        } else if let Some(own) = &self.own {
            line.push_str(match own {
                OwnKey::Public { .. } => " for the public key of this device",
                OwnKey::Certificate(_) => " for the certificate of this device",
            });
        }
        line
    }

    /// The CoAP request: one CBOR map in the payload, no query (RFC 9200 Section 5).
    pub(crate) fn request(&self, token_endpoint: &Target) -> Request {
        let message = match &self.refreshed {
            // RFC 9200 Section 5.8.1: a refresh is for the same key and audience, so neither is named.
            Some(old) => TokenRequest {
                grant_type: Some(GrantType::RefreshToken),
                cnonce: self.cnonce.clone(),
                refresh_token: old.refresh_token.clone(),
                ..TokenRequest::default()
            },
            None => self.message(),
        };
        token_endpoint
            .request(Code::POST)
            // RFC 9200 Section 5: the Content-Format is 19.
            .with_payload(ContentFormat::ACE_CBOR, message.encode())
            .accept(ContentFormat::ACE_CBOR)
    }

    fn requested(&self) -> Option<Confirmation> {
        match (&self.running, &self.own) {
            (Some(ProofKey::PreShared { kid, .. }), _) => Some(Confirmation::KeyId(kid.clone())),
            // RFC 9202 Section 3.2.1: the public key or an identifier of it is in each request.
            (_, Some(own)) => Some(own.requested()),
            (_, None) => None,
        }
    }

    fn message(&self) -> TokenRequest {
        TokenRequest {
            audience: self.audience.clone(),
            scope: self.scope.clone(),
            // RFC 9200 Section 5.8.2: null asks for the profile; a client that knows it does not ask.
            ace_profile: self.profile.is_none().then_some(ProfileRequest::Ask),
            // RFC 9202 Section 4: an update names the kid of the running session's key.
            req_cnf: self.requested(),
            cnonce: self.cnonce.clone(),
            ..TokenRequest::default()
        }
    }
}

/// The unauthorized request: no payload, no query, nothing but the path (RFC 9200 Section 6.8). GET, because a server
/// that protects less than it should then changes nothing.
pub(crate) fn unauthorized_request(target: &Target) -> Request {
    let mut request = target.request(Code::GET);
    request.options.remove(number::URI_QUERY);
    request
}

/// The hints in an answer, if it holds some.
///
/// # Errors
/// Why the answer is no help.
pub(crate) fn hints(response: &Response) -> Result<RequestCreationHints, String> {
    if response.code != Code::UNAUTHORIZED {
        return Err("not with 4.01".into());
    }
    match response.options.content_format() {
        Some(ContentFormat::ACE_CBOR) if !response.payload.is_empty() => {
            RequestCreationHints::decode(&response.payload)
                .map_err(|error| format!("hints that cannot be read ({error})"))
        }
        Some(other) => Err(format!("Content-Format {} instead of 19", other.0)),
        None => Err("no hints".into()),
    }
}

/// The token response in an answer of the authorization server.
///
/// # Errors
/// [`Error::TokenRefused`] for an error answer, [`Error::UnusableToken`] for one that cannot be read.
pub(crate) fn token_response(response: &Response) -> Result<TokenResponse, Error> {
    if !response.code.is_success() {
        return Err(Error::TokenRefused {
            code: response.code,
            error: oauth_error(response),
        });
    }
    let format = response.options.content_format();
    // RFC 9200 Section 5: answers are maps of application/ace+cbor too.
    if format != Some(ContentFormat::ACE_CBOR) {
        return Err(Unusable::ContentFormat(format.map(|format| format.0)).into());
    }
    TokenResponse::decode(&response.payload)
        .map_err(|error| Unusable::Malformed(error.to_string()).into())
}

#[cfg(test)]
mod tests;
