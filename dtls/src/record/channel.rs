//! Both epochs of a session: plaintext records of the handshake, protected ones after it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{ConnectionId, MAX_PLAINTEXT, OpenError, Opened, Protected, ReplayWindow, TrafficKey};
use crate::codec::DTLS_1_2;
use crate::codec::record::{ContentType, HEADER, Record, put_header};
use crate::crypto::{CryptoError, CryptoProvider};

/// One above the last sequence number (RFC 6347 Section 4.1: 48 bits).
pub(crate) const SEQUENCES: u64 = 1 << 48;

/// Epoch of everything that is protected: there is no renegotiation.
pub(crate) const PROTECTED: u16 = 1;

/// Keys and counters of epoch 1.
pub(crate) struct Protection {
    pub(crate) read: TrafficKey,
    pub(crate) write: TrafficKey,
    pub(crate) window: ReplayWindow,
    pub(crate) write_sequence: u64,
    /// The first number that may not be used.
    pub(crate) write_limit: u64,
}

impl Protection {
    pub(crate) fn new(read: TrafficKey, write: TrafficKey) -> Self {
        Self {
            read,
            write,
            window: ReplayWindow::default(),
            write_sequence: 0,
            write_limit: SEQUENCES,
        }
    }
}

/// Writes and opens records.
pub(crate) struct Channel {
    pub(crate) provider: &'static CryptoProvider,
    /// Next sequence number of epoch 0.
    pub(crate) plain_sequence: u64,
    pub(crate) protection: Option<Protection>,
    /// What the peer writes into records for us; empty: none.
    pub(crate) own_id: ConnectionId,
    /// What we write into records for the peer, up to 255 bytes (RFC 9146 Section 3); empty: none.
    pub(crate) peer_id: Box<[u8]>,
}

/// A verified record.
pub(crate) struct Verified {
    pub(crate) opened: Opened,
    /// Newer than all before.
    pub(crate) newest: bool,
}

impl Channel {
    pub(crate) fn new(provider: &'static CryptoProvider, plain_sequence: u64) -> Self {
        Self {
            provider,
            plain_sequence,
            protection: None,
            own_id: ConnectionId::default(),
            peer_id: Box::default(),
        }
    }

    /// Appends a plaintext record (epoch 0).
    pub(crate) fn put_plain(
        &mut self,
        content_type: ContentType,
        content: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoError> {
        let length = u16::try_from(content.len()).map_err(|_| CryptoError)?;
        put_header(
            out,
            content_type,
            DTLS_1_2,
            0,
            self.plain_sequence,
            &[],
            length,
        );
        self.plain_sequence = self.plain_sequence.saturating_add(1);
        out.extend_from_slice(content);
        Ok(())
    }

    /// Appends a protected record (epoch 1).
    pub(crate) fn put_protected(
        &mut self,
        content_type: ContentType,
        content: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoError> {
        let protection = self.protection.as_mut().ok_or(CryptoError)?;
        let sequence = protection.write_sequence;
        // RFC 6347 Section 4.1: the association MUST be abandoned before the sequence number wraps; after an export,
        // the numbers of the copy are not ours either.
        if sequence >= protection.write_limit {
            return Err(CryptoError);
        }
        protection.write_sequence = sequence.saturating_add(1);
        let record = Protected {
            content_type,
            epoch: PROTECTED,
            sequence,
            connection_id: &self.peer_id,
            content,
        };
        protection.write.seal(self.provider, &record, out)
    }

    /// Most content of a protected record.
    pub(crate) fn longest_content(&self) -> usize {
        if self.peer_id.is_empty() {
            MAX_PLAINTEXT
        } else {
            MAX_PLAINTEXT - 1
        }
    }

    /// Bytes of a protected record with `content` bytes.
    pub(crate) fn protected_length(&self, content: usize) -> usize {
        let overhead = self
            .protection
            .as_ref()
            .map_or(0, |keys| keys.write.algorithm().overhead());
        let id = self.peer_id.len();
        let inner_type = usize::from(id != 0);
        content
            .saturating_add(HEADER)
            .saturating_add(overhead)
            .saturating_add(id)
            .saturating_add(inner_type)
    }

    /// Verifies a record of epoch 1, once.
    pub(crate) fn open(&mut self, record: &Record<'_>) -> Result<Verified, OpenError> {
        let protection = self.protection.as_mut().ok_or(OpenError::NoKeys)?;
        let with_id = record.content_type == ContentType::Tls12Cid;
        // RFC 9146 Section 3: with a Connection ID negotiated, records without it are invalid, and the other way
        // round; unknown ones are discarded silently.
        if with_id == self.own_id.is_empty() || record.connection_id != self.own_id.as_bytes() {
            return Err(OpenError::WrongConnectionId);
        }
        // RFC 6347 Section 4.1.2.6: a receiver MUST verify that the number does not duplicate one that came before.
        if record.epoch != PROTECTED || !protection.window.may_be_new(record.sequence) {
            return Err(OpenError::Replayed);
        }
        let opened = protection.read.open(self.provider, record)?;
        // RFC 6347 Section 4.1.2.6: the window moves only after the record has verified.
        let newest = protection.window.mark(record.sequence);
        Ok(Verified { opened, newest })
    }
}
