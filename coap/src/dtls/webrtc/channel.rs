//! The two ends of a handshake in memory: datagrams in by a bounded queue, datagrams out into a shared place.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use motekey_dtls::{CipherSuite, Handover, Role};
use tokio::sync::mpsc;
use webrtc_util::Conn;
use zeroize::Zeroizing;

use super::gate::server_hello_suite;
use super::record::{self, Fragment, alert, content};
use crate::dtls::Waker;

/// Datagrams that wait for the handshake; further ones are lost, as in a network.
pub(super) const INBOUND: usize = 32;
/// Datagrams that wait for the endpoint; further ones are lost.
const OUTBOUND: usize = 32;
/// Datagrams of a last flight.
const LAST_FLIGHT: usize = 4;

/// What the task of a handshake and its session share.
pub(super) struct Shared {
    inner: Mutex<Inner>,
    waker: Waker,
}

/// How a handshake ended.
pub(super) enum Outcome {
    Completed(Completed),
    Failed(String),
}

/// All that the association needs from the handshake.
pub(super) struct Completed {
    /// `suite` in here is not filled yet on a client.
    keys: Keys,
    /// On a server: the suite that it chose.
    pub(super) suite: Option<CipherSuite>,
    /// On a server: the identity that the client showed.
    pub(super) identity: Option<Vec<u8>>,
    /// Beyond every record of epoch 0, and of epoch 1, that was sent.
    next_sequence: [u64; 2],
    /// Our datagrams from the ChangeCipherSpec on.
    last_flight: Vec<Vec<u8>>,
}

/// The secrets of a handshake, before it is known which suite uses them.
pub(super) struct Keys {
    master_secret: Zeroizing<[u8; 48]>,
    local_random: [u8; 32],
    remote_random: [u8; 32],
}

impl Keys {
    /// `None` if the lengths are not those of RFC 5246 Sections 7.4.1.2 and 8.1.
    pub(super) fn new(
        master_secret: &[u8],
        local_random: &[u8],
        remote_random: &[u8],
    ) -> Option<Self> {
        Some(Self {
            master_secret: Zeroizing::new(master_secret.try_into().ok()?),
            local_random: local_random.try_into().ok()?,
            remote_random: remote_random.try_into().ok()?,
        })
    }
}

impl Completed {
    /// What the connection goes on with.
    pub(super) fn handover(self, suite: CipherSuite, is_client: bool) -> Handover {
        let Keys {
            master_secret,
            local_random,
            remote_random,
        } = self.keys;
        let (role, client_random, server_random) = if is_client {
            (Role::Client, local_random, remote_random)
        } else {
            (Role::Server, remote_random, local_random)
        };
        let [plain_sequence, write_sequence] = self.next_sequence;
        // RFC 6347 Section 4.2.4: whoever sent the last flight, here the server, repeats it on demand.
        let last_flight = if is_client {
            Vec::new()
        } else {
            self.last_flight
        };
        Handover {
            role,
            suite,
            master_secret,
            client_random,
            server_random,
            plain_sequence,
            write_sequence,
            last_flight,
        }
    }
}

#[derive(Default)]
struct Inner {
    outbound: VecDeque<Vec<u8>>,
    outcome: Option<Outcome>,
    identity: Option<Vec<u8>>,
    suite: Option<CipherSuite>,
    /// Next sequence number of epoch 0 and of epoch 1.
    next_sequence: [u64; 2],
    last_flight: Vec<Vec<u8>>,
    alert_sent: bool,
    muted: bool,
}

