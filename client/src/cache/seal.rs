//! The sealed form: a header that says what the file is, then one AEAD message.
//!
//! `"motekey tokens"`, version (1 byte), check of the key (8), salt (32), AES-256-GCM ciphertext with its tag (16). Key
//! and nonce of the message are derived from the key of the caller and the salt, which is drawn anew for each file, so
//! that no key seals two files. The header is authenticated with the content.

use std::fmt;

use motekey_coap::dtls::PreSharedKey;
use motekey_cose::crypto::{AeadAlgorithm, CryptoError, CryptoProvider};
use zeroize::Zeroizing;

use super::error::CacheError;

const MAGIC: &[u8] = b"motekey tokens";
/// Version of the file; a newer one is left alone.
const VERSION: u8 = 1;
const CHECK: usize = 8;
pub(super) const SALT: usize = 32;
const HEADER: usize = MAGIC.len() + 1 + CHECK + SALT;
const ALGORITHM: AeadAlgorithm = AeadAlgorithm::A256Gcm;
const KEY: usize = 32;
const NONCE: usize = 12;

/// The key that a token cache is sealed under. Keep it apart from the file: in a secure element, or in a file of
/// another medium. Never printed; overwritten when dropped.
#[derive(Clone)]
pub struct CacheKey(Zeroizing<[u8; KEY]>);

impl fmt::Debug for CacheKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CacheKey(..)")
    }
}

impl CacheKey {
    /// Takes a key of 32 bytes.
    pub fn new(bytes: [u8; KEY]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Derives the key from the secret that the device shares with its authorization server (HKDF with SHA-256,
    /// RFC 5869, under a label of its own): whoever has that secret can get the same tokens anyway. The secret must
    /// be a random key, not a password.
    ///
    /// # Errors
    /// None that depend on the key.
    pub fn derive(key: &PreSharedKey) -> Result<Self, CryptoError> {
        let mut derived = Zeroizing::new([0; KEY]);
        provider().kdf.hkdf_sha256(
            key.expose(),
            &[],
            b"motekey token cache key 1",
            derived.as_mut_slice(),
        )?;
        Ok(Self(derived))
    }

    /// Tells a wrong key from a damaged file, and nothing about the key.
    fn check(&self) -> Result<[u8; CHECK], CryptoError> {
        let mut check = [0; CHECK];
        let label = b"motekey token cache check 1";
        provider()
            .kdf
            .hkdf_sha256(&*self.0, &[], label, &mut check)?;
        Ok(check)
    }

    /// Key and nonce of the one file with this salt.
    fn message_key(&self, salt: &[u8]) -> Result<Zeroizing<[u8; KEY + NONCE]>, CryptoError> {
        let mut derived = Zeroizing::new([0; KEY + NONCE]);
        let label = b"motekey token cache seal 1";
        provider()
            .kdf
            .hkdf_sha256(&*self.0, salt, label, derived.as_mut_slice())?;
        Ok(derived)
    }
}

/// Seals `content` for a file. `salt` is random and used for nothing else.
pub(super) fn seal(
    key: &CacheKey,
    salt: &[u8; SALT],
    content: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let mut file = Vec::with_capacity(HEADER + content.len() + ALGORITHM.tag_length());
    file.extend_from_slice(MAGIC);
    file.push(VERSION);
    file.extend_from_slice(&key.check()?);
    file.extend_from_slice(salt);
    let derived = key.message_key(salt)?;
    let (message_key, nonce) = derived.split_at(KEY);
    // Room for the tag, so that no outgrown buffer with the content is left behind.
    let mut buffer = Vec::with_capacity(content.len() + ALGORITHM.tag_length());
    buffer.extend_from_slice(content);
    provider()
        .aead
        .key(ALGORITHM, message_key)?
        .seal(nonce, &file, &mut buffer)?;
    file.append(&mut buffer);
    Ok(file)
}

/// Opens a file.
pub(super) fn open(key: &CacheKey, file: &[u8]) -> Result<Zeroizing<Vec<u8>>, CacheError> {
    let rest = file.strip_prefix(MAGIC).ok_or(CacheError::NotACache)?;
    match rest.first() {
        Some(&VERSION) => {}
        Some(&version) => return Err(CacheError::OtherVersion(version)),
        None => return Err(CacheError::Damaged),
    }
    let (header, sealed) = file.split_at_checked(HEADER).ok_or(CacheError::Damaged)?;
    let (_, variable) = header
        .split_at_checked(MAGIC.len() + 1)
        .ok_or(CacheError::Damaged)?;
    let (check, salt) = variable
        .split_at_checked(CHECK)
        .ok_or(CacheError::Damaged)?;
    let failed = |_: CryptoError| CacheError::Damaged;
    if check != key.check().map_err(failed)? {
        return Err(CacheError::WrongKey);
    }
    let derived = key.message_key(salt).map_err(failed)?;
    let (message_key, nonce) = derived.split_at(KEY);
    let mut buffer = Zeroizing::new(sealed.to_vec());
    provider()
        .aead
        .key(ALGORITHM, message_key)
        .and_then(|opener| opener.open(nonce, header, &mut buffer))
        .map_err(failed)?;
    Ok(buffer)
}

fn provider() -> CryptoProvider {
    motekey_cose::crypto::rust::PROVIDER
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> CacheKey {
        CacheKey::new([byte; KEY])
    }

    #[test]
    fn what_is_sealed_opens_and_is_not_readable() {
        let file = seal(&key(1), &[2; SALT], b"a secret of the device").unwrap();
        assert_eq!(*open(&key(1), &file).unwrap(), b"a secret of the device");
        assert!(!file.windows(6).any(|part| part == b"secret"));
        assert_ne!(
            file,
            seal(&key(1), &[3; SALT], b"a secret of the device").unwrap()
        );
    }

    #[test]
    fn each_fault_has_its_name() {
        let good = seal(&key(1), &[2; SALT], b"content").unwrap();
        let changed = |index: usize, value: u8| {
            let mut file = good.clone();
            file[index] ^= value;
            file
        };
        let newer = |version: u8| changed(MAGIC.len(), VERSION ^ version);
        let cases = [
            (Vec::new(), CacheError::NotACache),
            (b"[resource_server]\n".to_vec(), CacheError::NotACache),
            (MAGIC.to_vec(), CacheError::Damaged),
            (newer(2), CacheError::OtherVersion(2)),
            (newer(255), CacheError::OtherVersion(255)),
            (good[..HEADER - 1].to_vec(), CacheError::Damaged),
            (good[..HEADER].to_vec(), CacheError::Damaged),
            (good[..good.len() - 1].to_vec(), CacheError::Damaged),
            ([&good[..], b"x"].concat(), CacheError::Damaged),
            (changed(HEADER - 1, 1), CacheError::Damaged),
            (changed(HEADER, 1), CacheError::Damaged),
            (changed(good.len() - 1, 0x80), CacheError::Damaged),
        ];
        for (file, wanted) in cases {
            assert_eq!(open(&key(1), &file).unwrap_err(), wanted, "{file:02x?}");
        }
        assert_eq!(open(&key(9), &good).unwrap_err(), CacheError::WrongKey);
    }

    #[test]
    fn a_derived_key_is_another_than_its_source_and_never_printed() {
        let source = PreSharedKey::new(vec![7; KEY]);
        let derived = CacheKey::derive(&source).unwrap();
        assert_ne!(&derived.0[..], source.expose());
        assert_eq!(format!("{derived:?}"), "CacheKey(..)");
    }
}
