//! The demo's devices: each with its own secret and its own client, as on a board of its own.

use std::sync::Arc;
use std::time::Duration;

use motekey_client::{
    AuthorizationServer, Client, Error, OffsetClock, Report, ResourceServer, Step, Timers,
};
use motekey_coap::message::{ContentFormat, Response};
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};

use super::gateway::SENML;
use super::report::Cost;
use super::senml;
use super::site::Site;
use super::world::World;

/// Packs that a device posts: six hours each.
pub(crate) const PACKS: i64 = 4;
const PACK_SECONDS: i64 = 86_400 / PACKS;

/// A device, or a person's program, at the demo's site.
pub(crate) struct Device {
    client: Client,
    url: String,
    clock: Arc<OffsetClock>,
}

impl Device {
    /// Device number `number`, which may post to its own path and nowhere else.
    pub(crate) async fn new(site: &Site, world: &World, number: usize) -> Result<Self, Error> {
        let scope = [(
            world.device_path(number),
            MethodSet::EMPTY.with(Method::Post),
        )];
        Self::with_scope(site, &world.device_name(number), Aif::new(scope)).await
    }

    /// The person who reads all of them.
    pub(crate) async fn operator(site: &Site, world: &World) -> Result<Self, Error> {
        let scope = [(world.collection, MethodSet::EMPTY.with(Method::Get))];
        Self::with_scope(site, world.operator, Aif::new(scope)).await
    }

    async fn with_scope(site: &Site, name: &str, scope: Aif) -> Result<Self, Error> {
        let clock = Arc::new(OffsetClock::new());
        let authorization_server =
            AuthorizationServer::new(&site.authorization_server_uri(), site.credential(name))?;
        let resource_server = ResourceServer::new(&site.resource_server_uri())?;
        let client = Client::builder()
            .authorization_server(authorization_server)
            .resource_server(
                resource_server
                    .audience(site.audience())
                    .scope(Scope::from(&scope)),
            )
            .clock(clock.clone())
            .timers(Timers {
                call: Duration::from_secs(15),
                handshake: Duration::from_secs(10),
                ..Timers::default()
            })
            .build()
            .await?;
        Ok(Self {
            client,
            url: site.resource_server_uri(),
            clock,
        })
    }

    /// Posts what the device measured in part `pack` of the day.
    pub(crate) async fn post_pack(
        &self,
        world: &World,
        number: usize,
        seed: u64,
        midnight: i64,
        pack: i64,
    ) -> Result<Response, Error> {
        let from = pack * PACK_SECONDS;
        let values = world.readings(seed, from, from + PACK_SECONDS);
        let body = senml::encode_series(
            &world.series_name(number),
            world.unit,
            midnight + from,
            &values,
        );
        let url = format!("{}{}", self.url, world.device_path(number));
        self.client.post(&url, SENML, body).await
    }

    /// GET of a path at the resource server.
    pub(crate) async fn get(&self, path: &str) -> Result<Response, Error> {
        self.client.get(&format!("{}{path}", self.url)).await
    }

    /// PUT to a path at the resource server.
    pub(crate) async fn put(&self, path: &str, text: &str) -> Result<Response, Error> {
        self.client
            .put(
                &format!("{}{path}", self.url),
                ContentFormat::TEXT_PLAIN,
                text,
            )
            .await
    }

    /// Moves the device's own clock.
    pub(crate) fn advance(&self, step: Duration) {
        self.clock.advance(step);
    }

    /// What the device paid since the last call.
    pub(crate) fn take_report(&self) -> Report {
        self.client.take_report()
    }

    /// Says goodbye.
    pub(crate) async fn shutdown(&self) {
        self.client.shutdown().await;
    }
}

/// What the exchanges of one kind cost; `None` if there was none.
pub(crate) fn cost_of(report: &Report, step: Step) -> Option<Cost> {
    let mut found = None;
    for exchange in report
        .exchanges
        .iter()
        .filter(|exchange| exchange.step == step)
    {
        let cost: &mut Cost = found.get_or_insert_default();
        let traffic = exchange.traffic;
        cost.round_trips += traffic.round_trips;
        cost.datagrams += traffic.datagrams_sent + traffic.datagrams_received;
        cost.bytes += traffic.bytes_sent + traffic.bytes_received;
        cost.time += exchange.took;
    }
    found
}
