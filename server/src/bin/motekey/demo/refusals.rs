//! The part of the demo in which everybody is refused who must be: each with the reason that the wire showed.

use std::time::Duration;

use motekey_coap::driver::OpenError;
use motekey_coap::dtls::{CloseReason, SessionId};
use motekey_coap::message::{Code, Request};
use motekey_cose::scope::{Aif, Method, MethodSet};

use super::device::{Device, cost_of};
use super::raw::Raw;
use super::report::{Cost, Step};
use super::site::Site;
use super::world::World;

/// RFC 5246 Section 7.2.2: a Finished that does not verify.
const DECRYPT_ERROR: u8 = 51;

/// RFC 9202 Section 3.3.2: an identity that selects no valid token.
const ILLEGAL_PARAMETER: u8 = 47;

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
    Ok(refused_handshake(name, DECRYPT_ERROR, &outcome, cost))
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
    Ok(refused_handshake(name, DECRYPT_ERROR, &outcome, cost))
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
    let session = session.map_err(|error| error.to_string())?;
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
        refused_handshake(
            "an expired token in a handshake",
            ILLEGAL_PARAMETER,
            &outcome,
            cost,
        ),
    ])
}

/// The handshake must end with just this alert: a server that is not there refuses nobody.
fn refused_handshake(
    name: impl Into<String>,
    alert: u8,
    outcome: &Result<SessionId, OpenError>,
    cost: Cost,
) -> Step {
    let (well, outcome) = match outcome {
        Ok(_) => (false, "was let in".to_owned()),
        Err(OpenError::Closed(CloseReason::Alert(number))) => {
            let meaning = match *number {
                DECRYPT_ERROR => "decrypt_error: it does not have the key",
                ILLEGAL_PARAMETER => "illegal_parameter: its identity selects no valid token",
                _ => "not the alert that must come",
            };
            (*number == alert, format!("alert {number}, {meaning}"))
        }
        Err(other) => (false, other.to_string()),
    };
    Step::of(name, &[cost], usize::from(well), outcome).refused()
}

fn device_scope(world: &World) -> Aif {
    Aif::new([(world.device_path(1), MethodSet::EMPTY.with(Method::Post))])
}
