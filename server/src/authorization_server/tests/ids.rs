//! Token ids and key ids: whose they are, and that nobody can take those of another.

use std::sync::Arc;

use motekey_coap::driver::Context;
use motekey_coap::dtls::{PeerIdentity, SessionId};
use motekey_coap::message::{Code, ContentFormat, Request};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::message::{TokenRequest, TokenResponse};
use motekey_cose::scope::{Method, Scope};

use super::support::*;
use crate::clock::VirtualClock;
use crate::event::Event;
use crate::registry::{Device, ResourceServerRecord, ScopeRule, SharedKey};
use crate::resource_server::{ResourceServer, VolatileSequence};
use crate::store::Store;

/// A resource server without a clock, with the shared key `number`.
fn clockless(name: &str, audience: &str, number: u8) -> ResourceServerRecord {
    let mut record = ResourceServerRecord::new(name, SharedKey::new(key(number)));
    record.audience = audience.into();
    record.clockless = true;
    record
}

/// A bench with these resource servers more, and a device that may use them.
async fn bench_with(records: Vec<ResourceServerRecord>) -> (Bench, PeerIdentity) {
    let bench = bench().await;
    let readings = aif(&[("/readings", &[Method::Get])]);
    let mut device = Device::with_pre_shared_key("late", b"late", key(60));
    for record in records {
        device = device.allow(&record.audience, ScopeRule::Aif(readings.clone()));
        bench.store.put_resource_server(record).await.unwrap();
    }
    bench.store.put_device(device).await.unwrap();
    bench.server.refresh().await.unwrap();
    bench.events.take();
    (bench, PeerIdentity::PreSharedKey(b"late".to_vec()))
}

#[tokio::test]
async fn f65_token_ids_of_two_resource_servers_may_read_the_same() {
    let records = vec![clockless("rs1", "rs1", 61), clockless("rs11", "rs11", 62)];
    let (bench, peer) = bench_with(records).await;
    for _ in 1..11 {
        bench.grant(&peer, &ask("rs1")).await;
    }
    let eleventh = bench.grant(&peer, &ask("rs1")).await;
    let first = bench.grant(&peer, &ask("rs11")).await;
    for (response, audience, number) in [(eleventh, "rs1", 61), (first, "rs11", 62)] {
        let (claims, _) = open(&response, audience, Some(number));
        assert_eq!(claims.cti, Some(b"rs111".to_vec()), "{audience}");
        let recorded = bench.store.token(audience, b"rs111").await.unwrap();
        assert_eq!(
            recorded.map(|token| token.client.clone()).as_deref(),
            Some("late")
        );
    }
}

#[tokio::test]
async fn f65_f66_exi_tokens_work_where_name_and_audience_differ() {
    let (bench, peer) = bench_with(vec![clockless("valve-7", "cellar", 63)]).await;
    let storage = Arc::new(VolatileSequence::default());
    let before = cellar(storage.clone());
    let first = bench.grant(&peer, &ask("cellar")).await;
    let second = bench.grant(&peer, &ask("cellar")).await;
    assert_eq!(
        open(&second, "cellar", Some(63)).0.cti,
        Some(b"valve-72".to_vec())
    );
    assert_eq!(upload(&before, &second).await, Code::CREATED);
    let rebooted = cellar(storage);
    assert_eq!(
        upload(&rebooted, &first).await,
        Code::UNAUTHORIZED,
        "a lower number than that of a token which has ended"
    );
    let third = bench.grant(&peer, &ask("cellar")).await;
    assert_eq!(upload(&rebooted, &third).await, Code::CREATED);
}

/// The resource server with the audience `cellar` that is registered as `valve-7`.
fn cellar(storage: Arc<VolatileSequence>) -> Arc<ResourceServer> {
    ResourceServer::builder("cellar")
        .identifier("valve-7")
        .shared_key("as", key(63))
        .sequence_storage(storage)
        .clock(VirtualClock::fixed(NOW))
        .build()
        .unwrap()
}

async fn upload(server: &ResourceServer, response: &TokenResponse) -> Code {
    let context = Context {
        session: SessionId(0),
        peer: "192.0.2.7:40000".parse().unwrap(),
        identity: None,
        secure: false,
        observation: None,
    };
    let token = response.access_token.as_slice();
    let request = Request::post("/authz-info").with_payload(ContentFormat::CWT, token);
    server.answer_request(context, request).await.code
}

#[tokio::test]
async fn a_public_key_may_have_any_kid_and_takes_none() {
    let bench = bench().await;
    let victim = bench.grant(&meter(), &ask("gateway")).await;
    let kid = victim
        .cnf
        .as_ref()
        .and_then(Confirmation::kid)
        .unwrap()
        .to_vec();
    let mut named = sensor_key().public().unwrap();
    named.attributes_mut().kid = Some(kid.clone());
    let request = TokenRequest {
        req_cnf: Some(Confirmation::Key(named)),
        ..ask("lock")
    };
    bench.events.take();
    bench.grant(&sensor(), &request).await;
    assert!(matches!(
        bench.events.take().as_slice(),
        [Event::TokenGranted { key_id, .. }] if key_id.is_empty()
    ));
    let update = bench.grant(&meter(), &ask_for_key("gateway", &kid)).await;
    assert_eq!(
        update.cnf.as_ref().and_then(Confirmation::kid),
        Some(kid.as_slice()),
        "the key id is still that of the first device"
    );
}

#[tokio::test]
async fn token_responses_stay_small() {
    let bench = bench().await;
    let scope = Scope::from(&aif(&[("/readings", &[Method::Get, Method::Post])]));
    let payload = bench.ask(&meter(), &scoped("gateway", scope)).await.payload;
    // A Block2 of 256 bytes takes it whole (RFC 7959 Section 2.2), with room for a longer scope.
    assert!(payload.len() <= 170, "{} bytes", payload.len());
}

/// A store in which a number was used before: that of a server whose counters began anew.
#[tokio::test]
async fn taken_ids_cost_a_number_and_never_5_03() {
    let bench = bench().await;
    let taken = |serial: u8| crate::store::IssuedToken {
        resource_server: "gateway".into(),
        expires_at: NOW + 600,
        ..crate::store::conformance::token(serial.into(), "other", NOW + 600)
    };
    // Ids two and three are used; the fourth is free.
    let first = bench.grant(&meter(), &ask("gateway")).await;
    let cti = open(&first, "gateway", Some(11)).0.cti.unwrap();
    for serial in 2..=7 {
        let mut token = taken(serial);
        token.token_id = [&cti[..cti.len() - 1], &[serial]].concat();
        bench.store.record_token(token, NOW).await.unwrap();
    }
    let tries = async || bench.ask(&meter(), &ask("gateway")).await;
    bench.events.take();
    let refused = tries().await;
    assert_eq!(refused.code, Code::BAD_REQUEST);
    assert!(matches!(
        bench.events.take().as_slice(),
        [Event::TokenDenied {
            reason: "key_taken",
            ..
        }]
    ));
    // Two to four are used up; five, six and seven are taken too, then eight is free.
    assert_eq!(tries().await.code, Code::BAD_REQUEST);
    assert_eq!(tries().await.code, Code::CREATED);
}
