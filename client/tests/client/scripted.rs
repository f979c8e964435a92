//! An authorization server and a resource server that follow a script, on the real driver and real DTLS over
//! loopback. Their tokens are opaque bytes that both know: what counts here is what the client sends.

mod servers;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use motekey_client::PreSharedKey;
use motekey_coap::driver::{Context, Handler, HandlerFuture};
use motekey_coap::dtls::{CredentialSource, PeerIdentity, PskAnswer};
use motekey_coap::endpoint::ObservationId;
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::key::CoseKey;
use motekey_cose::message::{
    ErrorCode, ErrorResponse, GrantType, PskIdentity, RequestCreationHints, Secret, TokenRequest,
    TokenResponse,
};
use motekey_cose::scope::Scope;

pub(crate) use servers::{World, silent_address};

/// Identity of the device at the authorization server.
pub(crate) const DEVICE: &[u8] = b"meter-1";
/// Its key there.
pub(crate) const DEVICE_KEY: [u8; 16] = [0x42; 16];
/// A scope that lets the resource server take PUT.
pub(crate) const WIDE: &str = "wide";

/// What the servers do, and what they saw.
pub(crate) struct Script {
    // What the authorization server does.
    pub(crate) refuse: Option<(Code, ErrorResponse)>,
    pub(crate) lifetime: Option<u64>,
    pub(crate) profile: Option<i64>,
    pub(crate) token_length: usize,
    pub(crate) content_format: ContentFormat,
    /// Gives a refresh token with each token.
    pub(crate) refresh: bool,
    /// Refuses requests that name a key with this error.
    pub(crate) refuse_updates: Option<ErrorCode>,
    /// Refuses refresh tokens.
    pub(crate) refuse_refresh: bool,
    // What the resource server does.
    pub(crate) hints: RequestCreationHints,
    pub(crate) hints_with_unauthorized: bool,
    /// Tokens that it forgets when the first request comes.
    pub(crate) forget_tokens: u32,
    /// Token requests that are taken and never answered.
    pub(crate) unanswered: u32,
    /// Uploads that it refuses with 4.01 and hints.
    pub(crate) refuse_uploads: u32,
    // What they saw.
    pub(crate) token_requests: Vec<Request>,
    pub(crate) authorization_sessions: HashSet<u64>,
    pub(crate) plain_requests: Vec<Request>,
    pub(crate) secure_requests: Vec<Request>,
    pub(crate) identities: Vec<Vec<u8>>,
    pub(crate) uploads: Vec<(bool, Request)>,
    // What they know.
    pub(crate) issued: Vec<Issued>,
    uploaded: HashSet<Vec<u8>>,
    revoked: HashSet<Vec<u8>>,
    refused: HashSet<Vec<u8>>,
    pub(crate) observations: Vec<ObservationId>,
}

/// A token of the script.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) token: Vec<u8>,
    pub(crate) kid: Vec<u8>,
    pub(crate) key: Vec<u8>,
    pub(crate) wide: bool,
}

/// A server of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    AuthorizationServer,
    ResourceServer,
    Plain,
}

struct Actor {
    script: Arc<Mutex<Script>>,
    part: Part,
}

impl Script {
    fn new() -> Self {
        let hints = RequestCreationHints {
            authorization_server: None,
            kid: None,
            audience: Some("rs1".into()),
            scope: Some(Scope::Text("read".into())),
            cnonce: Some(vec![0xe0, 0xa1, 0x56, 0xbb, 0x3f]),
        };
        Self {
            refuse: None,
            lifetime: Some(3600),
            profile: Some(1),
            token_length: 90,
            content_format: ContentFormat::ACE_CBOR,
            refresh: false,
            refuse_updates: None,
            refuse_refresh: false,
            hints,
            hints_with_unauthorized: true,
            forget_tokens: 0,
            unanswered: 0,
            refuse_uploads: 0,
            token_requests: Vec::new(),
            authorization_sessions: HashSet::new(),
            plain_requests: Vec::new(),
            secure_requests: Vec::new(),
            identities: Vec::new(),
            uploads: Vec::new(),
            issued: Vec::new(),
            uploaded: HashSet::new(),
            revoked: HashSet::new(),
            refused: HashSet::new(),
            observations: Vec::new(),
        }
    }

    /// The token requests, decoded.
    pub(crate) fn asked(&self) -> Vec<TokenRequest> {
        self.token_requests
            .iter()
            .map(|request| TokenRequest::decode(&request.payload).unwrap())
            .collect()
    }

    /// The resource server forgets what was uploaded.
    pub(crate) fn lose_tokens(&mut self) {
        self.uploaded.clear();
    }

    /// The resource server takes none of the tokens so far, not even in a handshake.
    pub(crate) fn refuse_old_tokens(&mut self) {
        let issued = self.issued.iter();
        self.refused = issued.map(|issued| issued.token.clone()).collect();
    }

