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
        };
        source.fill(&mut random.seed)?;
        Ok(random)
    }

    /// The next 32 bytes.
    pub(crate) fn block(&mut self) -> [u8; 32] {
        self.counter = self.counter.wrapping_add(1);
        self.provider
            .hash
            .hmac(&self.seed, &[&self.counter.to_be_bytes()])
    }

    /// A number below 65,536.
    pub(crate) fn number(&mut self) -> u16 {
        let [high, low, ..] = self.block();
        u16::from_be_bytes([high, low])
    }
}

impl RandomSource for SeededRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        for chunk in bytes.chunks_mut(32) {
            let mut block = self.block();
            chunk
                .iter_mut()
                .zip(block)
                .for_each(|(to, from)| *to = from);
            block.zeroize();
        }
        Ok(())
    }
}
