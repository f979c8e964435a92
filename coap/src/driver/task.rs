//! The driver's one task.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

use super::handle::{Command, OpenError, Reply};
use super::handlers::{Handlers, overloaded};
use super::waiting::Waiting;
use super::wakes::Wakes;
use super::{Context, DriverConfig, Handler};
use crate::dtls::SessionId;
use crate::endpoint::{Endpoint, Event, RequestHandle, RequestId};
use crate::message::{Request, Response};
use crate::time::Instant;

/// The largest UDP datagram.
const DATAGRAM: usize = 65_535;

pub(super) struct Task {
    socket: UdpSocket,
    endpoint: Endpoint,
    secure: bool,
    config: DriverConfig,
    origin: tokio::time::Instant,
    commands: mpsc::Receiver<Command>,
    wakes: Arc<Wakes>,
    handlers: Handlers,
    waiting: Waiting,
    ending: Option<Ending>,
    buffer: Vec<u8>,
}

/// A shutdown that was asked for.
struct Ending {
    deadline: Instant,
    replies: Vec<oneshot::Sender<()>>,
}

/// What the task woke up for.
enum Wake {
    Readable(io::Result<()>),
    Command(Option<Command>),
    Answer(RequestHandle, Response),
    Sessions,
    Timer,
}

impl Task {
    pub(super) fn new(
        socket: UdpSocket,
        mut endpoint: Endpoint,
        secure: bool,
        config: DriverConfig,
        handler: Option<Arc<dyn Handler>>,
        receiver: mpsc::Receiver<Command>,
        commands: &mpsc::Sender<Command>,
    ) -> Self {
        let wakes = Arc::new(Wakes::default());
        endpoint.set_waker_factory(wakes.wakers());
        Self {
            socket,
            endpoint,
            secure,
            config,
            origin: tokio::time::Instant::now(),
            commands: receiver,
            wakes,
            handlers: Handlers::new(handler, config.max_handlers),
            waiting: Waiting::new(commands.downgrade()),
            ending: None,
            buffer: vec![0; DATAGRAM],
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            self.flush().await;
            if self.is_over() {
                break;
            }
            match self.wait().await {
                Wake::Readable(Ok(())) => self.receive(),
                Wake::Readable(Err(error)) => tracing::warn!(%error, "the socket"),
                Wake::Command(Some(command)) => self.command(command),
                Wake::Command(None) => self.end(None),
                Wake::Answer(handle, response) => {
                    let now = self.now();
                    self.endpoint.respond(now, handle, response);
                }
                Wake::Sessions => self.wake(),
                Wake::Timer => {
                    let now = self.now();
                    self.endpoint.handle_timeout(now);
                }
            }
        }
        self.say_goodbye().await;
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.origin.elapsed()
    }