    fn issue(&mut self, request: &Request) -> Response {
        self.token_requests.push(request.clone());
        if let Some((code, error)) = &self.refuse {
            return Response::new(*code).with_payload(ContentFormat::ACE_CBOR, error.encode());
        }
        let asked = TokenRequest::decode(&request.payload).unwrap();
        let number = u8::try_from(self.issued.len() + 1).unwrap();
        let refused = match (&asked.req_cnf, asked.grant_type) {
            (Some(_), _) => self.refuse_updates,
            (None, Some(GrantType::RefreshToken)) if self.refuse_refresh => {
                Some(ErrorCode::InvalidGrant)
            }
            _ => None,
        };
        if let Some(error) = refused {
            return Response::new(Code::BAD_REQUEST)
                .with_payload(ContentFormat::ACE_CBOR, ErrorResponse::new(error).encode());
        }
        let running = match (&asked.req_cnf, &asked.refresh_token) {
            (Some(Confirmation::KeyId(kid)), _) => self
                .issued
                .iter()
                .rfind(|issued| issued.kid == *kid)
                .cloned(),
            // The refresh token of the script is the key id.
            (None, Some(secret)) => self
                .issued
                .iter()
                .rfind(|issued| issued.kid == secret.expose())
                .cloned(),
            _ => None,
        };
        let (kid, key) = match &running {
            Some(running) => (running.kid.clone(), running.key.clone()),
            None => (vec![0x10, number], vec![number; 16]),
        };
        let mut token = vec![number; self.token_length];
        token[0] = 0xd0;
        let wide = asked.scope == Some(Scope::Text(WIDE.into()));
        self.issued.push(Issued {
            token: token.clone(),
            kid: kid.clone(),
            key: key.clone(),
            wide,
        });
        let cnf = match running {
            Some(_) => None,
            None => Some(Confirmation::Key(CoseKey::symmetric(&key, Some(&kid)))),
        };
        let response = TokenResponse {
            access_token: token,
            expires_in: self.lifetime,
            cnf,
            scope: None,
            token_type: None,
            refresh_token: self.refresh.then(|| Secret::from(&kid[..])),
            ace_profile: self.profile,
            rs_cnf: None,
        };
        Response::new(Code::CREATED).with_payload(self.content_format, response.encode())
    }

    /// The token that a PSK identity stands for.
    fn token_of(&self, identity: &[u8]) -> Option<&Issued> {
        if self.refused.contains(identity) {
            return None;
        }
        if let Some(issued) = self.issued.iter().find(|issued| issued.token == identity) {
            return Some(issued);
        }
        let kid = PskIdentity::decode(identity).ok()?.kid;
        self.issued
            .iter()
            .rfind(|issued| issued.kid == kid && self.uploaded.contains(&issued.token))
    }

    fn upload(&mut self, secure: bool, request: &Request) -> Response {
        self.uploads.push((secure, request.clone()));
        if self.refuse_uploads > 0 {
            self.refuse_uploads -= 1;
            return self.unauthorized();
        }
        if self
            .issued
            .iter()
            .any(|issued| issued.token == request.payload)
        {
            self.uploaded.insert(request.payload.clone());
            Response::new(Code::CREATED)
        } else {
            Response::new(Code::BAD_REQUEST)
        }
    }

    fn unauthorized(&self) -> Response {
        let response = Response::new(Code::UNAUTHORIZED);
        if self.hints_with_unauthorized {
            response.with_payload(ContentFormat::ACE_CBOR, self.hints.encode())
        } else {
            response
        }
    }

    fn serve(&mut self, context: &Context, request: &Request) -> Response {
        self.secure_requests.push(request.clone());
        let Some(PeerIdentity::PreSharedKey(identity)) = context.identity.as_deref() else {
            return Response::new(Code::INTERNAL_SERVER_ERROR);
        };
        let Some(session) = self.token_of(identity).cloned() else {
            return self.unauthorized();
        };
        if self.forget_tokens > 0 {
            self.forget_tokens -= 1;
            self.revoked.insert(session.token.clone());
        }
        if self.revoked.contains(&session.token) {
            return self.unauthorized();
        }
        // The newest token of the key has the rights (RFC 9202 Section 4).
        let newest = self.issued.iter().rfind(|issued| {
            issued.kid == session.kid
                && (issued.token == session.token || self.uploaded.contains(&issued.token))
        });
        let wide = newest.is_some_and(|issued| issued.wide);
        match (request.method, wide) {
            (Code::GET, _) => {
                self.observations.extend(context.observation);
                Response::new(Code::CONTENT)
                    .with_payload(ContentFormat::TEXT_PLAIN, *b"21.5")
                    .observable()
            }
            (Code::PUT, true) | (Code::POST, _) => Response::new(Code::CHANGED),
            _ => Response::new(Code::FORBIDDEN),
        }
    }
}

impl Handler for Actor {
    fn handle<'a>(&'a self, context: Context, request: Request) -> HandlerFuture<'a> {
        let mut script = self.script.lock().unwrap();
        let response = match self.part {
            Part::AuthorizationServer => {
                script.authorization_sessions.insert(context.session.0);
                if script.unanswered > 0 {
                    script.unanswered -= 1;
                    script.token_requests.push(request);
                    return Box::pin(std::future::pending());
                }
                script.issue(&request)
            }
            Part::ResourceServer if request.path() == "/authz-info" => {
                script.upload(true, &request)
            }
            Part::ResourceServer => script.serve(&context, &request),
            Part::Plain if request.path() == "/authz-info" => script.upload(false, &request),
            Part::Plain => {
                script.plain_requests.push(request);
                script.unauthorized()
            }
        };
        Box::pin(async move { response })
    }
}

impl CredentialSource for Actor {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        let mut script = self.script.lock().unwrap();
        if self.part == Part::AuthorizationServer {
            let known: HashMap<&[u8], &[u8]> = HashMap::from([(DEVICE, &DEVICE_KEY[..])]);
            return known.get(identity).map_or(PskAnswer::Unknown, |key| {
                PskAnswer::Key(PreSharedKey::new(key.to_vec()))
            });
        }
        script.identities.push(identity.to_vec());
        match script.token_of(identity) {
            Some(issued) => PskAnswer::Key(PreSharedKey::new(issued.key.clone())),
            None => PskAnswer::IllegalParameter,
        }
    }
}
