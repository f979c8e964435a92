//! Following the revocation list (RFC 9770 Section 11).

use std::sync::Arc;
use std::time::Duration;

use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::revocation::{Cursor, RevocationContent, RevocationResponse};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Revocation, Unreachable, Uplink};
use crate::clock::runtime_now;
use crate::event::Event;
use crate::resource_server::ResourceServer;

/// Shortest and longest wait before the authorization server is tried again.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What is observed: the latest updates.
const OBSERVED: &str = "?diff=8";

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

    /// Follows the list until the observation ends or fails: hears of the latest updates, reads the list at the
    /// beginning and at its intervals.
    async fn follow(&self) -> Result<(), Unreachable> {
        // RFC 9770 Section 11: diff queries can be observed, so that a notification stays small however long the list
        // is. A server without them ignores the parameter and tells the whole list.
        let mut observation = self.uplink.observe(&self.get(OBSERVED)).await?;
        let first = read(observation.first())?;
        self.apply(&first);
        // RFC 9770 Section 11: neither notifications nor diff queries are relied on alone.
        let mut cursor = match first.content {
            RevocationContent::Full(_) => last_index(&first),
            RevocationContent::Diff(_) => self.read_all(String::new()).await?,
        };
        if observation.first().options.observe().is_none() {
            return self.poll(cursor).await;
        }
        let full = Duration::from_secs(self.settings.full_query_seconds.max(1));
        let interval = Duration::from_secs(self.settings.poll_seconds.max(1));
        let mut next_full = runtime_now() + full;
        loop {
            let silence = sleep_until((runtime_now() + interval).min(next_full));
            let state = tokio::select! {
                state = observation.next() => state,
                () = silence => {
                    // A server that was started anew knows of no observation: then the session is lost, and this ends.
                    cursor = self.ask_again(cursor, &mut next_full).await?;
                    continue;
                }
            };
            let Some(state) = state else {
                return Ok(());
            };
            let state = state.map_err(|error| Unreachable(error.to_string()))?;
            cursor = self.hear(&state, cursor).await?;
        }
    }

    /// Takes a notification into account; gives the index of the last update that is known.
    async fn hear(
        &self,
        state: &Response,
        cursor: Option<u64>,
    ) -> Result<Option<u64>, Unreachable> {
        let list = read(state)?;
        self.apply(&list);
        let last = last_index(&list);
        let RevocationContent::Diff(updates) = &list.content else {
            return Ok(last);
        };
        let told = u64::try_from(updates.len()).unwrap_or(u64::MAX);
        let new = match (cursor, last) {
            (Some(known), Some(last)) => last.checked_sub(known),
            (None, Some(last)) => last.checked_add(1),
            (_, None) => None,
        };
        match (new, cursor) {
            // Every update since the last one that was known is in it.
            (Some(new), _) if new <= told && list.more != Some(true) => Ok(last),
            // Of several notifications the last one can take the place of the others.
            (Some(_), Some(known)) => self.read_all(after(known)).await,
            // The server counts anew, or does not count.
            _ => self.read_all(String::new()).await,
        }
    }

    /// Asks from time to time: for updates after the last one that is known, and for the full list at its intervals.
    async fn poll(&self, mut cursor: Option<u64>) -> Result<(), Unreachable> {
        let full = Duration::from_secs(self.settings.full_query_seconds.max(1));
        let interval = Duration::from_secs(self.settings.poll_seconds.max(1));
        let mut next_full = runtime_now() + full;
        loop {
            sleep_until((runtime_now() + interval).min(next_full)).await;
            cursor = self.ask_again(cursor, &mut next_full).await?;
        }
    }

    /// Asks for updates after the last one that is known; for the full list if it is time, or if there are no cursors.
    async fn ask_again(
        &self,
        cursor: Option<u64>,
        next_full: &mut Instant,
    ) -> Result<Option<u64>, Unreachable> {
        let now = runtime_now();
        let query = match cursor {
            Some(index) if now < *next_full => after(index),
            _ => {
                let full = Duration::from_secs(self.settings.full_query_seconds.max(1));
                *next_full = now + full;
                String::new()
            }
        };
        self.read_all(query).await
    }

    /// Asks until the answer says that there is no more; gives the index of the last update.
    async fn read_all(&self, mut query: String) -> Result<Option<u64>, Unreachable> {
        loop {
            let request = self.get(&query);
            let response = match query.is_empty() {
                true => self.uplink.request_long(&request).await?,
                false => self.uplink.request(&request).await?,
            };
            let list = read(&response)?;
            self.apply(&list);
            query = match (list.more, last_index(&list)) {
                (Some(true), Some(index)) => after(index),
                // RFC 9770 Section 9.2.3: updates were lost, so the full list is asked for.
                (Some(true), None) => String::new(),
                (_, index) => return Ok(index),
            };
        }
    }

    fn get(&self, query: &str) -> Request {
        let target = format!("{}{query}", self.settings.path);
        Request::get(&target).accept(ContentFormat::ACE_TRL_CBOR)
    }

    fn apply(&self, list: &RevocationResponse) {
        let ended = self.server.apply_revocations(list);
        self.server.subscribers.tell(|| Event::RevocationListRead {
            full: matches!(list.content, RevocationContent::Full(_)),
            ended,
        });
    }
}

/// The list in an answer.
fn read(response: &Response) -> Result<RevocationResponse, Unreachable> {
    // RFC 9770 Section 11: an error says nothing about tokens.
    if response.code != Code::CONTENT {
        return Err(Unreachable(format!("the answer is {}", response.code)));
    }
    // RFC 9770 Section 7: what has another Content-Format is no list.
    if response.options.content_format() != Some(ContentFormat::ACE_TRL_CBOR) {
        return Err(Unreachable("the answer is in another format".to_owned()));
    }
    RevocationResponse::decode(&response.payload).map_err(|error| Unreachable(error.to_string()))
}

/// The query for what came after an update.
fn after(index: u64) -> String {
    format!("?diff=0&cursor={index}")
}

fn last_index(list: &RevocationResponse) -> Option<u64> {
    match list.cursor {
        Some(Cursor::Index(index)) => Some(index),
        _ => None,
    }
}
