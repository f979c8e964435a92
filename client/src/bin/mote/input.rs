//! What `mote` reads: keys, identities, payloads.

use std::io::Read;
use std::path::Path;

use motekey_client::CacheKey;
use motekey_coap::dtls::PreSharedKey;
use zeroize::{Zeroize, Zeroizing};

use super::arguments::Payload;

/// Largest payload in bytes that is read.
const MAX_PAYLOAD: u64 = 1 << 20;

/// Bytes in hexadecimal; blanks at both ends are skipped.
pub(crate) fn hexadecimal(text: &str) -> Result<Vec<u8>, String> {
    let text = text.trim();
    if !text.len().is_multiple_of(2) {
        return Err("an odd number of hexadecimal digits".into());
    }
    let mut bytes = Vec::with_capacity(text.len() / 2);
    for pair in text.as_bytes().chunks(2) {
        let digits = std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else {
            bytes.zeroize();
            return Err("not hexadecimal".into());
        };
        bytes.push(byte);
    }
    Ok(bytes)
}

/// A PSK identity: text, or `hex:` and digits.
pub(crate) fn identity(text: &str) -> Result<Vec<u8>, String> {
    match text.strip_prefix("hex:") {
        Some(digits) => hexadecimal(digits).map_err(|error| format!("identity: {error}")),
        None => Ok(text.as_bytes().to_vec()),
    }
}

/// The key of a token cache.
pub(crate) fn cache_key(file: &Path) -> Result<CacheKey, String> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
    let bytes = Zeroizing::new(
        hexadecimal(&Zeroizing::new(text)).map_err(|error| format!("{name}: {error}"))?,
    );
    let key = Zeroizing::new(
        <[u8; 32]>::try_from(bytes.as_slice())
            .map_err(|_| format!("{name}: {} bytes, wanted 32", bytes.len()))?,
    );
    Ok(CacheKey::new(*key))
}

/// The PSK: from the environment, else from the file.
pub(crate) fn key(
    environment: Option<String>,
    file: Option<&Path>,
) -> Result<PreSharedKey, String> {
    let (text, origin) = match (environment, file) {
        (Some(text), _) => (Zeroizing::new(text), "MOTEKEY_PSK".to_owned()),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            (Zeroizing::new(text), path.display().to_string())
        }
        (None, None) => {
            return Err(
                "no key: set MOTEKEY_PSK, give --key-file, or name a key_file in the configuration"
                    .into(),
            );
        }
    };
    let bytes = hexadecimal(&text).map_err(|error| format!("{origin}: {error}"))?;
    if bytes.is_empty() {
        return Err(format!("{origin}: the key is empty"));
    }
    Ok(PreSharedKey::new(bytes))
}

/// The payload: option, file, or standard input.
pub(crate) fn payload(options: &Payload) -> Result<Vec<u8>, String> {
    let (mut source, name): (Box<dyn Read>, String) =
        match (&options.payload, &options.payload_file) {
            (Some(text), _) => return Ok(text.as_bytes().to_vec()),
            (None, Some(path)) => {
                let file = std::fs::File::open(path)
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                (Box::new(file), path.display().to_string())
            }
            (None, None) => (Box::new(std::io::stdin()), "standard input".to_owned()),
        };
    let mut bytes = Vec::new();
    source
        .by_ref()
        .take(MAX_PAYLOAD + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("{name}: {error}"))?;
    if bytes.len() as u64 > MAX_PAYLOAD {
        return Err(format!("{name}: more than {MAX_PAYLOAD} bytes"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_text_or_bytes() {
        assert_eq!(identity("meter-1").unwrap(), b"meter-1");
        assert_eq!(identity("hex:00ff").unwrap(), [0, 255]);
        assert!(identity("hex:0").is_err());
    }

    #[test]
    fn the_environment_goes_before_the_file() {
        let key = key(Some(" 0011\n".into()), Some(Path::new("/nonexistent"))).unwrap();
        assert_eq!(key.expose(), [0x00, 0x11]);
    }

    #[test]
    fn bad_keys_are_refused_without_being_shown() {
        for text in ["", "0", "00g0", "+1", "éé"] {
            let error = key(Some(text.into()), None).unwrap_err();
            assert!(error.starts_with("MOTEKEY_PSK"), "{error}");
            assert!(
                text.is_empty() || text.len() < 2 || !error.contains(text),
                "{error}"
            );
        }
    }
}
