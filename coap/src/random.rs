//! Values that nobody outside can predict, from the seed that the endpoint was given.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// SHA-256 in counter mode over a secret seed: enough for Message IDs, tokens and jitter, not meant for keys.
pub(crate) struct Random {
    seed: Zeroizing<[u8; 32]>,
    counter: u64,
    block: [u8; 32],
    used: usize,
}

impl Random {
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        Self {
            seed: Zeroizing::new(derive(seed, b"random")),
            counter: 0,
            block: [0; 32],
            used: 32,
        }
    }

    pub(crate) fn byte(&mut self) -> u8 {
        if self.used >= self.block.len() {
            let digest = Sha256::new()
                .chain_update(self.seed.as_slice())
                .chain_update(self.counter.to_be_bytes());
            self.block = digest.finalize().into();
            self.counter = self.counter.wrapping_add(1);
            self.used = 0;
        }
        let byte = self.block.get(self.used).copied().unwrap_or_default();
        self.used += 1;
        byte
    }

    pub(crate) fn bytes<const LENGTH: usize>(&mut self) -> [u8; LENGTH] {
        core::array::from_fn(|_| self.byte())
    }

    /// A number below `limit`; zero if `limit` is zero. The bias of the remainder is below one in a million for the
    /// limits in use (less than 2^44).
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        u64::from_be_bytes(self.bytes())
            .checked_rem(limit)
            .unwrap_or_default()
    }
}

/// A secret for one purpose.
pub(crate) fn derive(seed: &[u8; 32], purpose: &[u8]) -> [u8; 32] {
    mac(seed, &[purpose])
}

/// HMAC-SHA-256 over the parts in order.
pub(crate) fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of every length, so there is no failure to report.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// A secret permutation of the 16-bit numbers: counters become Message IDs that do not repeat within 65536 and whose
/// order an outsider does not know. A Feistel network of four rounds over secret tables.
pub(crate) struct Permutation([[u8; 256]; 4]);

impl Permutation {
    pub(crate) fn new(random: &mut Random) -> Self {
        Self(core::array::from_fn(|_| random.bytes()))
    }

    pub(crate) fn apply(&self, number: u16) -> u16 {
        let [mut left, mut right] = number.to_be_bytes();
        for table in &self.0 {
            let round = table.get(usize::from(right)).copied().unwrap_or_default();
            (left, right) = (right, left ^ round);
        }
        u16::from_be_bytes([left, right])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Permutation, Random};

    #[test]
    fn message_ids_are_a_permutation_that_depends_on_the_seed() {
        let permute = |seed| {
            let permutation = Permutation::new(&mut Random::new(&[seed; 32]));
            (0..=u16::MAX)
                .map(|number| permutation.apply(number))
                .collect::<Vec<_>>()
        };
        let (one, two) = (permute(1), permute(2));
        assert_eq!(one.iter().collect::<HashSet<_>>().len(), 65536);
        assert!(one.iter().zip(&two).filter(|(a, b)| a == b).count() < 100);
    }

    #[test]
    fn random_repeats_with_its_seed_and_stays_below() {
        let draw = |seed| {
            let mut random = Random::new(&[seed; 32]);
            (0..200).map(|_| random.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(3).iter().all(|number| *number < 1000));
        assert_eq!(Random::new(&[0; 32]).below(0), 0);
    }
}
