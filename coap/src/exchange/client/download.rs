//! The body of a response as its blocks come in (RFC 7959 Section 2.4).

use crate::block::{Block, Reservation};
use crate::message::Response;
use crate::message::options::number;
use crate::observe::Received;

/// The blocks so far.
#[derive(Debug)]
pub(super) struct Download {
    /// The first block's code and options, with the body that grows.
    response: Response,
    reservation: Reservation,
    last: Block,
    /// The body is that of a notification, or of the response that began an observation.
    pub(super) notification: Option<Received>,
}

/// Why blocks do not become a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DownloadError {
    /// The representation changed, or blocks came out of order.
    Mismatch,
    /// Longer than the limit, or more than there is room for.
    TooLarge,
}

impl Download {
    /// Begins with the first block.
    pub(super) fn begin(
        response: Response,
        block: Block,
        reservation: Option<Reservation>,
        limit: usize,
        notification: Option<Received>,
    ) -> Result<Self, DownloadError> {
        let mut head = Response::new(response.code);
        head.options.clone_from(&response.options);
        let mut download = Self {
            response: head,
            reservation: reservation.ok_or(DownloadError::TooLarge)?,
            last: Block {
                number: 0,
                more: true,
                size: block.size,
            },
            notification,
        };
        download.append(&response, block, limit)?;
        Ok(download)
    }

    /// Takes the block that was asked for.
    pub(super) fn accept(
        &mut self,
        response: &Response,
        block: Block,
        limit: usize,
    ) -> Result<(), DownloadError> {
        // RFC 7959 Section 2.4: all blocks are of one representation, which the ETag shows.
        if response.code != self.response.code
            || response.options.etag() != self.response.options.etag()
        {
            return Err(DownloadError::Mismatch);
        }
        self.append(response, block, limit)
    }

    pub(super) const fn is_complete(&self) -> bool {
        !self.last.more
    }

    /// The block to ask for.
    pub(super) const fn next_block(&self) -> Block {
        Block {
            number: self.last.number + 1,
            more: false,
            size: self.last.size,
        }
    }

    /// The response with its whole body.
    pub(super) fn into_response(self) -> Response {
        self.response
    }

    fn append(
        &mut self,
        response: &Response,
        block: Block,
        limit: usize,
    ) -> Result<(), DownloadError> {
        let length = response.payload.len();
        let full = length == block.size.bytes();
        if block.offset() != self.response.payload.len()
            || !full && (block.more || length > block.size.bytes())
        {
            return Err(DownloadError::Mismatch);
        }
        let announced = response
            .options
            .integer(number::SIZE2)
            .map_or(0, |size| usize::try_from(size).unwrap_or(limit));
        let total = self.response.payload.len() + length;
        if total.max(announced) > limit || !self.reservation.grow(length) {
            return Err(DownloadError::TooLarge);
        }
        self.response.payload.extend_from_slice(&response.payload);
        self.last = block;
        Ok(())
    }
}
