//! Client nonces (RFC 9200 Section 5.3.1): a resource server without a clock that it trusts learns by them that a
//! token is fresh. They are made and recognized without keeping any state.

use std::fmt;

use motekey_cose::crypto::{CryptoProvider, MacKey};
use subtle::ConstantTimeEq;

use crate::clock::UnixSeconds;

/// Bytes of the time in a nonce.
const TIME: usize = 8;
/// Bytes of the authentication tag in a nonce.
const TAG: usize = 8;

/// Makes nonces and recognizes its own: the time of making, and a MAC over it under a key that never leaves here.
pub(super) struct NonceMaker {
    key: Box<dyn MacKey>,
    window: u64,
}

impl NonceMaker {
    /// Nonces that are good for `window` seconds. `None` if the provider refuses the key.
    pub(super) fn new(provider: &CryptoProvider, key: &[u8; 32], window: u64) -> Option<Self> {
        Some(Self {
            key: provider.mac.hmac_sha256(key).ok()?,
            window,
        })
    }

    /// A nonce of this moment, 16 bytes.
    pub(super) fn make(&self, now: UnixSeconds) -> Vec<u8> {
        let time = now.to_be_bytes();
        let tag = self.key.tag(&time);
        time.iter().chain(tag.iter().take(TAG)).copied().collect()
    }

    /// Whether a nonce was made here and is still fresh.
    pub(super) fn is_fresh(&self, nonce: &[u8], now: UnixSeconds) -> bool {
        let Some((time, tag)) = nonce.split_first_chunk::<TIME>() else {
            return false;
        };
        let wanted = self.key.tag(time);
        let Some(wanted) = wanted.first_chunk::<TAG>() else {
            return false;
        };
        if !bool::from(wanted.as_slice().ct_eq(tag)) {
            return false;
        }
        // RFC 9200 Section 5.3.1: the server can tell whether the nonce is its own and fresh.
        u64::try_from(now.saturating_sub(i64::from_be_bytes(*time)))
            .is_ok_and(|age| age <= self.window)
    }
}

impl fmt::Debug for NonceMaker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "NonceMaker({} s)", self.window)
    }
}

#[cfg(test)]
mod tests {
    use motekey_cose::crypto::rust::PROVIDER;

    use super::*;

    #[test]
    fn f09_a_nonce_is_known_within_its_window_and_not_after() {
        let maker = NonceMaker::new(&PROVIDER, &[1; 32], 60).unwrap();
        let nonce = maker.make(1_000);
        for (now, fresh) in [(1_000, true), (1_060, true), (1_061, false), (999, false)] {
            assert_eq!(maker.is_fresh(&nonce, now), fresh, "at {now}");
        }
    }

    #[test]
    fn f09_a_nonce_of_somebody_else_is_not_known() {
        let maker = NonceMaker::new(&PROVIDER, &[1; 32], 60).unwrap();
        let nonce = maker.make(1_000);
        let mut other_time = nonce.clone();
        other_time[7] ^= 1;
        let mut other_tag = nonce.clone();
        other_tag[8] ^= 1;
        let longer = [nonce.as_slice(), &[0]].concat();
        let foreign = NonceMaker::new(&PROVIDER, &[2; 32], 60)
            .unwrap()
            .make(1_000);
        for wrong in [
            &[][..],
            &nonce[..15],
            &other_time,
            &other_tag,
            &longer,
            &foreign,
        ] {
            assert!(!maker.is_fresh(wrong, 1_000), "{wrong:02x?}");
        }
    }
}
