//! Two sessions and the network between them, in memory.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::Subject;
use crate::dtls::{
    Backend, ClientCredential, CredentialSource, FirstContact, PreSharedKey, PskAnswer, Session,
    SessionEvent, Waker,
};
use crate::time::Instant;

/// A server's answers, by identity; everybody else is unknown.
pub(super) struct Answers(BTreeMap<Vec<u8>, PskAnswer>);

impl Answers {
    pub(super) fn new(answers: impl IntoIterator<Item = (Vec<u8>, PskAnswer)>) -> Arc<Self> {
        Arc::new(Self(answers.into_iter().collect()))
    }

    pub(super) fn one(identity: &[u8], key: &[u8]) -> Arc<Self> {
        Self::new([(
            identity.to_vec(),
            PskAnswer::Key(PreSharedKey::new(key.to_vec())),
        )])
    }
}

impl CredentialSource for Answers {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        self.0.get(identity).cloned().unwrap_or(PskAnswer::Unknown)
    }
}

pub(super) fn credential(identity: &[u8], key: &[u8]) -> ClientCredential {
    ClientCredential::PreSharedKey {
        identity: identity.to_vec(),
        key: PreSharedKey::new(key.to_vec()),
    }
}

/// An end of the pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Client,
    Server,
}

/// What the network does with a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Deliver,
    Lose,
    Double,
}

/// A datagram on its way: who sent it, and the how many-th of that end it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passing {
    pub(super) from: End,
    pub(super) number: usize,
    /// The content type of its first record.
    pub(super) content_type: Option<u8>,
}

pub(super) struct Pair<'a> {
    subject: &'a mut dyn Subject,
    pub(super) now: Instant,
    server_backend: Box<dyn Backend>,
    client: Box<dyn Session>,
    server: Option<Box<dyn Session>>,
    pub(super) client_events: Vec<SessionEvent>,
    pub(super) server_events: Vec<SessionEvent>,
    /// Everything that was sent, in order.
    pub(super) sent: Vec<(End, Vec<u8>)>,
    network: Box<dyn FnMut(Passing) -> Fate>,
    /// What is on its way at the same time arrives in the opposite order.
    pub(super) reversed: bool,
}

/// The client's address, as the server sees it.
pub(super) fn client_address() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000))
}

fn server_address() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 5684))
}

impl<'a> Pair<'a> {
    pub(super) fn new(
        subject: &'a mut dyn Subject,
        credentials: Arc<dyn CredentialSource>,
        credential: &ClientCredential,
    ) -> Self {
        let now = Instant::ZERO;
        let server_backend = subject.server(credentials);
        let client = subject
            .client()
            .connect(now, server_address(), credential, Waker::none());
        Self {
            now,
            server_backend,
            client: client.expect("the credential is of a kind that the backend takes"),
            server: None,
            client_events: Vec::new(),
            server_events: Vec::new(),
            sent: Vec::new(),
            network: Box::new(|_| Fate::Deliver),
            reversed: false,
            subject,
        }
    }

    /// A pair over a network that decides about each datagram.
    pub(super) fn over(mut self, network: impl FnMut(Passing) -> Fate + 'static) -> Self {
        self.network = Box::new(network);
        self
    }

    /// A pair with a completed handshake.
    pub(super) fn connected(subject: &'a mut dyn Subject) -> Self {
        let answers = Answers::one(b"device", b"0123456789abcdef");
        let credential = credential(b"device", b"0123456789abcdef");
        let mut pair = Self::new(subject, answers, &credential);
        pair.run_until(Duration::from_secs(10), Self::is_connected);
        assert!(
            pair.is_connected(),
            "{:?} {:?}",
            pair.client_events,
            pair.server_events
        );
        pair.settle();
        pair.client_events.clear();
        pair.server_events.clear();
        pair
    }

    pub(super) fn is_connected(&self) -> bool {
        let connected = |events: &[SessionEvent]| {
            events
                .iter()
                .any(|event| matches!(event, SessionEvent::Connected { .. }))
        };
        connected(&self.client_events) && connected(&self.server_events)
    }

    pub(super) fn session(&mut self, end: End) -> &mut dyn Session {
        match end {
            End::Client => &mut *self.client,
            End::Server => &mut **self.server.as_mut().expect("the server has a session"),
        }
    }

