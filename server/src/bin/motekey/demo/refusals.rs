//! The part of the demo in which everybody is refused who must be: each with the reason that the wire showed.

use std::time::Duration;

use motekey_coap::message::{Code, Request};
use motekey_cose::scope::{Aif, Method, MethodSet};

use super::device::{Device, cost_of};
use super::raw::Raw;
use super::report::{Cost, Step};
use super::site::Site;
use super::world::World;

/// A device asks for what its token does not cover.
pub(crate) async fn out_of_scope(device: &Device, world: &World) -> Step {
    let name = format!("a {} tries PUT {}", world.device, world.actuator);
    let answer = device.put(world.actuator, "open").await;
    let cost = cost_of(&device.take_report(), motekey_client::Step::Request).unwrap_or_default();
    let (well, outcome) = match answer {
        // RFC 9200 Section 5.10.2: the token does not cover the resource.
        Ok(response) => (
            response.code == Code::FORBIDDEN,
            format!("{}: its token does not cover the path", response.code),
        ),
        Err(error) => (false, error.to_string()),
    };
    Step::of(name, &[cost], usize::from(well), outcome).refused()
}

/// A stranger claims to be a device and does not have its key.
pub(crate) async fn wrong_key(site: &Site, world: &World) -> Result<Step, String> {
    let rogue = Raw::new(site).await?;
    let (identity, _) = site.secret(&world.device_name(1));
    let (outcome, cost) = rogue
        .open(site.authorization_server(), &identity, &site.random_key()?)
        .await;
    rogue.shutdown().await;
    let name = "a rogue with a wrong key asks the authorization server";
    Ok(refused_handshake(name, outcome.map(|_| ()), cost))
}

/// A stranger shows a token that was granted to a device; the key in it stays with the device.
pub(crate) async fn stolen_token(site: &Site, world: &World) -> Result<Step, String> {
    let rogue = Raw::new(site).await?;
    let loot = rogue
        .token(site, &world.device_name(1), device_scope(world))
        .await?;
    let (outcome, cost) = rogue
        .open(site.resource_server(), &loot.token, &site.random_key()?)
        .await;
    rogue.shutdown().await;
    let name = format!("a rogue shows the token of {}", world.device_name(1));
    Ok(refused_handshake(name, outcome.map(|_| ()), cost))
}

/// A token after its time, in a handshake and on a session that it opened. Moves the clock of the site.
pub(crate) async fn expired_token(site: &Site, world: &World) -> Result<[Step; 2], String> {
    let late = Raw::new(site).await?;
    let loot = late
        .token(site, &world.device_name(1), device_scope(world))
        .await?;
    let (session, _) = late
        .open(site.resource_server(), &loot.token, &loot.key)
        .await;
    let session = session?;
    site.advance(Duration::from_secs(site.token_lifetime() + 1));

    let (answer, cost) = late
        .request(session, Request::get(&world.device_path(1)))
        .await;
    let (well, outcome) = match answer {
        // RFC 9200 Section 5.10.2: no valid token any more.
        Ok(response) => (
            response.code == Code::UNAUTHORIZED,
            format!("{}: its token has ended", response.code),
        ),
        // RFC 9202 Section 5: the session is closed when its last token has ended.
        Err(error) => (error.contains("closed"), error),
    };
    let live = Step::of(
        "an expired token on a live session",
        &[cost],
        usize::from(well),
        outcome,
    )
    .refused();

    let again = Raw::new(site).await?;
    let (outcome, cost) = again
        .open(site.resource_server(), &loot.token, &loot.key)
        .await;
    late.shutdown().await;
    again.shutdown().await;
    Ok([
        live,
        refused_handshake("an expired token in a handshake", outcome.map(|_| ()), cost),
    ])
}

fn refused_handshake(name: impl Into<String>, outcome: Result<(), String>, cost: Cost) -> Step {
    match outcome {
        Ok(()) => Step::of(name, &[cost], 0, "was let in"),
        Err(reason) => Step::of(name, &[cost], 1, format!("refused: {reason}")),
    }
    .refused()
}

fn device_scope(world: &World) -> Aif {
    Aif::new([(world.device_path(1), MethodSet::EMPTY.with(Method::Post))])
}
