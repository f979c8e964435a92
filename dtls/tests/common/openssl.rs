//! `openssl` as a child process, and a socket for our end.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant as WallClock};

use motekey_dtls::{Connection, Event, FirstContact, Instant, Server};

use super::TestRandom;

/// A running `openssl`, ended with the test.
pub(crate) struct OpenSsl {
    pub(crate) child: Child,
    pub(crate) lines: mpsc::Receiver<String>,
}

impl OpenSsl {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::program("openssl", "openssl", arguments)
    }

    /// Another program that behaves like it; `package` is the Debian package to install if it is missing.
    pub(crate) fn program(program: &str, package: &str, arguments: &[&str]) -> Self {
        let spawned = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        assert!(
            spawned.is_ok(),
            "{program}: {:?}; install the package {package}",
            spawned.as_ref().err()
        );
        let mut child = spawned.unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            output
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        Self { child, lines }
    }

    pub(crate) fn write(&mut self, text: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(text.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    /// Waits for a line of output that contains `text`.
    pub(crate) fn wait_for(&self, text: &str) -> bool {
        let until = WallClock::now() + Duration::from_secs(10);
        while let Ok(line) = self
            .lines
            .recv_timeout(until.saturating_duration_since(WallClock::now()))
        {
            if line.contains(text) {
                return true;
            }
        }
        false
    }

    /// Waits for a line with one of two texts; whether it was the first.
    pub(crate) fn wait_for_either(&self, first: &str, second: &str) -> Option<bool> {
        let until = WallClock::now() + Duration::from_secs(10);
        loop {
            let left = until.saturating_duration_since(WallClock::now());
            let line = self.lines.recv_timeout(left).ok()?;
            if line.contains(first) || line.contains(second) {
                return Some(line.contains(first));
            }
        }
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A session on a socket.
pub(crate) struct Driver {
    pub(crate) socket: UdpSocket,
    pub(crate) start: WallClock,
    pub(crate) events: Vec<Event>,
}

impl Driver {
    pub(crate) fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        Self {
            socket,
            start: WallClock::now(),
            events: Vec::new(),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap())
    }

    pub(crate) fn flush(&mut self, connection: &mut Connection, peer: SocketAddr) {
        while let Some(datagram) = connection.poll_transmit() {
            self.socket.send_to(&datagram, peer).unwrap();
        }
        self.events
            .extend(std::iter::from_fn(|| connection.poll_event()));
    }

    /// Runs until `done` or ten seconds.
    pub(crate) fn run(
        &mut self,
        connection: &mut Connection,
        peer: SocketAddr,
        done: impl Fn(&[Event]) -> bool,
    ) {
        let mut buffer = [0; 2048];
        self.flush(connection, peer);
        while !done(&self.events) {
            assert!(
                self.start.elapsed() < Duration::from_secs(10),
                "{:?}",
                self.events
            );
            if let Ok((length, _)) = self.socket.recv_from(&mut buffer) {
                connection.handle_datagram(self.now(), &buffer[..length]);
            }
            connection.handle_timeout(self.now());
            self.flush(connection, peer);
        }
    }

    /// Waits for the first session.
    pub(crate) fn accept(
        &mut self,
        front: &mut Server,
        random: &mut TestRandom,
    ) -> (Connection, SocketAddr) {
        let mut buffer = [0; 2048];
        loop {
            assert!(
                self.start.elapsed() < Duration::from_secs(10),
                "nobody came"
            );
            let Ok((length, peer)) = self.socket.recv_from(&mut buffer) else {
                continue;
            };
            match front
                .first_contact(self.now(), peer, &buffer[..length], random)
                .unwrap()
            {
                FirstContact::Ignore => {}
                FirstContact::Reply(reply) | FirstContact::Refuse { reply, .. } => {
                    self.socket.send_to(&reply, peer).unwrap();
                }
                FirstContact::Accept(connection) => return (*connection, peer),
            }
        }
    }
}

pub(crate) fn has_data(text: &'static [u8]) -> impl Fn(&[Event]) -> bool {
    move |events| {
        events
            .iter()
            .any(|event| matches!(event, Event::Data(data) if data.starts_with(text)))
    }
}

pub(crate) fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