    pub(super) fn send(&mut self, from: End, data: &[u8]) {
        let now = self.now;
        assert_eq!(self.session(from).send(now, data), Ok(()), "{from:?}");
    }

    pub(super) fn close(&mut self, end: End) {
        let now = self.now;
        self.session(end).close(now);
    }

    /// What `end` received as application data.
    pub(super) fn data(&self, end: End) -> Vec<Vec<u8>> {
        self.events(end)
            .iter()
            .filter_map(|event| match event {
                SessionEvent::Data(data) => Some(data.clone()),
                _ => None,
            })
            .collect()
    }

    pub(super) fn events(&self, end: End) -> &[SessionEvent] {
        match end {
            End::Client => &self.client_events,
            End::Server => &self.server_events,
        }
    }

    /// Gives `datagram` to an end, as if it had come from the other.
    pub(super) fn inject(&mut self, to: End, datagram: &[u8]) {
        let now = self.now;
        if to == End::Client {
            self.client.handle_datagram(now, datagram);
        } else if let Some(server) = &mut self.server {
            server.handle_datagram(now, datagram);
        } else {
            let backend = &mut self.server_backend;
            match backend.first_contact(now, client_address(), datagram, Waker::none()) {
                FirstContact::Ignore => {}
                FirstContact::Reply(reply) => {
                    self.client.handle_datagram(now, &reply);
                }
                FirstContact::Accept(session) => self.server = Some(session),
            }
        }
    }

    /// Lets everything happen that happens within 50 ms without news.
    pub(super) fn settle(&mut self) {
        let mut quiet = 0;
        while quiet < 50 {
            quiet = if self.exchange() { 0 } else { quiet + 1 };
            self.pass(Duration::from_millis(1));
        }
    }

    /// Runs until `done` or until `limit` of time has passed.
    pub(super) fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) {
        let end = self.now + limit;
        while !done(self) && self.now < end {
            if !self.exchange() {
                self.pass(Duration::from_millis(5));
            }
        }
    }

    /// Runs until both ends reported that they are closed, or for `limit`. A server that has no session has nothing
    /// to report.
    pub(super) fn run_until_closed(&mut self, limit: Duration) {
        let closed =
            |events: &[SessionEvent]| matches!(events.last(), Some(SessionEvent::Closed(_)));
        self.run_until(limit, |pair| {
            closed(&pair.client_events) && (pair.server.is_none() || closed(&pair.server_events))
        });
    }

    fn pass(&mut self, duration: Duration) {
        self.subject.pass(duration);
        self.now = self.now + duration;
        let now = self.now;
        let due = |session: &dyn Session| session.poll_timeout().is_some_and(|time| time <= now);
        if due(&*self.client) {
            self.client.handle_timeout(now);
        }
        if let Some(server) = self.server.as_mut().filter(|server| due(&***server)) {
            server.handle_timeout(now);
        }
    }

    /// Polls both ends once and carries what they send. True if anything happened.
    fn exchange(&mut self) -> bool {
        let mut happened = false;
        let mut passing = Vec::new();
        for end in [End::Client, End::Server] {
            let (session, events) = match end {
                End::Client => (Some(&mut self.client), &mut self.client_events),
                End::Server => (self.server.as_mut(), &mut self.server_events),
            };
            let Some(session) = session else { continue };
            while let Some(event) = session.poll_event() {
                happened = true;
                events.push(event);
            }
            while let Some(datagram) = session.poll_transmit() {
                passing.push((end, datagram));
            }
        }
        if self.reversed {
            passing.reverse();
        }
        for (from, datagram) in passing {
            happened = true;
            self.carry(from, datagram);
        }
        happened
    }

    fn carry(&mut self, from: End, datagram: Vec<u8>) {
        let number = self.sent.iter().filter(|(end, _)| *end == from).count();
        let fate = (self.network)(Passing {
            from,
            number,
            content_type: datagram.first().copied(),
        });
        let to = if from == End::Client {
            End::Server
        } else {
            End::Client
        };
        if fate != Fate::Lose {
            self.inject(to, &datagram);
        }
        if fate == Fate::Double {
            self.inject(to, &datagram);
        }
        self.sent.push((from, datagram));
    }
}
