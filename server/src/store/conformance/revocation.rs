//! Checks of revoked tokens.

use std::future::Future;
use std::sync::Arc;

use motekey_cose::revocation::{RevocationUpdate, TokenHash};

use super::{hash, token};
use crate::store::{
    IssuedToken, KeyStanding, Requester, RevocationView, Store, TokenSelection, UPDATE_SIZE,
    UPDATES_KEPT,
};

pub(super) async fn run<S, F>(make: &mut impl FnMut() -> F)
where
    S: Store,
    F: Future<Output = S>,
{
    only_live_tokens_are_revoked_and_once(&make().await).await;
    everybody_concerned_sees_it_and_nobody_else(&make().await).await;
    selections_choose_their_tokens(&make().await).await;
    expired_tokens_leave_the_list(&make().await).await;
    updates_are_bounded(&make().await).await;
    revoked_keys_have_ended(&make().await).await;
}

fn party(name: &str) -> Requester {
    Requester::Party(name.into())
}

async fn view(store: &dyn Store, requester: &Requester) -> RevocationView {
    store.revocations(requester).await.expect("a view")
}

async fn revoke(store: &dyn Store, which: TokenSelection, now: i64) -> Vec<TokenHash> {
    let revoked = store.revoke(&which, now).await.expect("revoke");
    let mut hashes: Vec<_> = revoked.iter().map(|token| token.token_hash).collect();
    hashes.sort_unstable();
    hashes
}

async fn record(store: &dyn Store, token: IssuedToken) {
    store.record_token(token, 0).await.expect("a new token");
}

async fn only_live_tokens_are_revoked_and_once(store: &dyn Store) {
    let requester = Requester::Administrator;
    assert_eq!(
        view(store, &requester).await,
        RevocationView::default(),
        "RFC 9770 Section 5: the list begins empty"
    );
    record(store, token(1, "meter", 100)).await;
    let first = TokenSelection::Id {
        resource_server: "gateway".into(),
        token_id: 1_u64.to_be_bytes().to_vec(),
    };
    assert_eq!(
        revoke(store, first.clone(), 100).await,
        [],
        "RFC 9770 Section 5.1: an expired token is not added"
    );
    assert_eq!(revoke(store, first.clone(), 99).await, [hash(1)]);
    assert_eq!(revoke(store, first, 99).await, [], "only once");
    let seen = view(store, &requester).await;
    assert_eq!((seen.hashes, seen.count), (vec![hash(1)], 1), "a set");
    let known = store
        .token("gateway", &1_u64.to_be_bytes())
        .await
        .expect("a token");
    assert_eq!(known.and_then(|token| token.revoked_at), Some(99));
}

async fn everybody_concerned_sees_it_and_nobody_else(store: &dyn Store) {
    let mut group = token(1, "meter", 100);
    group.resource_server = "all".into();
    group.recipients = Arc::from(["lock".into(), "gate".into()]);
    record(store, group).await;
    record(store, token(2, "other", 100)).await;
    revoke(store, TokenSelection::Client("meter".into()), 1).await;
    revoke(store, TokenSelection::Client("other".into()), 1).await;
    for (requester, wanted) in [
        (party("meter"), vec![hash(1)]),
        (party("lock"), vec![hash(1)]),
        (party("gate"), vec![hash(1)]),
        (party("other"), vec![hash(2)]),
        (party("gateway"), vec![hash(2)]),
        (party("all"), vec![]),
        (Requester::Administrator, vec![hash(1), hash(2)]),
    ] {
        let seen = view(store, &requester).await;
        assert_eq!(
            seen.hashes, wanted,
            "RFC 9770 Section 14.1: what {requester:?} may see"
        );
        let updates = u64::try_from(wanted.len()).expect("few");
        assert_eq!(seen.count, updates, "updates that concern {requester:?}");
    }
}

