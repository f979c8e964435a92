//! Targets for tokens on their way into a resource server: at authz-info, and as PSK identity. Whatever is let in says
//! what it has to say, and was made by the authorization server.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context as Task, Poll, Waker};

use motekey_coap::driver::Context;
use motekey_coap::dtls::{PreSharedKey, PskAnswer, SessionId};
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::claims::{ClaimsSet, NumericDate};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::AeadAlgorithm;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::envelope::{Layout, encrypt0};
use motekey_cose::key::{CoseKey, EncryptionKey};
use motekey_cose::message::PskIdentity;
use motekey_cose::scope::{Aif, MethodSet, Scope};
use motekey_server::clock::VirtualClock;
use motekey_server::resource_server::ResourceServer;

const NAME: &str = "gateway";
const ISSUER: &str = "as";
const NOW: i64 = 1_700_000_000;
const SHARED: [u8; 16] = *b"\x5e\x01\xc3\x88\xf0\x42\x9d\x17\x6b\x3a\xe4\x90\x2c\xd5\x71\xac";
/// The key and the key id of the token that is there before: those of the example of RFC 9202 Figure 9.
const KEY: [u8; 16] = *b"\x11\x91\xc3\x88\xf0\x42\x9d\x17\x6b\x3a\xe4\x90\x2c\xd5\x71\xac";
const KEY_ID: [u8; 8] = [0x3d, 0x02, 0x78, 0x33, 0xfc, 0x62, 0x67, 0xce];

static ISSUING: LazyLock<Option<EncryptionKey>> = LazyLock::new(|| {
    let key = CoseKey::symmetric(&SHARED, None);
    let algorithm = AeadAlgorithm::AesCcm16_64_128;
    key.encryption_key(&PROVIDER, algorithm).ok()
});

/// An upload. When the first byte is odd, the others are the claims of a token that the authorization server made;
/// otherwise they are what is uploaded.
pub fn authz_info(data: &[u8]) {
    let Some((world, token, claims)) = begin(data) else {
        return;
    };
    let code = world.upload(token);
    match code {
        Code::CREATED => {
            let claims = good(claims);
            world.check_stored(&claims);
        }
        Code::BAD_REQUEST | Code::UNAUTHORIZED | Code::FORBIDDEN => {}
        other => assert_eq!(other, Code::REQUEST_ENTITY_TOO_LARGE, "of another kind"),
    }
}

/// A PSK identity. The first byte as for [`authz_info`].
pub fn token_identity(data: &[u8]) {
    let Some((world, identity, claims)) = begin(data) else {
        return;
    };
    let answer = world.server.credentials().pre_shared_key(&identity);
    let PskAnswer::Key(key) = answer else { return };
    let named = PskIdentity::decode(&identity).map(|identity| identity.kid);
    if named.is_ok_and(|kid| kid == KEY_ID) {
        assert_eq!(key.expose(), KEY, "the key of another token");
        return;
    }
    let claims = good(claims);
    // A token that names the key of the stored one has that key.
    let own = claims.cnf.as_ref().and_then(Confirmation::key);
    let own = own.and_then(CoseKey::symmetric_value);
    assert_eq!(
        key.expose(),
        own.unwrap_or(&KEY),
        "the key of another token"
    );
    world.check_stored(&claims);
}

/// A server with one token, what is sent to it, and the claims if the authorization server made it.
type Beginning<'a> = (World, Vec<u8>, Option<&'a [u8]>);

fn begin(data: &[u8]) -> Option<Beginning<'_>> {
    let (how, bytes) = data.split_first()?;
    let world = World::new()?;
    if how & 1 == 1 {
        Some((world, issued(bytes)?, Some(bytes)))
    } else {
        Some((world, bytes.to_vec(), None))
    }
}

/// A token with this content.
fn issued(content: &[u8]) -> Option<Vec<u8>> {
    let key = ISSUING.as_ref()?;
    encrypt0(content, key, &[7; 13], &[], Layout::default()).ok()
}

