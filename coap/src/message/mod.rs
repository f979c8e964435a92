//! Messages (RFC 7252 Section 3): the whole datagram ([`Message`]) and what the application sees of it ([`Request`],
//! [`Response`]).

mod code;
mod content_format;
pub mod options;
mod packet;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod token;

use core::fmt;

pub use code::Code;
pub use content_format::ContentFormat;
pub use options::Options;
pub use request::Request;
pub use response::Response;
pub use token::Token;

/// Type of a message (RFC 7252 Section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// CON.
    Confirmable,
    /// NON.
    NonConfirmable,
    /// ACK.
    Acknowledgement,
    /// RST.
    Reset,
}

/// One message: header, token, options, payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Type.
    pub kind: Kind,
    /// Method or response code; [`Code::EMPTY`] for an Empty message.
    pub code: Code,
    /// Message ID.
    pub id: u16,
    /// Token.
    pub token: Token,
    /// Options.
    pub options: Options,
    /// Payload.
    pub payload: Vec<u8>,
}

/// Why a datagram is no CoAP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageError {
    /// Fewer than four bytes.
    TooShort,
    /// More bytes than the receiver takes.
    TooLong,
    /// A version that is not 1: ignored without a trace (RFC 7252 Section 3).
    Version(u8),
    /// A message format error; where type and Message ID could be read, so that a Confirmable message can be
    /// rejected.
    Format(Kind, u16),
}

impl Message {
    /// An Empty message: a ping, an acknowledgement or a reset.
    pub const fn empty(kind: Kind, id: u16) -> Self {
        Self {
            kind,
            code: Code::EMPTY,
            id,
            token: Token::EMPTY,
            options: Options::new(),
            payload: Vec::new(),
        }
    }

    /// Reads a datagram of at most `limit` bytes.
    ///
    /// # Errors
    /// See [`MessageError`]. Codes of the reserved classes, and combinations of type and code that have no meaning,
    /// count as format errors (RFC 7252 Section 4.2, 4.3).
    pub fn decode(datagram: &[u8], limit: usize) -> Result<Self, MessageError> {
        let header = packet::header(datagram).ok_or(MessageError::TooShort)?;
        if datagram.len() > limit {
            return Err(MessageError::TooLong);
        }
        // RFC 7252 Section 3: "Messages with unknown version numbers MUST be silently ignored."
        if header.get_version() != 1 {
            return Err(MessageError::Version(header.get_version()));
        }
        let kind = Kind::from(header.get_type());
        let code = Code(header.code.into());
        let id = header.message_id;
        let malformed = MessageError::Format(kind, id);
        if !kind.carries(code) {
            return Err(malformed);
        }
        // RFC 7252 Section 4.1: an Empty message has four bytes.
        if code == Code::EMPTY && datagram.len() != 4 {
            return Err(malformed);
        }
        let rest = datagram.get(4..).unwrap_or_default();
        packet::read(&header, rest).ok_or(malformed)
    }

    /// Writes the message. Nothing, if an option is longer than 65,804 bytes, which none can be.
    pub fn encode(&self) -> Vec<u8> {
        packet::write(self).unwrap_or_default()
    }

    /// The length that [`Message::encode`] gives, in bytes.
    pub fn encoded_len(&self) -> usize {
        let mut previous = 0;
        let mut length = 4 + self.token.as_bytes().len();
        for (number, value) in self.options.iter() {
            length += 1
                + extension(usize::from(number - previous))
                + extension(value.len())
                + value.len();
            previous = number;
        }
        length
            + if self.payload.is_empty() {
                0
            } else {
                1 + self.payload.len()
            }
    }
}

/// Bytes of the extended form of an option delta or length (RFC 7252 Section 3.1).
const fn extension(value: usize) -> usize {
    match value {
        0..13 => 0,
        13..269 => 1,
        _ => 2,
    }
}

impl Kind {
    /// RFC 7252 Table 1: which codes a type may carry.
    const fn carries(self, code: Code) -> bool {
        match self {
            Self::Confirmable => code.0 == 0 || code.is_request() || code.is_response(),
            Self::NonConfirmable => code.is_request() || code.is_response(),
            Self::Acknowledgement => code.0 == 0 || code.is_response(),
            Self::Reset => code.0 == 0,
        }
    }
}

impl fmt::Display for MessageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => formatter.write_str("fewer than four bytes"),
            Self::TooLong => formatter.write_str("more bytes than are taken"),
            Self::Version(version) => write!(formatter, "CoAP version {version}, wanted 1"),
            Self::Format(kind, id) => write!(formatter, "message format error in {kind:?} {id}"),
        }
    }
}

impl std::error::Error for MessageError {}
