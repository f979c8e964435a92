//! Randomness of one handshake: a seed drawn once, expanded by HMAC-SHA-256 in counter mode.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::crypto::{CryptoProvider, RandomError, RandomSource};

/// Expands a seed. Different labels give independent streams; it is dropped with the handshake.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct SeededRandom {
    #[zeroize(skip)]
    provider: &'static CryptoProvider,
    seed: [u8; 32],
    counter: u64,
    /// The block under way, and how much of it is used: most draws are much smaller than a block.
    block: [u8; 32],
    used: usize,
}

impl SeededRandom {
    pub(crate) fn new(
        provider: &'static CryptoProvider,
        source: &mut dyn RandomSource,
    ) -> Result<Self, RandomError> {
        let mut random = Self {
            provider,
            seed: [0; 32],
            counter: 0,
            block: [0; 32],
            used: 32,
        };
        source.fill(&mut random.seed)?;
        Ok(random)
    }

    /// The next bytes.
    pub(crate) fn bytes<const LENGTH: usize>(&mut self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        self.take(&mut bytes);
        bytes
    }

    /// A number below 65,536.
    pub(crate) fn number(&mut self) -> u16 {
        u16::from_be_bytes(self.bytes())
    }

    fn take(&mut self, bytes: &mut [u8]) {
        for to in bytes {
            *to = self.byte();
        }
    }

    /// Each byte is given out once, and wiped here.
    fn byte(&mut self) -> u8 {
        if self.used >= self.block.len() {
            self.counter = self.counter.wrapping_add(1);
            let counter = self.counter.to_be_bytes();
            self.block = self.provider.hash.hmac(&self.seed, &[&counter]);
            self.used = 0;
        }
        let byte = self.block.get_mut(self.used).map(core::mem::take);
        self.used += 1;
        byte.unwrap_or_default()
    }
}

impl RandomSource for SeededRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        self.take(bytes);
        Ok(())
    }
}
