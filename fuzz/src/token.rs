//! Target for whole tokens: nothing passes but what the issuer protected, for this audience, in its time.

use std::sync::LazyLock;

use motekey_cose::claims::{ClaimsSet, NumericDate};
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::crypto::{AeadAlgorithm, MacAlgorithm, SignatureAlgorithm};
use motekey_cose::key::{CoseKey, KeyError};
use motekey_cose::token::{TrustedIssuers, VerificationKey, inspect, verify};

use crate::envelope::{CLAIMS, ENCRYPTION_KEY, MAC_KEY, SIGNATURE_KEY};

/// The issuer and the audience of the examples of RFC 8392, and a time at which they are valid.
const ISSUER: &str = "coap://as.example.com";
const AUDIENCE: &str = "coap://light.example.com";
const NOW: NumericDate = NumericDate::from_seconds(1_443_945_000);

static ISSUERS: LazyLock<Result<TrustedIssuers, KeyError>> = LazyLock::new(|| {
    let signature = CoseKey::from_cbor(SIGNATURE_KEY)?;
    let encryption = CoseKey::from_cbor(ENCRYPTION_KEY)?;
    let mac = CoseKey::symmetric(&MAC_KEY, None);
    Ok(TrustedIssuers::one(
        ISSUER,
        vec![
            VerificationKey::Signature(
                signature.verifying_key(&PROVIDER, SignatureAlgorithm::Es256)?,
            ),
            VerificationKey::Mac(mac.mac_verification_key(&PROVIDER, MacAlgorithm::Hmac256_64)?),
            VerificationKey::Decryption(
                encryption.decryption_key(&PROVIDER, AeadAlgorithm::AesCcm16_64_128)?,
            ),
        ],
    ))
});

/// Whatever verifies has the claims of the examples; it does so for no other audience and at no later time.
pub fn token(data: &[u8]) {
    let _ = inspect(data);
    let issuers = LazyLock::force(&ISSUERS).as_ref();
    assert!(issuers.is_ok(), "the keys of the target");
    let Ok(issuers) = issuers else { return };
    let Ok(token) = verify(&PROVIDER, data, issuers, NOW, &[AUDIENCE]) else {
        return;
    };
    let expected = ClaimsSet::decode(CLAIMS);
    assert!(
        expected.is_ok_and(|expected| expected == *token.claims()) || token.claims().exp.is_none(),
        "a forged token"
    );
    if token.claims().exp.is_some() {
        let late = NOW.plus_seconds(1_000_000_000);
        assert!(
            verify(&PROVIDER, data, issuers, late, &[AUDIENCE]).is_err(),
            "an expired token"
        );
        assert!(
            verify(&PROVIDER, data, issuers, NOW, &["coap://door.example.com"]).is_err(),
            "a token for somebody else"
        );
    }
}
