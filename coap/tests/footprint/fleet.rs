//! An endpoint as server, and devices that connect to it one after the other.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use motekey_coap::dtls::motekey::{Motekey, MotekeyConfig};
use motekey_coap::dtls::{CredentialSource, PreSharedKey, PskAnswer};
use motekey_coap::endpoint::{Endpoint, EndpointConfig, Event, Security};
use motekey_coap::message::{Code, Kind, Message, Request, Response, Token};
use motekey_coap::time::Instant;
use motekey_dtls::crypto::{RandomError, RandomSource, rust};
use motekey_dtls::{ClientConfig, ClientCredential, Connection};

const KEY: [u8; 16] = [7; 16];

/// Numbers that repeat from run to run.
struct Numbers(u64);

impl RandomSource for Numbers {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        for byte in bytes {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = u8::try_from(self.0 >> 56).unwrap();
        }
        Ok(())
    }
}

struct Keys;

impl CredentialSource for Keys {
    fn pre_shared_key(&self, _identity: &[u8]) -> PskAnswer {
        PskAnswer::Key(PreSharedKey::new(KEY.to_vec()))
    }
}

/// The end of a device.
pub(crate) struct Device {
    address: SocketAddr,
    connection: Connection,
}

/// The server.
pub(crate) struct Fleet {
    pub(crate) endpoint: Endpoint,
    random: Numbers,
    now: Instant,
}

impl Fleet {
    pub(crate) fn new(sessions: u32) -> Self {
        let config = MotekeyConfig {
            connection_id_length: 8,
            ..MotekeyConfig::default()
        };
        let backend = Motekey::server(config, Arc::new(Keys), Box::new(Numbers(1)));
        let config = EndpointConfig {
            max_sessions: usize::try_from(sessions).unwrap(),
            ..EndpointConfig::default()
        };
        Self {
            endpoint: Endpoint::new(config, Security::Dtls(Box::new(backend)), [1; 32]),
            random: Numbers(2),
            now: Instant::from_micros(1_000_000),
        }
    }

    /// A device with an address and an identity of its own connects.
    pub(crate) fn connect(&mut self, number: u32) -> Device {
        let address = SocketAddr::from((Ipv4Addr::from(0x0a00_0000 + number), 40_000));
        let config = ClientConfig::new(&rust::PROVIDER);
        let credential = ClientCredential::PreSharedKey {
            identity: format!("device-{number:08}").into_bytes(),
            key: motekey_dtls::PreSharedKey::new(KEY.to_vec()),
        };
        let now = motekey_dtls::Instant::from_micros(self.now.as_micros());
        let connection = Connection::connect(&config, &credential, now, &mut self.random).unwrap();
        let mut device = Device {
            address,
            connection,
        };
        self.run(&mut device);
        assert!(device.connection.is_established());
        self.now = self.now + Duration::from_millis(1);
        device
    }

    /// The device asks something and gets its answer.
    pub(crate) fn ask(&mut self, mut device: Device) {
        let Request {
            method, options, ..
        } = Request::get("/reading");
        let message = Message {
            kind: Kind::Confirmable,
            code: method,
            id: 1,
            token: Token::EMPTY,
            options,
            payload: Vec::new(),
        };
        device.connection.send(&message.encode()).unwrap();
        let answers = self.run(&mut device);
        assert_eq!(answers, 1);
    }

    /// Carries datagrams until there are none; how many messages came to the device.
    fn run(&mut self, device: &mut Device) -> usize {
        loop {
            let mut quiet = true;
            while let Some(datagram) = device.connection.poll_transmit() {
                quiet = false;
                self.endpoint
                    .handle_datagram(self.now, device.address, &datagram);
                self.serve();
            }
            let now = motekey_dtls::Instant::from_micros(self.now.as_micros());
            while let Some(transmit) = self.endpoint.poll_transmit() {
                quiet = false;
                assert_eq!(transmit.peer, device.address);
                device.connection.handle_datagram(now, &transmit.datagram);
            }
            if quiet {
                let events = core::iter::from_fn(|| device.connection.poll_event());
                return events
                    .filter(|event| matches!(event, motekey_dtls::Event::Data(_)))
                    .count();
            }
        }
    }

    fn serve(&mut self) {
        while let Some(event) = self.endpoint.poll_event() {
            if let Event::Request { handle, .. } = event {
                self.endpoint
                    .respond(self.now, handle, Response::new(Code::CONTENT));
            }
        }
    }

    /// Lets time pass, timer by timer.
    pub(crate) fn pass(&mut self, duration: Duration) {
        let until = self.now + duration;
        while let Some(at) = self.endpoint.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.endpoint.handle_timeout(self.now);
            self.serve();
        }
        self.now = until;
    }
}
