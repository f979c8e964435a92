//! The suite that every [`Store`] passes. Call [`run`] with a function that makes an empty store.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a suite of tests fails by panic"
)]

mod operating;
mod revocation;

use std::future::Future;
use std::sync::Arc;

use motekey_coap::dtls::PreSharedKey;
use motekey_cose::revocation::TokenHash;

use super::{Counter, IssuedToken, KeyStanding, Store, StoreError};
use crate::registry::{Device, Group, RegistryError, ResourceServerRecord, ScopeRule, SharedKey};

/// Runs every check, each on a store of its own.
///
/// # Panics
/// When the store breaks its contract: the message names the rule.
pub async fn run<S, F>(mut make: impl FnMut() -> F)
where
    S: Store,
    F: Future<Output = S>,
{
    registry_keeps_what_it_accepts(&make().await).await;
    registry_refuses_shared_keys(&make().await).await;
    numbers_are_given_out_once(&make().await).await;
    ids_are_not_used_twice(&make().await).await;
    ids_belong_to_a_resource_server(&make().await).await;
    keys_stand_by_holder_and_time(&make().await).await;
    expired_tokens_go(&make().await).await;
    operating::run(&mut make).await;
    revocation::run(&mut make).await;
}

/// A token of `client` for the resource server `gateway`, with ids made of `serial`.
pub fn token(serial: u64, client: &str, expires_at: i64) -> IssuedToken {
    IssuedToken {
        token_id: serial.to_be_bytes().to_vec(),
        key_id: format!("key-{serial}").into_bytes(),
        client: client.into(),
        resource_server: "gateway".into(),
        issued_at: 0,
        expires_at,
        token_hash: hash(serial),
        recipients: Arc::from(["gateway".into()]),
        revoked_at: None,
    }
}

/// The hash of the token of this number.
pub fn hash(serial: u64) -> TokenHash {
    let mut digest = [0; 32];
    digest
        .iter_mut()
        .zip(serial.to_be_bytes())
        .for_each(|(place, byte)| *place = byte);
    TokenHash::of_digest(digest)
}

async fn registry_keeps_what_it_accepts(store: &dyn Store) {
    assert_eq!(
        store
            .registry()
            .await
            .expect("an empty registry")
            .devices()
            .count(),
        0
    );
    store
        .put_device(device("meter", 1).allow("gateway", ScopeRule::text("read")))
        .await
        .expect("a good device");
    store
        .put_resource_server(resource_server("gateway", 2))
        .await
        .expect("a good resource server");
    let before = store.registry().await.expect("registry");
    store
        .put_device(device("meter", 3))
        .await
        .expect("a device may be replaced");
    assert!(
        before
            .device_by_identity(b"meter")
            .is_some_and(|device| device.rules.len() == 1),
        "snapshots stay"
    );
    let after = store.registry().await.expect("registry");
    assert!(
        after
            .device_by_identity(b"meter")
            .is_some_and(|device| device.rules.is_empty()),
        "replaced"
    );
    assert!(after.audience("gateway").is_some(), "the audience is found");
    assert_eq!(
        store.remove("meter").await,
        Ok(true),
        "a record can be removed"
    );
    assert_eq!(store.remove("meter").await, Ok(false), "only once");
    let unknown = Group {
        audience: "all".into(),
        members: vec!["nobody".into()],
    };
    assert!(
        matches!(store.put_group(unknown).await, Err(StoreError::Refused(_))),
        "members are registered"
    );
}

async fn registry_refuses_shared_keys(store: &dyn Store) {
    store
        .put_device(device("meter", 1))
        .await
        .expect("a good device");
    let error = store.put_device(device("other", 1)).await;
    let wanted = RegistryError::KeyInUse {
        name: "other".into(),
        owner: "meter".into(),
    };
    assert_eq!(
        error,
        Err(StoreError::Refused(wanted)),
        "RFC 9200 Section 6.3: two devices with one key"
    );
    let error = store
        .put_resource_server(resource_server("gateway", 1))
        .await;
    assert!(
        matches!(error, Err(StoreError::Refused(_))),
        "RFC 9200 Section 6.3: a device and a resource server"
    );
    assert_eq!(
        store
            .registry()
            .await
            .expect("registry")
            .resource_servers()
            .count(),
        0,
        "a refusal changes nothing"
    );
}

async fn numbers_are_given_out_once(store: &dyn Store) {
    let first = store.reserve(Counter::Serial, 1000).await.expect("numbers");
    let second = store.reserve(Counter::Serial, 1).await.expect("numbers");
    assert_eq!(first.end - first.start, 1000, "as many as asked");
    assert!(first.start >= 1, "zero is not used");
    assert!(second.start >= first.end, "a number was given out twice");
    for wanted in 1..=3 {
        let range = store
            .reserve(Counter::ExpiresIn("valve"), 1)
            .await
            .expect("numbers");
        assert_eq!(
            range,
            wanted..wanted + 1,
            "RFC 9200 Section 5.10.3: grows by one for each token"
        );
    }
    assert_eq!(
        store.reserve(Counter::ExpiresIn("pump"), 1).await,
        Ok(1..2),
        "one counter for each resource server"
    );
}

