//! Targets for COSE_Sign1, COSE_Mac0, COSE_Encrypt0 and Encrypted_COSE_Key, under the keys of the examples of
//! RFC 8392 and RFC 8747: the only contents that pass are those that the RFC protected with these keys.

use std::sync::LazyLock;

use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::crypto::{AeadAlgorithm, MacAlgorithm, SignatureAlgorithm};
use motekey_cose::envelope::{Envelope, open_key};
use motekey_cose::key::{CoseKey, DecryptionKey, KeyError, MacVerificationKey, VerifyingKey};

/// RFC 8392 Appendix A.2.3.
pub(crate) const SIGNATURE_KEY: &[u8] =
    include_bytes!("../seeds/cose_key/rfc8392-a-2-3-ecdsa-p256");
/// RFC 8392 Appendix A.2.2: the value alone, for the printed key has the number of another algorithm.
pub(crate) const MAC_KEY: [u8; 32] = [
    0x40, 0x36, 0x97, 0xde, 0x87, 0xaf, 0x64, 0x61, 0x1c, 0x1d, 0x32, 0xa0, 0x5d, 0xab, 0x0f, 0xe1,
    0xfc, 0xb7, 0x15, 0xa8, 0x6a, 0xb4, 0x35, 0xf1, 0xec, 0x99, 0x19, 0x2d, 0x79, 0x56, 0x93, 0x88,
];
/// RFC 8392 Appendix A.2.1.
pub(crate) const ENCRYPTION_KEY: &[u8] =
    include_bytes!("../seeds/cose_key/rfc8392-a-2-1-symmetric128");
/// RFC 8747 Section 3.3: the key that encrypts the example of an Encrypted_COSE_Key.
const WRAPPING_KEY: &[u8; 16] = b"abc\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10";
/// RFC 8392 Appendix A.1: what A.3, A.4 and A.5 protect.
pub(crate) const CLAIMS: &[u8] = include_bytes!("../seeds/claims_set/rfc8392-a-1");
/// RFC 8392 Appendix A.7.
const CLAIMS_WITH_FLOAT: &[u8] = include_bytes!("../seeds/claims_set/rfc8392-a-7");
/// RFC 8747 Section 3.3: what the Encrypted_COSE_Key holds.
const WRAPPED_KEY: &[u8] = include_bytes!("../seeds/cose_key/rfc8747-2");

static VERIFYING: LazyLock<Result<VerifyingKey, KeyError>> = LazyLock::new(|| {
    CoseKey::from_cbor(SIGNATURE_KEY)?.verifying_key(&PROVIDER, SignatureAlgorithm::Es256)
});
static MAC: LazyLock<Result<MacVerificationKey, KeyError>> = LazyLock::new(|| {
    CoseKey::symmetric(&MAC_KEY, None).mac_verification_key(&PROVIDER, MacAlgorithm::Hmac256_64)
});
static DECRYPTION: LazyLock<Result<DecryptionKey, KeyError>> = LazyLock::new(|| {
    CoseKey::from_cbor(ENCRYPTION_KEY)?.decryption_key(&PROVIDER, AeadAlgorithm::AesCcm16_64_128)
});
static UNWRAPPING: LazyLock<Result<DecryptionKey, KeyError>> = LazyLock::new(|| {
    CoseKey::symmetric(WRAPPING_KEY, None).decryption_key(&PROVIDER, AeadAlgorithm::AesCcm16_64_128)
});

/// COSE_Sign1 under a P-256 key.
pub fn cose_sign1(data: &[u8]) {
    let key = prepared(&VERIFYING);
    if let (Ok(envelope), Some(key)) = (Envelope::parse(data), key)
        && let Ok(payload) = envelope.verify_signature(key, &[])
    {
        assert_eq!(payload, CLAIMS, "a forged signature");
    }
}

/// COSE_Mac0 under HMAC 256/64.
pub fn cose_mac0(data: &[u8]) {
    let key = prepared(&MAC);
    if let (Ok(envelope), Some(key)) = (Envelope::parse(data), key)
        && let Ok(payload) = envelope.verify_mac(key, &[])
    {
        assert!(
            payload == CLAIMS || payload == CLAIMS_WITH_FLOAT,
            "a forged MAC"
        );
    }
}

/// COSE_Encrypt0 under AES-CCM-16-64-128.
pub fn cose_encrypt0(data: &[u8]) {
    let key = prepared(&DECRYPTION);
    if let (Ok(envelope), Some(key)) = (Envelope::parse(data), key)
        && let Ok(plaintext) = envelope.decrypt(key, &[])
    {
        assert_eq!(plaintext, CLAIMS, "a forged ciphertext");
    }
}

/// Encrypted_COSE_Key (RFC 8747 Section 3.3).
pub fn cose_encrypted_key(data: &[u8]) {
    if let Some(key) = prepared(&UNWRAPPING)
        && let Ok(opened) = open_key(data, key)
    {
        let wrapped = CoseKey::from_cbor(WRAPPED_KEY);
        assert!(
            wrapped.is_ok_and(|wrapped| wrapped == opened),
            "a forged key"
        );
    }
}

/// The key; a target without its key would look at nothing.
fn prepared<T>(key: &'static LazyLock<Result<T, KeyError>>) -> Option<&'static T> {
    let key = LazyLock::force(key).as_ref();
    assert!(key.is_ok(), "the key of the target: {:?}", key.err());
    key.ok()
}
