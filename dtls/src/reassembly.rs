//! Handshake messages from their fragments (RFC 6347 Section 4.2.3): in order, each once, within bounds, at a cost
//! linear in the bytes received.

use alloc::vec::Vec;

use crate::codec::handshake::{Fragment, HandshakeType};

/// How far ahead of the next message fragments are kept: the longest flight has six messages.
const WINDOW: u16 = 8;

/// A whole handshake message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// Its type.
    pub(crate) kind: HandshakeType,
    /// Its number.
    pub(crate) message_sequence: u16,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

/// What became of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is kept, or it brought nothing new.
    Taken,
    /// It belongs to a message that was delivered before, and it is the last of that message: the peer repeats
    /// itself.
    Repeated {
        /// Type of the message.
        kind: HandshakeType,
        /// Its number.
        message_sequence: u16,
    },
    /// It lies too far ahead, contradicts what came before, or goes beyond the byte limit. It is dropped.
    Dropped,
}

/// Collects fragments. Holds at most [`Reassembly::new`]'s `limit` bytes of bodies, an eighth of it as map of what
/// has come, and [`WINDOW`] entries.
#[derive(Debug)]
pub(crate) struct Reassembly {
    next: u16,
    limit: usize,
    held: usize,
    partial: Vec<Partial>,
}

#[derive(Debug)]
struct Partial {
    kind: HandshakeType,
    message_sequence: u16,
    length: usize,
    /// As long as the furthest byte that has come.
    body: Vec<u8>,
    /// One bit for each byte of `body`: it has come.
    filled: Vec<u8>,
    missing: usize,
}

impl Reassembly {
    /// Expects the message number `next` first; holds at most `limit` bytes of bodies.
    pub(crate) const fn new(next: u16, limit: usize) -> Self {
        Self {
            next,
            limit,
            held: 0,
            partial: Vec::new(),
        }
    }

    /// Takes a fragment.
    pub(crate) fn insert(&mut self, fragment: &Fragment<'_>) -> Outcome {
        let ahead = fragment.message_sequence.wrapping_sub(self.next);
        let (Ok(length), Ok(offset)) = (
            usize::try_from(fragment.length),
            usize::try_from(fragment.offset),
        ) else {
            return Outcome::Dropped;
        };
        // RFC 6347 Section 4.2.2: a message below next_receive_seq MUST be discarded; what it tells is kept.
        if self.is_past(fragment) {
            return repeated(fragment, length, offset);
        }
        if ahead >= WINDOW || length > self.limit {
            return Outcome::Dropped;
        }
        let Some(partial) = self.slot(fragment, length) else {
            return Outcome::Dropped;
        };
        if partial.kind != fragment.kind || partial.length != length {
            return Outcome::Dropped;
        }
        // RFC 6347 Section 4.2.3: a fragment MUST be buffered until the message is whole.
        if fragment.is_whole() && partial.body.is_empty() {
            partial.body = fragment.data.to_vec();
            partial.missing = 0;
        } else {
            partial.fill(offset, fragment.data);
        }
        Outcome::Taken
    }

    /// The slot of the fragment's message; a new one only if its whole length fits in the limit.
    fn slot(&mut self, fragment: &Fragment<'_>, length: usize) -> Option<&mut Partial> {
        let sequence = fragment.message_sequence;
        let found = self
            .partial
            .iter()
            .position(|partial| partial.message_sequence == sequence);
        let index = match found {
            Some(index) => index,
            None => {
                let held = self
                    .held
                    .checked_add(length)
                    .filter(|held| *held <= self.limit)?;
                self.held = held;
                self.partial
                    .push(Partial::new(fragment.kind, sequence, length));
                self.partial.len().checked_sub(1)?
            }
        };
        self.partial.get_mut(index)
    }

    /// Whether the fragment belongs to a message that was delivered before.
    pub(crate) const fn is_past(&self, fragment: &Fragment<'_>) -> bool {
        fragment.message_sequence < self.next
    }

    /// Drops what has come of messages that are not whole or not in turn, except of a Finished: that has come
    /// protected, perhaps before its turn.
    pub(crate) fn forget(&mut self) {
        self.partial
            .retain(|partial| partial.kind == HandshakeType::FINISHED);
        self.held = self.partial.iter().map(|partial| partial.length).sum();
    }

    /// The next message in order, once it is whole.
    pub(crate) fn pop(&mut self) -> Option<Message> {
        let is_next =
            |partial: &Partial| partial.message_sequence == self.next && partial.missing == 0;
        let index = self.partial.iter().position(is_next)?;
        let Partial {
            kind,
            message_sequence,
            length,
            body,
            ..
        } = self.partial.swap_remove(index);
        self.held = self.held.saturating_sub(length);
        self.next = self.next.wrapping_add(1);
        Some(Message {
            kind,
            message_sequence,
            body,
        })
    }
}

/// A message that was delivered before: the fragment that ends it tells that the peer repeats its flight.
fn repeated(fragment: &Fragment<'_>, length: usize, offset: usize) -> Outcome {
    if offset.saturating_add(fragment.data.len()) == length {
        Outcome::Repeated {
            kind: fragment.kind,
            message_sequence: fragment.message_sequence,
        }
    } else {
        Outcome::Taken
    }
}

impl Partial {
    const fn new(kind: HandshakeType, message_sequence: u16, length: usize) -> Self {
        Self {
            kind,
            message_sequence,
            length,
            body: Vec::new(),
            filled: Vec::new(),
            missing: length,
        }
    }