async fn ids_are_not_used_twice(store: &dyn Store) {
    store
        .record_token(token(1, "meter", 100), 0)
        .await
        .expect("a new token");
    assert_eq!(
        store.record_token(token(1, "meter", 100), 0).await,
        Err(StoreError::Conflict),
        "token id twice"
    );
    let mut other = token(2, "other", 100);
    other.key_id = token(1, "meter", 0).key_id;
    assert_eq!(
        store.record_token(other.clone(), 99).await,
        Err(StoreError::Conflict),
        "RFC 8747 Section 6"
    );
    assert_eq!(
        store.token("gateway", &other.token_id).await,
        Ok(None),
        "a refusal changes nothing"
    );
    assert_eq!(
        store.record_token(other, 100).await,
        Ok(()),
        "the key id is free after the end"
    );
    let mut update = token(3, "meter", 300);
    update.key_id = b"key-4".to_vec();
    store
        .record_token(token(4, "meter", 200), 0)
        .await
        .expect("a new token");
    assert_eq!(
        store.record_token(update, 0).await,
        Ok(()),
        "the holder may get the same key id again"
    );
}

async fn ids_belong_to_a_resource_server(store: &dyn Store) {
    let nameless = |client: &str, resource_server: &str, end| IssuedToken {
        token_id: b"rs111".to_vec(),
        key_id: Vec::new(),
        resource_server: resource_server.into(),
        ..token(1, client, end)
    };
    for (client, resource_server, end) in [("meter", "rs1", 100), ("other", "rs11", 200)] {
        assert_eq!(
            store
                .record_token(nameless(client, resource_server, end), 0)
                .await,
            Ok(()),
            "one token id at two resource servers, and no key id, at {resource_server}"
        );
        let found = store.token(resource_server, b"rs111").await;
        assert!(
            found.is_ok_and(|token| token.is_some_and(|token| *token.client == *client)),
            "found at {resource_server}"
        );
    }
    assert_eq!(
        store.record_token(nameless("other", "rs1", 100), 0).await,
        Err(StoreError::Conflict),
        "token id twice at one resource server"
    );
    assert_eq!(store.remove_expired(150).await, Ok(1), "the one that ended");
    assert!(
        store
            .token("rs11", b"rs111")
            .await
            .is_ok_and(|token| token.is_some()),
        "the other one stays"
    );
}

async fn keys_stand_by_holder_and_time(store: &dyn Store) {
    let issued = token(1, "meter", 100);
    let key_id = issued.key_id.clone();
    store
        .record_token(issued.clone(), 0)
        .await
        .expect("a new token");
    let standing = async |client: &str, resource_server: &str, key_id: &[u8], now: i64| match store
        .key_standing(client, resource_server, key_id, now)
        .await
    {
        Ok(standing) => standing,
        Err(error) => panic!("key_standing failed: {error}"),
    };
    assert_eq!(
        standing("meter", "gateway", &key_id, 99).await,
        KeyStanding::Live(Arc::new(issued))
    );
    assert_eq!(
        standing("meter", "gateway", &key_id, 100).await,
        KeyStanding::Ended
    );
    for (client, resource_server, key, now, holds_live_token) in [
        ("meter", "gateway", b"none".as_slice(), 99, true),
        ("meter", "gateway", b"none", 100, false),
        ("other", "gateway", &key_id, 99, false),
        ("meter", "pump", &key_id, 99, false),
    ] {
        let got = standing(client, resource_server, key, now).await;
        assert_eq!(
            got,
            KeyStanding::Unknown { holds_live_token },
            "{client} at {resource_server}, time {now}"
        );
    }
}

async fn expired_tokens_go(store: &dyn Store) {
    for (serial, end) in [(1, 100), (2, 200), (3, 300)] {
        store
            .record_token(token(serial, "meter", end), 0)
            .await
            .expect("a new token");
    }
    assert_eq!(
        store.remove_expired(250).await,
        Ok(2),
        "those that ended before the time"
    );
    assert_eq!(
        store.token("gateway", &1u64.to_be_bytes()).await,
        Ok(None),
        "forgotten"
    );
    assert!(
        store
            .token("gateway", &3u64.to_be_bytes())
            .await
            .is_ok_and(|token| token.is_some()),
        "kept"
    );
    assert_eq!(store.remove_expired(250).await, Ok(0), "only once");
}

/// A device with a key of its own for each `key`.
pub(crate) fn device(name: &str, key: u8) -> Device {
    Device::with_pre_shared_key(name, name.as_bytes(), shared_key(key))
}

fn resource_server(name: &str, key: u8) -> ResourceServerRecord {
    ResourceServerRecord::new(name, SharedKey::new(shared_key(key)))
}

/// A key that differs for each `number` and is not weak.
fn shared_key(number: u8) -> PreSharedKey {
    PreSharedKey::new(
        (0..16u8)
            .map(|index| index.wrapping_mul(index).wrapping_add(number))
            .collect(),
    )
}
