//! The bytes of a message (RFC 7252 Section 3).

use coap_lite::{Header, HeaderRaw, MessageType};

use super::{Code, Kind, Message, Options, Token};

/// Marks the beginning of the payload (RFC 7252 Section 3).
const PAYLOAD_MARKER: u8 = 0xff;

impl From<MessageType> for Kind {
    fn from(kind: MessageType) -> Self {
        match kind {
            MessageType::Confirmable => Self::Confirmable,
            MessageType::NonConfirmable => Self::NonConfirmable,
            MessageType::Acknowledgement => Self::Acknowledgement,
            MessageType::Reset => Self::Reset,
        }
    }
}

impl From<Kind> for MessageType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Confirmable => Self::Confirmable,
            Kind::NonConfirmable => Self::NonConfirmable,
            Kind::Acknowledgement => Self::Acknowledgement,
            Kind::Reset => Self::Reset,
        }
    }
}

/// Reads the first four bytes; `None` if there are fewer.
pub(super) fn header(datagram: &[u8]) -> Option<Header> {
    let raw = HeaderRaw::try_from(datagram).ok()?;
    Some(Header::from_raw(&raw))
}

/// Reads what follows the header; `None` for a message format error. coap-lite puts options into a tree of lists of
/// vectors, and takes a payload marker without payload; so they are read here, once and into their places.
pub(super) fn read(header: &Header, rest: &[u8]) -> Option<Message> {
    // RFC 7252 Section 3: token lengths 9-15 "MUST be processed as a message format error".
    let (token, mut rest) = rest.split_at_checked(usize::from(header.get_token_length()))?;
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
        kind: header.get_type().into(),
        code: Code(header.code.into()),
        id: header.message_id,
        token,
        options,
        payload,
    })
}

/// Writes a message; `None` if an option is longer than its length can say.
pub(super) fn write(message: &Message) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(message.encoded_len());
    let token = message.token.as_bytes();
    let mut header = Header::new();
    header.set_type(message.kind.into());
    // At most 8, by its type.
    header.set_token_length(u8::try_from(token.len()).ok()?);
    header.code = message.code.0.into();
    header.message_id = message.id;
    header.to_raw().serialize_into(&mut out).ok()?;
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
