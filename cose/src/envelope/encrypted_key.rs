//! Encrypted_COSE_Key (RFC 8747 Section 3.3): a COSE_Key inside a COSE_Encrypt0.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::{Envelope, EnvelopeError, HeaderPlacement, Layout, encrypt0};
use crate::key::{CoseKey, DecryptionKey, EncryptionKey};

/// Encrypts `key` with its secret parts, as an untagged COSE_Encrypt0, under `nonce`, which the caller never uses
/// again with this encryption key.
///
/// # Errors
/// [`EnvelopeError::Crypto`] for a nonce of the wrong length.
pub fn seal_key(
    key: &CoseKey,
    encryption_key: &EncryptionKey,
    nonce: &[u8],
    headers: HeaderPlacement,
) -> Result<Vec<u8>, EnvelopeError> {
    let plaintext = Zeroizing::new(key.to_cbor());
    // RFC 8747 Section 3.3: within cnf the structure stands without its tag.
    encrypt0(
        &plaintext,
        encryption_key,
        nonce,
        &[],
        Layout {
            headers,
            tagged: false,
        },
    )
}

/// Decrypts an Encrypted_COSE_Key, with or without tag 16.
///
/// # Errors
/// [`EnvelopeError`]; [`EnvelopeError::Key`] when the plaintext is not a COSE_Key.
pub fn open_key(bytes: &[u8], decryption_key: &DecryptionKey) -> Result<CoseKey, EnvelopeError> {
    let plaintext = Zeroizing::new(Envelope::parse(bytes)?.decrypt(decryption_key, &[])?);
    CoseKey::from_cbor(&plaintext).map_err(EnvelopeError::Key)
}