impl Shared {
    pub(super) fn new(waker: Waker) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::default(),
            waker,
        })
    }

    /// The next datagram for the peer.
    pub(super) fn take_outbound(&self) -> Option<Vec<u8>> {
        self.lock().outbound.pop_front()
    }

    /// The outcome, once.
    pub(super) fn take_outcome(&self) -> Option<Outcome> {
        self.lock().outcome.take()
    }

    /// The client showed this identity.
    pub(super) fn note_identity(&self, identity: &[u8]) {
        self.lock().identity = Some(identity.to_vec());
    }

    /// An alert of the handshake was handed over.
    pub(super) fn alert_sent(&self) -> bool {
        self.lock().alert_sent
    }

    /// Ends the handshake with an alert of our choice; nothing of the crate goes out after it.
    pub(super) fn refuse(&self, description: u8) {
        let mut inner = self.lock();
        let [sequence, _] = inner.next_sequence;
        inner
            .outbound
            .push_back(record::plaintext_alert(sequence, alert::FATAL, description));
        inner.alert_sent = true;
        inner.muted = true;
    }

    /// The handshake completed. Nothing of the crate goes out after it: the numbers of epoch 1 are ours now.
    pub(super) fn complete(&self, keys: Keys) {
        let mut inner = self.lock();
        inner.muted = true;
        let completed = Completed {
            keys,
            suite: inner.suite,
            identity: inner.identity.take(),
            next_sequence: inner.next_sequence,
            last_flight: core::mem::take(&mut inner.last_flight),
        };
        inner.outcome = Some(Outcome::Completed(completed));
        drop(inner);
        self.waker.wake();
    }

    /// The handshake failed; `detail` is for logs. Changes nothing if it ended before.
    pub(super) fn fail(&self, detail: String) {
        let mut inner = self.lock();
        if inner.outcome.is_none() {
            inner.outcome = Some(Outcome::Failed(detail));
        }
        drop(inner);
        self.waker.wake();
    }

    fn send(&self, datagram: &[u8]) {
        let mut inner = self.lock();
        if inner.muted {
            return;
        }
        inner.observe(datagram);
        if inner.outbound.len() < OUTBOUND {
            inner.outbound.push_back(datagram.to_vec());
        }
        drop(inner);
        self.waker.wake();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No invariant spans two statements here, so what a panicking task left is still usable.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Notes what the association must know of our own records.
    fn observe(&mut self, datagram: &[u8]) {
        let mut in_last_flight = false;
        for record in record::records(datagram) {
            let epoch = usize::from(record.epoch);
            if let Some(next) = self.next_sequence.get_mut(epoch) {
                *next = (*next).max(record.sequence + 1);
            }
            match (record.epoch, record.content_type) {
                (_, content::ALERT) => self.alert_sent = true,
                (0, content::CHANGE_CIPHER_SPEC) => {
                    self.last_flight.clear();
                    in_last_flight = true;
                }
                (0, content::HANDSHAKE) if self.suite.is_none() => {
                    self.suite = Fragment::split(record.fragment)
                        .and_then(|(fragment, _)| server_hello_suite(&fragment));
                }
                (1, _) => in_last_flight = true,
                _ => {}
            }
        }
        if in_last_flight && self.last_flight.len() < LAST_FLIGHT {
            self.last_flight.push(datagram.to_vec());
        }
    }
}

/// The crate's view: a connected datagram socket.
pub(super) struct Channel {
    inbound: tokio::sync::Mutex<mpsc::Receiver<Vec<u8>>>,
    shared: Arc<Shared>,
}

impl Channel {
    pub(super) fn new(inbound: mpsc::Receiver<Vec<u8>>, shared: Arc<Shared>) -> Self {
        Self {
            inbound: tokio::sync::Mutex::new(inbound),
            shared,
        }
    }
}

fn not_applicable<T>() -> Result<T, webrtc_util::Error> {
    Err(webrtc_util::Error::Other(
        "not applicable to a channel in memory".to_owned(),
    ))
}

#[async_trait]
impl Conn for Channel {
    async fn connect(&self, _addr: SocketAddr) -> Result<(), webrtc_util::Error> {
        not_applicable()
    }

    async fn recv(&self, buffer: &mut [u8]) -> Result<usize, webrtc_util::Error> {
        loop {
            let Some(datagram) = self.inbound.lock().await.recv().await else {
                // The session is gone and its task is being ended. An error would be asked for again at once.
                return std::future::pending().await;
            };
            // A datagram that does not fit is lost, as in a network.
            if let Some(place) = buffer.get_mut(..datagram.len()) {
                place.copy_from_slice(&datagram);
                return Ok(datagram.len());
            }
        }
    }

    async fn recv_from(
        &self,
        _buffer: &mut [u8],
    ) -> Result<(usize, SocketAddr), webrtc_util::Error> {
        not_applicable()
    }

    async fn send(&self, buffer: &[u8]) -> Result<usize, webrtc_util::Error> {
        self.shared.send(buffer);
        Ok(buffer.len())
    }

    async fn send_to(
        &self,
        _buffer: &[u8],
        _target: SocketAddr,
    ) -> Result<usize, webrtc_util::Error> {
        not_applicable()
    }

    fn local_addr(&self) -> Result<SocketAddr, webrtc_util::Error> {
        not_applicable()
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        None
    }

    async fn close(&self) -> Result<(), webrtc_util::Error> {
        Ok(())
    }

    fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
        self
    }
}
