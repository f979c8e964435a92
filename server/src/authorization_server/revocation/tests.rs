use std::sync::Arc;

use motekey_coap::dtls::PeerIdentity;
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::message::{ErrorResponse, TokenResponse};
use motekey_cose::revocation::{
    Cursor, RevocationContent, RevocationError, RevocationProblem, RevocationResponse,
    RevocationUpdate, TokenHash, is_revocable,
};

use super::{Queries, RevocationSettings};
use crate::authorization_server::BuildError;
use crate::authorization_server::tests::support::{
    Bench, ask, ask_for_key, bench, bench_with, meter, other, peer, registry, sensor,
};
use crate::store::{MemoryStore, TokenSelection};

async fn bench_asking(queries: Queries) -> Bench {
    let store = Arc::new(MemoryStore::with_registry(registry()));
    let settings = RevocationSettings {
        queries,
        ..RevocationSettings::default()
    };
    bench_with(store, |builder| builder.revocation(Some(settings))).await
}

fn hash(token: &TokenResponse) -> TokenHash {
    TokenHash::of_token(&PROVIDER, &token.access_token)
}

impl Bench {
    async fn list(&self, requester: &PeerIdentity, query: &str) -> Response {
        let request = Request::get(&format!("/revoke/trl{query}"));
        self.send(requester, &request).await
    }

    /// The answer to a query that must succeed.
    async fn query(&self, requester: &PeerIdentity, query: &str) -> RevocationResponse {
        let response = self.list(requester, query).await;
        assert_eq!(response.code, Code::CONTENT, "{query}");
        assert_eq!(
            response.options.content_format(),
            Some(ContentFormat::ACE_TRL_CBOR)
        );
        RevocationResponse::decode(&response.payload).unwrap()
    }

    async fn full(&self, requester: &PeerIdentity) -> Vec<TokenHash> {
        match self.query(requester, "").await.content {
            RevocationContent::Full(mut hashes) => {
                hashes.sort_unstable();
                hashes
            }
            RevocationContent::Diff(_) => panic!("a diff"),
        }
    }

    /// The error of a query that must be refused.
    async fn problem(
        &self,
        requester: &PeerIdentity,
        query: &str,
    ) -> (RevocationError, Option<Cursor>) {
        let response = self.list(requester, query).await;
        assert_eq!(response.code, Code::BAD_REQUEST, "{query}");
        let format = response.options.content_format();
        assert_eq!(
            format,
            Some(ContentFormat::CONCISE_PROBLEM_DETAILS),
            "{query}"
        );
        let problem = RevocationProblem::decode(&response.payload).unwrap();
        (problem.error, problem.cursor)
    }

    /// Issues a token and revokes it.
    async fn revoked(&self, device: &PeerIdentity, audience: &str) -> TokenHash {
        let hash = hash(&self.grant(device, &ask(audience)).await);
        let revoked = self
            .server
            .revoke(&TokenSelection::Hash(hash))
            .await
            .unwrap();
        assert_eq!(revoked.len(), 1);
        hash
    }
}

fn diff(updates: &[RevocationUpdate], cursor: Cursor, more: bool) -> RevocationResponse {
    RevocationResponse {
        content: RevocationContent::Diff(updates.to_vec()),
        cursor: Some(cursor),
        more: Some(more),
    }
}

fn added(hash: TokenHash) -> RevocationUpdate {
    RevocationUpdate {
        removed: Vec::new(),
        added: vec![hash],
    }
}

#[tokio::test]
async fn r01_tokens_have_the_form_in_which_they_can_be_revoked() {
    let bench = bench().await;
    let encrypted = bench.grant(&meter(), &ask("gateway")).await;
    let signed = bench
        .grant(&sensor(), &ask_for_key("lock", b"sensor-key"))
        .await;
    for (token, start) in [
        (encrypted, [0xd8, 0x3d, 0xd0]),
        (signed, [0xd8, 0x3d, 0xd2]),
    ] {
        assert_eq!(token.access_token[..3], start);
        assert!(is_revocable(&token.access_token));
    }
}

