//! Flights: the messages that one end sends before it waits (RFC 6347 Section 4.2.4), packed into as few datagrams
//! and records as the limits allow.

use alloc::vec::Vec;

use crate::codec::handshake::{Fragment, HEADER as MESSAGE_HEADER, HandshakeType};
use crate::codec::record::{ContentType, HEADER as RECORD_HEADER};
use crate::crypto::CryptoError;
use crate::record::Channel;

/// Smallest part of a message that is worth a fragment of its own.
const WORTH: usize = 16;

/// A part of a flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// A handshake message; Finished goes out protected, all others in clear.
    Message {
        /// Its type.
        kind: HandshakeType,
        /// Its number.
        message_sequence: u16,
        /// Its body.
        body: Vec<u8>,
    },
    /// ChangeCipherSpec.
    ChangeCipherSpec,
}

impl Item {
    /// Bytes of content that it adds to a record.
    fn length(&self) -> usize {
        match self {
            Self::Message { body, .. } => MESSAGE_HEADER + body.len(),
            Self::ChangeCipherSpec => 1,
        }
    }
}

/// Room for the headers of three records, a nonce, a tag and a Connection ID of the usual lengths.
const FLIGHT_OVERHEAD: usize = 3 * RECORD_HEADER + 32;

/// The datagrams of a flight, each at most `limit` bytes. Every call uses new record sequence numbers, as a
/// repetition must (RFC 6347 Section 4.2.4).
pub(crate) fn datagrams(
    items: &[Item],
    channel: &mut Channel,
    limit: usize,
) -> Result<Vec<Vec<u8>>, CryptoError> {
    // Nearly always one datagram with one record in clear.
    let length: usize = items.iter().map(Item::length).sum();
    let room = length.saturating_add(FLIGHT_OVERHEAD).min(limit);
    let mut packer = Packer {
        channel,
        limit,
        datagrams: Vec::with_capacity(1),
        datagram: Vec::with_capacity(room),
        record: Vec::with_capacity(room),
    };
    for item in items {
        match item {
            Item::ChangeCipherSpec => packer.change_cipher_spec()?,
            Item::Message {
                kind: HandshakeType::FINISHED,
                message_sequence,
                body,
            } => {
                packer.finished(*message_sequence, body)?;
            }
            Item::Message {
                kind,
                message_sequence,
                body,
            } => packer.message(*kind, *message_sequence, body)?,
        }
    }
    packer.end_datagram()?;
    Ok(packer.datagrams)
}

struct Packer<'a> {
    channel: &'a mut Channel,
    limit: usize,
    datagrams: Vec<Vec<u8>>,
    datagram: Vec<u8>,
    /// Content of the plaintext handshake record under way; several messages share it
    /// (RFC 6347 Section 4.2.3: "multiple DTLS messages in the same record").
    record: Vec<u8>,
}