async fn selections_choose_their_tokens(store: &dyn Store) {
    for serial in 1..=5 {
        record(store, token(serial, "meter", 100)).await;
    }
    let mut elsewhere = token(6, "meter", 100);
    elsewhere.resource_server = "pump".into();
    elsewhere.recipients = Arc::from(["pump".into()]);
    record(store, elsewhere).await;
    record(store, token(7, "other", 100)).await;
    let key = TokenSelection::Key(token(2, "", 0).key_id);
    for (which, wanted) in [
        (TokenSelection::Hash(hash(1)), vec![hash(1)]),
        (key, vec![hash(2)]),
        (TokenSelection::Key(Vec::new()), vec![]),
        (TokenSelection::ResourceServer("pump".into()), vec![hash(6)]),
        (
            TokenSelection::Client("meter".into()),
            vec![hash(3), hash(4), hash(5)],
        ),
        (
            TokenSelection::ResourceServer("gateway".into()),
            vec![hash(7)],
        ),
    ] {
        let name = format!("{which:?}");
        assert_eq!(revoke(store, which, 1).await, wanted, "{name}");
    }
}

async fn expired_tokens_leave_the_list(store: &dyn Store) {
    record(store, token(1, "meter", 100)).await;
    record(store, token(2, "meter", 200)).await;
    revoke(store, TokenSelection::Client("meter".into()), 1).await;
    assert_eq!(store.expire_revoked(99).await.map(|gone| gone.len()), Ok(0));
    assert_eq!(
        store.expire_revoked(100).await.map(|gone| gone.len()),
        Ok(1)
    );
    assert_eq!(
        store.expire_revoked(100).await.map(|gone| gone.len()),
        Ok(0),
        "only once"
    );
    let seen = view(store, &party("gateway")).await;
    assert_eq!(
        seen.hashes,
        [hash(2)],
        "RFC 9770 Section 5.1: an expired token leaves the list"
    );
    let last = RevocationUpdate {
        removed: vec![hash(1)],
        added: Vec::new(),
    };
    assert_eq!(seen.updates.last(), Some(&last));
    assert_eq!(seen.count, 2);
}

async fn updates_are_bounded(store: &dyn Store) {
    let many = u64::try_from(UPDATES_KEPT).expect("small") + 1;
    for serial in 1..=many {
        record(store, token(serial, "meter", 100)).await;
        revoke(store, TokenSelection::Hash(hash(serial)), 1).await;
    }
    let seen = view(store, &party("meter")).await;
    assert_eq!(
        (seen.count, seen.updates.len()),
        (many, UPDATES_KEPT),
        "RFC 9770 Section 6.2: the oldest goes"
    );
    let oldest = seen.updates.first().map(|update| update.added.clone());
    assert_eq!(oldest, Some(vec![hash(2)]), "chronological order");
    let more = u64::try_from(UPDATE_SIZE).expect("small") + 1;
    for serial in 1000..1000 + more {
        record(store, token(serial, "other", 100)).await;
    }
    revoke(store, TokenSelection::Client("other".into()), 1).await;
    let updates = view(store, &party("other")).await.updates;
    let sizes: Vec<_> = updates.iter().map(|update| update.added.len()).collect();
    assert_eq!(sizes, [UPDATE_SIZE, 1], "an update is bounded");
}

async fn revoked_keys_have_ended(store: &dyn Store) {
    let issued = token(1, "meter", 100);
    let key_id = issued.key_id.clone();
    record(store, issued).await;
    revoke(store, TokenSelection::Hash(hash(1)), 1).await;
    let standing =
        |key_id: Vec<u8>| async move { store.key_standing("meter", "gateway", &key_id, 2).await };
    assert_eq!(
        standing(key_id).await,
        Ok(KeyStanding::Ended),
        "no update of rights for a revoked token"
    );
    assert_eq!(
        standing(b"none".to_vec()).await,
        Ok(KeyStanding::Unknown {
            holds_live_token: false
        }),
        "a revoked token is not held any more"
    );
}