#[tokio::test]
async fn r05_r09_r10_full_query_of_an_empty_list() {
    for (queries, wanted) in [
        (Queries::Full, vec![0xa1, 0x00, 0x80]),
        (Queries::Diff { max_updates: 3 }, vec![0xa1, 0x00, 0x80]),
        (
            RevocationSettings::default().queries,
            vec![0xa2, 0x00, 0x80, 0x02, 0xf6],
        ),
    ] {
        let bench = bench_asking(queries).await;
        let response = bench.list(&meter(), "").await;
        assert_eq!((response.code, response.payload), (Code::CONTENT, wanted));
    }
}

#[tokio::test]
async fn r02_r06_a_hash_is_in_the_list_until_its_token_expires() {
    let bench = bench().await;
    let token = hash(&bench.grant(&meter(), &ask("gateway")).await);
    bench
        .server
        .revoke(&TokenSelection::Hash(token))
        .await
        .unwrap();
    assert_eq!(bench.full(&meter()).await, [token]);
    bench.clock.advance(599);
    bench.server.expire_revoked().await.unwrap();
    assert_eq!(bench.full(&meter()).await, [token]);
    bench.clock.advance(1);
    bench.server.expire_revoked().await.unwrap();
    assert_eq!(bench.full(&meter()).await, []);
    let expired = bench.grant(&meter(), &ask("gateway")).await;
    bench.clock.advance(600);
    let nothing = bench
        .server
        .revoke(&TokenSelection::Hash(hash(&expired)))
        .await;
    assert_eq!(nothing.map(|tokens| tokens.len()), Ok(0));
    assert_eq!(bench.full(&meter()).await, []);
}

