//! Settings whose values are words, names or public keys.

use motekey_cose::key::CoseKey;
use motekey_cose::registry::profile;
use toml::Spanned;

use super::problem::Problem;
use super::secret;
use crate::registry::PopKeyKinds;

const PROFILES: [(&str, i64); 3] = [
    ("coap_dtls", profile::COAP_DTLS),
    ("coap_oscore", profile::COAP_OSCORE),
    ("mqtt_tls", profile::MQTT_TLS),
];

pub(super) fn profiles(name: &str, list: &[Spanned<String>]) -> Result<Vec<i64>, Problem> {
    let setting = format!("{name}: profiles");
    list.iter()
        .map(|word| one_of(&setting, word, &PROFILES))
        .collect()
}

pub(super) fn pop_keys(name: &str, list: &[Spanned<String>]) -> Result<PopKeyKinds, Problem> {
    let mut kinds = PopKeyKinds {
        symmetric: false,
        p256: false,
        ed25519: false,
    };
    let setting = format!("{name}: pop_keys");
    for word in list {
        let words = [("symmetric", 0), ("P-256", 1), ("Ed25519", 2)];
        match one_of(&setting, word, &words)? {
            0 => kinds.symmetric = true,
            1 => kinds.p256 = true,
            _ => kinds.ed25519 = true,
        }
    }
    Ok(kinds)
}

/// A public key as a COSE_Key in hexadecimal.
pub(super) fn public_key(
    owner: &str,
    setting: &str,
    text: &Spanned<String>,
) -> Result<CoseKey, Problem> {
    let wrong = |error: String| {
        Problem::at(
            text.span(),
            format!(
                "{owner}: {setting}: {error}; wanted a COSE_Key (RFC 9052 Section 7) in hexadecimal"
            ),
        )
    };
    let bytes = secret::hexadecimal(text.get_ref()).map_err(wrong)?;
    let key = CoseKey::from_cbor(&bytes).map_err(|error| wrong(error.to_string()))?;
    if key.has_secret() {
        return Err(wrong("the key is private; give its public part".to_owned()));
    }
    Ok(key)
}

/// One of several words.
pub(super) fn one_of<T: Copy>(
    setting: &str,
    word: &Spanned<String>,
    all: &[(&str, T)],
) -> Result<T, Problem> {
    let text = word.get_ref();
    all.iter()
        .find(|(name, _)| name == text)
        .map(|(_, value)| *value)
        .ok_or_else(|| {
            let names: Vec<_> = all.iter().map(|(name, _)| format!("{name:?}")).collect();
            Problem::at(
                word.span(),
                format!("{setting}: {text:?} is none of {}", names.join(", ")),
            )
        })
}

/// Bytes that name a key or a peer: text, or `hex:` and digits.
pub(super) fn identifier(setting: &str, text: &Spanned<String>) -> Result<Vec<u8>, Problem> {
    match text.get_ref().strip_prefix("hex:") {
        None => Ok(text.get_ref().as_bytes().to_vec()),
        Some(digits) => secret::hexadecimal(digits).map_err(|error| {
            Problem::at(text.span(), format!("{setting}: after \"hex:\": {error}"))
        }),
    }
}
