//! Bytes as hexadecimal text, as they come and go on a command line.

use std::fmt::Write;

/// Lower-case hexadecimal.
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a String does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Reads hexadecimal text of either case; white space between and around is skipped.
///
/// # Errors
/// A sentence that names the first character that does not belong there.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, String> {
    let mut digits = Vec::with_capacity(text.len());
    for (position, character) in text.char_indices() {
        match character.to_digit(16) {
            Some(digit) => digits.push(u8::try_from(digit).unwrap_or_default()),
            None if character.is_whitespace() => {}
            None => {
                return Err(format!(
                    "character {character:?} at position {}",
                    position + 1
                ));
            }
        }
    }
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(format!(
            "{} digits are no whole number of bytes",
            digits.len()
        ));
    }
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_as_bytes() {
        assert_eq!(decode("0b71 FF\n"), Ok(vec![0x0b, 0x71, 0xff]));
        assert_eq!(encode(&[0x0b, 0x71, 0xff]), "0b71ff");
        assert_eq!(decode(""), Ok(vec![]));
    }

    #[test]
    fn what_is_no_hexadecimal_is_named() {
        assert_eq!(
            decode("0x12"),
            Err("character 'x' at position 2".to_owned())
        );
        assert!(decode("123").unwrap_err().contains("3 digits"));
    }
}
