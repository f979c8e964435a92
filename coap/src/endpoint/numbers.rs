//! A hash for numbers that are counted here. Not for what a peer chooses: it has no key.

use std::hash::Hasher;

/// Spreads one number over 64 bits.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Numbers(u64);

/// 2^64 divided by the golden ratio, made odd: neighbours end up far from each other (Knuth, The Art of Computer
/// Programming, Section 6.4).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for Numbers {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(SPREAD);
        // A table takes its places from the low bits and its marks from the high ones.
        self.0 = mixed ^ mixed >> 32;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher, BuildHasherDefault};

    use super::Numbers;

    #[test]
    fn neighbours_have_different_places_and_marks() {
        let hasher = BuildHasherDefault::<Numbers>::default();
        let hashes: Vec<u64> = (1..=4096_u64)
            .map(|number| hasher.hash_one(number))
            .collect();
        let places: HashSet<u64> = hashes.iter().map(|hash| hash & 0xfff).collect();
        let marks: HashSet<u64> = hashes.iter().map(|hash| hash >> 57).collect();
        assert!(places.len() > 2300, "{}: chance gives 2,590", places.len());
        assert_eq!(marks.len(), 128);
    }
}
