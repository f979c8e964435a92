//! Revocation while everybody works, over real DTLS on loopback: whoever is revoked is out within a second, nobody else
//! notices.

#![expect(clippy::indexing_slicing, reason = "tests fail by panic")]

mod site;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use motekey_coap::driver::{Handle, OpenError};
use motekey_coap::dtls::{CloseReason, SessionId};
use motekey_coap::message::{Code, Request};
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::message::TokenResponse;
use motekey_cose::revocation::TokenHash;
use motekey_server::event::Event;
use motekey_server::resource_server::Revocation;
use motekey_server::store::TokenSelection;
use site::{Client, Gateway, Site, pop_key, wait_for};
use tokio::task::JoinSet;

const DEVICES: usize = 200;
const RESOURCE_SERVERS: usize = 4;
const REVOCATIONS: usize = 20;

/// The promise: so soon a revoked device is out.
const LIMIT: Duration = Duration::from_secs(1);

/// How long a device pauses between its requests.
const PAUSE: Duration = Duration::from_millis(200);

/// A device with a live session.
struct Device {
    number: usize,
    client: Client,
    session: SessionId,
    token: TokenResponse,
    /// Told to make no more requests of its own.
    done: Arc<AtomicBool>,
}

/// What all devices together saw.
#[derive(Default)]
struct Seen {
    good: AtomicUsize,
    bad: AtomicUsize,
}

async fn gateways(site: &Site) -> Vec<Gateway> {
    let mut gateways = Vec::new();
    for number in 0..RESOURCE_SERVERS {
        let link = site.link(number).revocation(Revocation::default());
        let gateway = Gateway::new(number, site.clock.clone(), |builder| builder.link(link)).await;
        wait_for(&gateway.events, "the first list", |event| {
            matches!(event, Event::RevocationListRead { full: true, .. })
        })
        .await;
        gateways.push(gateway);
    }
    gateways
}

async fn devices(site: &Site, gateways: &[Gateway]) -> Vec<Device> {
    let mut devices = Vec::new();
    for number in 1..=DEVICES {
        let client = Client::new().await;
        let target = number % RESOURCE_SERVERS;
        let token = site.token(&client, number, target).await;
        let session = client.connect(&gateways[target], &token).await;
        devices.push(Device {
            number,
            client,
            session,
            token,
            done: Arc::default(),
        });
    }
    devices
}

/// Asks again and again until it is told to end.
async fn work(handle: Handle, session: SessionId, done: Arc<AtomicBool>, seen: Arc<Seen>) {
    while !done.load(Ordering::SeqCst) {
        let answer = handle.request(session, Request::get("/readings")).await;
        let good = answer.is_ok_and(|answer| answer.code == Code::CONTENT);
        let count = if good { &seen.good } else { &seen.bad };
        // What was under way when the device was told to end belongs to the measurement of it.
        if good || !done.load(Ordering::SeqCst) {
            count.fetch_add(1, Ordering::SeqCst);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// How long after its revocation the requests of a device fail.
async fn revoke(site: &Site, device: &Device) -> Duration {
    let hash = TokenHash::of_token(&PROVIDER, &device.token.access_token);
    let begun = Instant::now();
    let revoked = site.server.revoke(&TokenSelection::Hash(hash)).await;
    assert_eq!(revoked.map(|tokens| tokens.len()), Ok(1));
    loop {
        let request = Request::get("/readings");
        let answer = device.client.handle.request(device.session, request).await;
        if answer.is_ok_and(|answer| answer.code == Code::CONTENT) {
            assert!(
                begun.elapsed() < 10 * LIMIT,
                "device {} is not out",
                device.number
            );
            continue;
        }
        return begun.elapsed();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r19_r21_of_two_hundred_devices_at_work_only_the_revoked_ones_are_out() {
    let site = Site::new(DEVICES, RESOURCE_SERVERS).await;
    let gateways = gateways(&site).await;
    let mut devices = devices(&site, &gateways).await;
    for gateway in &gateways {
        gateway.events.take();
    }
    let seen = Arc::new(Seen::default());
    let mut working = JoinSet::new();
    for device in &devices {
        let handle = device.client.handle.clone();
        working.spawn(work(
            handle,
            device.session,
            device.done.clone(),
            seen.clone(),
        ));
    }
    let mut times = Vec::new();
    for round in 0..REVOCATIONS {
        let device = devices.remove((round * 37) % devices.len());
        device.done.store(true, Ordering::SeqCst);
        times.push(revoke(&site, &device).await);
        let gateway = &gateways[device.number % RESOURCE_SERVERS];
        let key = pop_key(&device.token);
        let again = device
            .client
            .open(gateway.address(), &device.token.access_token, key);
        let refused = Err(OpenError::Closed(CloseReason::Alert(47)));
        assert_eq!(again.await, refused, "the token selects nothing any more");
        // So that every device asks between any two revocations.
        tokio::time::sleep(PAUSE).await;
    }
    for device in &devices {
        device.done.store(true, Ordering::SeqCst);
    }
    working.join_all().await;
    for device in &devices {
        let alive = device.client.handle.statistics(device.session).await;
        assert!(alive.is_some(), "device {} lost its session", device.number);
        let answer = device
            .client
            .request(device.session, Request::get("/readings"))
            .await;
        assert_eq!(answer.code, Code::CONTENT, "device {}", device.number);
    }
    let closed: usize = gateways
        .iter()
        .flat_map(|gateway| gateway.events.take())
        .filter(|event| matches!(event, Event::SessionClosed { .. }))
        .count();
    times.sort_unstable();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    let (good, bad) = (
        seen.good.load(Ordering::SeqCst),
        seen.bad.load(Ordering::SeqCst),
    );
    println!(
        "{REVOCATIONS} revocations among {DEVICES} devices at {RESOURCE_SERVERS} resource servers: out after \
         {median:?} in the median, {worst:?} at worst; of the requests of the others {good} succeeded, {bad} failed"
    );
    assert!(worst <= LIMIT, "out after {worst:?}");
    assert_eq!((bad, closed), (0, REVOCATIONS));
    assert!(good >= 5 * DEVICES, "they were at work: {good}");
}
