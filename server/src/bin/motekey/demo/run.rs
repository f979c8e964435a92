//! The order of the demo.

use std::sync::Arc;
use std::time::{Duration, Instant};

use motekey_client::Step as Exchange;
use motekey_coap::message::Code;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::curve::{DAY, sparkline};
use super::device::{Device, PACKS, cost_of};
use super::progress::StepProgress;
use super::refusals;
use super::report::{Cost, Report, Step};
use super::senml;
use super::site::Site;
use super::world::World;

/// Devices that work at a time: as many radios in range of one gateway.
const AT_A_TIME: usize = 16;

/// Curves that are drawn.
const MAX_CURVES: usize = 6;

/// What the demo leaves.
pub(crate) struct Played {
    pub(crate) report: Report,
    pub(crate) curves: Vec<String>,
}

/// Plays all steps.
pub(crate) async fn play(world: &'static World, count: usize) -> Result<Played, String> {
    let began = Instant::now();
    let site = Arc::new(Site::start(world, count).await?);
    let midnight = site.now() / DAY * DAY;

    let (devices, mut steps) = work(&site, world, count, midnight).await?;
    let curves = draw(&site);
    let first = devices.first().ok_or("no device")?;
    let operator = Device::operator(&site, world)
        .await
        .map_err(|error| error.to_string())?;
    steps.push(read(&operator, world, count).await);

    let progress = StepProgress::begin("those who must be refused", 5);
    steps.push(refusals::out_of_scope(first, world).await);
    progress.advance();
    steps.push(refusals::wrong_key(&site, world).await?);
    progress.advance();
    steps.push(refusals::stolen_token(&site, world).await?);
    progress.advance();
    steps.extend(refusals::expired_token(&site, world).await?);
    progress.advance();
    progress.advance();
    drop(progress);
    steps.push(renew(&site, first, world, midnight).await);

    let readings = site.gateway().readings();
    let dtls = site.dtls();
    operator.shutdown().await;
    for device in &devices {
        device.shutdown().await;
    }
    drop(devices);
    if let Ok(site) = Arc::try_unwrap(site) {
        site.shutdown().await;
    }
    let ok = steps.iter().all(Step::went_well);
    let seconds = (began.elapsed().as_secs_f64() * 1e3).round() / 1e3;
    Ok(Played {
        report: Report {
            world: world.name,
            devices: count,
            dtls,
            ok,
            seconds,
            readings,
            steps,
        },
        curves,
    })
}

/// What one device did and paid.
struct Worked {
    number: usize,
    device: Device,
    answers: usize,
    failure: Option<String>,
    handshake: Option<Cost>,
    token: Option<Cost>,
    proof: Option<Cost>,
    posts: Option<Cost>,
}

/// Every device gets a token, proves possession and posts its day.
async fn work(
    site: &Arc<Site>,
    world: &'static World,
    count: usize,
    midnight: i64,
) -> Result<(Vec<Device>, Vec<Step>), String> {
    let progress = StepProgress::begin(
        &format!("{} get their tokens and post their day", world.devices),
        count,
    );
    let turns = Arc::new(Semaphore::new(AT_A_TIME));
    let mut running = JoinSet::new();
    for number in 1..=count {
        let (site, turns) = (site.clone(), turns.clone());
        running.spawn(async move {
            let _turn = turns.acquire().await;
            day_of(&site, world, number, midnight).await
        });
    }
    let mut worked = Vec::with_capacity(count);
    while let Some(done) = running.join_next().await {
        worked.push(done.map_err(|error| format!("a device ended early: {error}"))??);
        progress.advance();
    }
    drop(progress);
    worked.sort_by_key(|worked| worked.number);
    let steps = steps_of(&worked, world);
    Ok((
        worked.into_iter().map(|worked| worked.device).collect(),
        steps,
    ))
}

async fn day_of(
    site: &Site,
    world: &World,
    number: usize,
    midnight: i64,
) -> Result<Worked, String> {
    let device = Device::new(site, world, number)
        .await
        .map_err(|error| error.to_string())?;
    let (mut answers, mut failure) = (0, None);
    for pack in 0..PACKS {
        match device
            .post_pack(world, number, number as u64, midnight, pack)
            .await
        {
            Ok(response) if response.code == Code::CHANGED => answers += 1,
            Ok(response) => failure = Some(response.code.to_string()),
            Err(error) => failure = Some(error.to_string()),
        }
    }
    let report = device.take_report();
    Ok(Worked {
        number,
        answers,
        failure,
        handshake: cost_of(&report, Exchange::AuthorizationServerHandshake),
        token: cost_of(&report, Exchange::TokenRequest),
        proof: cost_of(&report, Exchange::ResourceServerHandshake),
        posts: cost_of(&report, Exchange::Request),
        device,
    })
}