#[tokio::test]
async fn r07_only_get_only_secured_only_registered() {
    let bench = bench().await;
    for request in [
        Request::post("/revoke/trl"),
        Request::put("/revoke/trl"),
        Request::delete("/revoke/trl"),
        Request::fetch("/revoke/trl"),
    ] {
        let response = bench.send(&meter(), &request).await;
        assert_eq!(
            response.code,
            Code::METHOD_NOT_ALLOWED,
            "{:?}",
            request.method
        );
    }
    let get = Request::get("/revoke/trl");
    let unsecured = bench.server.answer_request(None, &get).await;
    assert_eq!(unsecured.code, Code::UNAUTHORIZED);
    let stranger = bench.send(&peer("nobody"), &get).await;
    assert_eq!(stranger.code, Code::UNAUTHORIZED);
    let other_format = bench.send(&meter(), &get.accept(ContentFormat::CBOR)).await;
    assert_eq!(other_format.code, Code::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn r08_each_sees_its_own_and_an_administrator_all() {
    let bench = bench().await;
    let one = bench.revoked(&meter(), "gateway").await;
    let two = bench.revoked(&other(), "gateway").await;
    let group = hash(
        &bench
            .grant(&sensor(), &ask_for_key("all", b"sensor-key"))
            .await,
    );
    bench
        .server
        .revoke(&TokenSelection::Hash(group))
        .await
        .unwrap();
    for (requester, mut wanted) in [
        (meter(), vec![one]),
        (other(), vec![two]),
        (sensor(), vec![group]),
        (peer("gateway-rs"), vec![one, two]),
        (peer("lock-rs"), vec![group]),
        (peer("valve-rs"), vec![]),
        (peer("admin"), vec![one, two, group]),
    ] {
        wanted.sort_unstable();
        assert_eq!(bench.full(&requester).await, wanted, "{requester:?}");
    }
}

#[tokio::test]
async fn r11_r12_r13_parameters() {
    let bench = bench_asking(Queries::Cursor {
        max_updates: 4,
        max_diff_batch: 4,
        max_index: 100,
    })
    .await;
    let empty = RevocationError::InvalidValue;
    assert_eq!(
        bench.problem(&meter(), "?diff=0&cursor=101").await,
        (empty, Some(Cursor::Null))
    );
    for _ in 0..2 {
        bench.revoked(&meter(), "gateway").await;
    }
    assert_eq!(bench.full(&meter()).await.len(), 2);
    let ignored = bench.query(&meter(), "?foo=1&bar").await;
    assert_eq!(ignored.cursor, Some(Cursor::Index(1)));
    let last = Some(Cursor::Index(1));
    for (query, wanted) in [
        ("?diff=-1", (RevocationError::InvalidValue, None)),
        ("?diff=x", (RevocationError::InvalidValue, None)),
        ("?diff=", (RevocationError::InvalidValue, None)),
        ("?diff=x&cursor=0", (RevocationError::InvalidValue, None)),
        ("?cursor=0", (RevocationError::InvalidSet, None)),
        ("?cursor=x", (RevocationError::InvalidSet, None)),
        ("?diff=1&cursor=x", (RevocationError::InvalidValue, last)),
        ("?diff=1&cursor=-53", (RevocationError::InvalidValue, last)),
        ("?diff=1&cursor=101", (RevocationError::InvalidValue, last)),
        ("?diff=1&cursor=2", (RevocationError::OutOfBound, None)),
        ("?diff=1&cursor=100", (RevocationError::OutOfBound, None)),
    ] {
        assert_eq!(bench.problem(&meter(), query).await, wanted, "{query}");
    }
}

#[tokio::test]
async fn r14_r15_diff_without_cursor_newest_first_and_max_n_at_most() {
    let bench = bench_asking(Queries::Diff { max_updates: 3 }).await;
    let mut hashes = Vec::new();
    for _ in 0..4 {
        hashes.push(bench.revoked(&meter(), "gateway").await);
        bench.revoked(&other(), "gateway").await;
    }
    let newest: Vec<_> = hashes
        .iter()
        .rev()
        .take(3)
        .map(|hash| added(*hash))
        .collect();
    for (query, count) in [
        ("?diff=0", 3),
        ("?diff=9", 3),
        ("?diff=2", 2),
        ("?diff=1", 1),
    ] {
        let wanted = RevocationResponse {
            content: RevocationContent::Diff(newest[..count].to_vec()),
            cursor: None,
            more: None,
        };
        // neither cursor nor more; and updates of the other device are none of this one.
        assert_eq!(bench.query(&meter(), query).await, wanted, "{query}");
    }
    bench.clock.advance(600);
    bench.server.expire_revoked().await.unwrap();
    let last = bench.query(&meter(), "?diff=1&cursor=7").await.content;
    let RevocationContent::Diff(mut updates) = last else {
        panic!("no diff")
    };
    updates[0].removed.sort_unstable();
    hashes.sort_unstable();
    assert_eq!(
        updates[0].removed, hashes,
        "what expired is told as removed"
    );
    assert_eq!(updates[0].added, []);
}

#[tokio::test]
async fn r16_r17_cursor_batches_go_from_the_oldest() {
    let bench = bench_asking(Queries::Cursor {
        max_updates: 5,
        max_diff_batch: 2,
        max_index: 100,
    })
    .await;
    let requester = peer("gateway-rs");
    let nothing = diff(&[], Cursor::Null, false);
    assert_eq!(bench.query(&requester, "?diff=0").await, nothing);
    assert_eq!(bench.query(&requester, "?diff=3&cursor=7").await, nothing);
    let mut updates = Vec::new();
    for _ in 0..5 {
        updates.push(added(bench.revoked(&meter(), "gateway").await));
    }
    let batch = |numbers: &[usize]| -> Vec<RevocationUpdate> {
        numbers
            .iter()
            .map(|number| updates[*number].clone())
            .collect()
    };
    for (query, numbers, cursor, more) in [
        ("?diff=0", &[1, 0][..], 1, true),
        ("?diff=0&cursor=1", &[3, 2], 3, true),
        ("?diff=0&cursor=3", &[4], 4, false),
        ("?diff=0&cursor=4", &[], 4, false),
        ("?diff=3", &[3, 2], 3, true),
        ("?diff=2", &[4, 3], 4, false),
        ("?diff=1&cursor=0", &[4], 4, false),
        ("?diff=3&cursor=0", &[3, 2], 3, true),
    ] {
        let wanted = diff(&batch(numbers), Cursor::Index(cursor), more);
        assert_eq!(bench.query(&requester, query).await, wanted, "{query}");
    }
}

#[tokio::test]
async fn r13_r14_r18_lost_updates_and_indexes_that_begin_again() {
    let bench = bench_asking(Queries::Cursor {
        max_updates: 3,
        max_diff_batch: 3,
        max_index: 4,
    })
    .await;
    let mut updates = Vec::new();
    for _ in 0..5 {
        updates.push(added(bench.revoked(&meter(), "gateway").await));
    }
    // Indexes 2, 3, 4 are there.
    let lost = diff(&[], Cursor::Null, true);
    assert_eq!(bench.query(&meter(), "?diff=0&cursor=0").await, lost);
    let newest = |count: usize| -> Vec<RevocationUpdate> {
        updates.iter().rev().take(count).cloned().collect()
    };
    let three = diff(&newest(3), Cursor::Index(4), false);
    assert_eq!(bench.query(&meter(), "?diff=0&cursor=1").await, three);
    let none = diff(&[], Cursor::Index(4), false);
    assert_eq!(bench.query(&meter(), "?diff=0&cursor=4").await, none);
    for _ in 0..2 {
        updates.push(added(bench.revoked(&meter(), "gateway").await));
    }
    // Indexes 4, 0, 1 are there.
    let newest = |count: usize| -> Vec<RevocationUpdate> {
        updates.iter().rev().take(count).cloned().collect()
    };
    for (cursor, wanted) in [
        (4, diff(&newest(2), Cursor::Index(1), false)),
        (0, diff(&newest(1), Cursor::Index(1), false)),
        (1, diff(&[], Cursor::Index(1), false)),
        (3, diff(&newest(3), Cursor::Index(1), false)),
        (2, lost),
    ] {
        let query = format!("?diff=0&cursor={cursor}");
        assert_eq!(bench.query(&meter(), &query).await, wanted, "{query}");
    }
    let full = bench.query(&meter(), "").await;
    assert_eq!(full.cursor, Some(Cursor::Index(1)));
}

#[tokio::test]
async fn settings_out_of_their_bounds_are_refused() {
    let cursor = |max_updates, max_diff_batch, max_index| Queries::Cursor {
        max_updates,
        max_diff_batch,
        max_index,
    };
    for queries in [
        Queries::Diff { max_updates: 0 },
        Queries::Diff { max_updates: 65 },
        cursor(4, 5, 100),
        cursor(4, 0, 100),
        cursor(4, 2, 2),
    ] {
        let builder = crate::authorization_server::AuthorizationServer::builder(Arc::new(
            MemoryStore::with_registry(registry()),
        ));
        let settings = RevocationSettings {
            queries,
            ..RevocationSettings::default()
        };
        let error = builder.revocation(Some(settings)).build().await.err();
        assert!(matches!(error, Some(BuildError::Revocation)), "{queries:?}");
    }
}

#[tokio::test]
async fn a_disabled_device_has_no_tokens_and_gets_none() {
    let bench = bench().await;
    let token = bench.grant(&meter(), &ask("gateway")).await;
    let kid = token
        .cnf
        .as_ref()
        .and_then(|cnf| cnf.kid())
        .unwrap()
        .to_vec();
    assert_eq!(bench.server.disable_device("nobody").await, Ok(None));
    let revoked = bench.server.disable_device("meter").await.unwrap().unwrap();
    assert_eq!(revoked.len(), 1);
    assert_eq!(bench.full(&peer("admin")).await, [hash(&token)]);
    let refused = bench.ask(&meter(), &ask("gateway")).await;
    assert_eq!(refused.code, Code::UNAUTHORIZED);
    assert_eq!(
        ErrorResponse::decode(&refused.payload)
            .unwrap()
            .error
            .to_i64(),
        2
    );
    assert_eq!(bench.list(&meter(), "").await.code, Code::UNAUTHORIZED);
    assert_eq!(bench.server.enable_device("meter").await, Ok(Some(true)));
    let old_key = bench.ask(&meter(), &ask_for_key("gateway", &kid)).await;
    assert_eq!(old_key.code, Code::BAD_REQUEST, "its old key has ended");
    bench.grant(&meter(), &ask("gateway")).await;
    assert_eq!(
        bench.full(&peer("admin")).await,
        [hash(&token)],
        "still revoked"
    );
}
