//! The suite of all backends over this one, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use motekey_dtls::crypto::{RandomError, RandomSource};

use super::{Motekey, MotekeyConfig};
use crate::dtls::conformance::Subject;
use crate::dtls::{Backend, CertificateCheck, CredentialSource, KeyPair};

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
