//! Requests to protected resources, and what those get that may not.

use motekey_coap::driver::Context;
use motekey_coap::link_format::LinkWriter;
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::message::RequestCreationHints;

use super::observations::judged_by;
use super::resource::Authorized;
use super::{ResourceServer, access};
use crate::event::Event;

impl ResourceServer {
    /// Answers any request. On plain CoAP only authz-info and the list of links are there.
    pub async fn answer_request(&self, context: Context, request: Request) -> Response {
        match request.path() {
            // RFC 9200 Section 5.2: authz-info is not a protected resource.
            path if path == self.authz_info_path => self.authz_info(context.peer, &request).await,
            path if path == "/.well-known/core" => self.links(&request),
            path => self.protected(context, request, &path).await,
        }
    }

    async fn protected(&self, context: Context, request: Request, path: &str) -> Response {
        if let Err(refusal) = self.ask_again(&context).await {
            return refusal;
        }
        let authorized = match self.authorize(&context, &request) {
            Ok(authorized) => authorized,
            Err(refusal) => return refusal,
        };
        let Some(resource) = self.resources.get(path).or(self.fallback.as_ref()) else {
            return Response::new(Code::NOT_FOUND);
        };
        let judged_by = judged_by(&request);
        let response = resource.handle(authorized, request).await;
        self.begin_observation(&context, judged_by, response)
    }

    /// The only maker of an [`Authorized`].
    fn authorize(&self, context: &Context, request: &Request) -> Result<Authorized, Response> {
        let now = self.clock.now();
        let state = self.state();
        // RFC 9202 Section 3.4: the request came under DTLS, in a session whose key a valid token names.
        let entry = if context.secure {
            state.token_of(context.session, now)
        } else {
            None
        };
        let target = access::target(request);
        let refusal = match (entry, &target) {
            (Some(_), None) => Some(Code::BAD_OPTION),
            (entry, target) => {
                access::refuse(entry, target.as_deref().unwrap_or_default(), request.method)
            }
        };
        match (entry, refusal) {
            (Some(entry), None) => Ok(Authorized {
                client: entry.client.clone(),
                key_id: entry.key_id.clone(),
                issuer: entry.issuer.clone(),
                scope: entry.rights.scope.clone(),
                expires_at: entry.expires_at,
                session: context.session,
                peer: context.peer,
                observation: context.observation,
            }),
            (entry, refusal) => {
                let client = entry.and_then(|entry| entry.client.clone());
                let code = refusal.unwrap_or(Code::UNAUTHORIZED);
                drop(state);
                let method = request.method;
                self.subscribers.tell(|| Event::AccessDenied {
                    client,
                    code,
                    method,
                    target: target.unwrap_or_default(),
                });
                Err(self.refused(code))
            }
        }
    }

    /// 4.01 with AS Request Creation Hints (RFC 9200 Section 5.3).
    pub(super) fn unauthorized(&self) -> Response {
        let hints = RequestCreationHints {
            authorization_server: self.authorization_server.clone(),
            kid: None,
            audience: self.audiences.first().cloned(),
            scope: self.scope_hint.clone(),
            cnonce: self
                .nonces
                .as_ref()
                .map(|maker| maker.make(self.clock.now())),
        };
        Response::new(Code::UNAUTHORIZED).with_payload(ContentFormat::ACE_CBOR, hints.encode())
    }

    /// RFC 6690: where tokens go (RFC 9200 Section 8.2). The resources of the application are not told to strangers.
    fn links(&self, request: &Request) -> Response {
        if request.method != Code::GET {
            return Response::new(Code::METHOD_NOT_ALLOWED);
        }
        match request.require_accept(&[ContentFormat::LINK_FORMAT]) {
            Ok(format) => {
                let mut links = LinkWriter::new();
                links
                    .link(&self.authz_info_path)
                    .resource_type("ace.ai")
                    .content_format(ContentFormat::CWT);
                Response::new(Code::CONTENT).with_payload(format, links.finish())
            }
            Err(refusal) => refusal,
        }
    }
}
