//! A fleet at one server: every device opens a session, then asks for a token again and again over the session that it
//! opened first.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use motekey_coap::dtls::{ClientCredential, Implementation, PreSharedKey};
use motekey_coap::endpoint::{Endpoint, EndpointConfig, Event, Security, SessionId};
use motekey_coap::message::{Code, ContentFormat, Request};
use motekey_cose::message::{TokenRequest, TokenResponse};
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::GATEWAY_KEY;
use super::program::{Directory, Server, hexadecimal};

/// Devices: what `motekey serve` has to hold; fewer without optimization. The environment variable `DEVICES` gives
/// another number.
fn devices() -> u32 {
    let usual = if cfg!(debug_assertions) {
        1_000
    } else {
        20_000
    };
    std::env::var("DEVICES").map_or(usual, |number| number.parse().unwrap())
}

/// Requests of each device.
const ROUNDS: usize = 3;

/// Devices that talk at a time.
const AT_A_TIME: usize = 500;

/// How long a device waits for its session or an answer.
const PATIENCE: Duration = Duration::from_secs(60);

fn name(number: u32) -> String {
    format!("device-{number:05}")
}

/// Different for each device, and different from what a person would write.
fn key(number: u32) -> String {
    let mixed = u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    format!("{:032x}", mixed ^ (mixed >> 61))
}

fn configuration(devices: u32) -> String {
    let mut text = format!(
        "[limits]\nmax_sessions = {}\nmax_half_open_sessions = {}\n\
         [[resource_server]]\nname = \"gateway\"\nshared_key = \"{GATEWAY_KEY}\"\n",
        devices + 100,
        2 * AT_A_TIME,
    );
    for number in 0..devices {
        text += &format!(
            "[[device]]\nname = \"{}\"\nkey = \"{}\"\nallow = {{ gateway = [\"GET|POST /meters\"] }}\n",
            name(number),
            key(number)
        );
    }
    text
}

/// A device with an address of its own. Its socket is open only while it talks, so that the fleet needs no more open
/// files than talk at a time.
struct Device {
    endpoint: Endpoint,
    number: u32,
    /// Opened once, and never again.
    session: Option<SessionId>,
    server: SocketAddr,
    address: SocketAddr,
    origin: Instant,
}

