//! Following the list of revoked tokens of an authorization server (RFC 9770): a token that is named there is dropped,
//! so that the next request asks for another one and does not wait for a refusal.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use motekey_coap::driver::Observation;
use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::revocation::{RevocationContent, RevocationResponse, TokenHash};
use tokio::task::AbortHandle;

use crate::client::Inner;
use crate::report::Step;
use crate::token::Access;
use crate::wire::Failure;

/// How the list of revoked tokens is followed. It keeps a session to the authorization server open: not for devices
/// that sleep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationList {
    /// Path of the endpoint; default `/revoke/trl`.
    pub path: String,
    /// Time between full queries, whether notifications come or not; default 15 minutes. It is how long a lost
    /// notification can go unnoticed.
    pub full_query_every: Duration,
    /// Pause before the next try when the authorization server does not answer; default 1 minute.
    pub retry_after: Duration,
}

impl Default for RevocationList {
    fn default() -> Self {
        Self {
            path: "/revoke/trl".to_owned(),
            full_query_every: Duration::from_secs(15 * 60),
            retry_after: Duration::from_secs(60),
        }
    }
}

/// The tasks that follow lists; they end with the client.
#[derive(Debug, Default)]
pub(crate) struct Followers(Vec<AbortHandle>);

impl Drop for Followers {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

impl Followers {
    /// Begins to follow the lists of all authorization servers for which that is configured.
    pub(crate) fn begin(inner: &Arc<Inner>) -> Self {
        let servers = inner.servers.authorization_servers.iter().enumerate();
        let tasks = servers.filter_map(|(index, server)| {
            let list = server.revocation_list.clone()?;
            let task = tokio::spawn(follow(Arc::downgrade(inner), index, list));
            Some(task.abort_handle())
        });
        Self(tasks.collect())
    }
}

async fn follow(client: Weak<Inner>, server: usize, list: RevocationList) {
    loop {
        let Some(inner) = client.upgrade() else {
            return;
        };
        let registered = inner.register_for_revocations(server, &list.path).await;
        drop(inner);
        let pause = match registered {
            // RFC 9770 Section 11: notifications alone are not relied on, the whole list is asked for at intervals.
            Some(notifications) => {
                let interval = list.full_query_every;
                let listening = listen(&client, notifications);
                match tokio::time::timeout(interval, listening).await {
                    Ok(()) => list.retry_after.min(interval),
                    Err(_) => continue,
                }
            }
            None => list.retry_after,
        };
        tokio::time::sleep(pause).await;
    }
}

/// Takes notifications until they end.
async fn listen(client: &Weak<Inner>, mut notifications: Observation) {
    while let Some(Ok(response)) = notifications.next().await {
        let Some(inner) = client.upgrade() else {
            return;
        };
        inner.drop_revoked(&response).await;
    }
}

impl Inner {
    /// A full query that asks for notifications. `None`: no answer, which proves nothing (RFC 9770 Section 11).
    async fn register_for_revocations(&self, server: usize, path: &str) -> Option<Observation> {
        let link = self.authorization_link(server).await.ok()?;
        let before = link.traffic().await?;
        let began = self.now();
        let request = Request::get(path).accept(ContentFormat::ACE_TRL_CBOR);
        let result: Result<(Response, Observation), Failure> =
            link.observe(request, before.datagrams_received).await;
        let outcome = match &result {
            Ok((first, _)) => first.code.to_string(),
            Err(failure) => failure.reason.clone(),
        };
        let traffic = link.traffic().await.unwrap_or(before).since(before);
        let asked = format!("GET {path} with Observe");
        self.record(
            Step::RevocationList,
            link.peer,
            asked,
            outcome,
            began,
            traffic,
        );
        match result {
            Ok((first, notifications)) => {
                self.drop_revoked(&first).await;
                Some(notifications)
            }
            Err(_) => {
                self.drop_authorization_link(server, &link).await;
                None
            }
        }
    }

    /// Drops the tokens that an answer names. From an answer that is no list nothing follows.
    async fn drop_revoked(&self, response: &Response) {
        let Some(revoked) = hashes(response).filter(|revoked| !revoked.is_empty()) else {
            return;
        };
        // RFC 9770 Section 11.1: every stored token that the answer names is expunged; first where it could be taken
        // from anew.
        let named = revoked.clone();
        self.drop_kept(move |access| is_named(access, &named)).await;
        for slot in self.all_slots() {
            let mut state = slot.lock().await;
            if state
                .next
                .as_ref()
                .is_some_and(|access| is_named(access, &revoked))
            {
                state.next = None;
            }
            if state
                .access
                .as_ref()
                .is_some_and(|access| is_named(access, &revoked))
            {
                tracing::info!("a token was revoked");
                state.access = None;
                state.disconnect().await;
            }
        }
    }
}

fn hashes(response: &Response) -> Option<BTreeSet<TokenHash>> {
    let is_list = response.code == Code::CONTENT
        && response.options.content_format() == Some(ContentFormat::ACE_TRL_CBOR);
    if !is_list {
        return None;
    }
    match RevocationResponse::decode(&response.payload).ok()?.content {
        RevocationContent::Full(hashes) => Some(hashes.into_iter().collect()),
        RevocationContent::Diff(updates) => Some(
            updates
                .into_iter()
                .flat_map(|update| update.added)
                .collect(),
        ),
    }
}

fn is_named(access: &Access, revoked: &BTreeSet<TokenHash>) -> bool {
    // RFC 9770 Section 4.2.1: the bytes of access_token in a CBOR answer, as base64url text.
    revoked.contains(&TokenHash::of_token(&PROVIDER, &access.token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r20_only_a_list_revokes() {
        let hash = TokenHash::of_token(&PROVIDER, b"token");
        let list = RevocationResponse {
            content: RevocationContent::Full(vec![hash]),
            cursor: None,
            more: None,
        };
        let answer =
            |code, format, payload: &[u8]| Response::new(code).with_payload(format, payload);
        let trl = ContentFormat::ACE_TRL_CBOR;
        let good = list.encode();
        assert_eq!(
            hashes(&answer(Code::CONTENT, trl, &good)),
            Some([hash].into())
        );
        for (code, format, payload) in [
            (Code::NOT_FOUND, trl, &good[..]),
            (Code::CONTENT, ContentFormat::ACE_CBOR, &good),
            (Code::CONTENT, trl, &good[..good.len() - 1]),
            (Code::CONTENT, trl, b""),
            (Code::CONTENT, trl, b"\xa0"),
        ] {
            assert_eq!(
                hashes(&answer(code, format, payload)),
                None,
                "{code} {payload:02x?}"
            );
        }
    }
}
