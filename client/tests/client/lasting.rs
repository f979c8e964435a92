//! Tokens that last: renewed ahead of their end, refreshed, kept over a restart.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::scripted::World;
use motekey_client::{
    CacheError, CacheKey, Client, Error, Fault, NoWallClock, OffsetClock, Renewal, Step, Timers,
    TokenCache,
};
use motekey_coap::message::{Code, ContentFormat, Response};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::message::{ErrorCode, GrantType, TokenRequest};

/// Lifetime of the tokens of the script in seconds; the margin is a tenth of it.
const LIFETIME: u64 = 3600;

fn steps(client: &Client) -> Vec<Step> {
    let report = client.take_report();
    report
        .exchanges
        .iter()
        .map(|exchange| exchange.step)
        .collect()
}

/// Waits until the background has done `wanted`; gives all steps since the last call, sorted: what runs beside each
/// other has no order.
async fn steps_until(client: &Client, wanted: Step) -> Vec<Step> {
    let mut seen = Vec::new();
    for _ in 0..500 {
        seen.extend(steps(client));
        if seen.contains(&wanted) {
            // What was received is taken into use just after the exchange.
            tokio::time::sleep(Duration::from_millis(50)).await;
            seen.sort_unstable();
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{wanted} did not come, only {seen:?}");
}

async fn get(world: &World, client: &Client) {
    let response = client.get(&world.url("/temperature")).await.unwrap();
    assert_eq!(response.code, Code::CONTENT);
}

fn pass(world: &World, seconds: u64) {
    world.clock.advance(Duration::from_secs(seconds));
}

fn last_request(world: &World) -> TokenRequest {
    world.script().asked().pop().unwrap()
}

#[tokio::test]
async fn d34_f61_a_token_is_renewed_beside_the_requests_and_the_session_stays() {
    let world = World::start().await;
    let client = world.client().await;
    get(&world, &client).await;
    pass(&world, LIFETIME - LIFETIME / 10 - 10);
    get(&world, &client).await;
    assert_eq!(world.script().token_requests.len(), 1, "too early");
    steps(&client);
    pass(&world, 20);
    get(&world, &client).await;
    let seen = steps_until(&client, Step::UpdateUpload).await;
    assert_eq!(
        seen,
        [Step::UpdateRequest, Step::UpdateUpload, Step::Request]
    );
    let kid = world.script().issued[0].kid.clone();
    assert_eq!(last_request(&world).req_cnf, Some(Confirmation::KeyId(kid)));
    assert!(world.script().uploads[0].0, "uploaded over the session");
    // Long after the end of the first token: no handshake, no other token.
    pass(&world, LIFETIME / 2);
    get(&world, &client).await;
    assert_eq!(steps(&client), [Step::Request]);
}

#[tokio::test]
async fn d31_d34_a_notification_renews_the_token_and_the_subscription_goes_on() {
    let world = World::start().await;
    let client = world.client().await;
    let mut subscription = client.observe(&world.url("/temperature")).await.unwrap();
    let observation = world.script().observations[0];
    // In the margin; then after the end of the first token.
    for seconds in [LIFETIME - 10, LIFETIME / 2] {
        pass(&world, seconds);
        let state = Response::new(Code::CONTENT).with_payload(ContentFormat::TEXT_PLAIN, *b"22.0");
        world.resource_server.notify(observation, state).await;
        let next = subscription.next().await.unwrap().unwrap();
        assert_eq!(next.payload, b"22.0");
        if seconds > LIFETIME / 2 {
            steps_until(&client, Step::UpdateUpload).await;
        }
    }
    assert_eq!(world.script().token_requests.len(), 2);
}

#[tokio::test]
async fn a_key_that_cannot_be_kept_is_replaced_when_it_ends() {
    let world = World::start().await;
    world.script().refuse_updates = Some(ErrorCode::UnsupportedPopKey);
    let client = world.client().await;
    get(&world, &client).await;
    steps(&client);
    pass(&world, LIFETIME - 10);
    get(&world, &client).await;
    let seen = steps_until(&client, Step::TokenRequest).await;
    assert_eq!(
        seen,
        [Step::TokenRequest, Step::UpdateRequest, Step::Request]
    );
    get(&world, &client).await;
    assert_eq!(
        steps(&client),
        [Step::Request],
        "the old one serves to its end"
    );
    pass(&world, 20);
    get(&world, &client).await;
    assert_eq!(
        steps(&client),
        [Step::ResourceServerHandshake, Step::Request]
    );
}

#[tokio::test]
async fn renewal_can_be_off_and_one_that_fails_is_not_repeated_at_once() {
    for (timers, requests) in [
        (
            Timers {
                renewal: Renewal::OFF,
                ..Timers::default()
            },
            1,
        ),
        (Timers::default(), 3),
    ] {
        let world = World::start().await;
        let builder = world.builder(world.known().audience("rs1")).timers(timers);
        let client = builder.build().await.unwrap();
        get(&world, &client).await;
        pass(&world, LIFETIME - 300);
        world.script().refuse = Some((
            Code::SERVICE_UNAVAILABLE,
            motekey_cose::message::ErrorResponse::new(ErrorCode::InvalidRequest),
        ));
        for _ in 0..5 {
            get(&world, &client).await;
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        // The first token, then one attempt for the key and one for another.
        assert_eq!(world.script().token_requests.len(), requests);
    }
}

#[tokio::test]
async fn a_refresh_token_gets_the_next_token_for_the_same_key() {
    let world = World::start().await;
    world.script().refresh = true;
    let client = world.client().await;
    get(&world, &client).await;
    // Ahead of the end, on the running session; then after the end.
    for (seconds, wanted) in [
        (LIFETIME - 10, Step::UpdateUpload),
        (LIFETIME + 10, Step::TokenRequest),
    ] {
        steps(&client);
        pass(&world, seconds);
        get(&world, &client).await;
        steps_until(&client, wanted).await;
        let request = last_request(&world);
        assert_eq!(request.grant_type, Some(GrantType::RefreshToken));
        assert_eq!(
            (request.audience, request.scope, request.req_cnf),
            (None, None, None)
        );
        let script = world.script();
        assert_eq!(script.issued.last().unwrap().kid, script.issued[0].kid);
    }
    // One that is refused is no obstacle.
    world.script().refuse_refresh = true;
    pass(&world, LIFETIME + 10);
    get(&world, &client).await;
    assert_eq!(last_request(&world).grant_type, None);
}

struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("motekey-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn cache(&self, key: u8) -> TokenCache {
        TokenCache::new(self.0.join("tokens"), CacheKey::new([key; 32]))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A client as after a restart: its clock begins anew.
async fn restarted(world: &World, cache: TokenCache, scope: Option<&str>) -> Result<Client, Error> {
    let mut known = world.known().audience("rs1");
    if let Some(scope) = scope {
        known = known.scope(motekey_cose::scope::Scope::Text(scope.into()));
    }
    let clock = Arc::new(OffsetClock::new());
    world
        .builder(known)
        .clock(clock)
        .token_cache(cache)
        .build()
        .await
}

#[tokio::test]
async fn after_a_restart_one_handshake_is_enough() {
    let world = World::start().await;
    let directory = Directory::new("restart");
    let client = restarted(&world, directory.cache(1), None).await.unwrap();
    get(&world, &client).await;
    assert_eq!(client.cache_failure(), None);
    client.shutdown().await;
    let warm = [Step::ResourceServerHandshake, Step::Request];
    let cold = [
        Step::AuthorizationServerHandshake,
        Step::TokenRequest,
        Step::ResourceServerHandshake,
        Step::Request,
    ];
    let cases: [(TokenCache, Option<&str>, &[Step]); 5] = [
        (directory.cache(1), None, &warm),
        // Without a date the time since is not known, unless the token is to be tried.
        (
            directory
                .cache(1)
                .wall_clock(Arc::new(NoWallClock))
                .keep_without_date(),
            None,
            &warm,
        ),
        (directory.cache(1), Some("other"), &cold),
        (directory.cache(1), Some("other"), &warm),
        (
            directory.cache(1).wall_clock(Arc::new(NoWallClock)),
            Some("other"),
            &cold,
        ),
    ];
    for (cache, scope, wanted) in cases {
        let client = restarted(&world, cache, scope).await.unwrap();
        get(&world, &client).await;
        assert_eq!(steps(&client), wanted);
        client.shutdown().await;
    }
}

#[tokio::test]
async fn a_kept_token_that_is_refused_or_forgotten_is_replaced() {
    let world = World::start().await;
    let directory = Directory::new("replaced");
    for _ in 0..2 {
        let client = restarted(&world, directory.cache(1), None).await.unwrap();
        get(&world, &client).await;
        client.forget(&world.url("/")).await.unwrap();
        client.shutdown().await;
    }
    assert_eq!(world.script().token_requests.len(), 2);
    let client = restarted(&world, directory.cache(1), None).await.unwrap();
    get(&world, &client).await;
    client.shutdown().await;
    // The resource server has lost its tokens.
    world.script().issued.clear();
    let client = restarted(&world, directory.cache(1), None).await.unwrap();
    get(&world, &client).await;
    assert!(steps(&client).contains(&Step::TokenRequest));
}

#[tokio::test]
async fn a_cache_under_another_key_is_told_and_left_alone() {
    let world = World::start().await;
    let directory = Directory::new("other-key");
    let client = restarted(&world, directory.cache(1), None).await.unwrap();
    get(&world, &client).await;
    let before = std::fs::read(directory.0.join("tokens")).unwrap();
    let error = restarted(&world, directory.cache(2), None)
        .await
        .unwrap_err();
    assert!(
        matches!(
            &error,
            Error::Cache {
                reason: CacheError::WrongKey,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(error.fault(), Fault::WrongUse);
    assert!(error.to_string().contains("another key"), "{error}");
    assert_eq!(std::fs::read(directory.0.join("tokens")).unwrap(), before);
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_fails_no_request() {
    let world = World::start().await;
    let directory = Directory::new("gone");
    let client = restarted(&world, directory.cache(1), None).await.unwrap();
    std::fs::remove_dir_all(&directory.0).unwrap();
    get(&world, &client).await;
    let failure = client.cache_failure().unwrap();
    assert!(
        matches!(
            &failure,
            Error::Cache {
                reason: CacheError::Unwritable(_),
                ..
            }
        ),
        "{failure}"
    );
    assert_eq!(failure.fault(), Fault::Local);
}
