//! Targets for the revocation list: its answers and errors as bytes, and the endpoints for the list and for
//! introspection, of a server whose tokens are known here.

use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use motekey_coap::dtls::{PeerIdentity, PreSharedKey};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::message::{ErrorResponse, IntrospectionRequest, IntrospectionResponse};
use motekey_cose::message::{TokenRequest, TokenResponse};
use motekey_cose::revocation::{
    RevocationContent, RevocationProblem, RevocationResponse, TokenHash, decode_text_form,
    is_revocable,
};
use motekey_cose::scope::{Aif, MethodSet};
use motekey_server::authorization_server::{AuthorizationServer, IntrospectionSettings};
use motekey_server::clock::VirtualClock;
use motekey_server::registry::{Device, Registry, ResourceServerRecord, ScopeRule, SharedKey};
use motekey_server::store::{MemoryStore, TokenSelection};

use crate::ace::round_trip;

/// An answer of the list (RFC 9770 Sections 7 to 9).
pub fn revocation_response(data: &[u8]) {
    round_trip(data, RevocationResponse::decode, RevocationResponse::encode);
    // The same bytes as a token: what has the one form is no text, and has no second form.
    assert!(!is_revocable(data) || decode_text_form(data).is_none());
}

/// An error of the list (RFC 9770 Section 6.1).
pub fn revocation_problem(data: &[u8]) {
    round_trip(data, RevocationProblem::decode, RevocationProblem::encode);
}

/// A query of the list: the first byte says who asks, the others are query arguments with `&` between.
pub fn revocation_query(data: &[u8]) {
    let (Some((who, query)), Some(world)) = (data.split_first(), WORLD.as_ref()) else {
        return;
    };
    let peer = Peer::of(*who);
    let query = String::from_utf8_lossy(query);
    let response = world.answer(peer, &Request::get(&format!("/revoke/trl?{query}")));
    match response.code {
        Code::UNAUTHORIZED => assert!(peer.requester().is_none(), "{peer:?} is registered"),
        Code::BAD_REQUEST => {
            let format = response.options.content_format();
            assert_eq!(format, Some(ContentFormat::CONCISE_PROBLEM_DETAILS));
            assert!(RevocationProblem::decode(&response.payload).is_ok());
        }
        Code::CONTENT => {
            let format = response.options.content_format();
            assert_eq!(format, Some(ContentFormat::ACE_TRL_CBOR));
            world.check_list(peer, &response);
        }
        other => assert_eq!(other, Code::CONTENT, "an answer of another kind"),
    }
}

