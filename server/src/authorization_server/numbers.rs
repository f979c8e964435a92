//! What must never repeat: AEAD nonces, key ids, token ids. All are made of one counter of the store, which is
//! reserved in blocks, so that most tokens cost no access to it.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use motekey_cose::crypto::{RandomError, RandomSource};

use crate::store::{Counter, Store, StoreError};

/// Numbers taken from the store at a time. A restart loses at most this many of 10^14.
const BLOCK: u64 = 4096;

/// Bytes of the counter in nonces.
const COUNTER: usize = 6;

/// First number that is not used: what the counter of a nonce holds.
const END: u64 = 1 << (8 * COUNTER);

/// A number that was not used before and will not be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Serial {
    number: u64,
    start: [u8; 7],
}

/// Gives out [`Serial`]s.
pub(super) struct Numbers {
    store: Arc<dyn Store>,
    block: Mutex<Range<u64>>,
    /// Drawn once at each start: a store that is restored from a backup counts again, the nonces still differ.
    start: [u8; 7],
}

impl Numbers {
    pub(super) fn new(
        store: Arc<dyn Store>,
        random: &mut dyn RandomSource,
    ) -> Result<Self, RandomError> {
        let mut start = [0; 7];
        random.fill(&mut start)?;
        Ok(Self {
            store,
            block: Mutex::new(0..0),
            start,
        })
    }

    /// The next number. Waits for the store once in every 4096 calls.
    pub(super) async fn next(&self) -> Result<Serial, StoreError> {
        let taken = self
            .block
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next();
        let number = match taken {
            Some(number) => number,
            None => self.refill().await?,
        };
        if number >= END {
            return Err(StoreError::Full);
        }
        Ok(Serial {
            number,
            start: self.start,
        })
    }

    /// The next sequence number of a token with `exi` (RFC 9200 Section 5.10.3): one by one, so that there are no gaps.
    pub(super) async fn next_sequence(&self, resource_server: &str) -> Result<u64, StoreError> {
        Ok(self
            .store
            .reserve(Counter::ExpiresIn(resource_server), 1)
            .await?
            .start)
    }

    async fn refill(&self) -> Result<u64, StoreError> {
        let mut reserved = self.store.reserve(Counter::Serial, BLOCK).await?;
        let first = reserved.next().ok_or(StoreError::Full)?;
        let mut block = self.block.lock().unwrap_or_else(PoisonError::into_inner);
        // Another task may have been faster: then the rest of one block is lost, which is allowed.
        if block.is_empty() {
            *block = reserved;
        }
        Ok(first)
    }
}

impl Serial {
    /// A nonce of `length` bytes, at most 13: random bytes of this start, then the counter.
    // RFC 9053 Section 4.2.1: a nonce is used once with one key.
    pub(super) fn nonce(&self, length: usize) -> Vec<u8> {
        let start = self
            .start
            .iter()
            .copied()
            .take(length.saturating_sub(COUNTER));
        start
            .chain(self.number.to_be_bytes().into_iter().skip(8 - COUNTER))
            .collect()
    }

    /// A key id of 8 bytes: four that are drawn at each start, then four digits of the counter. None of them is zero, as
    /// some clients take a PSK identity for a C string.
    ///
    /// One start does not repeat in 4.2 * 10^9 key ids, and a store that keeps its counter not over all starts together.
    /// Where the counter begins anew, resource servers may still hold keys of earlier starts: of n starts within the
    /// lifetime of a token, two draw the same four bytes with a probability of n^2 / 2^33 (one in 10^7 for 30).
    // RFC 9202 Section 3.3.1: unique among all key ids of the resource server.
    pub(super) fn key_id(&self) -> [u8; 8] {
        let [a, b, c, d, ..] = self.start;
        let [s0, s1, s2, s3] = digits(u32::from_be_bytes([a, b, c, d]).into());
        let [n0, n1, n2, n3] = digits(self.number);
        [s0, s1, s2, s3, n0, n1, n2, n3]
    }

    /// A token id (`cti`) that grows with every token of one store. All have one length, so that they have an order,
    /// and no byte that is always zero.
    pub(super) fn token_id(&self) -> [u8; COUNTER] {
        let [_, _, id @ ..] = self.number.to_be_bytes();
        id
    }

    #[cfg(test)]
    pub(super) fn of(number: u64) -> Self {
        Self {
            number,
            start: [7; 7],
        }
    }
}

/// The last four digits of a number in base 255, each as a byte that is not zero.
fn digits(mut number: u64) -> [u8; 4] {
    let mut digits = [1; 4];
    for digit in digits.iter_mut().rev() {
        *digit = u8::try_from(number % 255).unwrap_or_default() + 1;
        number /= 255;
    }
    digits
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::random::SystemRandom;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn d20_p16_a_hundred_thousand_key_ids_without_repeat_or_zero_byte() {
        let numbers = Numbers::new(Arc::new(MemoryStore::new()), &mut SystemRandom).unwrap();
        let mut seen = HashSet::new();
        for _ in 0..100_000 {
            let id = numbers.next().await.unwrap().key_id();
            assert!(!id.contains(&0), "{id:02x?}");
            assert!(seen.insert(id), "{id:02x?} twice");
        }
    }

    #[tokio::test]
    async fn d20_starts_that_count_anew_give_other_key_ids() {
        let mut seen = HashSet::new();
        for start in 0..100 {
            let numbers = Numbers::new(Arc::new(MemoryStore::new()), &mut SystemRandom).unwrap();
            for _ in 0..1_000 {
                let id = numbers.next().await.unwrap().key_id();
                assert!(seen.insert(id), "{id:02x?} twice, start {start}");
            }
        }
    }

    #[tokio::test]
    async fn c11_a_million_nonces_without_repeat_over_a_crash() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let mut seen = HashSet::new();
        for start in 0..4 {
            // Every start takes up the same store; the numbers that the last one had reserved are lost.
            let mut numbers = Numbers::new(store.clone(), &mut SystemRandom).unwrap();
            numbers.start = [0; 7];
            for _ in 0..250_000 {
                let nonce = numbers.next().await.unwrap().nonce(13);
                assert_eq!(nonce.len(), 13);
                assert!(seen.insert(nonce), "a nonce came twice, start {start}");
            }
        }
    }

    #[tokio::test]
    async fn c11_a_restored_store_gives_other_nonces() {
        let mut nonces = HashSet::new();
        for _ in 0..100 {
            let numbers = Numbers::new(Arc::new(MemoryStore::new()), &mut SystemRandom).unwrap();
            assert!(nonces.insert(numbers.next().await.unwrap().nonce(13)));
        }
    }

    #[test]
    fn key_ids_of_neighbours_and_of_the_last_number_differ() {
        let ids: HashSet<_> = [0, 1, 254, 255, 256, 65_024, 65_025, 255_u64.pow(4) - 1]
            .map(|n| Serial::of(n).key_id())
            .into();
        assert_eq!(ids.len(), 8);
        assert!(ids.iter().all(|id| !id.contains(&0)));
        let serial = Serial::of(0x0102_0304_0506);
        assert_eq!(serial.nonce(12), [7, 7, 7, 7, 7, 7, 1, 2, 3, 4, 5, 6]);
        assert_eq!(serial.token_id(), [1, 2, 3, 4, 5, 6]);
    }
}