    async fn wait(&mut self) -> Wake {
        let deadline = self.ending.as_ref().map(|ending| ending.deadline);
        let timer = [self.endpoint.poll_timeout(), deadline]
            .into_iter()
            .flatten()
            .min();
        let origin = self.origin;
        let accepting = self.ending.is_none();
        let sleep = async {
            match timer {
                Some(at) => tokio::time::sleep_until(origin + (at - Instant::ZERO)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            result = self.socket.readable() => Wake::Readable(result),
            command = self.commands.recv(), if accepting => Wake::Command(command),
            (handle, response) = self.handlers.next() => Wake::Answer(handle, response),
            () = self.wakes.rung() => Wake::Sessions,
            () = sleep => Wake::Timer,
        }
    }

    /// Takes datagrams until there are none, or until the others shall have their turn.
    fn receive(&mut self) {
        for _ in 0..self.config.receive_batch.max(1) {
            match self.socket.try_recv_from(&mut self.buffer) {
                Ok((length, peer)) => {
                    let now = self.now();
                    if let Some(datagram) = self.buffer.get(..length) {
                        self.endpoint.handle_datagram(now, peer, datagram);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    // An ICMP message about an earlier datagram, for instance.
                    tracing::debug!(%error, "receiving");
                    break;
                }
            }
        }
    }

    fn wake(&mut self) {
        let now = self.now();
        for session in self.wakes.take() {
            self.endpoint.handle_wake(now, session);
        }
    }

    fn command(&mut self, command: Command) {
        let now = self.now();
        match command {
            Command::Open {
                peer,
                credential,
                reply,
            } => match self.endpoint.open(now, peer, &credential) {
                Ok(session) => self.waiting.opened(session, reply),
                Err(error) => drop(reply.send(Err(OpenError::Connect(error)))),
            },
            Command::OpenPlain { peer, reply } => {
                let _ = reply.send(self.endpoint.open_plain(now, peer));
            }
            Command::Request {
                session,
                request,
                reply,
            } => {
                self.request(session, request, reply, Waiting::requested);
            }
            Command::Observe {
                session,
                request,
                reply,
            } => {
                self.request(session, request, reply, Waiting::observed);
            }
            Command::Cancel(request) => self.cancel(request),
            Command::Notify {
                observation,
                response,
            } => self.endpoint.notify(now, observation, response),
            Command::ForgetBodies(session) => self.endpoint.forget_bodies(session),
            Command::Close(session) => self.endpoint.close(now, session),
            Command::Statistics { session, reply } => drop(reply.send(match session {
                Some(session) => self.endpoint.statistics(session),
                None => Some(self.endpoint.totals()),
            })),
            Command::Shutdown { reply } => self.end(Some(reply)),
        }
    }

    fn request<T>(
        &mut self,
        session: SessionId,
        request: Request,
        reply: Reply<T>,
        note: fn(&mut Waiting, RequestId, Reply<T>) -> bool,
    ) {
        let now = self.now();
        match self.endpoint.request(now, session, request) {
            Ok(request) => {
                let caller_waits = note(&mut self.waiting, request, reply);
                if !caller_waits {
                    self.cancel(request);
                }
            }
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    fn cancel(&mut self, request: RequestId) {
        let now = self.now();
        self.waiting.cancelled(request);
        self.endpoint.cancel(now, request);
    }

    /// Hands out events until there are none, then sends what is to be sent.
    async fn flush(&mut self) {
        loop {
            while let Some(event) = self.endpoint.poll_event() {
                self.event(event);
            }
            let Some(transmit) = self.endpoint.poll_transmit() else {
                break;
            };
            self.send(transmit.peer, &transmit.datagram).await;
        }
    }

    async fn send(&mut self, peer: SocketAddr, datagram: &[u8]) {
        let mut result = self.socket.try_send_to(datagram, peer);
        if result
            .as_ref()
            .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        {
            result = self.socket.send_to(datagram, peer).await;
        }
        // A datagram that cannot be sent is as lost as one on the way; what matters is sent again.
        if let Err(error) = result {
            tracing::debug!(%error, %peer, bytes = datagram.len(), "sending");
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected {
                session, identity, ..
            } => {
                if let Some(handler) = self.handlers.handler() {
                    handler.connected(session, identity.as_ref());
                }
                self.waiting.connected(session, identity);
            }
            Event::Closed {
                session, reason, ..
            } => {
                if let Some(handler) = self.handlers.handler() {
                    handler.closed(session, &reason);
                }
                self.waiting.closed(session, &reason);
            }
            Event::HandshakeFailed {
                peer_address,
                reason,
                ..
            } => self.notice(|handler| handler.handshake_failed(peer_address, &reason)),
            Event::Refused {
                peer_address,
                reason,
            } => self.notice(|handler| handler.refused(peer_address, reason)),
            Event::Moved { session, from, to } => {
                self.notice(|handler| handler.moved(session, from, to));
            }
            Event::Request {
                handle,
                session,
                peer_address,
                identity,
                request,
                observe,
            } => {
                let secure = self.secure;
                let context = Context {
                    session,
                    peer: peer_address,
                    identity,
                    secure,
                    observation: observe,
                };
                self.begin(handle, context, request);
            }
            Event::Response { request, response } => self.waiting.response(request, response),
            Event::Notification {
                request,
                response,
                last,
            } => {
                self.waiting.notification(request, response, last);
            }
            Event::RequestFailed { request, error } => self.waiting.failed(request, error),
            Event::NotificationAcknowledged {
                observation,
                receipt,
            } => {
                if let Some(handler) = self.handlers.handler() {
                    handler.notification_acknowledged(observation, receipt);
                }
            }
            Event::ObservationEnded { observation } => {
                if let Some(handler) = self.handlers.handler() {
                    handler.observation_ended(observation);
                }
            }
        }
    }

    fn notice(&self, tell: impl FnOnce(&dyn Handler)) {
        if let Some(handler) = self.handlers.handler() {
            tell(handler);
        }
    }

    fn begin(&mut self, handle: RequestHandle, context: Context, request: Request) {
        let answer = if self.ending.is_some() {
            Some((handle, overloaded()))
        } else {
            self.handlers.begin(handle, context, request)
        };
        if let Some((handle, response)) = answer {
            let now = self.now();
            self.endpoint.respond(now, handle, response);
        }
    }

    fn end(&mut self, reply: Option<oneshot::Sender<()>>) {
        let deadline = self.now() + self.config.shutdown_time;
        self.commands.close();
        let ending = self.ending.get_or_insert(Ending {
            deadline,
            replies: Vec::new(),
        });
        ending.replies.extend(reply);
    }

    fn is_over(&self) -> bool {
        self.ending
            .as_ref()
            .is_some_and(|ending| self.handlers.are_done() || self.now() >= ending.deadline)
    }

    async fn say_goodbye(&mut self) {
        let now = self.now();
        // RFC 5246 Section 7.2.1: each session ends with close_notify.
        for session in self.waiting.sessions() {
            self.endpoint.close(now, session);
        }
        // Bounded in time: a socket that takes nothing more must not hold the program.
        let limit = self.config.shutdown_time.max(Duration::from_millis(100));
        if tokio::time::timeout(limit, self.flush()).await.is_err() {
            tracing::debug!("not all close_notify alerts were sent");
        }
        for reply in self
            .ending
            .take()
            .into_iter()
            .flat_map(|ending| ending.replies)
        {
            let _ = reply.send(());
        }
    }
}