/// A question about a token: the first byte says who asks and about which token, the others are what it is changed by,
/// or the whole payload.
pub fn introspection_endpoint(data: &[u8]) {
    let (Some((how, bytes)), Some(world)) = (data.split_first(), WORLD.as_ref()) else {
        return;
    };
    let peer = Peer::of(*how);
    let number = usize::from(how >> 4 & 3);
    let (payload, token) = match world.tokens.get(number) {
        Some(issued) => {
            let token: Vec<u8> = changed(&issued.token, bytes);
            (IntrospectionRequest::new(token.clone()).encode(), token)
        }
        None => {
            let token = IntrospectionRequest::decode(bytes).map(|question| question.token);
            (bytes.to_vec(), token.unwrap_or_default())
        }
    };
    let request = Request::post("/introspect").with_payload(ContentFormat::ACE_CBOR, payload);
    let response = world.answer(peer, &request);
    match (peer, response.code) {
        (Peer::ResourceServer(name), Code::CREATED) => {
            let answer = IntrospectionResponse::decode(&response.payload);
            let active = answer.is_ok_and(|answer| answer.active);
            let known = world.tokens.iter().any(|issued| {
                !issued.revoked && issued.resource_server == name && issued.token == token
            });
            assert_eq!(active, known, "active, or not, against the record");
            if !active {
                assert_eq!(response.payload, [0xa1, 0x0a, 0xf4], "more than inactive");
            }
        }
        (Peer::ResourceServer(_), code) => {
            assert_eq!(code, Code::BAD_REQUEST);
            assert!(ErrorResponse::decode(&response.payload).is_ok());
        }
        (Peer::Device(_) | Peer::Administrator, code) => {
            assert_eq!(
                (code, response.payload.as_slice()),
                (Code::FORBIDDEN, &[][..])
            );
        }
        (Peer::Plain | Peer::Stranger, code) => assert_eq!(code, Code::UNAUTHORIZED),
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peer {
    Plain,
    Stranger,
    Administrator,
    Device(&'static str),
    ResourceServer(&'static str),
}

impl Peer {
    fn of(how: u8) -> Self {
        match how & 7 {
            0 => Self::Plain,
            1 => Self::Stranger,
            2 => Self::Administrator,
            3 => Self::Device("meter"),
            4 => Self::Device("badge"),
            5 => Self::ResourceServer("lock"),
            _ => Self::ResourceServer("gateway"),
        }
    }

    fn identity(self) -> Option<PeerIdentity> {
        let name = match self {
            Self::Plain => return None,
            Self::Stranger => "stranger",
            Self::Administrator => "admin",
            Self::Device(name) | Self::ResourceServer(name) => name,
        };
        Some(PeerIdentity::PreSharedKey(name.as_bytes().to_vec()))
    }

    /// Whose tokens it may see: those of a name, or all.
    fn requester(self) -> Option<Option<&'static str>> {
        match self {
            Self::Plain | Self::Stranger => None,
            Self::Administrator => Some(None),
            Self::Device(name) | Self::ResourceServer(name) => Some(Some(name)),
        }
    }
}

/// A token that the server issued.
struct Issued {
    token: Vec<u8>,
    device: &'static str,
    resource_server: &'static str,
    revoked: bool,
}

/// A server with some tokens. Nothing that is asked here changes it.
struct World {
    server: AuthorizationServer,
    tokens: Vec<Issued>,
}

static WORLD: LazyLock<Option<World>> = LazyLock::new(World::new);

impl World {
    fn new() -> Option<Self> {
        let store = Arc::new(MemoryStore::with_registry(registry()?));
        let settings = IntrospectionSettings {
            requests_per_second: u32::MAX / 8,
            ..IntrospectionSettings::default()
        };
        let builder = AuthorizationServer::builder(store)
            .crypto(PROVIDER)
            .introspection(Some(settings))
            .clock(VirtualClock::fixed(1_700_000_000));
        let server = block_on(builder.build()).ok()?;
        let mut world = Self {
            server,
            tokens: Vec::new(),
        };
        for (device, resource_server, revoked) in [
            ("meter", "gateway", false),
            ("badge", "lock", false),
            ("meter", "gateway", true),
            ("meter", "lock", true),
            ("badge", "gateway", true),
        ] {
            world.issue(device, resource_server, revoked)?;
        }
        Some(world)
    }

    fn issue(
        &mut self,
        device: &'static str,
        resource_server: &'static str,
        revoked: bool,
    ) -> Option<()> {
        let request = TokenRequest {
            audience: Some(resource_server.to_owned()),
            ..TokenRequest::default()
        };
        let request =
            Request::post("/token").with_payload(ContentFormat::ACE_CBOR, request.encode());
        let response = self.answer(Peer::Device(device), &request);
        let token = TokenResponse::decode(&response.payload).ok()?.access_token;
        if revoked {
            let which = TokenSelection::Hash(TokenHash::of_token(&PROVIDER, &token));
            block_on(self.server.revoke(&which)).ok()?;
        }
        self.tokens.push(Issued {
            token,
            device,
            resource_server,
            revoked,
        });
        Some(())
    }

    fn answer(&self, peer: Peer, request: &Request) -> Response {
        block_on(
            self.server
                .answer_request(peer.identity().as_ref(), request),
        )
    }

    /// A requester sees hashes of its own revoked tokens and of no other, all of them in a full answer.
    fn check_list(&self, peer: Peer, response: &Response) {
        let own: Vec<TokenHash> = self
            .tokens
            .iter()
            .filter(|issued| issued.revoked)
            .filter(|issued| match peer.requester() {
                Some(Some(name)) => issued.device == name || issued.resource_server == name,
                Some(None) => true,
                None => false,
            })
            .map(|issued| TokenHash::of_token(&PROVIDER, &issued.token))
            .collect();
        let list = RevocationResponse::decode(&response.payload);
        assert!(list.is_ok(), "2.05 without a list");
        let told = match list.map(|list| list.content) {
            Ok(RevocationContent::Full(hashes)) => {
                assert_eq!(hashes.len(), own.len(), "not all");
                hashes
            }
            Ok(RevocationContent::Diff(updates)) => updates
                .into_iter()
                .flat_map(|update| update.added)
                .collect(),
            Err(_) => Vec::new(),
        };
        assert!(told.iter().all(|hash| own.contains(hash)), "of others");
    }
}

fn registry() -> Option<Registry> {
    let key = |number: u8| {
        let byte = |index: u8| index.wrapping_mul(index).wrapping_add(number);
        PreSharedKey::new((0..16).map(byte).collect())
    };
    let mut registry = Registry::new();
    for (number, name) in [(11, "gateway"), (12, "lock")] {
        let record = ResourceServerRecord::new(name, SharedKey::new(key(number)))
            .with_credential(name.as_bytes(), key(number + 10));
        registry.put_resource_server(record).ok()?;
    }
    let rule = ScopeRule::Aif(Aif::new([("/a", MethodSet::from_bits(1))]));
    for (number, name) in [(1, "meter"), (2, "badge"), (3, "admin")] {
        let mut device = Device::with_pre_shared_key(name, name.as_bytes(), key(number))
            .allow("gateway", rule.clone())
            .allow("lock", rule.clone());
        device.administrator = name == "admin";
        registry.put_device(device).ok()?;
    }
    Some(registry)
}

/// The token with bytes changed: pairs of a position and what is put over it.
fn changed(token: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut token = token.to_vec();
    let length = token.len().max(1);
    for pair in changes.chunks_exact(2) {
        if let [position, change] = pair
            && let Some(byte) = token.get_mut(usize::from(*position) % length)
        {
            *byte ^= change;
        }
    }
    token
}

/// Runs what waits for nothing: the store is in memory.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The targets are worth nothing without the tokens.
    #[test]
    fn the_server_has_live_and_revoked_tokens_and_says_which() {
        let world = WORLD.as_ref().unwrap();
        for issued in &world.tokens {
            let question = IntrospectionRequest::new(issued.token.clone()).encode();
            let request =
                Request::post("/introspect").with_payload(ContentFormat::ACE_CBOR, question);
            let peer = Peer::ResourceServer(issued.resource_server);
            let response = world.answer(peer, &request);
            let answer = IntrospectionResponse::decode(&response.payload).unwrap();
            assert_eq!(answer.active, !issued.revoked);
        }
        let all = world.answer(Peer::Administrator, &Request::get("/revoke/trl"));
        world.check_list(Peer::Administrator, &all);
    }

    #[test]
    fn some_thousand_inputs_keep_the_promises() {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        let words = [&b"diff="[..], b"cursor=", b"&", b"0", b"7", b"-", b"x"];
        for _ in 0..3000 {
            let length = usize::from(next() % 24);
            let bytes: Vec<u8> = (0..=length).map(|_| next()).collect();
            revocation_response(&bytes);
            revocation_problem(&bytes);
            introspection_endpoint(&bytes);
            let chosen = bytes
                .iter()
                .map(|byte| words[usize::from(*byte) % words.len()]);
            let query: Vec<u8> = std::iter::once(next())
                .chain(chosen.flatten().copied())
                .collect();
            revocation_query(&query);
        }
    }
}
