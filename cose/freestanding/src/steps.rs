//! The steps: a signed, an encrypted and a MACed token, each minted, verified, and refused after a change.

extern crate alloc;

use alloc::{string::ToString, vec, vec::Vec};

use motekey_cose::{
    claims::{Audience, ClaimsSet, NumericDate},
    confirmation::Confirmation,
    crypto::{AeadAlgorithm, MacAlgorithm, SignatureAlgorithm, rust::PROVIDER},
    key::CoseKey,
    token::{ProtectionKey, TokenStyle, TrustedIssuers, VerificationKey, mint, verify},
};

const ISSUER: &str = "coaps://as.example.com";
const AUDIENCE: &str = "rs1";

/// Runs every step.
///
/// # Errors
/// The number of the step that failed.
pub(crate) fn run() -> Result<(), u8> {
    signed(SignatureAlgorithm::EdDsa, 1)?;
    signed(SignatureAlgorithm::Es256, 11)?;
    encrypted(21)?;
    maced(31)
}

fn signed(algorithm: SignatureAlgorithm, first: u8) -> Result<(), u8> {
    let key = match algorithm {
        SignatureAlgorithm::EdDsa => CoseKey::ed25519(&PROVIDER, &[7; 32], Some(b"as")),
        SignatureAlgorithm::Es256 => CoseKey::p256(&PROVIDER, &[7; 32], Some(b"as")),
    };
    let key = key.map_err(|_| first)?;
    let signing = key
        .signing_key(&PROVIDER, algorithm)
        .map_err(|_| first + 1)?;
    let verifying = key
        .verifying_key(&PROVIDER, algorithm)
        .map_err(|_| first + 2)?;
    let holder = key.public().ok_or(first + 3)?;
    round_trip(
        holder,
        &ProtectionKey::Sign(&signing),
        VerificationKey::Signature(verifying),
        first + 4,
    )
}

fn encrypted(first: u8) -> Result<(), u8> {
    let shared = CoseKey::symmetric(&[9; 16], Some(b"rs1"));
    let algorithm = AeadAlgorithm::AesCcm16_64_128;
    let encryption = shared
        .encryption_key(&PROVIDER, algorithm)
        .map_err(|_| first)?;
    let decryption = shared
        .decryption_key(&PROVIDER, algorithm)
        .map_err(|_| first + 1)?;
    let protection = ProtectionKey::Encrypt {
        key: &encryption,
        nonce: &[1; 13],
    };
    let holder = CoseKey::symmetric(&[3; 16], Some(b"c1"));
    round_trip(
        holder,
        &protection,
        VerificationKey::Decryption(decryption),
        first + 2,
    )
}

fn maced(first: u8) -> Result<(), u8> {
    let shared = CoseKey::symmetric(&[9; 32], Some(b"rs1"));
    let creation = shared
        .mac_creation_key(&PROVIDER, MacAlgorithm::Hmac256_256)
        .map_err(|_| first)?;
    let verification = shared
        .mac_verification_key(&PROVIDER, MacAlgorithm::Hmac256_256)
        .map_err(|_| first + 1)?;
    let holder = CoseKey::symmetric_name(b"c1");
    round_trip(
        holder,
        &ProtectionKey::Mac(&creation),
        VerificationKey::Mac(verification),
        first + 2,
    )
}

fn round_trip(
    holder: CoseKey,
    protection: &ProtectionKey<'_>,
    key: VerificationKey,
    first: u8,
) -> Result<(), u8> {
    let claims = ClaimsSet {
        iss: Some(ISSUER.to_string()),
        aud: Some(Audience::One(AUDIENCE.to_string())),
        exp: Some(NumericDate::from_seconds(2_000)),
        cnf: Some(Confirmation::Key(holder)),
        ..ClaimsSet::default()
    };
    let issuers = TrustedIssuers::one(ISSUER, vec![key]);
    let check = |token: &[u8]| {
        verify(
            &PROVIDER,
            token,
            &issuers,
            NumericDate::from_seconds(1_000),
            &[AUDIENCE],
        )
    };

    let mut token: Vec<u8> = mint(&claims, protection, TokenStyle::default()).map_err(|_| first)?;
    let verified = check(&token).map_err(|_| first + 1)?;
    if *verified.claims() != claims {
        return Err(first + 2);
    }
    let last = token.last_mut().ok_or(first + 3)?;
    *last ^= 1;
    if check(&token).is_ok() {
        Err(first + 4)
    } else {
        Ok(())
    }
}
