//! A session after its handshake. Only verified records do anything.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use super::{Event, Queues, Received};
use crate::codec::Reader;
use crate::codec::alert::{Alert, AlertDescription};
use crate::codec::handshake::{Fragment, HandshakeType};
use crate::codec::key_exchange::VERIFY_DATA;
use crate::codec::record::{ContentType, Record};
use crate::error::{CloseReason, SendError};
use crate::flight::{self, Item};
use crate::handshake::Secrets;
use crate::record::Channel;
use crate::resumption::Resumable;

/// Everything that an idle session keeps.
pub(super) struct Established {
    pub(super) channel: Channel,
    pub(super) secrets: Secrets,
    /// Number and content of our Finished, if our flight was the last (RFC 6347 Section 4.2.4).
    pub(super) finished: Option<(u16, [u8; VERIFY_DATA])>,
    /// `None`: the session cannot be resumed.
    pub(super) resumable: Option<Box<Resumable>>,
    /// As the handshake measured it last, in microseconds.
    pub(super) round_trip: Option<NonZeroU32>,
}

impl Established {
    /// What the record was, and why the session ends if it does.
    pub(super) fn handle(
        &mut self,
        record: &Record<'_>,
        queues: &mut Queues,
    ) -> (Received, Option<CloseReason>) {
        // RFC 6347 Section 4.1.2.7: what does not verify is discarded silently; plaintext never does.
        let Ok(verified) = self.channel.open(record) else {
            return (Received::Unverified, None);
        };
        let received = if verified.newest {
            Received::Newest
        } else {
            Received::Verified
        };
        let content = verified.opened.content;
        let end = match verified.opened.content_type {
            ContentType::ApplicationData => {
                queues.event(Event::Data(content));
                None
            }
            ContentType::Alert => self.alert(&content, queues),
            ContentType::Handshake => {
                self.handshake(&content, queues);
                None
            }
            ContentType::ChangeCipherSpec | ContentType::Tls12Cid => None,
        };
        (received, end)
    }

    /// One record, one datagram.
    pub(super) fn seal(&mut self, data: &[u8]) -> Result<Vec<u8>, SendError> {
        if data.len() > self.channel.longest_content() {
            return Err(SendError::TooLarge);
        }
        let mut datagram = Vec::with_capacity(self.channel.protected_length(data.len()));
        let sealed = self
            .channel
            .put_protected(ContentType::ApplicationData, data, &mut datagram);
        sealed.map(|()| datagram).map_err(|_| SendError::Closed)
    }

    pub(super) fn send_close(&mut self, queues: &mut Queues) {
        self.send_alert(Alert::warning(AlertDescription::CLOSE_NOTIFY), queues);
    }

    fn alert(&mut self, content: &[u8], queues: &mut Queues) -> Option<CloseReason> {
        match Alert::decode(content) {
            Ok(Alert {
                description: AlertDescription::CLOSE_NOTIFY,
                ..
            }) => {
                // RFC 5246 Section 7.2.1: the other party MUST respond with a close_notify of its own.
                self.send_close(queues);
                Some(CloseReason::Peer)
            }
            Ok(Alert {
                fatal: true,
                description,
            }) => {
                if let Some(resumable) = &self.resumable {
                    resumable.forget();
                }
                Some(CloseReason::Alert(description))
            }
            Ok(_) | Err(_) => None,
        }
    }

    /// A verified handshake record: the peer repeats its last flight, or wants to renegotiate.
    fn handshake(&mut self, content: &[u8], queues: &mut Queues) {
        let Ok(fragment) = Fragment::read(&mut Reader::new(content)) else {
            return;
        };
        match fragment.kind {
            HandshakeType::FINISHED => self.repeat(queues),
            // RFC 7925 Section 17: clients MUST answer with no_renegotiation, and none is ever begun; RFC 5246 Section
            // 7.2.2: a warning.
            HandshakeType::HELLO_REQUEST | HandshakeType::CLIENT_HELLO if fragment.offset == 0 => {
                self.send_alert(Alert::warning(AlertDescription::NO_RENEGOTIATION), queues);
            }
            _ => {}
        }
    }

    /// RFC 6347 Section 4.2.4: the end that sent the last flight MUST repeat it when the other end repeats its own, for
    /// twice the maximum segment lifetime at the least; here for as long as the session lives.
    fn repeat(&mut self, queues: &mut Queues) {
        let Some((message_sequence, data)) = self.finished else {
            return;
        };
        let kind = HandshakeType::FINISHED;
        let items = [
            Item::ChangeCipherSpec,
            Item::Message {
                kind,
                message_sequence,
                body: data.to_vec(),
            },
        ];
        if let Ok(datagrams) = flight::datagrams(&items, &mut self.channel, usize::from(u16::MAX)) {
            for datagram in datagrams {
                queues.datagram(datagram);
            }
        }
    }

    fn send_alert(&mut self, alert: Alert, queues: &mut Queues) {
        let mut datagram = Vec::new();
        if self
            .channel
            .put_protected(ContentType::Alert, &alert.to_bytes(), &mut datagram)
            .is_ok()
        {
            queues.datagram(datagram);
        }
    }
}

#[cfg(feature = "rust-crypto")]
#[cfg(test)]
mod tests;
