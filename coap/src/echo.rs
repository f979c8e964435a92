//! Echo (RFC 9175) without state: the value carries its time and a MAC over time and address, so that a peer that
//! returns it has shown to receive at its address lately.

use std::net::{IpAddr, SocketAddr};

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::random::{derive, mac};
use crate::time::{Duration, Instant};

/// Bytes of time in an Echo value: seconds since the endpoint's origin.
const TIME_LENGTH: usize = 4;
/// Bytes of MAC in an Echo value. A guess succeeds with 2^-64 and wins one verified address.
const MAC_LENGTH: usize = 8;

/// Makes and checks Echo values.
pub(crate) struct EchoKey(Zeroizing<[u8; 32]>);

impl EchoKey {
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        Self(Zeroizing::new(derive(seed, b"echo")))
    }

    pub(crate) fn value(&self, now: Instant, peer: SocketAddr) -> Vec<u8> {
        let time = seconds(now).to_be_bytes();
        let mac = self.mac(time, peer);
        time.iter()
            .chain(mac.iter().take(MAC_LENGTH))
            .copied()
            .collect()
    }

    pub(crate) fn verify(
        &self,
        now: Instant,
        peer: SocketAddr,
        value: &[u8],
        lifetime: Duration,
    ) -> bool {
        let Some((time, given)) = value.split_first_chunk::<TIME_LENGTH>() else {
            return false;
        };
        let age = seconds(now).checked_sub(u32::from_be_bytes(*time));
        if given.len() != MAC_LENGTH || age.is_none_or(|age| u64::from(age) > lifetime.as_secs()) {
            return false;
        }
        let wanted = self.mac(*time, peer);
        wanted
            .first_chunk::<MAC_LENGTH>()
            .is_some_and(|wanted| wanted.ct_eq(given).into())
    }

    fn mac(&self, time: [u8; TIME_LENGTH], peer: SocketAddr) -> [u8; 32] {
        let address = match peer.ip() {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        mac(
            &self.0,
            &[&time, &address.octets(), &peer.port().to_be_bytes()],
        )
    }
}

fn seconds(now: Instant) -> u32 {
    u32::try_from(now.as_micros() / 1_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Duration, EchoKey, Instant};

    #[test]
    fn h11_an_echo_value_holds_for_one_address_and_a_while() {
        let key = EchoKey::new(&[7; 32]);
        let peer = "192.0.2.1:5683".parse().unwrap();
        let at = |seconds: u64| Instant::from_micros(seconds * 1_000_000);
        let lifetime = Duration::from_secs(60);
        let value = key.value(at(100), peer);
        assert_eq!(value.len(), 12);
        for (what, key, time, address, value, expected) in [
            ("at once", &key, 100, "192.0.2.1:5683", value.clone(), true),
            (
                "at the end",
                &key,
                160,
                "192.0.2.1:5683",
                value.clone(),
                true,
            ),
            (
                "too late",
                &key,
                161,
                "192.0.2.1:5683",
                value.clone(),
                false,
            ),
            (
                "from the future",
                &key,
                99,
                "192.0.2.1:5683",
                value.clone(),
                false,
            ),
            (
                "other port",
                &key,
                100,
                "192.0.2.1:5684",
                value.clone(),
                false,
            ),
            (
                "other address",
                &key,
                100,
                "192.0.2.2:5683",
                value.clone(),
                false,
            ),
            (
                "other endpoint",
                &EchoKey::new(&[8; 32]),
                100,
                "192.0.2.1:5683",
                value.clone(),
                false,
            ),
            (
                "cut",
                &key,
                100,
                "192.0.2.1:5683",
                value[..11].to_vec(),
                false,
            ),
            (
                "time only",
                &key,
                100,
                "192.0.2.1:5683",
                value[..4].to_vec(),
                false,
            ),
            ("empty", &key, 100, "192.0.2.1:5683", vec![], false),
        ] {
            assert_eq!(
                key.verify(at(time), address.parse().unwrap(), &value, lifetime),
                expected,
                "{what}"
            );
        }
    }
}