fn steps_of(worked: &[Worked], world: &World) -> Vec<Step> {
    let all = worked.len();
    let failure = worked.iter().find_map(|worked| worked.failure.as_deref());
    let step = |name: String, costs: Vec<Cost>, well: usize, outcome: &str| {
        let outcome = match failure {
            Some(reason) if well < all => reason,
            _ => outcome,
        };
        // A device that did not come to this step did not take it as it must.
        let mut step = Step::of(name, &costs, well, outcome);
        step.peers = all;
        step
    };
    let column =
        |pick: fn(&Worked) -> Option<Cost>| worked.iter().filter_map(pick).collect::<Vec<_>>();
    let (handshakes, tokens) = (
        column(|worked| worked.handshake),
        column(|worked| worked.token),
    );
    let (proofs, posts) = (column(|worked| worked.proof), column(|worked| worked.posts));
    let posted = worked
        .iter()
        .filter(|worked| i64::try_from(worked.answers) == Ok(PACKS))
        .count();
    let (connected, granted, proved) = (handshakes.len(), tokens.len(), proofs.len());
    vec![
        step(
            "handshake with the authorization server".into(),
            handshakes,
            connected,
            "each by a secret of its own",
        ),
        step(
            "token request".into(),
            tokens,
            granted,
            "2.01: token, fresh key",
        ),
        step(
            format!("handshake with the {}", world.resource_server),
            proofs,
            proved,
            "token shown, possession of its key proved",
        ),
        step(
            format!("{PACKS} posts of 24 readings"),
            posts,
            posted,
            "2.04 each",
        ),
    ]
}

async fn read(operator: &Device, world: &World, count: usize) -> Step {
    let name = format!("{} reads {}", world.operator, world.collection);
    let answer = operator.get(world.collection).await;
    let cost = cost_of(&operator.take_report(), Exchange::Request).unwrap_or_default();
    let (well, outcome) = match answer {
        Ok(response) if response.code == Code::CONTENT => match senml::decode(&response.payload) {
            Ok(records) => (
                records.len() == count,
                format!("2.05: the latest of {} {}", records.len(), world.devices),
            ),
            Err(reason) => (false, reason),
        },
        Ok(response) => (false, response.code.to_string()),
        Err(error) => (false, error.to_string()),
    };
    Step::of(name, &[cost], usize::from(well), outcome)
}

/// After all tokens have ended, a device that simply goes on gets a new one behind the same call.
async fn renew(site: &Site, device: &Device, world: &World, midnight: i64) -> Step {
    let name = format!("a {} goes on with a new token", world.device);
    device.advance(Duration::from_secs(site.token_lifetime() + 1));
    let answer = device.post_pack(world, 1, 1, midnight + DAY, 0).await;
    let report = device.take_report();
    let total = report
        .exchanges
        .iter()
        .map(|exchange| exchange.step)
        .collect::<std::collections::BTreeSet<_>>();
    let cost = total
        .iter()
        .filter_map(|step| cost_of(&report, *step))
        .fold(Cost::default(), Cost::plus);
    let (well, outcome) = match answer {
        Ok(response) => (
            response.code == Code::CHANGED && total.contains(&Exchange::TokenRequest),
            format!(
                "{}: asked, connected and posted behind one call",
                response.code
            ),
        ),
        Err(error) => (false, error.to_string()),
    };
    Step::of(name, &[cost], usize::from(well), outcome)
}

fn draw(site: &Site) -> Vec<String> {
    let curves = site.gateway().curves();
    let left_out = curves.len().saturating_sub(MAX_CURVES);
    let mut lines: Vec<String> = curves
        .iter()
        .take(MAX_CURVES)
        .map(|(name, values)| {
            let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            format!("{name:>22} {} up to {highest}", sparkline(values))
        })
        .collect();
    if left_out > 0 {
        lines.push(format!("{:>22} and {left_out} more", ""));
    }
    lines
}
