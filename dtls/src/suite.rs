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
    /// TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256 (RFC 8442)
    EcdhePskAes128Ccm8 = 0xd003,
    /// TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256 (RFC 8442)
    EcdhePskAes128Gcm = 0xd001,
    /// TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256 (RFC 7905)
    EcdhePskChaCha20Poly1305 = 0xccac,
    /// TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8 (RFC 7251)
    EcdheEcdsaAes128Ccm8 = 0xc0ae,
    /// TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 (RFC 5289)
    EcdheEcdsaAes128Gcm = 0xc02b,
    /// TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 (RFC 7905)
    EcdheEcdsaChaCha20Poly1305 = 0xcca9,
}

/// How a suite agrees on the premaster secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyExchange {
    /// A pre-shared key (RFC 4279 Section 2).
    Psk,
    /// A pre-shared key and ephemeral keys (RFC 5489 Section 2).
    EcdhePsk,
    /// Ephemeral keys, signed (RFC 8422 Section 2.1); also with Ed25519 (RFC 8422 Section 5.1.3).
    EcdheEcdsa,
}

impl CipherSuite {
    /// All that are supported: signed ones first, then those with forward secrecy.
    pub const ALL: [Self; 9] = [
        Self::EcdheEcdsaAes128Ccm8,
        Self::EcdheEcdsaAes128Gcm,
        Self::EcdheEcdsaChaCha20Poly1305,
        Self::EcdhePskAes128Ccm8,
        Self::EcdhePskAes128Gcm,
        Self::EcdhePskChaCha20Poly1305,
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
            Self::EcdhePskAes128Ccm8 | Self::EcdhePskAes128Gcm | Self::EcdhePskChaCha20Poly1305 => {
                KeyExchange::EcdhePsk
            }
            Self::EcdheEcdsaAes128Ccm8
            | Self::EcdheEcdsaAes128Gcm
            | Self::EcdheEcdsaChaCha20Poly1305 => KeyExchange::EcdheEcdsa,
        }
    }

    /// How it protects records.
    pub const fn aead(self) -> AeadAlgorithm {
        match self {
            Self::PskAes128Ccm8 | Self::EcdhePskAes128Ccm8 | Self::EcdheEcdsaAes128Ccm8 => {
                AeadAlgorithm::Aes128Ccm8
            }
            Self::PskAes128Gcm | Self::EcdhePskAes128Gcm | Self::EcdheEcdsaAes128Gcm => {
                AeadAlgorithm::Aes128Gcm
            }
            Self::PskChaCha20Poly1305
            | Self::EcdhePskChaCha20Poly1305
            | Self::EcdheEcdsaChaCha20Poly1305 => AeadAlgorithm::ChaCha20Poly1305,
        }
    }
}
