//! Bodies of requests that arrive in blocks (RFC 7959 Section 2.5).

use super::{Block, Budget, Operation, Reservation};
use crate::endpoint::EndpointConfig;
use crate::message::Code;
use crate::time::Instant;

/// The uploads of one session that are under way: at most `max_bodies`, each of at most `max_body` bytes, all counted
/// in the budget of the endpoint.
#[derive(Debug, Default)]
pub(crate) struct Assemblies(Vec<Assembly>);

#[derive(Debug)]
struct Assembly {
    operation: Operation,
    body: Vec<u8>,
    reservation: Reservation,
    deadline: Instant,
}

/// One block of a body, as a request carries it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) operation: Operation,
    pub(crate) block: Block,
    pub(crate) payload: &'a [u8],
    /// Size1: how long the whole body will be.
    pub(crate) announced: Option<u32>,
}

/// What a block led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More blocks are to come: 2.31.
    Continue,
    /// The whole body.
    Complete(Vec<u8>),
    /// The answer that refuses the block. 4.13 goes with the limit in Size1.
    Refused(Code),
}

impl Assemblies {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn accept(
        &mut self,
        now: Instant,
        config: &EndpointConfig,
        budget: &Budget,
        part: Part<'_>,
    ) -> Progress {
        let Part {
            operation,
            block,
            payload,
            announced,
        } = part;
        // RFC 7959 Section 2.3: all blocks but the last have exactly the announced size.
        let full = payload.len() == block.size.bytes();
        if !full && (block.more || payload.len() > block.size.bytes()) {
            return Progress::Refused(Code::BAD_REQUEST);
        }
        if block.number == 0 {
            self.begin(now, config, budget, operation);
        }
        let Some(index) = self
            .0
            .iter()
            .position(|assembly| assembly.operation == operation)
        else {
            return Progress::Refused(missing(block));
        };
        let Some(assembly) = self.0.get_mut(index) else {
            return Progress::Refused(Code::INTERNAL_SERVER_ERROR);
        };
        // RFC 7959 Section 2.9.2: 4.08 if a block that came before is not there.
        if block.offset() != assembly.body.len() {
            return Progress::Refused(Code::REQUEST_ENTITY_INCOMPLETE);
        }
        let length = assembly.body.len() + payload.len();
        let announced = announced.map_or(0, |size| usize::try_from(size).unwrap_or(usize::MAX));
        // RFC 7959 Section 2.9.3: 4.13 as soon as it shows that the body is larger than is taken.
        if length.max(announced) > config.max_body || !assembly.reservation.grow(payload.len()) {
            self.0.remove(index);
            return Progress::Refused(Code::REQUEST_ENTITY_TOO_LARGE);
        }
        assembly.body.extend_from_slice(payload);
        assembly.deadline = now + config.body_time_limit;
        if block.more {
            Progress::Continue
        } else {
            Progress::Complete(self.0.remove(index).body)
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.0.iter().map(|assembly| assembly.deadline).min()
    }

    /// Drops what waited too long; returns how many.
    pub(crate) fn expire(&mut self, now: Instant) -> usize {
        let before = self.0.len();
        self.0.retain(|assembly| assembly.deadline > now);
        before - self.0.len()
    }

    /// The first block begins the body anew, whatever came before (RFC 7959 Section 2.5).
    fn begin(
        &mut self,
        now: Instant,
        config: &EndpointConfig,
        budget: &Budget,
        operation: Operation,
    ) {
        self.0.retain(|assembly| assembly.operation != operation);
        if self.0.len() >= config.max_bodies.max(1) {
            let oldest = self
                .0
                .iter()
                .enumerate()
                .min_by_key(|(_, assembly)| assembly.deadline);
            oldest
                .map(|(index, _)| index)
                .map(|index| self.0.remove(index));
        }
        if let Some(reservation) = budget.reserve(0) {
            let deadline = now + config.body_time_limit;
            self.0.push(Assembly {
                operation,
                body: Vec::new(),
                reservation,
                deadline,
            });
        }
    }
}

/// The refusal of a block whose predecessors are unknown.
const fn missing(block: Block) -> Code {
    if block.number == 0 {
        Code::REQUEST_ENTITY_TOO_LARGE
    } else {
        Code::REQUEST_ENTITY_INCOMPLETE
    }
}
