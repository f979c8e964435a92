//! motekey-dtls under measurement.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use motekey_dtls::crypto::{
    CryptoProvider, NamedGroup, RandomError, RandomSource, SigningKey, aws_lc, rust,
};
use motekey_dtls::{
    CertifiedKey, ClientConfig, ClientCredential, Connection, ConnectionIds, CredentialSource,
    FirstContact, Instant, PeerIdentity, PreSharedKey, PskAnswer, Server, ServerConfig,
};

use crate::authority::{Authority, End};
use crate::subject::{BATCH, Batch, HELLOS, Kind, RECORDS, Subject, cpu};
use crate::{IDENTITY, KEY};

const NOW: Instant = Instant::ZERO;

/// A provider and its signing keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crypto {
    provider: &'static CryptoProvider,
    key: fn(&[u8; 32]) -> Arc<dyn SigningKey>,
}

/// Pure Rust.
pub(crate) const RUST: Crypto = Crypto {
    provider: &rust::PROVIDER,
    key: |scalar| Arc::new(rust::P256Key::new(scalar).unwrap()),
};

/// P-256 by AWS-LC.
pub(crate) const AWS_LC: Crypto = Crypto {
    provider: &aws_lc::PROVIDER,
    key: |scalar| Arc::new(aws_lc::P256Key::new(scalar).unwrap()),
};

pub(crate) struct Ours {
    front: Server,
    config: ClientConfig,
    credential: ClientCredential,
    /// The client, as the server sees it.
    peer: PeerIdentity,
    random: Numbers,
}

/// The system's, as the others take it; each session draws 32 bytes from it.
struct Numbers;

impl RandomSource for Numbers {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(bytes).map_err(|_| RandomError)
    }
}

/// Who may connect.
struct One {
    public_key_info: Vec<u8>,
}

impl CredentialSource for One {
    fn pre_shared_key(&self, identity: &[u8]) -> PskAnswer {
        if identity == IDENTITY {
            PskAnswer::Key(PreSharedKey::new(KEY.to_vec()))
        } else {
            PskAnswer::Unknown
        }
    }

    fn raw_public_key(&self, public_key_info: &[u8]) -> bool {
        public_key_info == self.public_key_info
    }
}

const fn address() -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 40_000)
}

impl Ours {
    pub(crate) fn new(kind: Kind, crypto: Crypto, authority: &Authority) -> Self {
        let Crypto { provider, key } = crypto;
        let certified = |end: &End| CertifiedKey {
            chain: vec![end.certificate.clone()],
            key: key(&end.scalar),
        };
        let (server, client) = (key(&authority.server.scalar), key(&authority.client.scalar));
        let public_key_info = client.public_key_info().to_vec();
        let mut config = ServerConfig {
            connection_ids: Some(ConnectionIds {
                length: 8,
                prefix: Vec::new(),
            }),
            ..ServerConfig::new(
                provider,
                Arc::new(One {
                    public_key_info: public_key_info.clone(),
                }),
            )
        };
        let (credential, peer) = match kind {
            Kind::Psk => {
                let key = PreSharedKey::new(KEY.to_vec());
                let identity = IDENTITY.to_vec();
                let peer = PeerIdentity::PreSharedKey(identity.clone());
                (ClientCredential::PreSharedKey { identity, key }, peer)
            }
            Kind::RawPublicKey => {
                let info = server.public_key_info().to_vec();
                config.raw_public_key = Some(server);
                let peer = PeerIdentity::RawPublicKey(public_key_info);
                let (key, server) = (client, info);
                (ClientCredential::RawPublicKey { key, server }, peer)
            }
            Kind::X509 => {
                config.certificate = Some(certified(&authority.server));
                config.client_certificates = Some(Arc::new(authority.clients(provider)));
                let own = certified(&authority.client);
                let peer = PeerIdentity::Certificate(own.chain.clone());
                let server = Arc::new(authority.servers(provider));
                (ClientCredential::Certificate { own, server }, peer)
            }
        };
        Self {
            front: Server::new(Arc::new(config), NOW, &mut Numbers).unwrap(),
            config: ClientConfig {
                groups: vec![NamedGroup::Secp256r1],
                ..ClientConfig::new(provider)
            },
            credential,
            peer,
            random: Numbers,
        }
    }

    /// Seconds to export and import `count` sessions, and the bytes of one.
    pub(crate) fn saved(&mut self, count: usize) -> (f64, usize) {
        let mut servers = self.handshakes().servers;
        let (saved, export) = cpu(|| {
            let mut saved = Vec::with_capacity(count);
            while saved.len() < count {
                let left = count - saved.len();
                let export =
                    |server: &mut Box<Connection>| server.export(Some(&self.peer), 100).unwrap();
                saved.extend(servers.iter_mut().take(left).map(export));
            }
            saved
        });
        let (imported, import) = cpu(|| {
            let import = |saved| Connection::import(self.config.provider, saved).unwrap();
            saved.iter().map(|saved| import(saved)).collect::<Vec<_>>()
        });
        assert!(
            imported
                .iter()
                .all(|(_, peer)| peer.as_ref() == Some(&self.peer))
        );
        (export + import, saved.first().unwrap().len())
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

fn receive(end: &mut Connection, datagrams: &[Vec<u8>]) {
    for datagram in datagrams {
        end.handle_datagram(NOW, datagram);
    }
}

impl Subject for Ours {
    type Client = Connection;
    type Server = Box<Connection>;

    fn handshakes(&mut self) -> Batch<Connection, Box<Connection>> {
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
            receive(client, answer);
        }
        let flights: Vec<_> = clients.iter_mut().map(flight).collect();
        let (answers, seconds) = cpu(|| {
            let finish = |(server, flights): (&mut Box<Connection>, &Vec<Vec<u8>>)| {
                receive(server, flights);
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
            receive(client, answer);
            assert!(client.is_established());
            client.poll_event();
        }
        Batch {
            clients,
            servers,
            seconds: time,
            bytes,
        }
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
