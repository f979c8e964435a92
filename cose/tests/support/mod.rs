//! What the tests with vectors share.
#![allow(dead_code, reason = "no test program uses all of it")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::{fs, path::Path};

use motekey_cose::crypto::CryptoProvider;

/// Every provider that is compiled in.
pub(crate) fn providers() -> Vec<CryptoProvider> {
    vec![
        motekey_cose::crypto::rust::PROVIDER,
        #[cfg(feature = "aws-lc")]
        motekey_cose::crypto::aws_lc::PROVIDER,
    ]
}

/// Bytes of hexadecimal digits of either case.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "odd number of digits");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// Bytes of base64url without padding.
pub(crate) fn base64url(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut out, mut bits, mut buffer) = (Vec::new(), 0, 0_u32);
    for digit in text.bytes() {
        let value = alphabet.iter().position(|known| *known == digit).unwrap();
        buffer = buffer << 6 | u32::try_from(value).unwrap();
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(buffer >> bits & 0xff).unwrap());
        }
    }
    out
}

/// A file below `tests/vectors`, as JSON.
pub(crate) fn json(path: &str) -> serde_json::Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(path);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The JSON files two levels below `tests/vectors/NAME`, relative to it.
pub(crate) fn directory(name: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name);
    let mut files = Vec::new();
    for group in fs::read_dir(root).unwrap().map(|entry| entry.unwrap()) {
        if !group.path().is_dir() {
            continue;
        }
        for file in fs::read_dir(group.path())
            .unwrap()
            .map(|entry| entry.unwrap())
        {
            let group = group.file_name().into_string().unwrap();
            files.push(format!(
                "{group}/{}",
                file.file_name().into_string().unwrap()
            ));
        }
    }
    files
}