impl Device {
    fn new(number: u32, server: SocketAddr, origin: Instant) -> Self {
        let backend = Implementation::default().client(PATIENCE);
        let config = EndpointConfig::default();
        let mut seed = [1; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        let address = Ipv4Addr::from(0x7f01_0000 + number);
        Self {
            endpoint: Endpoint::new(config, Security::Dtls(backend), seed),
            number,
            session: None,
            server,
            address: SocketAddr::from((address, 40_000)),
            origin,
        }
    }

    fn now(&self) -> motekey_coap::time::Instant {
        motekey_coap::time::Instant::ZERO + self.origin.elapsed()
    }

    /// Carries datagrams until something has happened; `None` if nothing does.
    async fn event(&mut self) -> Option<Event> {
        let socket = UdpSocket::bind(self.address).await.unwrap();
        let deadline = Instant::now() + PATIENCE;
        let mut buffer = [0; 2048];
        loop {
            while let Some(transmit) = self.endpoint.poll_transmit() {
                socket
                    .send_to(&transmit.datagram, transmit.peer)
                    .await
                    .unwrap();
            }
            if let Some(event) = self.endpoint.poll_event() {
                return Some(event);
            }
            let timer = self.endpoint.poll_timeout();
            let timer = timer.map_or(deadline, |at| {
                self.origin + Duration::from_micros(at.as_micros())
            });
            tokio::select! {
                received = socket.recv_from(&mut buffer) => {
                    let (length, peer) = received.unwrap();
                    let datagram = buffer.get(..length).unwrap();
                    self.endpoint.handle_datagram(self.now(), peer, datagram);
                }
                () = sleep_until(timer.min(deadline)) => {
                    if Instant::now() >= deadline {
                        return None;
                    }
                    self.endpoint.handle_timeout(self.now());
                }
            }
        }
    }

    async fn connect(&mut self) -> bool {
        let credential = ClientCredential::PreSharedKey {
            identity: name(self.number).into_bytes(),
            key: PreSharedKey::new(hexadecimal(&key(self.number))),
        };
        let (now, server) = (self.now(), self.server);
        let session = self.endpoint.open(now, server, &credential);
        self.session = Some(session.unwrap());
        matches!(self.event().await, Some(Event::Connected { .. }))
    }

    async fn ask(&mut self) -> bool {
        let request = TokenRequest {
            audience: Some("gateway".to_owned()),
            ..TokenRequest::default()
        };
        let request =
            Request::post("/token").with_payload(ContentFormat::ACE_CBOR, request.encode());
        let (now, session) = (self.now(), self.session.unwrap());
        if self.endpoint.request(now, session, request).is_err() {
            return false;
        }
        match self.event().await {
            Some(Event::Response { response, .. }) => {
                response.code == Code::CREATED && TokenResponse::decode(&response.payload).is_ok()
            }
            _ => false,
        }
    }
}

/// Lets every device do something, a bounded number at a time; the devices, and how many succeeded.
async fn all(devices: Vec<Device>, connect: bool) -> (Vec<Device>, usize) {
    let (turns, done) = (
        Arc::new(Semaphore::new(AT_A_TIME)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut tasks = JoinSet::new();
    for mut device in devices {
        let (turns, done) = (turns.clone(), done.clone());
        tasks.spawn(async move {
            let _turn = turns.acquire_owned().await.unwrap();
            let succeeded = if connect {
                device.connect().await
            } else {
                device.ask().await
            };
            done.fetch_add(usize::from(succeeded), Ordering::Relaxed);
            device
        });
    }
    let devices = tasks.join_all().await;
    (devices, done.load(Ordering::Relaxed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_asks_again_and_again_over_its_first_sessions() {
    let count = devices();
    let directory = Directory::new("fleet");
    let file = directory.write("motekey.toml", &configuration(count));
    let begun = std::time::Instant::now();
    let server = Server::start(&["--config", &file]);
    println!(
        "{count} devices: started in {} ms, {} kB resident",
        begun.elapsed().as_millis(),
        server.resident_kilobytes()
    );
    let (origin, address) = (Instant::now(), server.address());
    let wanted = usize::try_from(count).unwrap();
    let mut devices: Vec<_> = (0..count)
        .map(|number| Device::new(number, address, origin))
        .collect();
    for round in 0..=ROUNDS {
        let (begun, cpu) = (std::time::Instant::now(), server.cpu_time());
        let succeeded;
        (devices, succeeded) = all(devices, round == 0).await;
        let cpu = server.cpu_time() - cpu;
        println!(
            "{}: {succeeded} of {wanted}, {} failed, {} ms, server: {} ms of CPU, {} kB resident",
            if round == 0 { "handshakes" } else { "tokens" },
            wanted - succeeded,
            begun.elapsed().as_millis(),
            cpu.as_millis(),
            server.resident_kilobytes()
        );
        assert_eq!(succeeded, wanted);
    }
    let datagrams: u64 = devices
        .iter()
        .map(|device| device.endpoint.totals().datagrams_sent)
        .sum();
    let repeated: u64 = devices
        .iter()
        .map(|device| device.endpoint.totals().retransmissions)
        .sum();
    println!("the devices sent {datagrams} datagrams, {repeated} requests again");
    // Each answer came over the session that was opened first: a device has one session, and it is still there.
    for device in &devices {
        let session = device.session.unwrap();
        assert!(device.endpoint.statistics(session).is_some());
        assert_eq!(device.endpoint.session_count(), 1);
    }
    server.signal("TERM");
    assert_eq!(server.wait().0.code(), Some(0));
}
