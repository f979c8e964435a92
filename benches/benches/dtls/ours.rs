//! motekey-dtls under measurement.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use motekey_dtls::crypto::rust::PROVIDER;
use motekey_dtls::crypto::{RandomError, RandomSource};
use motekey_dtls::{
    ClientConfig, ClientCredential, Connection, ConnectionIds, CredentialSource, FirstContact,
    Instant, PreSharedKey, PskAnswer, Server, ServerConfig,
};

use crate::{BATCH, HELLOS, IDENTITY, KEY, RECORDS, Subject, cpu};

const NOW: Instant = Instant::ZERO;

pub(crate) struct Ours {
    front: Server,
    config: ClientConfig,
    credential: ClientCredential,
    random: Numbers,
}

/// The system's, as the others take it; each session draws 32 bytes from it.
struct Numbers;

impl RandomSource for Numbers {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(bytes).map_err(|_| RandomError)
    }
}

struct OneKey;

impl CredentialSource for OneKey {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        if identity == IDENTITY {
            PskAnswer::Key(PreSharedKey::new(KEY.to_vec()))
        } else {
            PskAnswer::Unknown
        }
    }
}

const fn address() -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 40_000)
}

impl Ours {
    pub(crate) fn new() -> Self {
        let mut random = Numbers;
        let config = ServerConfig {
            connection_ids: Some(ConnectionIds {
                length: 8,
                prefix: Vec::new(),
            }),
            ..ServerConfig::new(&PROVIDER, Arc::new(OneKey))
        };
        Self {
            front: Server::new(Arc::new(config), NOW, &mut random).unwrap(),
            config: ClientConfig::new(&PROVIDER),
            credential: ClientCredential::PreSharedKey {
                identity: IDENTITY.to_vec(),
                key: PreSharedKey::new(KEY.to_vec()),
            },
            random,
        }
    }

    fn client(&mut self) -> Connection {
        Connection::connect(&self.config, &self.credential, NOW, &mut self.random).unwrap()
    }

    fn first_contact(&mut self, datagram: &[u8]) -> FirstContact {
        self.front
            .first_contact(NOW, address(), datagram, &mut self.random)
            .unwrap()
    }
}

fn flight(end: &mut Connection) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| end.poll_transmit()).collect()
}

impl Subject for Ours {
    type Client = Connection;
    type Server = Box<Connection>;

    fn handshakes(&mut self) -> (Vec<Connection>, Vec<Box<Connection>>, f64, usize) {
        let mut clients: Vec<_> = (0..BATCH).map(|_| self.client()).collect();
        let (mut time, mut bytes) = (0.0, 0);
        let hellos: Vec<_> = clients.iter_mut().map(flight).collect();
        let (replies, seconds) = cpu(|| {
            let reply = |hello: &Vec<Vec<u8>>| match self.first_contact(hello.first().unwrap()) {
                FirstContact::Reply(reply) => reply,
                _ => unreachable!("a reply to a hello without cookie"),
            };
            hellos.iter().map(reply).collect::<Vec<_>>()
        });
        time += seconds;
        bytes += hellos.first().unwrap().concat().len() + replies.first().unwrap().len();
        for (client, reply) in clients.iter_mut().zip(&replies) {
            client.handle_datagram(NOW, reply);
        }
        let hellos: Vec<_> = clients.iter_mut().map(flight).collect();
        let ((mut servers, answers), seconds) = cpu(|| {
            let accept = |hello: &Vec<Vec<u8>>| match self.first_contact(hello.first().unwrap()) {
                FirstContact::Accept(connection) => connection,
                _ => unreachable!("a session for a good cookie"),
            };
            let mut servers: Vec<_> = hellos.iter().map(accept).collect();
            let answers: Vec<_> = servers.iter_mut().map(|server| flight(server)).collect();
            (servers, answers)
        });
        time += seconds;
        bytes += [&hellos, &answers]
            .map(|flights| flights.first().unwrap().concat().len())
            .iter()
            .sum::<usize>();
        for (client, answer) in clients.iter_mut().zip(&answers) {
            client.handle_datagram(NOW, &answer.concat());
        }
        let flights: Vec<_> = clients.iter_mut().map(flight).collect();
        let (answers, seconds) = cpu(|| {
            let finish = |(server, flights): (&mut Box<Connection>, &Vec<Vec<u8>>)| {
                for datagram in flights {
                    server.handle_datagram(NOW, datagram);
                }
                black_box(server.poll_event());
                flight(server)
            };
            let ends = servers.iter_mut().zip(&flights);
            ends.map(finish).collect::<Vec<_>>()
        });
        time += seconds;
        bytes += [&flights, &answers]
            .map(|flights| flights.first().unwrap().concat().len())
            .iter()
            .sum::<usize>();
        for (client, answer) in clients.iter_mut().zip(&answers) {
            client.handle_datagram(NOW, &answer.concat());
            assert!(client.is_established());
            client.poll_event();
        }
        (clients, servers, time, bytes)
    }

    fn echo(&mut self, client: &mut Connection, server: &mut Box<Connection>) -> f64 {
        let send = |_| {
            client.send(&[7; 64]).unwrap();
            client.poll_transmit().unwrap()
        };
        let records: Vec<_> = (0..RECORDS).map(send).collect();
        cpu(|| {
            for record in &records {
                server.handle_datagram(NOW, record);
                let Some(motekey_dtls::Event::Data(data)) = server.poll_event() else {
                    unreachable!("the data of a record");
                };
                server.send(&data).unwrap();
                black_box(server.poll_transmit().unwrap());
            }
        })
        .1
    }

    fn hello(&mut self) -> f64 {
        let hello = flight(&mut self.client()).concat();
        cpu(|| (0..HELLOS).for_each(|_| drop(black_box(self.first_contact(&hello))))).1
    }
}
