#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod claims;
mod protection;

use alloc::{string::ToString, vec, vec::Vec};

use super::{ProtectionKey, TokenError, TokenStyle, TrustedIssuers, VerificationKey, mint, verify};
use crate::{
    claims::{Audience, ClaimsSet, NumericDate},
    crypto::{AeadAlgorithm, MacAlgorithm, SignatureAlgorithm, rust::PROVIDER},
    key::{CoseKey, DecryptionKey, EncryptionKey, MacCreationKey, SigningKey},
};

const ISSUER: &str = "coaps://as.example.com";
const NOW: i64 = 1_000;
const AEAD: AeadAlgorithm = AeadAlgorithm::AesCcm16_64_128;
const NONCE: [u8; 13] = [1; 13];

fn signing() -> SigningKey {
    pair()
        .signing_key(&PROVIDER, SignatureAlgorithm::EdDsa)
        .unwrap()
}

fn pair() -> CoseKey {
    CoseKey::ed25519(&PROVIDER, &[5; 32], Some(b"as")).unwrap()
}

fn encryption() -> EncryptionKey {
    CoseKey::symmetric(&[9; 16], Some(b"rs1"))
        .encryption_key(&PROVIDER, AEAD)
        .unwrap()
}

fn decryption() -> DecryptionKey {
    CoseKey::symmetric(&[9; 16], Some(b"rs1"))
        .decryption_key(&PROVIDER, AEAD)
        .unwrap()
}

fn creation() -> MacCreationKey {
    CoseKey::symmetric(&[9; 32], Some(b"rs1"))
        .mac_creation_key(&PROVIDER, MacAlgorithm::Hmac256_256)
        .unwrap()
}

fn issuers() -> TrustedIssuers {
    let mac = CoseKey::symmetric(&[9; 32], Some(b"rs1"));
    let keys = vec![
        VerificationKey::Signature(
            pair()
                .verifying_key(&PROVIDER, SignatureAlgorithm::EdDsa)
                .unwrap(),
        ),
        VerificationKey::Decryption(decryption()),
        VerificationKey::Mac(
            mac.mac_verification_key(&PROVIDER, MacAlgorithm::Hmac256_256)
                .unwrap(),
        ),
    ];
    TrustedIssuers::one(ISSUER, keys)
}

fn claims() -> ClaimsSet {
    ClaimsSet {
        iss: Some(ISSUER.to_string()),
        aud: Some(Audience::One("rs1".to_string())),
        exp: Some(NumericDate::from_seconds(NOW + 1)),
        ..ClaimsSet::default()
    }
}

fn check(token: &[u8]) -> Result<super::VerifiedToken, TokenError> {
    verify(
        &PROVIDER,
        token,
        &issuers(),
        NumericDate::from_seconds(NOW),
        &["other", "rs1"],
    )
}

fn signed(claims: &ClaimsSet) -> Vec<u8> {
    mint(
        claims,
        &ProtectionKey::Sign(&signing()),
        TokenStyle::default(),
    )
    .unwrap()
}