impl Packer<'_> {
    /// Bytes left for handshake content in the record under way.
    fn room(&self) -> usize {
        self.limit
            .saturating_sub(self.datagram.len() + RECORD_HEADER + self.record.len())
    }

    fn message(
        &mut self,
        kind: HandshakeType,
        message_sequence: u16,
        body: &[u8],
    ) -> Result<(), CryptoError> {
        let length = u32::try_from(body.len()).map_err(|_| CryptoError)?;
        let mut rest = body;
        loop {
            let wanted = rest.len().min(WORTH);
            if self.room() < MESSAGE_HEADER + wanted {
                self.end_datagram()?;
            }
            let part = self.room().saturating_sub(MESSAGE_HEADER).min(rest.len());
            if part == 0 && !rest.is_empty() {
                return Err(CryptoError);
            }
            // RFC 6347 Section 4.2.3: the ranges MUST jointly contain the message; ours do not overlap.
            let (data, left) = rest.split_at(part);
            let offset = u32::try_from(body.len() - rest.len()).map_err(|_| CryptoError)?;
            Fragment {
                kind,
                length,
                message_sequence,
                offset,
                data,
            }
            .put(&mut self.record);
            rest = left;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    /// RFC 6347 Section 4.2.5: ChangeCipherSpec MUST be part of the flight of its Finished when that is repeated.
    fn change_cipher_spec(&mut self) -> Result<(), CryptoError> {
        self.end_record()?;
        if self.datagram.len() + RECORD_HEADER + 1 > self.limit {
            self.end_datagram()?;
        }
        self.channel
            .put_plain(ContentType::ChangeCipherSpec, &[1], &mut self.datagram)
    }

    fn finished(&mut self, message_sequence: u16, body: &[u8]) -> Result<(), CryptoError> {
        let content = finished(message_sequence, body);
        self.end_record()?;
        // RFC 6347 Section 4.1.1: a record MUST fit within a single datagram.
        if self.datagram.len() + self.channel.protected_length(content.len()) > self.limit {
            self.end_datagram()?;
        }
        self.channel
            .put_protected(ContentType::Handshake, &content, &mut self.datagram)
    }

    fn end_record(&mut self) -> Result<(), CryptoError> {
        if !self.record.is_empty() {
            self.channel
                .put_plain(ContentType::Handshake, &self.record, &mut self.datagram)?;
            self.record.clear();
        }
        Ok(())
    }

    fn end_datagram(&mut self) -> Result<(), CryptoError> {
        self.end_record()?;
        if !self.datagram.is_empty() {
            self.datagrams.push(core::mem::take(&mut self.datagram));
        }
        Ok(())
    }
}

/// A Finished with its header, in one piece.
fn finished(message_sequence: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut content = Vec::with_capacity(MESSAGE_HEADER + body.len());
    let kind = HandshakeType::FINISHED;
    Fragment {
        kind,
        length,
        message_sequence,
        offset: 0,
        data: body,
    }
    .put(&mut content);
    content
}

#[cfg(feature = "rust-crypto")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Reader;
    use crate::codec::record::Records;
    use crate::crypto::rust::PROVIDER;
    use crate::reassembly::Reassembly;
    use alloc::vec;

    fn message(kind: HandshakeType, message_sequence: u16, length: usize) -> Item {
        Item::Message {
            kind,
            message_sequence,
            body: vec![u8::try_from(message_sequence).unwrap(); length],
        }
    }

    #[test]
    fn messages_of_a_flight_share_one_record() {
        let items = [
            message(HandshakeType::SERVER_HELLO, 1, 50),
            message(HandshakeType::SERVER_HELLO_DONE, 2, 0),
            Item::ChangeCipherSpec,
        ];
        let mut channel = Channel::new(&PROVIDER, 7);
        let sent = datagrams(&items, &mut channel, 1232).unwrap();
        let [datagram] = &sent[..] else {
            panic!("{} datagrams", sent.len())
        };
        let records: Vec<_> = Records::new(datagram, 0).collect();
        assert_eq!(records.len(), 2);
        assert_eq!(datagram.len(), 13 + 12 + 50 + 12 + 14);
        assert_eq!(
            (
                records[0].sequence,
                records[1].sequence,
                channel.plain_sequence
            ),
            (7, 8, 9)
        );
    }

    #[test]
    fn any_limit_is_kept_and_every_message_arrives() {
        for limit in 96..400 {
            let items: Vec<_> = (0..5)
                .map(|n| message(HandshakeType::CERTIFICATE, n, usize::from(n) * 97))
                .collect();
            let mut channel = Channel::new(&PROVIDER, 0);
            let mut reassembly = Reassembly::new(0, 4096);
            for datagram in datagrams(&items, &mut channel, limit).unwrap() {
                assert!(datagram.len() <= limit, "{} > {limit}", datagram.len());
                for record in Records::new(&datagram, 0) {
                    let mut reader = Reader::new(record.fragment);
                    while !reader.is_empty() {
                        reassembly.insert(&Fragment::read(&mut reader).unwrap());
                    }
                }
            }
            for n in 0..5_u16 {
                assert_eq!(
                    reassembly.pop().unwrap().body.len(),
                    usize::from(n) * 97,
                    "limit {limit}"
                );
            }
        }
    }
}
