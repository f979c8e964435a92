//! The proof-of-possession key that authorization server and resource server derive from a token (RFC 9202
//! Section 3.3.1).

use zeroize::Zeroizing;

use crate::cbor::Writer;
use crate::crypto::{CryptoError, CryptoProvider};

/// The constant in front.
const KIND: &str = "ACE-CoAP-DTLS-key-derivation";

/// Bytes of CBOR heads and of [`KIND`].
const OVERHEAD: usize = 64;

/// Bytes of a derived key, where nothing else is agreed on: what TLS_PSK_WITH_AES_128_CCM_8 can make use of.
pub const DERIVED_KEY: usize = 16;

/// The symmetric key of `N` bytes that belongs to a token whose `cnf` only names it.
///
/// `derivation_key` is shared by one authorization server and one resource server and has no other use; `token` is
/// `access_token` as it came, byte for byte.
///
/// # Errors
/// [`CryptoError::TooLong`] for a key that HKDF cannot make.
pub fn derive_proof_key<const N: usize>(
    provider: &CryptoProvider,
    derivation_key: &[u8],
    token: &[u8],
) -> Result<Zeroizing<[u8; N]>, CryptoError> {
    // RFC 9202 Section 3.3.1: info is the array of type, length and token in deterministic encoding; salt is empty.
    let mut info = Writer::with_capacity(token.len().saturating_add(OVERHEAD));
    info.array(3);
    info.text(KIND);
    info.unsigned(N as u64);
    info.bytes(token);
    let mut key = Zeroizing::new([0; N]);
    provider
        .kdf
        .hkdf_sha256(derivation_key, &[], &info.finish(), key.as_mut_slice())?;
    Ok(key)
}

#[cfg(all(test, feature = "rust-crypto"))]
mod tests {
    use super::*;
    use crate::crypto::rust::PROVIDER;

    /// The token of RFC 8392 Appendix A.5.
    const TOKEN: &str = "d08343a1010aa2044c53796d6d6574726963313238054d99a0d7846e762c49ffe8a63e0b5858b918a11fd81e438\
                         b7f973d9e2e119bcb22424ba0f38a80f27562f400ee1d0d6c0fdb559c02421fd384fc2ebe22d7071378b0ea742\
                         8fff157444d45f7e6afcda1aae5f6495830c58627087fc5b4974f319a8707a635dd643b";

    fn bytes(digits: &str) -> alloc::vec::Vec<u8> {
        let digit = |digit: u8| char::from(digit).to_digit(16).unwrap_or_default() as u8;
        let (pairs, _) = digits.as_bytes().as_chunks::<2>();
        let pairs = pairs.iter();
        pairs
            .map(|[high, low]| digit(*high) << 4 | digit(*low))
            .collect()
    }

    #[test]
    fn d21_keys_are_those_of_two_other_programs() {
        // Computed with a hand-written HMAC and with the Python package cryptography; both agree.
        let material: alloc::vec::Vec<u8> = (0..32).collect();
        let token = bytes(TOKEN);
        let key = derive_proof_key::<16>(&PROVIDER, &material, &token).unwrap();
        assert_eq!(key[..], bytes("91f5ae9d7f68fab8e0a19498922f4b02"));
        let key = derive_proof_key::<32>(&PROVIDER, &material, &token).unwrap();
        let expected = "fcba3a31accd3e617ffd2b826b61392a1ae222837edca53d1060695db5f817b8";
        assert_eq!(key[..], bytes(expected));
        // With the tag of a CWT it is another token.
        let tagged = [&[0xd8, 0x3d], token.as_slice()].concat();
        let other = derive_proof_key::<32>(&PROVIDER, &material, &tagged).unwrap();
        assert_ne!(other[..], key[..]);
    }
}
