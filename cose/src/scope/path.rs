//! Comparing the path and query of a request with a URI-local-part of AIF (RFC 9237 Section 2.1).

use alloc::string::String;

/// Puts Uri-Path and Uri-Query options together to a URI-local-part (RFC 7252 Section 6.5): `/a/led?x=1`. Whatever
/// would read as a separator inside of a segment or a query is percent-encoded, so that two different lists of options
/// give two different texts, but for no segment and one empty segment, which are the same URI.
pub fn local_part<'a>(
    segments: impl IntoIterator<Item = &'a str>,
    queries: impl IntoIterator<Item = &'a str>,
) -> String {
    let mut text = String::new();
    for segment in segments {
        text.push('/');
        push_encoded(&mut text, segment, "/?#");
    }
    if text.is_empty() {
        text.push('/');
    }
    for (index, query) in queries.into_iter().enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        push_encoded(&mut text, query, "&#");
    }
    text
}

fn push_encoded(text: &mut String, part: &str, separators: &str) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    for character in part.chars() {
        let plain =
            character.is_ascii_graphic() && character != '%' && !separators.contains(character);
        if plain {
            text.push(character);
            continue;
        }
        let mut buffer = [0; 4];
        for byte in character.encode_utf8(&mut buffer).bytes() {
            let digits = [byte >> 4, byte & 0xf];
            text.push('%');
            text.extend(
                digits
                    .iter()
                    .filter_map(|digit| HEX.get(usize::from(*digit))),
            );
        }
    }
}

/// Whether two URI-local-parts name the same path segments and the same queries in the same order. Percent-encoding
/// is undone within each segment; nothing else is: there are no dot-segments, no prefixes, no folding of letters.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.starts_with('/') && (one == other || parts(one).eq(parts(other)))
}

/// A piece of a URI-local-part.
#[derive(PartialEq)]
enum Part {
    /// `/` of the path, the first `?`, or `&` of the query.
    Separator(u8),
    /// A byte of a segment or query.
    Data(u8),
    /// A percent sign without two hexadecimal digits behind it. Equal to nothing that `local_part` makes.
    Malformed,
}

fn parts(text: &str) -> impl Iterator<Item = Part> + '_ {
    let mut rest = text.as_bytes();
    let mut in_query = false;
    core::iter::from_fn(move || {
        let (part, behind) = match rest {
            [] => return None,
            [b'%', high, low, behind @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                let byte = hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low);
                (byte.map_or(Part::Malformed, Part::Data), behind)
            }
            [b'%', behind @ ..] => (Part::Malformed, behind),
            [b'?', behind @ ..] if !in_query => {
                in_query = true;
                (Part::Separator(b'?'), behind)
            }
            [b'/', behind @ ..] if !in_query => (Part::Separator(b'/'), behind),
            [b'&', behind @ ..] if in_query => (Part::Separator(b'&'), behind),
            [byte, behind @ ..] => (Part::Data(*byte), behind),
        };
        rest = behind;
        Some(part)
    })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}
