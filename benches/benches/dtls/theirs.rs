//! The crate dimpl with RustCrypto, under measurement.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use dimpl::{Config, Dtls, Output, PskResolver};

use crate::{BATCH, HELLOS, IDENTITY, KEY, RECORDS, Subject, cpu};

/// Configurations are built once: each tests its cryptography.
pub(crate) struct Dimpl {
    client: Arc<Config>,
    server: Arc<Config>,
    now: Instant,
}

struct OneKey;

impl PskResolver for OneKey {
    fn resolve(&self, identity: &[u8]) -> Option<Vec<u8>> {
        (identity == IDENTITY).then(|| KEY.to_vec())
    }
}

impl Dimpl {
    pub(crate) fn new() -> Self {
        let provider = dimpl::crypto::rust_crypto::default_provider();
        let base = || Config::builder().with_crypto_provider(provider.clone());
        let client = base().with_psk_client(IDENTITY.to_vec(), Arc::new(OneKey));
        let server = base().with_psk_server(None, Arc::new(OneKey));
        Self {
            client: Arc::new(client.build().unwrap()),
            server: Arc::new(server.build().unwrap()),
            now: Instant::now(),
        }
    }

    fn end(&self, config: &Arc<Config>, client: bool) -> Dtls {
        let mut dtls = Dtls::new_12_psk(Arc::clone(config), self.now);
        dtls.set_active(client);
        dtls.handle_timeout(self.now).unwrap();
        dtls
    }
}

/// The datagrams that an end wants to send; the data that came is dropped.
fn flight(end: &mut Dtls, buffer: &mut [u8]) -> Vec<Vec<u8>> {
    let mut datagrams = Vec::new();
    loop {
        match end.poll_output(buffer) {
            Output::Packet(packet) => datagrams.push(packet.to_vec()),
            Output::Timeout(_) => return datagrams,
            other => drop(black_box(other)),
        }
    }
}

impl Subject for Dimpl {
    type Client = Dtls;
    type Server = Dtls;

    fn handshakes(&mut self) -> (Vec<Dtls>, Vec<Dtls>, f64, usize) {
        let mut buffer = vec![0; 2048];
        let mut clients: Vec<_> = (0..BATCH).map(|_| self.end(&self.client, true)).collect();
        let (mut servers, mut time) = cpu(|| {
            let make = |_| self.end(&self.server, false);
            (0..BATCH).map(make).collect::<Vec<_>>()
        });
        let mut bytes = 0;
        for _ in 0..3 {
            let flights: Vec<_> = clients
                .iter_mut()
                .map(|client| flight(client, &mut buffer))
                .collect();
            let (answers, seconds) = cpu(|| {
                let answer = |(server, flights): (&mut Dtls, &Vec<Vec<u8>>)| {
                    for datagram in flights {
                        server.handle_packet(datagram).unwrap();
                    }
                    flight(server, &mut buffer)
                };
                let ends = servers.iter_mut().zip(&flights);
                ends.map(answer).collect::<Vec<_>>()
            });
            time += seconds;
            bytes += [&flights, &answers]
                .map(|flights| flights.first().unwrap().concat().len())
                .iter()
                .sum::<usize>();
            for (client, answer) in clients.iter_mut().zip(&answers) {
                for datagram in answer {
                    client.handle_packet(datagram).unwrap();
                }
            }
        }
        (clients, servers, time, bytes)
    }

    fn echo(&mut self, client: &mut Dtls, server: &mut Dtls) -> f64 {
        let mut buffer = vec![0; 2048];
        let mut records = Vec::new();
        for _ in 0..RECORDS {
            client.send_application_data(&[7; 64]).unwrap();
            records.extend(flight(client, &mut buffer));
        }
        assert_eq!(records.len(), RECORDS);
        cpu(|| {
            for record in &records {
                server.handle_packet(record).unwrap();
                let mut data = Vec::new();
                loop {
                    match server.poll_output(&mut buffer) {
                        Output::ApplicationData(received) => data.extend_from_slice(received),
                        Output::Timeout(_) => break,
                        other => drop(black_box(other)),
                    }
                }
                server.send_application_data(&data).unwrap();
                assert_eq!(flight(server, &mut buffer).len(), 1);
            }
        })
        .1
    }

    /// It has no front without state: a session is made for every stranger.
    fn hello(&mut self) -> f64 {
        let mut buffer = vec![0; 2048];
        let hello = flight(&mut self.end(&self.client, true), &mut buffer).concat();
        cpu(|| {
            for _ in 0..HELLOS {
                let mut server = self.end(&self.server, false);
                server.handle_packet(&hello).unwrap();
                black_box(flight(&mut server, &mut buffer));
            }
        })
        .1
    }
}
