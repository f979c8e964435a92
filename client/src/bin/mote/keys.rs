//! Key pairs and public keys in files: PEM as other programs write it, or a COSE_Key in hexadecimal.

use std::io::Read;
use std::path::Path;

use motekey_client::KeyPair;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::CoseKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use zeroize::Zeroizing;

use super::input::hexadecimal;

/// Longest file in bytes.
const MAX_FILE: u64 = 16 << 10;

/// AlgorithmIdentifier of a P-256 key (RFC 5480 Section 2.1.1), without its head.
const P256: [u8; 19] = [
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
    0x03, 0x01, 0x07,
];

/// AlgorithmIdentifier of an Ed25519 key (RFC 8410 Section 3), without its head.
const ED25519: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x70];

/// Tags of DER.
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// What makes a key pair.
const NEW_PAIR: &str = "make one with: openssl genpkey -algorithm ed25519";

/// The key pair of a file: PKCS#8 in PEM, or a COSE_Key with its private part.
pub(crate) fn key_pair(path: &Path) -> Result<KeyPair, String> {
    let text = read(path)?;
    let pair = if is_pem(&text) {
        PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes())
            .ok()
            .and_then(|der| pkcs8(der.secret_pkcs8_der()))
    } else {
        cose_key(&text).and_then(|key| private(&key))
    };
    pair.ok_or_else(|| {
        format!(
            "{}: wanted a private key on P-256 or Ed25519, in PEM (PKCS#8, not encrypted) or as COSE_Key in \
             hexadecimal; {NEW_PAIR}",
            path.display()
        )
    })
}

/// The public key of a file, as SubjectPublicKeyInfo: in PEM, or a COSE_Key.
pub(crate) fn public_key_info(path: &Path) -> Result<Vec<u8>, String> {
    let text = read(path)?;
    let info = if is_pem(&text) {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()).ok();
        der.and_then(|der| CoseKey::from_public_key_info(&PROVIDER, &der, None).ok())
    } else {
        cose_key(&text)
    };
    info.and_then(|key| key.public_key_info(&PROVIDER).ok())
        .ok_or_else(|| {
            format!(
                "{}: wanted a public key on P-256 or Ed25519, in PEM (openssl pkey -pubout) or as COSE_Key in \
                 hexadecimal",
                path.display()
            )
        })
}

fn read(path: &Path) -> Result<Zeroizing<String>, String> {
    let named = |error: std::io::Error| format!("{}: {error}", path.display());
    let file = std::fs::File::open(path).map_err(named)?;
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_FILE)
        .read_to_string(&mut text)
        .map_err(named)?;
    Ok(text)
}

fn is_pem(text: &str) -> bool {
    text.contains("-----BEGIN")
}

fn cose_key(text: &str) -> Option<CoseKey> {
    let bytes = Zeroizing::new(hexadecimal(text).ok()?);
    CoseKey::from_cbor(&bytes).ok()
}

fn private(key: &CoseKey) -> Option<KeyPair> {
    match key {
        CoseKey::Ec2(key) => KeyPair::p256(key.private.as_deref()?).ok(),
        CoseKey::Okp(key) => Some(KeyPair::ed25519(key.private.as_deref()?)),
        CoseKey::Symmetric(_) => None,
    }
}

/// The key pair of a PrivateKeyInfo (RFC 5208 Section 5).
fn pkcs8(der: &[u8]) -> Option<KeyPair> {
    let (info, _) = element(der, SEQUENCE)?;
    let (_version, rest) = element(info, INTEGER)?;
    let (algorithm, rest) = element(rest, SEQUENCE)?;
    let (key, _attributes) = element(rest, OCTET_STRING)?;
    if algorithm == ED25519 {
        // RFC 8410 Section 7: the seed, in an octet string of its own.
        let (seed, _) = element(key, OCTET_STRING)?;
        return Some(KeyPair::ed25519(seed.try_into().ok()?));
    }
    if algorithm != P256 {
        return None;
    }
    // RFC 5915 Section 3: version, then the scalar.
    let (key, _) = element(key, SEQUENCE)?;
    let (_version, rest) = element(key, INTEGER)?;
    let (scalar, _) = element(rest, OCTET_STRING)?;
    KeyPair::p256(scalar.try_into().ok()?).ok()
}

/// The content of a DER element of less than 256 bytes with this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match bytes {
        [first, 0x81, length, rest @ ..] if *first == tag => (*length, rest),
        [first, length @ ..=0x7f, rest @ ..] if *first == tag => (*length, rest),
        _ => return None,
    };
    rest.split_at_checked(length.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `openssl genpkey`, with the public keys by `openssl pkey -pubout`.
    const P256_PAIR: &str = include_str!("../../../tests/keys/p256.pem");
    const P256_PUBLIC: &str = include_str!("../../../tests/keys/p256.pub.pem");
    const ED25519_PAIR: &str = include_str!("../../../tests/keys/ed25519.pem");
    const ED25519_PUBLIC: &str = include_str!("../../../tests/keys/ed25519.pub.pem");

    /// Writes a file of a test and hands over its path.
    fn with_file<T>(name: &str, text: &str, run: impl FnOnce(&Path) -> T) -> T {
        let path = std::env::temp_dir().join(format!("mote-keys-{name}-{}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        let result = run(&path);
        std::fs::remove_file(&path).unwrap();
        result
    }

    fn digits(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn key_pairs_of_openssl_are_read_with_their_public_keys() {
        for (pair, public) in [(P256_PAIR, P256_PUBLIC), (ED25519_PAIR, ED25519_PUBLIC)] {
            let pair = with_file("pair", pair, key_pair).unwrap();
            let info = with_file("public", public, public_key_info).unwrap();
            assert_eq!(pair.public_key_info(), info);
        }
    }

    #[test]
    fn cose_keys_in_hexadecimal_are_read() {
        for key in [
            CoseKey::p256(&PROVIDER, &[7; 32], Some(b"a")).unwrap(),
            CoseKey::ed25519(&PROVIDER, &[7; 32], None).unwrap(),
        ] {
            let pair = with_file("cose-pair", &digits(&key.to_cbor()), key_pair).unwrap();
            let public = digits(&key.public().unwrap().to_cbor());
            let info = with_file("cose-public", &public, public_key_info).unwrap();
            assert_eq!(pair.public_key_info(), info);
            assert!(with_file("cose-half", &public, key_pair).is_err());
        }
    }

    #[test]
    fn other_files_are_refused_without_being_shown() {
        let cut = P256_PAIR.replacen("MIGH", "MIGG", 1);
        let other =
            "-----BEGIN PRIVATE KEY-----\nMFECAQEwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n";
        for (name, text) in [
            ("empty", ""),
            ("text", "secret words"),
            ("public", P256_PUBLIC),
            ("cut", &cut),
            ("other", other),
            ("symmetric", "a20104204142"),
        ] {
            let error = with_file(name, text, key_pair).unwrap_err();
            assert!(error.contains("openssl genpkey"), "{name}: {error}");
            assert!(!error.contains("secret words"), "{error}");
        }
        for (name, text) in [("no-key", "00"), ("private", ED25519_PAIR)] {
            assert!(with_file(name, text, public_key_info).is_err(), "{name}");
        }
    }
}
