//! Cookies (RFC 6347 Section 4.2.1): proof that a client receives what is sent to its address, without any state.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::codec::hello::ClientHello;
use crate::crypto::{CryptoProvider, RandomError, RandomSource};
use crate::time::Instant;

/// Bytes of a cookie: 95 bits of HMAC and one that tells the secret.
pub(crate) const COOKIE: usize = 12;

/// How long a secret makes cookies; it is accepted for as long again.
const ROTATION: Duration = Duration::from_secs(60);

/// The current and the previous secret.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct CookieSecrets {
    secrets: [[u8; 32]; 2],
    /// Index of the current one.
    current: u8,
    #[zeroize(skip)]
    rotated: Instant,
}

impl CookieSecrets {
    pub(super) fn new(now: Instant, random: &mut dyn RandomSource) -> Result<Self, RandomError> {
        let mut secrets = Self {
            secrets: [[0; 32]; 2],
            current: 0,
            rotated: now,
        };
        secrets
            .secrets
            .iter_mut()
            .try_for_each(|secret| random.fill(secret))?;
        Ok(secrets)
    }

    /// Draws a new secret if the current one has served its time. The one before the previous is forgotten.
    pub(super) fn rotate(
        &mut self,
        now: Instant,
        random: &mut dyn RandomSource,
    ) -> Result<(), RandomError> {
        let age = now.saturating_duration_since(self.rotated);
        if age < ROTATION {
            return Ok(());
        }
        let other = self.current ^ 1;
        for index in [other, self.current] {
            // After a long pause the previous secret is too old as well.
            if let Some(secret) = self.secrets.get_mut(usize::from(index))
                && (index == other || age >= ROTATION.saturating_mul(2))
            {
                random.fill(secret)?;
            }
        }
        self.current = other;
        self.rotated = now;
        Ok(())
    }

    /// The cookie for a hello from an address.
    pub(super) fn make(
        &self,
        provider: &CryptoProvider,
        peer: SocketAddr,
        hello: &ClientHello<'_>,
    ) -> [u8; COOKIE] {
        self.compute(provider, peer, hello, self.current)
    }

    /// Whether the hello carries the cookie that was made for it.
    pub(super) fn verify(
        &self,
        provider: &CryptoProvider,
        peer: SocketAddr,
        hello: &ClientHello<'_>,
    ) -> bool {
        match hello.cookie.first() {
            Some(first) if hello.cookie.len() == COOKIE => {
                let expected = self.compute(provider, peer, hello, first & 1);
                bool::from(expected.ct_eq(hello.cookie))
            }
            _ => false,
        }
    }

    /// RFC 6347 Section 4.2.1: HMAC(Secret, Client-IP, Client-Parameters); the lowest bit of the first byte tells
    /// the secret.
    fn compute(
        &self,
        provider: &CryptoProvider,
        peer: SocketAddr,
        hello: &ClientHello<'_>,
        index: u8,
    ) -> [u8; COOKIE] {
        let [secret, other] = &self.secrets;
        let secret = if index == 0 { secret } else { other };
        let (address, length) = address(peer);
        let address = address.get(..length).unwrap_or_default();
        // The lengths keep the fields apart.
        let lengths = [hello.session_id.len(), hello.cipher_suites.len()]
            .map(|length| (length as u64).to_be_bytes());
        let [session_id_length, suites_length] = &lengths;
        let parts: [&[u8]; 7] = [
            address,
            hello.random,
            session_id_length,
            suites_length,
            hello.session_id,
            hello.cipher_suites,
            hello.compression_methods,
        ];
        let mac = provider.hash.hmac(secret, &parts);
        let mut cookie = [0; COOKIE];
        cookie.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
        let [first, ..] = &mut cookie;
        *first = *first & !1 | index;
        cookie
    }
}

/// An address in bytes: family, address, port.
fn address(peer: SocketAddr) -> ([u8; 19], usize) {
    let mut bytes = [0; 19];
    let mut fill = |parts: [&[u8]; 3]| {
        bytes
            .iter_mut()
            .zip(parts.into_iter().flatten())
            .for_each(|(to, from)| *to = *from);
        parts.iter().map(|part| part.len()).sum::<usize>()
    };
    let port = peer.port().to_be_bytes();
    let length = match peer.ip() {
        IpAddr::V4(ip) => fill([&[4], &ip.octets(), &port]),
        IpAddr::V6(ip) => fill([&[6], &ip.octets(), &port]),
    };
    (bytes, length)
}

#[cfg(feature = "rust-crypto")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::extension::Extensions;
    use crate::crypto::rust::PROVIDER;

    struct Counter(u8);

    impl RandomSource for Counter {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
            self.0 += 1;
            bytes.fill(self.0);
            Ok(())
        }
    }

    fn hello<'a>(random: &'a [u8; 32], session_id: &'a [u8], cookie: &'a [u8]) -> ClientHello<'a> {
        ClientHello {
            version: 0xfefd,
            random,
            session_id,
            cookie,
            cipher_suites: &[0xc0, 0xa8],
            compression_methods: &[0],
            extensions: Extensions::default(),
        }
    }

    #[test]
    fn l01_a_cookie_is_good_for_its_address_its_hello_and_its_time() {
        let peer: SocketAddr = "192.0.2.1:5684".parse().unwrap();
        let at = |seconds: u64| Instant::from_micros(seconds * 1_000_000);
        let mut random = Counter(0);
        let mut secrets = CookieSecrets::new(at(0), &mut random).unwrap();
        let cookie = secrets.make(&PROVIDER, peer, &hello(&[1; 32], b"", b""));
        let good = hello(&[1; 32], b"", &cookie);
        assert!(secrets.verify(&PROVIDER, peer, &good));
        for other in ["192.0.2.1:5685", "192.0.2.2:5684", "[2001:db8::1]:5684"] {
            assert!(
                !secrets.verify(&PROVIDER, other.parse().unwrap(), &good),
                "{other}"
            );
        }
        assert!(
            !secrets.verify(&PROVIDER, peer, &hello(&[2; 32], b"", &cookie)),
            "another random"
        );
        assert!(
            !secrets.verify(&PROVIDER, peer, &hello(&[1; 32], b"x", &cookie)),
            "another session id"
        );
        for byte in 0..COOKIE {
            let mut forged = cookie;
            forged[byte] ^= 1;
            assert!(
                !secrets.verify(&PROVIDER, peer, &hello(&[1; 32], b"", &forged)),
                "byte {byte}"
            );
        }
        assert!(
            !secrets.verify(&PROVIDER, peer, &hello(&[1; 32], b"", &cookie[..11])),
            "shortened"
        );
        secrets.rotate(at(60), &mut random).unwrap();
        assert!(
            secrets.verify(&PROVIDER, peer, &good),
            "the previous secret still counts"
        );
        secrets.rotate(at(120), &mut random).unwrap();
        assert!(
            !secrets.verify(&PROVIDER, peer, &good),
            "the one before it does not"
        );
    }

    #[test]
    fn l01_after_a_long_pause_no_old_cookie_counts() {
        let peer: SocketAddr = "192.0.2.1:5684".parse().unwrap();
        let mut random = Counter(0);
        let mut secrets = CookieSecrets::new(Instant::ZERO, &mut random).unwrap();
        let cookie = secrets.make(&PROVIDER, peer, &hello(&[1; 32], b"", b""));
        secrets
            .rotate(Instant::from_micros(3_600_000_000), &mut random)
            .unwrap();
        assert!(!secrets.verify(&PROVIDER, peer, &hello(&[1; 32], b"", &cookie)));
    }
}
