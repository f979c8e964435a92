//! The client: one call from a URL to the answer.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use motekey_coap::message::{Code, ContentFormat, Request, Response};
use motekey_coap::time::Instant;

use crate::builder::ClientBuilder;
use crate::cache::Keeper;
use crate::clock::Clock;
use crate::configuration::{Limits, Servers, Timers};
use crate::error::Error;
use crate::profile::Profile;
use crate::report::{Exchange, Granted, Recorder, Report, Step, Traffic};
use crate::revocation::Followers;
use crate::session::{Lease, Slot};
use crate::subscription::Subscription;
use crate::target::{Origin, Target};
use crate::wire::{Failure, Link, Wire};

/// A device: asks for tokens, keeps them, opens sessions, sends requests. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
    _followers: Arc<Followers>,
}

/// What goes into a request besides its URL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Body {
    /// Content-Format and payload.
    pub payload: Option<(ContentFormat, Vec<u8>)>,
    /// Content-Format to ask for.
    pub accept: Option<ContentFormat>,
}

pub(crate) struct Inner {
    pub(crate) servers: Servers,
    pub(crate) profiles: Vec<Box<dyn Profile>>,
    pub(crate) limits: Limits,
    pub(crate) timers: Timers,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) wire: Wire,
    /// One per configured authorization server: its session, kept open.
    pub(crate) authorization_links: Vec<tokio::sync::Mutex<Option<Link>>>,
    /// The token cache, and why it was not written the last time.
    pub(crate) keeper: Option<Arc<Mutex<Keeper>>>,
    pub(crate) cache_failure: Mutex<Option<Error>>,
    slots: Mutex<Slots>,
    recorder: Mutex<Recorder>,
}

/// Tokens and sessions by resource server; the least recently used one gives way.
#[derive(Default)]
struct Slots {
    by_origin: HashMap<Origin, (u64, Slot)>,
    uses: u64,
}

impl Client {
    /// Begins a configuration.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    pub(crate) fn new(parts: Parts) -> Self {
        let authorization_links = parts
            .servers
            .authorization_servers
            .iter()
            .map(|_| tokio::sync::Mutex::default())
            .collect();
        let recorder = Mutex::new(Recorder::new(parts.limits.max_report_entries));
        let inner = Inner {
            servers: parts.servers,
            profiles: parts.profiles,
            limits: parts.limits,
            timers: parts.timers,
            clock: parts.clock,
            wire: parts.wire,
            authorization_links,
            keeper: parts.keeper.map(|keeper| Arc::new(Mutex::new(keeper))),
            cache_failure: Mutex::default(),
            slots: Mutex::default(),
            recorder,
        };
        let inner = Arc::new(inner);
        let followers = Arc::new(Followers::begin(&inner));
        Self {
            inner,
            _followers: followers,
        }
    }

    /// GET.
    ///
    /// # Errors
    /// See [`Client::send`].
    pub async fn get(&self, url: &str) -> Result<Response, Error> {
        self.send(Code::GET, url, Body::default()).await
    }

    /// POST.
    ///
    /// # Errors
    /// See [`Client::send`].
    pub async fn post(
        &self,
        url: &str,
        format: ContentFormat,
        payload: impl Into<Vec<u8>>,
    ) -> Result<Response, Error> {
        self.send(
            Code::POST,
            url,
            Body {
                payload: Some((format, payload.into())),
                accept: None,
            },
        )
        .await
    }

    /// PUT.
    ///
    /// # Errors
    /// See [`Client::send`].
    pub async fn put(
        &self,
        url: &str,
        format: ContentFormat,
        payload: impl Into<Vec<u8>>,
    ) -> Result<Response, Error> {
        self.send(
            Code::PUT,
            url,
            Body {
                payload: Some((format, payload.into())),
                accept: None,
            },
        )
        .await
    }

    /// DELETE.
    ///
    /// # Errors
    /// See [`Client::send`].
    pub async fn delete(&self, url: &str) -> Result<Response, Error> {
        self.send(Code::DELETE, url, Body::default()).await
    }

    /// Sends a request with any method, and does before it whatever it needs: hints, token, handshake. On 4.01 it
    /// tries once more with a fresh token; on 4.03 and 4.05 it updates the rights once, if a wider scope is
    /// configured. The answer can have any code: the call is done when the resource server has answered.
    ///
    /// # Errors
    /// [`Error`], by whose fault it is.
    pub async fn send(&self, method: Code, url: &str, body: Body) -> Result<Response, Error> {
        let target = Target::parse(url)?;
        let limit = self.inner.timers.call;
        tokio::time::timeout(limit, self.inner.perform(method, &target, &body))
            .await
            .unwrap_or(Err(Error::TimeLimit(limit)))
    }

    /// Registers for notifications of a resource (RFC 7641).
    ///
    /// # Errors
    /// See [`Client::send`]; [`Subscription::first`] tells the answer, which can be a refusal.
    pub async fn observe(&self, url: &str) -> Result<Subscription, Error> {
        let target = Target::parse(url)?;
        let limit = self.inner.timers.call;
        tokio::time::timeout(limit, Inner::subscribe(&self.inner, &target))
            .await
            .unwrap_or(Err(Error::TimeLimit(limit)))
    }

    /// Makes sure that there is a token for the resource server of `url`, and tells what was granted. Sends nothing
    /// to the resource server, unless its hints are needed, or the token of the running session is due for renewal.
    ///
    /// # Errors
    /// See [`Client::send`].
    pub async fn token(&self, url: &str) -> Result<Granted, Error> {
        let target = Target::parse(url)?;
        let limit = self.inner.timers.call;
        tokio::time::timeout(limit, self.inner.token(&target))
            .await
            .unwrap_or(Err(Error::TimeLimit(limit)))
    }

    /// Opens the session to the configured authorization server with this index, in order of configuration, if it
    /// is not open yet: a device does this when it has time.
    ///
    /// # Errors
    /// See [`Client::send`].
    pub async fn connect(&self, authorization_server: usize) -> Result<SocketAddr, Error> {
        let link = self.inner.authorization_link(authorization_server).await?;
        Ok(link.peer)
    }

    /// Asks for other rights on the running session of the resource server of `url` (RFC 9202 Section 4): the token
    /// request names the key of the session, and the new token is uploaded over it. Without a session, the token
    /// that this asks for is used for the first one.
    ///
    /// # Errors
    /// See [`Client::send`].
    pub async fn request_scope(
        &self,
        url: &str,
        scope: motekey_cose::scope::Scope,
    ) -> Result<Granted, Error> {
        let target = Target::parse(url)?;
        let limit = self.inner.timers.call;
        tokio::time::timeout(limit, self.inner.request_scope(&target, scope))
            .await
            .unwrap_or(Err(Error::TimeLimit(limit)))
    }

    /// Forgets token and session of the resource server of `url`, in the token cache too; the session ends with
    /// close_notify.
    ///
    /// # Errors
    /// [`Error::InvalidUri`], [`Error::NotConfigured`].
    pub async fn forget(&self, url: &str) -> Result<(), Error> {
        let target = Target::parse(url)?;
        let call = self.inner.call(&target)?;
        let mut state = call.slot.lock().await;
        self.inner.forget(&call, &mut state).await;
        Ok(())
    }

    /// Why the token cache could not be written the last time that it was to be; `None` when all is well. A request
    /// does not fail for it.
    pub fn cache_failure(&self) -> Option<Error> {
        self.inner.cache_failure()
    }

    /// What happened on the wire so far.
    pub fn report(&self) -> Report {
        self.inner.recorder().report()
    }

    /// What happened on the wire since the last call.
    pub fn take_report(&self) -> Report {
        self.inner.recorder().take()
    }

    /// Ends all sessions with close_notify, within a bounded time.
    pub async fn shutdown(&self) {
        self.inner.wire.shutdown().await;
    }
}

