//! The crate dimpl under measurement.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use dimpl::crypto::{Dtls12CipherSuite, NamedGroup, aws_lc_rs, rust_crypto};
use dimpl::{Config, Dtls, DtlsCertificate, Output, PskResolver};
use motekey_dtls::CertificateVerifier;
use motekey_dtls::crypto::aws_lc;
use motekey_dtls::x509::WebPkiVerifier;

use crate::authority::{Authority, End};
use crate::subject::{BATCH, Batch, HELLOS, Kind, RECORDS, Subject, cpu};
use crate::{IDENTITY, KEY};

/// With pre-shared keys on RustCrypto, which is faster there; with certificates on aws-lc-rs. Configurations are built
/// once: each tests its cryptography.
pub(crate) struct Dimpl {
    client: Arc<Config>,
    server: Arc<Config>,
    certificates: Option<[DtlsCertificate; 2]>,
    /// It gives certificates to its user unvalidated; this is what a user does with them.
    validation: Option<WebPkiVerifier>,
    now: Instant,
}

struct OneKey;

impl PskResolver for OneKey {
    fn resolve(&self, identity: &[u8]) -> Option<Vec<u8>> {
        (identity == IDENTITY).then(|| KEY.to_vec())
    }
}

impl Dimpl {
    pub(crate) fn new(kind: Kind, authority: &Authority) -> Self {
        let provider = match kind {
            Kind::Psk => rust_crypto::default_provider(),
            Kind::RawPublicKey | Kind::X509 => aws_lc_rs::default_provider(),
        };
        let base = || {
            Config::builder()
                .with_crypto_provider(provider.clone())
                .kx_groups(&[NamedGroup::Secp256r1])
        };
        let (client, server) = if kind == Kind::Psk {
            (
                base().with_psk_client(IDENTITY.to_vec(), Arc::new(OneKey)),
                base().with_psk_server(None, Arc::new(OneKey)),
            )
        } else {
            // It has no CCM_8 there.
            let suites = [Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256];
            let base = || base().dtls12_cipher_suites(&suites);
            (base(), base())
        };
        let certificate = |end: &End| DtlsCertificate {
            certificate: end.certificate.clone(),
            private_key: end.pkcs8(),
        };
        let validates = kind == Kind::X509;
        Self {
            client: Arc::new(client.build().unwrap()),
            server: Arc::new(server.build().unwrap()),
            certificates: (kind != Kind::Psk)
                .then(|| [&authority.client, &authority.server].map(certificate)),
            validation: validates.then(|| authority.clients(&aws_lc::PROVIDER)),
            now: Instant::now(),
        }
    }

    fn end(&self, is_client: bool) -> Dtls {
        let config = if is_client {
            &self.client
        } else {
            &self.server
        };
        let config = Arc::clone(config);
        let mut dtls = match &self.certificates {
            None => Dtls::new_12_psk(config, self.now),
            Some([client, server]) => {
                let own = if is_client { client } else { server };
                Dtls::new_12(config, own.clone(), self.now)
            }
        };
        dtls.set_active(is_client);
        dtls.handle_timeout(self.now).unwrap();
        dtls
    }

    /// The datagrams that the server answers with.
    fn answer(&self, server: &mut Dtls, flight: &[Vec<u8>], buffer: &mut [u8]) -> Vec<Vec<u8>> {
        for datagram in flight {
            server.handle_packet(datagram).unwrap();
        }
        poll(server, buffer, |certificate| {
            if let Some(validation) = &self.validation {
                black_box(validation.verify(&[certificate]).unwrap());
            }
        })
    }
}

/// The datagrams that an end wants to send, and the peer's certificate; the data that came is dropped.
fn poll(end: &mut Dtls, buffer: &mut [u8], mut certificate: impl FnMut(&[u8])) -> Vec<Vec<u8>> {
    let mut datagrams = Vec::new();
    loop {
        match end.poll_output(buffer) {
            Output::Packet(packet) => datagrams.push(packet.to_vec()),
            Output::Timeout(_) => return datagrams,
            Output::PeerCert(der) => certificate(der),
            other => drop(black_box(other)),
        }
    }
}

fn flight(end: &mut Dtls, buffer: &mut [u8]) -> Vec<Vec<u8>> {
    poll(end, buffer, |_| {})
}

impl Subject for Dimpl {
    type Client = Dtls;
    type Server = Dtls;

    fn handshakes(&mut self) -> Batch<Dtls, Dtls> {
        let mut buffer = vec![0; 2048];
        let mut clients: Vec<_> = (0..BATCH).map(|_| self.end(true)).collect();
        let (mut servers, mut time) = cpu(|| {
            let make = |_| self.end(false);
            (0..BATCH).map(make).collect::<Vec<_>>()
        });
        let mut bytes = 0;
        for _ in 0..3 {
            let flights: Vec<_> = clients
                .iter_mut()
                .map(|client| flight(client, &mut buffer))
                .collect();
            let (answers, seconds) = cpu(|| {
                let answer = |(server, flight): (&mut Dtls, &Vec<Vec<u8>>)| {
                    self.answer(server, flight, &mut buffer)
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
        Batch {
            clients,
            servers,
            seconds: time,
            bytes,
        }
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
        let hello = flight(&mut self.end(true), &mut buffer).concat();
        cpu(|| {
            for _ in 0..HELLOS {
                let mut server = self.end(false);
                server.handle_packet(&hello).unwrap();
                black_box(flight(&mut server, &mut buffer));
            }
        })
        .1
    }
}
