//! Following the revocation list (RFC 9770 Section 11).

use std::sync::Arc;
use std::time::Duration;

use motekey_coap::driver::Observation;
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::revocation::{Cursor, RevocationContent, RevocationResponse};
use tokio::time::{sleep, sleep_until};

use super::{Revocation, Unreachable, Uplink};
use crate::clock::runtime_now;
use crate::event::Event;
use crate::resource_server::ResourceServer;

/// Shortest and longest wait before the authorization server is tried again.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A resource server that follows the list.
pub(in crate::resource_server) struct Follower {
    pub(in crate::resource_server) server: Arc<ResourceServer>,
    pub(in crate::resource_server) uplink: Arc<Uplink>,
    pub(in crate::resource_server) settings: Revocation,
}

impl Follower {
    /// Follows the list for ever.
    pub(in crate::resource_server) async fn run(self) {
        let mut wait = SHORTEST_WAIT;
        loop {
            let began = runtime_now();
            // RFC 9770 Section 11: from an error nothing is concluded; it is tried again.
            if let Err(cause) = self.follow().await {
                let detail = cause.to_string();
                let tell = || Event::AuthorizationServerUnreachable { detail };
                self.server.subscribers.tell(tell);
            }
            if began.elapsed() > LONGEST_WAIT {
                wait = SHORTEST_WAIT;
            }
            sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Follows the list until the observation ends or fails.
    async fn follow(&self) -> Result<(), Unreachable> {
        let request = Request::get(&self.settings.path).accept(ContentFormat::ACE_TRL_CBOR);
        let mut observation = self.uplink.observe(&request).await?;
        let list = self.apply(observation.first()).await?;
        if observation.first().options.observe().is_none() {
            return self.poll(last_index(&list)).await;
        }
        while let Some(state) = self.next(&mut observation).await? {
            self.apply(&state).await?;
        }
        Ok(())
    }

    /// The next state of the list: a notification, or the answer to a full query if none came for some time.
    async fn next(&self, observation: &mut Observation) -> Result<Option<Response>, Unreachable> {
        let interval = Duration::from_secs(self.settings.full_query_seconds.max(1));
        tokio::select! {
            state = observation.next() => state
                .transpose()
                .map_err(|error| Unreachable(error.to_string())),
            () = sleep(interval) => self.query("").await.map(Some),
        }
    }

    /// Asks from time to time: for updates after the last one that is known, and for the full list at its intervals.
    async fn poll(&self, mut cursor: Option<u64>) -> Result<(), Unreachable> {
        let full = Duration::from_secs(self.settings.full_query_seconds.max(1));
        let interval = Duration::from_secs(self.settings.poll_seconds.max(1));
        let mut next_full = runtime_now() + full;
        loop {
            sleep_until((runtime_now() + interval).min(next_full)).await;
            let query = match cursor {
                Some(index) if runtime_now() < next_full => format!("?diff=0&cursor={index}"),
                _ => {
                    next_full = runtime_now() + full;
                    String::new()
                }
            };
            cursor = self.read_all(query).await?;
        }
    }

    /// Asks until the answer says that there is no more; gives the index of the last update.
    async fn read_all(&self, mut query: String) -> Result<Option<u64>, Unreachable> {
        loop {
            let response = self.query(&query).await?;
            let list = self.apply(&response).await?;
            query = match (list.more, last_index(&list)) {
                (Some(true), Some(index)) => format!("?diff=0&cursor={index}"),
                // RFC 9770 Section 9.2.3: updates were lost, so the full list is asked for.
                (Some(true), None) => String::new(),
                (_, index) => return Ok(index),
            };
        }
    }

    async fn query(&self, query: &str) -> Result<Response, Unreachable> {
        let target = format!("{}{query}", self.settings.path);
        let request = Request::get(&target).accept(ContentFormat::ACE_TRL_CBOR);
        self.uplink.request(&request).await
    }

    async fn apply(&self, response: &Response) -> Result<RevocationResponse, Unreachable> {
        // RFC 9770 Section 11: an error says nothing about tokens.
        if response.code != Code::CONTENT {
            return Err(Unreachable(format!("the answer is {}", response.code)));
        }
        let list = RevocationResponse::decode(&response.payload)
            .map_err(|error| Unreachable(error.to_string()))?;
        let ended = self.server.apply_revocations(&list);
        self.server.subscribers.tell(|| Event::RevocationListRead {
            full: matches!(list.content, RevocationContent::Full(_)),
            ended,
        });
        Ok(list)
    }
}

fn last_index(list: &RevocationResponse) -> Option<u64> {
    match list.cursor {
        Some(Cursor::Index(index)) => Some(index),
        _ => None,
    }
}