/// What the builder hands over.
pub(crate) struct Parts {
    pub(crate) servers: Servers,
    pub(crate) profiles: Vec<Box<dyn Profile>>,
    pub(crate) limits: Limits,
    pub(crate) timers: Timers,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) wire: Wire,
    pub(crate) keeper: Option<Keeper>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("servers", &self.servers)
            .field("limits", &self.limits)
            .field("timers", &self.timers)
            .finish_non_exhaustive()
    }
}

impl Inner {
    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(crate) fn recorder(&self) -> MutexGuard<'_, Recorder> {
        // A panic elsewhere leaves at worst a report with one entry less.
        self.recorder
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The slot of a resource server; makes room by forgetting the least recently used one.
    pub(crate) fn slot(&self, origin: &Origin) -> Slot {
        let mut slots = self
            .slots
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        slots.uses = slots.uses.saturating_add(1);
        let uses = slots.uses;
        if let Some((used, slot)) = slots.by_origin.get_mut(origin) {
            *used = uses;
            return Arc::clone(slot);
        }
        if slots.by_origin.len() >= self.limits.max_resource_servers.max(1) {
            let oldest = slots
                .by_origin
                .iter()
                .min_by_key(|(_, (used, _))| *used)
                .map(|(origin, _)| origin.clone());
            if let Some((_, evicted)) = oldest.and_then(|oldest| slots.by_origin.remove(&oldest)) {
                tokio::spawn(async move { evicted.lock().await.disconnect().await });
            }
        }
        let slot = Slot::default();
        slots
            .by_origin
            .insert(origin.clone(), (uses, Arc::clone(&slot)));
        slot
    }

    /// The slots in use.
    pub(crate) fn all_slots(&self) -> Vec<Slot> {
        let slots = self
            .slots
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let slots = slots.by_origin.values();
        slots.map(|(_, slot)| Arc::clone(slot)).collect()
    }

    /// A profile by its number.
    pub(crate) fn profile(&self, number: i64) -> Option<&dyn Profile> {
        self.profiles
            .iter()
            .find(|profile| profile.number() == number)
            .map(AsRef::as_ref)
    }

    /// Sends one request on a link and writes down what it took.
    pub(crate) async fn exchange(
        &self,
        step: Step,
        link: &Link,
        asked: String,
        request: Request,
    ) -> Result<Response, Failure> {
        let Some(before) = link.traffic().await else {
            return Err(Failure::gone());
        };
        let began = self.now();
        let result = link.request(request, before.datagrams_received).await;
        let outcome = match &result {
            Ok(response) => response.code.to_string(),
            Err(failure) => failure.reason.clone(),
        };
        let traffic = link.traffic().await.unwrap_or(before).since(before);
        self.record(step, link.peer, asked, outcome, began, traffic);
        result
    }

    pub(crate) fn record(
        &self,
        step: Step,
        peer: SocketAddr,
        asked: String,
        outcome: String,
        began: Instant,
        traffic: Traffic,
    ) {
        let took = self.now() - began;
        tracing::debug!(step = step.name(), %peer, asked, outcome, ?took, "exchange");
        self.recorder().exchange(Exchange {
            step,
            peer,
            asked,
            outcome,
            began,
            took,
            traffic,
        });
    }

    /// Checks that the lease still holds when an answer has come.
    pub(crate) fn still_valid(&self, lease: &Lease) -> Result<(), Error> {
        // RFC 9202 Section 3.4: the key is checked before a response is used.
        if self.now() < lease.validity.end() {
            Ok(())
        } else {
            Err(Error::KeyExpired)
        }
    }
}
