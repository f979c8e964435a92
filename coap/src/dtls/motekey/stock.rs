//! Randomness in stock, so that not every handshake asks the operating system.

use motekey_dtls::crypto::{RandomError, RandomSource};
use zeroize::{Zeroize, Zeroizing};

/// Bytes that are drawn at a time: the seeds of 16 handshakes.
const STOCK: usize = 512;

/// Gives out what its source gave, each byte once; what is given out is wiped here.
pub(super) struct Stock {
    source: Box<dyn RandomSource + Send>,
    bytes: Zeroizing<[u8; STOCK]>,
    used: usize,
}

impl Stock {
    pub(super) fn new(source: Box<dyn RandomSource + Send>) -> Self {
        Self {
            source,
            bytes: Zeroizing::new([0; STOCK]),
            used: STOCK,
        }
    }
}

impl RandomSource for Stock {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        if bytes.len() > STOCK {
            return self.source.fill(bytes);
        }
        if bytes.len() > STOCK - self.used {
            // Nothing is in stock if the source fails.
            self.used = STOCK;
            self.source.fill(&mut *self.bytes)?;
            self.used = 0;
        }
        let end = self.used + bytes.len();
        let from = self.bytes.get_mut(self.used..end).ok_or(RandomError)?;
        bytes.copy_from_slice(from);
        from.zeroize();
        self.used = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{RandomError, RandomSource, STOCK, Stock};

    /// Gives numbers that count up, and then nothing.
    struct Counting {
        next: u32,
        limit: u32,
    }

    impl RandomSource for Counting {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
            for chunk in bytes.chunks_mut(4) {
                if self.next == self.limit {
                    return Err(RandomError);
                }
                self.next += 1;
                chunk.copy_from_slice(&self.next.to_be_bytes()[..chunk.len()]);
            }
            Ok(())
        }
    }

    fn draw(stock: &mut Stock) -> Result<u32, RandomError> {
        let mut bytes = [0; 4];
        stock.fill(&mut bytes).map(|()| u32::from_be_bytes(bytes))
    }

    #[test]
    fn each_byte_is_given_out_once_and_none_that_the_source_did_not_give() {
        let whole = u32::try_from(STOCK / 4).unwrap();
        let source = Counting {
            next: 0,
            limit: 2 * whole + 5,
        };
        let mut stock = Stock::new(Box::new(source));
        for number in 1..=2 * whole {
            assert_eq!(draw(&mut stock), Ok(number));
        }
        assert_eq!(&stock.bytes[..], [0; STOCK]);
        for _ in 0..3 {
            assert_eq!(draw(&mut stock), Err(RandomError), "a part is no stock");
        }
    }

    #[test]
    fn more_than_the_stock_comes_from_the_source() {
        let source = Counting {
            next: 0,
            limit: 1000,
        };
        let mut stock = Stock::new(Box::new(source));
        let mut bytes = [0; STOCK + 4];
        stock.fill(&mut bytes).unwrap();
        assert_eq!(
            bytes[STOCK..],
            u32::try_from(STOCK / 4 + 1).unwrap().to_be_bytes()
        );
        assert_eq!(draw(&mut stock), Ok(u32::try_from(STOCK / 4 + 2).unwrap()));
    }
}
