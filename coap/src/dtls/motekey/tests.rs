//! The suite of all backends over this one, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use motekey_dtls::crypto::{RandomError, RandomSource};

use super::{Motekey, MotekeyConfig};
use crate::dtls::conformance::Subject;
use crate::dtls::{
    Backend, CertificateCheck, ClientCredential, CredentialSource, FirstContact, KeyPair,
    PeerIdentity, PreSharedKey, PskAnswer, Session, SessionEvent, Waker,
};
use crate::time::Instant;

/// Numbers one after the other: different for each use, the same in each run.
struct Counter(u64);

impl RandomSource for Counter {
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

struct Virtual;

impl Subject for Virtual {
    fn server(&mut self, credentials: Arc<dyn CredentialSource>) -> Box<dyn Backend> {
        Box::new(Motekey::server(
            MotekeyConfig::default(),
            credentials,
            Box::new(Counter(1)),
        ))
    }

    fn client(&mut self) -> Box<dyn Backend> {
        Box::new(Motekey::client(
            MotekeyConfig::default(),
            Box::new(Counter(2)),
        ))
    }

    fn pass(&mut self, _duration: Duration) {}

    fn key_pair(&self, number: u8) -> Option<KeyPair> {
        KeyPair::p256(&[number; 32]).ok()
    }

    fn certificate_check(&self, anchor: &[u8], name: Option<&str>) -> Option<CertificateCheck> {
        // 2027-01-15.
        let clock = Box::new(|| Some(1_800_000_000));
        match name {
            Some(name) => CertificateCheck::of_server(&[anchor], name, clock).ok(),
            None => CertificateCheck::of_clients(&[anchor], clock).ok(),
        }
    }

    fn handshake_time_limit(&self) -> Duration {
        MotekeyConfig::default().handshake_time_limit
    }
}

crate::dtls_conformance!(Virtual);

struct OneKey;

impl CredentialSource for OneKey {
    fn pre_shared_key(&self, _identity: &[u8]) -> PskAnswer {
        PskAnswer::Key(PreSharedKey::new(vec![1; 16]))
    }
}

fn server(seed: u64) -> Motekey {
    let random = Box::new(Counter(seed));
    Motekey::server(MotekeyConfig::default(), Arc::new(OneKey), random)
}

/// A client's session and the server's.
fn connect(server: &mut Motekey) -> (Box<dyn Session>, Box<dyn Session>) {
    let (now, peer) = (Instant::ZERO, "192.0.2.1:1".parse().unwrap());
    let credential = ClientCredential::PreSharedKey {
        identity: b"device".to_vec(),
        key: PreSharedKey::new(vec![1; 16]),
    };
    let mut backend = Motekey::client(MotekeyConfig::default(), Box::new(Counter(2)));
    let mut client = backend
        .connect(now, peer, &credential, Waker::none())
        .unwrap();
    let mut accepted: Option<Box<dyn Session>> = None;
    while let Some(datagram) = client.poll_transmit() {
        let mut answers = Vec::new();
        match &mut accepted {
            Some(session) => {
                session.handle_datagram(now, &datagram);
            }
            None => match server.first_contact(now, peer, &datagram, Waker::none()) {
                FirstContact::Reply(reply) => answers.push(reply),
                FirstContact::Accept(session) => accepted = Some(session),
                FirstContact::Ignore => panic!("a ClientHello is not ignored"),
            },
        }
        if let Some(session) = &mut accepted {
            answers.extend(std::iter::from_fn(|| session.poll_transmit()));
        }
        for answer in answers {
            client.handle_datagram(now, &answer);
        }
    }
    (client, accepted.unwrap())
}

fn events(session: &mut Box<dyn Session>) -> Vec<SessionEvent> {
    std::iter::from_fn(|| session.poll_event()).collect()
}

#[test]
fn a_session_goes_on_in_a_backend_that_began_anew() {
    let now = Instant::ZERO;
    let mut before = server(1);
    let (mut client, mut session) = connect(&mut before);
    let peer = Some(PeerIdentity::PreSharedKey(b"device".to_vec()));
    let connected = SessionEvent::Connected { peer: peer.clone() };
    assert_eq!(events(&mut session), [connected]);
    assert_eq!(events(&mut client).len(), 1);
    let saved = session.save(peer.as_ref(), 10).unwrap();
    assert_eq!(session.reserved(), 10);
    drop((before, session));

    let mut after = server(3);
    assert!(after.restore(now, b"nonsense").is_none());
    let (mut session, known) = after.restore(now, &saved).unwrap();
    assert_eq!(known, peer);
    client.send(now, b"still here").unwrap();
    let datagram = client.poll_transmit().unwrap();
    // The first datagram after the restart finds its way.
    assert_eq!(after.route(&datagram), session.connection_id());
    session.handle_datagram(now, &datagram);
    let expected = SessionEvent::Data(b"still here".to_vec());
    assert_eq!(events(&mut session), [expected]);
    assert_eq!(session.reserved(), 0);
    assert!(session.send(now, b"too soon").is_err());
    session.save(peer.as_ref(), 10).unwrap();
    session.send(now, b"so am I").unwrap();
    client.handle_datagram(now, &session.poll_transmit().unwrap());
    let expected = SessionEvent::Data(b"so am I".to_vec());
    assert_eq!(events(&mut client), [expected]);
}
