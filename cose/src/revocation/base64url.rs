//! base64url without padding (RFC 4648 Section 5).

use alloc::string::String;
use alloc::vec::Vec;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The text of `bytes`.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().enumerate().fold(0_u32, |group, (at, byte)| {
            group | u32::from(*byte) << (16 - 8 * at)
        });
        for digit in 0..=chunk.len() {
            let value = usize::try_from((group >> (18 - 6 * digit)) & 0x3f).unwrap_or_default();
            text.extend(ALPHABET.get(value).map(|character| char::from(*character)));
        }
    }
    text
}

/// The bytes of a text; `None` if it is not the one text that [`encode`] makes of them.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len().saturating_mul(3) / 4);
    for chunk in text.chunks(4) {
        let mut group = 0_u32;
        for (at, character) in chunk.iter().enumerate() {
            group |= value(*character)? << (18 - 6 * at);
        }
        let whole = match chunk.len() {
            4 => 3,
            3 => 2,
            2 => 1,
            _ => return None,
        };
        let [_, group @ ..] = group.to_be_bytes();
        // RFC 4648 Section 3.5: bits that carry nothing are zero, so that bytes have one text only.
        if group.iter().skip(whole).any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend(group.iter().take(whole));
    }
    Some(bytes)
}

fn value(character: u8) -> Option<u32> {
    let position = ALPHABET.iter().position(|known| *known == character)?;
    u32::try_from(position).ok()
}
