//! Bodies of responses that are fetched in blocks (RFC 7959 Section 2.4).

use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use super::{Block, BlockSize, Budget, Operation, Reservation};
use crate::endpoint::EndpointConfig;
use crate::message::options::number;
use crate::message::{Code, Response};
use crate::time::Instant;

/// The responses of one session that are being fetched: at most `max_bodies`, counted in the budget of the endpoint.
#[derive(Debug, Default)]
pub(crate) struct Bodies(Vec<Body>);

#[derive(Debug)]
struct Body {
    operation: Operation,
    response: Response,
    _reservation: Reservation,
    /// When the next block must have been asked for: never after `expires`.
    deadline: Instant,
    expires: Instant,
}

impl Drop for Body {
    /// The response to a token request has a key in it.
    fn drop(&mut self) {
        self.response.payload.zeroize();
    }
}

impl Bodies {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The part of `response` that goes into one message: all of it, or the block that was asked for; then the rest
    /// is kept for the requests that follow. 5.03 if there is no room for it.
    pub(crate) fn first_block(
        &mut self,
        now: Instant,
        config: &EndpointConfig,
        budget: &Budget,
        operation: Operation,
        mut response: Response,
        wanted: Option<Block>,
    ) -> Response {
        self.0.retain(|body| body.operation != operation);
        let size = wanted.map_or(config.block_size, |wanted| {
            wanted.size.min(config.block_size)
        });
        if response.payload.len() <= size.bytes() && wanted.is_none_or(|wanted| wanted.number == 0)
        {
            if let Some(wanted) = wanted {
                response.options.set_block(
                    number::BLOCK2,
                    Block {
                        number: 0,
                        more: false,
                        size: wanted.size.min(size),
                    },
                );
            }
            return response;
        }
        let reservation = budget.reserve(response.payload.len());
        let (Some(reservation), true) = (
            reservation,
            response.payload.len() <= config.max_response_body,
        ) else {
            return Response::new(Code::SERVICE_UNAVAILABLE);
        };
        tag(&mut response);
        let block = starting_at(wanted, size);
        let answer = cut(&response, block);
        if self.0.len() >= config.max_bodies.max(1) {
            self.0.remove(0);
        }
        let expires = now + config.body_lifetime;
        self.0.push(Body {
            operation,
            response,
            _reservation: reservation,
            deadline: expires.min(now + config.body_time_limit),
            expires,
        });
        answer
    }

    /// A later block of a kept body. The last one frees the body.
    pub(crate) fn next_block(
        &mut self,
        now: Instant,
        config: &EndpointConfig,
        operation: Operation,
        wanted: Block,
    ) -> Option<Response> {
        let index = self.0.iter().position(|body| body.operation == operation)?;
        let body = self.0.get_mut(index)?;
        body.deadline = body.expires.min(now + config.body_time_limit);
        let block = starting_at(Some(wanted), wanted.size.min(config.block_size));
        let answer = cut(&body.response, block);
        let more = answer
            .options
            .block(number::BLOCK2)
            .is_some_and(|block| block.is_ok_and(|block| block.more));
        if !more && answer.code.is_success() {
            self.0.remove(index);
        }
        Some(answer)
    }

    /// Forgets all of them: requests for later blocks go to the application.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.0.iter().map(|body| body.deadline).min()
    }

    /// Drops what nobody fetched in time; returns how many.
    pub(crate) fn expire(&mut self, now: Instant) -> usize {
        let before = self.0.len();
        self.0.retain(|body| body.deadline > now);
        before - self.0.len()
    }
}

/// The block of size `size` that begins where the wanted one does.
fn starting_at(wanted: Option<Block>, size: BlockSize) -> Block {
    let offset = wanted.map_or(0, Block::offset);
    Block {
        number: u32::try_from(offset / size.bytes()).unwrap_or(u32::MAX),
        more: false,
        size,
    }
}

/// RFC 7959 Section 2.4: an ETag lets the client see that all blocks are of one representation.
fn tag(response: &mut Response) {
    if response.options.etag().is_none() {
        let digest: [u8; 32] = Sha256::digest(&response.payload).into();
        response.options.set(
            number::ETAG,
            digest.first_chunk::<4>().map_or(&[0][..], |tag| tag),
        );
    }
}

fn cut(response: &Response, block: Block) -> Response {
    let rest = response
        .payload
        .get(block.offset()..)
        .filter(|rest| !rest.is_empty());
    let Some(rest) = rest else {
        // A block beyond the end.
        return Response::new(Code::BAD_REQUEST);
    };
    let part = rest.get(..block.size.bytes()).unwrap_or(rest);
    let mut answer = Response::new(response.code);
    answer.options = response.options.clone();
    answer.options.set_block(
        number::BLOCK2,
        Block {
            more: part.len() < rest.len(),
            ..block
        },
    );
    answer.payload = part.to_vec();
    answer
}
