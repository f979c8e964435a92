//! Cipher suites (IANA "TLS Cipher Suites", 2026-11-23).

use crate::crypto::AeadAlgorithm;

/// A supported cipher suite. All use the PRF with SHA-256 (RFC 5246 Section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CipherSuite {
    /// TLS_PSK_WITH_AES_128_CCM_8 (RFC 6655)
    PskAes128Ccm8 = 0xc0a8,
    /// TLS_PSK_WITH_AES_128_GCM_SHA256 (RFC 5487)
    PskAes128Gcm = 0x00a8,
    /// TLS_PSK_WITH_CHACHA20_POLY1305_SHA256 (RFC 7905)
    PskChaCha20Poly1305 = 0xccab,
}

/// How a suite agrees on the premaster secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyExchange {
    /// A pre-shared key (RFC 4279 Section 2).
    Psk,
}

impl CipherSuite {
    /// All that are supported.
    pub const ALL: [Self; 3] = [
        Self::PskAes128Ccm8,
        Self::PskAes128Gcm,
        Self::PskChaCha20Poly1305,
    ];

    /// Its number.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The suite of a number.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.number() == number)
    }

    /// How it agrees on keys.
    pub const fn key_exchange(self) -> KeyExchange {
        match self {
            Self::PskAes128Ccm8 | Self::PskAes128Gcm | Self::PskChaCha20Poly1305 => {
                KeyExchange::Psk
            }
        }
    }

    /// How it protects records.
    pub const fn aead(self) -> AeadAlgorithm {
        match self {
            Self::PskAes128Ccm8 => AeadAlgorithm::Aes128Ccm8,
            Self::PskAes128Gcm => AeadAlgorithm::Aes128Gcm,
            Self::PskChaCha20Poly1305 => AeadAlgorithm::ChaCha20Poly1305,
        }
    }
}