    /// Makes room for `end` bytes: twice as many as there were, but never more than the message has.
    fn reserve(&mut self, end: usize) {
        if end > self.body.capacity() {
            let wanted = self
                .body
                .capacity()
                .saturating_mul(2)
                .min(self.length)
                .max(end);
            self.body
                .reserve_exact(wanted.saturating_sub(self.body.len()));
            let map = wanted.div_ceil(8).saturating_sub(self.filled.len());
            self.filled.reserve_exact(map);
        }
    }

    /// Copies what has not come before. Fragments may overlap (RFC 6347 Section 4.2.3): the first bytes stay.
    fn fill(&mut self, offset: usize, data: &[u8]) {
        let end = offset.saturating_add(data.len());
        if self.body.len() < end {
            self.reserve(end);
            self.body.resize(end, 0);
            self.filled.resize(end.div_ceil(8), 0);
        }
        let target = self.body.iter_mut().enumerate().skip(offset);
        for ((position, to), from) in target.zip(data) {
            let Some(bits) = self.filled.get_mut(position / 8) else {
                return;
            };
            let bit = 1_u8 << (position % 8);
            if *bits & bit == 0 {
                *bits |= bit;
                *to = *from;
                self.missing = self.missing.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fragment<'a>(
        message_sequence: u16,
        length: usize,
        offset: usize,
        data: &'a [u8],
    ) -> Fragment<'a> {
        Fragment {
            kind: HandshakeType::CERTIFICATE,
            length: u32::try_from(length).unwrap(),
            message_sequence,
            offset: u32::try_from(offset).unwrap(),
            data,
        }
    }

    #[test]
    fn messages_come_out_in_order_however_they_arrive() {
        let mut reassembly = Reassembly::new(1, 100);
        assert_eq!(
            reassembly.insert(&fragment(2, 3, 0, b"two")),
            Outcome::Taken
        );
        assert_eq!(reassembly.pop(), None);
        assert_eq!(reassembly.insert(&fragment(1, 4, 2, b"ne")), Outcome::Taken);
        assert_eq!(reassembly.insert(&fragment(1, 4, 0, b"")), Outcome::Taken);
        assert_eq!(reassembly.pop(), None);
        assert_eq!(
            reassembly.insert(&fragment(1, 4, 0, b"ooXX")),
            Outcome::Taken
        );
        assert_eq!(
            reassembly.pop().unwrap().body,
            b"oone",
            "the first bytes stay"
        );
        assert_eq!(reassembly.pop().unwrap().body, b"two");
        assert_eq!(reassembly.pop(), None);
        assert!(reassembly.partial.is_empty());
        assert_eq!(reassembly.held, 0);
    }

    #[test]
    fn empty_messages_are_messages() {
        let mut reassembly = Reassembly::new(0, 100);
        assert_eq!(reassembly.insert(&fragment(0, 0, 0, b"")), Outcome::Taken);
        assert_eq!(reassembly.pop().unwrap().body, b"");
    }

    #[test]
    fn what_contradicts_or_exceeds_is_dropped() {
        let mut reassembly = Reassembly::new(3, 100);
        reassembly.insert(&fragment(3, 10, 0, b"abc"));
        let other_kind = Fragment {
            kind: HandshakeType::FINISHED,
            ..fragment(3, 10, 3, b"d")
        };
        for (bad, why) in [
            (fragment(3, 11, 3, b"d"), "another length"),
            (other_kind, "another type"),
            (fragment(11, 1, 0, b"x"), "too far ahead"),
            (
                fragment(4, 91, 0, b"x"),
                "more than the limit with what is held",
            ),
            (fragment(4, 101, 0, b"x"), "more than the limit"),
        ] {
            assert_eq!(reassembly.insert(&bad), Outcome::Dropped, "{why}");
        }
        assert_eq!(reassembly.partial.len(), 1);
        assert_eq!(
            reassembly.insert(&fragment(3, 10, 3, b"defghij")),
            Outcome::Taken
        );
        assert_eq!(reassembly.pop().unwrap().body, b"abcdefghij");
    }

    #[test]
    fn a_repeated_message_is_told_by_its_last_fragment() {
        let mut reassembly = Reassembly::new(5, 100);
        assert_eq!(reassembly.insert(&fragment(4, 4, 0, b"ab")), Outcome::Taken);
        let outcome = Outcome::Repeated {
            kind: HandshakeType::CERTIFICATE,
            message_sequence: 4,
        };
        assert_eq!(reassembly.insert(&fragment(4, 4, 2, b"cd")), outcome);
    }

    proptest! {
        #[test]
        fn any_cut_any_order_any_overlap_gives_the_message(
            body in proptest::collection::vec(any::<u8>(), 1..400),
            cuts in proptest::collection::vec((0_usize..400, 1_usize..60), 0..40),
        ) {
            let mut reassembly = Reassembly::new(0, 400);
            for (offset, length) in cuts {
                let offset = offset % body.len();
                let end = (offset + length).min(body.len());
                reassembly.insert(&fragment(0, body.len(), offset, &body[offset..end]));
            }
            reassembly.insert(&fragment(0, body.len(), 0, &body));
            prop_assert_eq!(reassembly.pop().map(|message| message.body), Some(body));
            prop_assert_eq!(reassembly.held, 0);
        }
    }
}
