//! The load: devices on sockets of their own, each at an address of its own, that go on in step. All of them send, then
//! all wait for their answers, so that the server has work in its socket for most of the time. The last one waits first:
//! when it has its answer, the others have theirs, so that the server does not pay for waking the load with each of them.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant as WallClock};

use motekey_dtls::crypto::aws_lc::PROVIDER;
use motekey_dtls::{ClientConfig, Connection, Event, Instant};

use crate::keys::{Manner, Numbers};

/// Devices at a time.
pub(crate) const CONCURRENCY: usize = 64;
/// How long a device waits before it asks again. Loopback loses nothing unless a queue is full.
const PATIENCE: Duration = Duration::from_secs(2);
const ATTEMPTS: u32 = 5;

/// The devices of a server.
pub(crate) struct Load {
    server: SocketAddr,
    manner: Manner,
    config: ClientConfig,
    began: WallClock,
    /// Devices that there were, of all loads: each has its own address.
    numbers: std::ops::RangeFrom<u32>,
    devices: Vec<Device>,
    /// Sockets that were closed last, so that the server's last words do not come back as ICMP messages.
    left: VecDeque<UdpSocket>,
}

/// A device and its session.
struct Device {
    socket: UdpSocket,
    connection: Connection,
    message_id: u16,
    outgoing: Vec<Vec<u8>>,
    connected: bool,
    answered: bool,
}

impl Load {
    /// No devices yet. `first` is the number of the first that comes.
    pub(crate) fn new(server: SocketAddr, manner: Manner, first: u32) -> Self {
        Self {
            server,
            manner,
            config: ClientConfig::new(&PROVIDER),
            began: WallClock::now(),
            numbers: first..,
            devices: Vec::new(),
            left: VecDeque::new(),
        }
    }

    fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.began.elapsed().as_micros()).unwrap())
    }

    /// A new device that is about to say hello.
    fn device(&mut self) -> Device {
        let number = self.numbers.next().unwrap();
        let [_, high, middle, low] = number.to_be_bytes();
        let host = Ipv4Addr::new(127, 1 + high, middle, low);
        let socket = UdpSocket::bind((host, 40_000)).unwrap();
        socket.connect(self.server).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let credential = self.manner.credential(number);
        let now = self.now();
        let connection = Connection::connect(&self.config, &credential, now, &mut Numbers);
        let mut device = Device {
            socket,
            connection: connection.unwrap(),
            message_id: 0,
            outgoing: Vec::new(),
            connected: false,
            answered: false,
        };
        device.collect();
        device
    }

    /// Sessions of their own for all devices, each with a request if `request`; they stay open.
    pub(crate) fn connect(&mut self, request: bool) {
        self.devices.clear();
        self.devices = (0..CONCURRENCY).map(|_| self.device()).collect();
        let done = |device: &Device| device.connected && (device.answered || !request);
        while !self.devices.iter().all(done) {
            self.send();
            let now = self.now();
            let waiting = self.devices.iter_mut().filter(|device| !done(device));
            for device in waiting.rev() {
                device.receive(now);
                if device.connected && request && !device.answered {
                    device.ask();
                }
            }
        }
    }

    /// Makes `count` sessions that stay idle; the devices forget them.
    pub(crate) fn idle(&mut self, count: usize) {
        for _ in 0..count.div_ceil(CONCURRENCY) {
            self.connect(false);
        }
        self.devices.clear();
    }

    /// Visits: a handshake, a request, close_notify, and the next device. Ends after `count` answers.
    pub(crate) fn visit(&mut self, count: usize) {
        if self.devices.is_empty() {
            self.devices = (0..CONCURRENCY).map(|_| self.device()).collect();
        }
        let mut answers = 0;
        while answers < count {
            self.send();
            for index in (0..self.devices.len()).rev() {
                let now = self.now();
                let Some(device) = self.devices.get_mut(index) else {
                    return;
                };
                device.receive(now);
                if device.answered {
                    answers += 1;
                    self.renew(index);
                } else if device.connected {
                    device.ask();
                }
            }
        }
    }

    /// The device leaves, and another comes.
    fn renew(&mut self, index: usize) {
        let mut next = self.device();
        let Some(device) = self.devices.get_mut(index) else {
            return;
        };
        std::mem::swap(device, &mut next);
        next.connection.close();
        next.collect();
        next.send();
        self.left.push_back(next.socket);
        if self.left.len() > 2 * CONCURRENCY {
            self.left.pop_front();
        }
    }

    /// Requests on the sessions that [`Load::connect`] made; ends after `count` answers.
    pub(crate) fn get(&mut self, count: usize) {
        for _ in 0..count.div_ceil(CONCURRENCY) {
            self.devices.iter_mut().for_each(Device::ask);
            self.send();
            let now = self.now();
            for device in self.devices.iter_mut().rev() {
                while !device.answered {
                    device.receive(now);
                }
            }
        }
    }

    fn send(&mut self) {
        self.devices.iter_mut().for_each(Device::send);
    }
}

impl Device {
    /// Sends what there is to send.
    fn send(&mut self) {
        for datagram in self.outgoing.drain(..) {
            self.socket.send(&datagram).unwrap();
        }
    }

    fn collect(&mut self) {
        let connection = &mut self.connection;
        self.outgoing
            .extend(std::iter::from_fn(|| connection.poll_transmit()));
    }

    /// A request: confirmable GET of `time` (RFC 7252 Section 3).
    fn ask(&mut self) {
        self.answered = false;
        self.message_id = self.message_id.wrapping_add(1);
        let [high, low] = self.message_id.to_be_bytes();
        let message = [
            0x42, 0x01, high, low, high, low, 0xb4, b't', b'i', b'm', b'e',
        ];
        self.connection.send(&message).unwrap();
        self.collect();
    }

    /// Waits until there is something to send, the handshake has ended, or the answer is there.
    fn receive(&mut self, now: Instant) {
        let mut buffer = [0; 2048];
        let connected = self.connected;
        let mut attempts = 0;
        while self.outgoing.is_empty() && self.connected == connected && !self.answered {
            match self.socket.recv(&mut buffer) {
                Ok(length) => {
                    let datagram = buffer.get(..length).unwrap();
                    self.connection.handle_datagram(now, datagram);
                }
                Err(error) => {
                    attempts += 1;
                    assert!(attempts < ATTEMPTS, "no answer: {error}");
                    self.connection.handle_timeout(now);
                }
            }
            self.collect();
            while let Some(event) = self.connection.poll_event() {
                match event {
                    Event::Connected { .. } => self.connected = true,
                    // RFC 7252 Section 12.1.2: 2.05 Content.
                    Event::Data(data) => {
                        assert_eq!(data.get(1), Some(&0x45), "{data:?}");
                        self.answered = true;
                    }
                    other => unreachable!("{other:?}"),
                }
            }
        }
    }
}
