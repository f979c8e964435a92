//! Checks of what operators ask for and set.

use std::future::Future;

use super::{device, token};
use crate::registry::Device;
use crate::store::{Store, TokenQuery};

pub(super) async fn run<S, F>(make: &mut impl FnMut() -> F)
where
    S: Store,
    F: Future<Output = S>,
{
    tokens_are_listed_by_their_ends(&make().await).await;
    devices_are_kept_out_whatever_their_records_say(&make().await).await;
}

async fn tokens_are_listed_by_their_ends(store: &dyn Store) {
    for (serial, client, end) in [
        (1, "meter", 300),
        (2, "meter", 100),
        (3, "other", 200),
        (4, "meter", 200),
    ] {
        store
            .record_token(token(serial, client, end), 0)
            .await
            .expect("a new token");
    }
    let ids = async |query: &TokenQuery| {
        let page = store.tokens(query).await.expect("a page");
        let ids = page
            .tokens
            .iter()
            .map(|token| token.token_id.last().copied().unwrap_or_default());
        (ids.collect::<Vec<_>>(), page.last, page.more)
    };
    let mut query = TokenQuery {
        limit: 3,
        ..TokenQuery::default()
    };
    let (first, last, more) = ids(&query).await;
    assert_eq!((first, more), (vec![2, 3, 4], true), "the first page");
    query.after = last;
    let (second, last, more) = ids(&query).await;
    assert_eq!((second, more), (vec![1], false), "the last page");
    query.after = last;
    assert_eq!(ids(&query).await, (vec![], None, false), "nothing follows");
    let of_meter = TokenQuery {
        client: Some("meter".into()),
        ..TokenQuery::default()
    };
    assert_eq!(ids(&of_meter).await.0, [2, 4, 1], "of one device");
    let with_id = TokenQuery {
        token_id: Some(3_u64.to_be_bytes().to_vec()),
        ..TokenQuery::default()
    };
    assert_eq!(ids(&with_id).await.0, [3], "with one id");
}

async fn devices_are_kept_out_whatever_their_records_say(store: &dyn Store) {
    let disabled = async || {
        let registry = store.registry().await.expect("registry");
        registry
            .device("meter")
            .is_some_and(|device| device.disabled)
    };
    assert_eq!(store.set_disabled("meter", true).await, Ok(None));
    store
        .put_device(device("meter", 1))
        .await
        .expect("a good device");
    assert_eq!(store.set_disabled("meter", true).await, Ok(Some(true)));
    assert!(disabled().await);
    store
        .put_device(device("meter", 3))
        .await
        .expect("a device may be replaced");
    assert!(disabled().await, "a new record does not let it in");
    assert_eq!(store.set_disabled("meter", false).await, Ok(Some(false)));
    assert!(!disabled().await);
    let record = Device {
        disabled: true,
        ..device("meter", 3)
    };
    store.put_device(record).await.expect("a good device");
    assert_eq!(
        store.set_disabled("meter", false).await,
        Ok(Some(true)),
        "its record disables it"
    );
    assert!(disabled().await);
}