/// The claims of a token that was taken: it was made by the authorization server, for this server and for now.
fn good(claims: Option<&[u8]>) -> ClaimsSet {
    assert!(claims.is_some(), "a forged token");
    let claims = claims.map(ClaimsSet::decode).and_then(Result::ok);
    assert!(claims.is_some(), "claims that cannot be read");
    let claims = claims.unwrap_or_default();
    let now = NumericDate::from_seconds(NOW);
    assert!(!claims.is_expired(now), "expired");
    assert!(!claims.is_not_yet_valid(now), "not yet valid");
    assert!(claims.exp.is_some(), "without an end");
    let for_us = claims.aud.as_ref().is_none_or(|aud| aud.contains(NAME));
    assert!(for_us, "for somebody else");
    let by_it = claims.iss.as_ref().is_none_or(|iss| iss == ISSUER);
    assert!(by_it, "by somebody else");
    assert!(matches!(claims.ace_profile, None | Some(1)), "profile");
    assert!(claims.cnf.is_some(), "bound to no key");
    claims
}

struct World {
    server: Arc<ResourceServer>,
}

impl World {
    fn new() -> Option<Self> {
        let server = ResourceServer::builder(NAME)
            .shared_key(ISSUER, PreSharedKey::new(SHARED.to_vec()))
            .clock(VirtualClock::fixed(NOW))
            .build();
        let world = Self {
            server: server.ok()?,
        };
        let rights = Aif::new([("/a", MethodSet::from_bits(1))]);
        let first = ClaimsSet {
            exp: Some(NumericDate::from_seconds(NOW + 600)),
            cnf: Some(Confirmation::Key(CoseKey::symmetric(&KEY, Some(&KEY_ID)))),
            scope: Some(Scope::from(&rights)),
            ..ClaimsSet::default()
        };
        let code = world.upload(issued(&first.encode())?);
        assert_eq!(code, Code::CREATED, "the first token");
        Some(world)
    }

    fn upload(&self, token: Vec<u8>) -> Code {
        let request = Request::post("/authz-info").with_payload(ContentFormat::CWT, token);
        let context = Context {
            session: SessionId(1),
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 5683)),
            secure: false,
            identity: None,
            observation: None,
        };
        let response: Response = block_on(self.server.answer_request(context, request));
        response.code
    }

    /// The token table has the key of the claims, under its name.
    fn check_stored(&self, claims: &ClaimsSet) {
        assert!(self.server.tokens() <= 2, "more than two tokens");
        let key = claims.cnf.as_ref().and_then(Confirmation::key);
        let value = key.and_then(CoseKey::symmetric_value);
        let (Some(value), Some(kid)) = (value, key.and_then(CoseKey::kid)) else {
            return;
        };
        let identity = PskIdentity { kid: kid.to_vec() };
        let answer = self.server.credentials();
        let answer = answer.pre_shared_key(&identity.encode());
        let same = matches!(&answer, PskAnswer::Key(key) if key.expose() == value);
        assert!(same, "taken, and not there");
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        let mut task = Task::from_waker(Waker::noop());
        if let Poll::Ready(value) = future.as_mut().poll(&mut task) {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> Vec<Vec<u8>> {
        let path = format!("{}/seeds/{name}", env!("CARGO_MANIFEST_DIR"));
        let mut paths: Vec<_> = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        let read = |path: &std::path::PathBuf| std::fs::read(path).unwrap();
        paths.iter().map(read).collect()
    }

    /// The targets are worth nothing if no token is taken.
    #[test]
    fn seeds_reach_the_table_of_tokens() {
        let uploads = folder("authz_info");
        let taken = uploads.iter().filter(|data| {
            let (world, token, _) = begin(data).unwrap();
            world.upload(token) == Code::CREATED
        });
        assert!(taken.count() >= 2);
        let identities = folder("token_identity");
        let taken = identities.iter().filter(|data| {
            let (world, identity, _) = begin(data).unwrap();
            let answer = world.server.credentials().pre_shared_key(&identity);
            matches!(answer, PskAnswer::Key(_))
        });
        assert!(taken.count() >= 2);
    }
    /// Seeds with some bytes changed, cut out or doubled: what the fuzzer does, in little.
    #[test]
    fn some_thousand_changed_seeds_keep_the_promises() {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            usize::try_from(state >> 16).unwrap()
        };
        let mut seeds = folder("authz_info");
        seeds.extend(folder("token_identity"));
        for _ in 0..1500 {
            let mut data = seeds[next() % seeds.len()].clone();
            for _ in 0..=next() % 3 {
                let at = next() % data.len();
                match next() % 3 {
                    0 => data[at] = u8::try_from(next() & 0xff).unwrap(),
                    1 => data.extend_from_within(at..),
                    _ => drop(data.remove(at)),
                }
                if data.is_empty() {
                    data.push(1);
                }
            }
            authz_info(&data);
            token_identity(&data);
        }
    }
}
