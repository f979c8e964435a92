//! Tokens (RFC 7252 Section 5.3.1): 0 to 8 bytes that match a response to its request.

use core::fmt;

/// A CoAP token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Token {
    bytes: [u8; 8],
    length: u8,
}

impl Token {
    /// The token of zero length.
    pub const EMPTY: Self = Self {
        bytes: [0; 8],
        length: 0,
    };

    /// A token of these bytes; `None` for more than eight.
    pub fn new(token: &[u8]) -> Option<Self> {
        let mut bytes = [0; 8];
        bytes.get_mut(..token.len())?.copy_from_slice(token);
        Some(Self {
            bytes,
            length: u8::try_from(token.len()).ok()?,
        })
    }

    /// The shortest big-endian form of a counter; zero is the empty token.
    pub fn from_counter(counter: u64) -> Self {
        let encoded = counter.to_be_bytes();
        let start = encoded.iter().take_while(|byte| **byte == 0).count();
        encoded
            .get(start..)
            .and_then(Self::new)
            .unwrap_or(Self::EMPTY)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&[])
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(")?;
        for byte in self.as_bytes() {
            write!(formatter, "{byte:02x}")?;
        }
        formatter.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn h13_counters_become_the_shortest_distinct_tokens() {
        for (counter, bytes) in [
            (0, &[][..]),
            (1, &[1]),
            (255, &[255]),
            (256, &[1, 0]),
            (u64::MAX, &[255; 8]),
        ] {
            assert_eq!(Token::from_counter(counter).as_bytes(), bytes);
        }
        assert_eq!(Token::new(&[0; 9]), None);
        assert_ne!(Token::new(&[0]), Token::new(&[]));
    }
}
