//! The bytes of a message (RFC 7252 Section 3).

use super::{Code, Kind, Message, Options, Token};

/// Marks the beginning of the payload (RFC 7252 Section 3).
const PAYLOAD_MARKER: u8 = 0xff;

/// Reads what follows the first four bytes; `None` for a message format error.
pub(super) fn read(kind: Kind, code: Code, id: u16, first: u8, rest: &[u8]) -> Option<Message> {
    // RFC 7252 Section 3: token lengths 9-15 "MUST be processed as a message format error".
    let (token, mut rest) = rest.split_at_checked(usize::from(first & 0xf))?;
    let token = Token::new(token)?;
    let mut options = Options::new();
    let mut number = 0_u16;
    let mut payload = Vec::new();
    while let Some((header, after)) = rest.split_first() {
        rest = after;
        if *header == PAYLOAD_MARKER {
            // RFC 7252 Section 3: a payload marker followed by nothing "MUST be processed as a message format error".
            if rest.is_empty() {
                return None;
            }
            payload = rest.to_vec();
            break;
        }
        let delta = read_extended(header >> 4, &mut rest)?;
        let length = read_extended(header & 0xf, &mut rest)?;
        number = number.checked_add(u16::try_from(delta).ok()?)?;
        let (value, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        options.push(number, value);
        rest = after;
    }
    Some(Message {
        kind,
        code,
        id,
        token,
        options,
        payload,
    })
}

/// Writes a message; `None` if an option is longer than its length can say.
pub(super) fn write(message: &Message) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(message.encoded_len());
    let token = message.token.as_bytes();
    let length = u8::try_from(token.len()).ok()?;
    // RFC 7252 Section 3: version 1, type, token length.
    out.push(0x40 | message.kind.bits() << 4 | length);
    out.push(message.code.0);
    out.extend_from_slice(&message.id.to_be_bytes());
    out.extend_from_slice(token);
    let mut previous = 0;
    for (number, value) in message.options.iter() {
        let delta = extended(u32::from(number - previous))?;
        let length = extended(u32::try_from(value.len()).ok()?)?;
        out.push(delta.nibble << 4 | length.nibble);
        out.extend_from_slice(delta.bytes());
        out.extend_from_slice(length.bytes());
        out.extend_from_slice(value);
        previous = number;
    }
    if !message.payload.is_empty() {
        out.push(PAYLOAD_MARKER);
        out.extend_from_slice(&message.payload);
    }
    Some(out)
}

/// RFC 7252 Section 3.1: an option delta or length of 13 and 14 goes on in one and two bytes; 15 is a message format
/// error.
fn read_extended(nibble: u8, rest: &mut &[u8]) -> Option<u32> {
    match nibble {
        0..13 => Some(u32::from(nibble)),
        13 => {
            let (byte, after) = rest.split_first()?;
            *rest = after;
            Some(13 + u32::from(*byte))
        }
        14 => {
            let (bytes, after) = rest.split_first_chunk()?;
            *rest = after;
            Some(269 + u32::from(u16::from_be_bytes(*bytes)))
        }
        _ => None,
    }
}

/// An option delta or length as it is written.
struct Extended {
    nibble: u8,
    bytes: [u8; 2],
    length: usize,
}

impl Extended {
    fn bytes(&self) -> &[u8] {
        self.bytes.get(2 - self.length..).unwrap_or_default()
    }
}

/// The shortest form of a delta or length; `None` if there is none.
fn extended(value: u32) -> Option<Extended> {
    let (nibble, beyond, length) = match value {
        0..13 => (u8::try_from(value).ok()?, 0, 0),
        13..269 => (13, value - 13, 1),
        _ => (14, value - 269, 2),
    };
    Some(Extended {
        nibble,
        bytes: u16::try_from(beyond).ok()?.to_be_bytes(),
        length,
    })
}
