//! The messages that were received lately, so that a repeated one is answered alike and processed once (RFC 7252
//! Section 4.5).

use std::collections::VecDeque;

use zeroize::Zeroizing;

use crate::endpoint::EndpointConfig;
use crate::time::{Duration, Instant};

/// Remembered messages in the order of their arrival: at most `max_remembered_messages`, with answers of at most
/// `max_remembered_bytes` together. The oldest gives way. Answers are wiped when they are forgotten: the one to a
/// token request has a proof-of-possession key in it (RFC 9200 Section 5.8.2).
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The Message ID of each entry: all of them are looked through with each message that comes.
    ids: VecDeque<u16>,
    entries: VecDeque<Entry>,
    bytes: usize,
    /// So many of the oldest entries have no answer: a search for one to give up begins behind them.
    bare: usize,
    /// When the last of the entries has expired.
    expires: Option<Instant>,
}

#[derive(Debug)]
struct Entry {
    expires: Instant,
    answer: Option<Zeroizing<Box<[u8]>>>,
}

/// What is known of a message that came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Recall {
    /// It is new.
    New,
    /// It came before, and nothing was sent in its acknowledgement.
    Seen,
    /// It came before, and this was the answer.
    Answered(Vec<u8>),
}

impl Memory {
    pub(crate) fn recall(&self, now: Instant, id: u16) -> Recall {
        let entry = self
            .position(id)
            .and_then(|position| self.entries.get(position));
        match entry.filter(|entry| entry.expires > now) {
            None => Recall::New,
            Some(Entry {
                answer: Some(answer),
                ..
            }) => Recall::Answered(answer.to_vec()),
            Some(_) => Recall::Seen,
        }
    }

    /// Where the last message with this ID is.
    fn position(&self, id: u16) -> Option<usize> {
        let (front, back) = self.ids.as_slices();
        // Most IDs are new, and this finds that out many at a time.
        if !front.contains(&id) && !back.contains(&id) {
            return None;
        }
        self.ids.iter().rposition(|known| *known == id)
    }

    pub(crate) fn remember(
        &mut self,
        now: Instant,
        config: &EndpointConfig,
        id: u16,
        lifetime: Duration,
    ) {
        self.expire(now);
        while self.entries.len() >= config.max_remembered_messages.max(1) {
            self.forget_oldest();
        }
        let expires = now + lifetime;
        self.ids.push_back(id);
        self.entries.push_back(Entry {
            expires,
            answer: None,
        });
        // Lifetimes differ by the kind of the message, so the last that came need not be the last that expires.
        self.expires = self.expires.max(Some(expires));
    }

    /// Keeps what was sent for a remembered message.
    pub(crate) fn answered(&mut self, config: &EndpointConfig, id: u16, answer: &[u8]) {
        // Nearly always the last one.
        let Some(position) = self.ids.iter().rposition(|known| *known == id) else {
            return;
        };
        let Some(entry) = self.entries.get_mut(position) else {
            return;
        };
        self.bytes = self.bytes + answer.len() - entry.answer.as_ref().map_or(0, |old| old.len());
        entry.answer = Some(Zeroizing::new(answer.into()));
        self.bare = self.bare.min(position);
        while self.bytes > config.max_remembered_bytes {
            let Some(entry) = self.entries.get_mut(self.bare) else {
                break;
            };
            self.bytes -= entry.answer.take().map_or(0, |answer| answer.len());
            self.bare += 1;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// When everything that is remembered has expired. The sooner ones go as new ones come.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.expires
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        while self
            .entries
            .front()
            .is_some_and(|entry| entry.expires <= now)
        {
            self.forget_oldest();
        }
        if self.entries.is_empty() {
            self.ids = VecDeque::new();
            self.entries = VecDeque::new();
            self.expires = None;
        }
    }

    fn forget_oldest(&mut self) {
        self.ids.pop_front();
        self.bare = self.bare.saturating_sub(1);
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry.answer.map_or(0, |answer| answer.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, EndpointConfig, Instant, Memory, Recall};

    const LIFETIME: Duration = Duration::from_secs(247);

    #[test]
    fn h03_answers_are_repeated_within_the_lifetime_only() {
        let config = EndpointConfig::default();
        let mut memory = Memory::default();
        let now = Instant::ZERO;
        assert_eq!(memory.recall(now, 1), Recall::New);
        memory.remember(now, &config, 1, LIFETIME);
        assert_eq!(memory.recall(now, 1), Recall::Seen);
        memory.answered(&config, 1, b"answer");
        let last = now + (LIFETIME - Duration::from_micros(1));
        assert_eq!(memory.recall(last, 1), Recall::Answered(b"answer".to_vec()));
        assert_eq!(memory.recall(now + LIFETIME, 1), Recall::New);
        memory.expire(now + LIFETIME);
        assert_eq!((memory.bytes, memory.next_timeout()), (0, None));
    }

    #[test]
    fn nothing_is_left_at_the_timeout_when_a_later_message_expires_sooner() {
        let config = EndpointConfig::default();
        let mut memory = Memory::default();
        memory.remember(Instant::ZERO, &config, 1, LIFETIME);
        memory.remember(Instant::ZERO, &config, 2, LIFETIME / 2);
        let timeout = memory.next_timeout().unwrap();
        memory.expire(timeout);
        assert_eq!(
            (timeout, memory.next_timeout()),
            (Instant::ZERO + LIFETIME, None)
        );
    }

    #[test]
    fn answers_are_wiped_when_they_are_forgotten() {
        const fn wiped<T: zeroize::ZeroizeOnDrop>(_: Option<&T>) {}
        let config = EndpointConfig::default();
        let mut memory = Memory::default();
        memory.remember(Instant::ZERO, &config, 1, LIFETIME);
        memory.answered(&config, 1, b"key");
        wiped(memory.entries[0].answer.as_ref());
    }

    #[test]
    fn the_oldest_answers_are_given_up_whenever_they_were_given() {
        let config = EndpointConfig {
            max_remembered_bytes: 8,
            ..EndpointConfig::default()
        };
        let mut memory = Memory::default();
        for id in 1..=4 {
            memory.remember(Instant::ZERO, &config, id, LIFETIME);
        }
        // The number of the message, its answer, and which messages have one then.
        for (id, answer, expected) in [
            (2, 4, &[2][..]),
            (3, 4, &[2, 3]),
            (4, 4, &[3, 4]),
            (1, 4, &[3, 4]),
            (2, 2, &[3, 4]),
            (4, 2, &[3, 4]),
            (1, 2, &[1, 3, 4]),
            (4, 5, &[4]),
        ] {
            memory.answered(&config, id, &vec![0; answer]);
            let entries = memory.ids.iter().zip(&memory.entries);
            let answered: Vec<u16> = entries
                .filter(|(_, entry)| entry.answer.is_some())
                .map(|(id, _)| *id)
                .collect();
            assert_eq!(answered, expected, "{id}");
        }
    }

    #[test]
    fn the_memory_is_bounded_in_messages_and_bytes() {
        let config = EndpointConfig {
            max_remembered_messages: 3,
            max_remembered_bytes: 10,
            ..EndpointConfig::default()
        };
        let mut memory = Memory::default();
        for id in 1..=4 {
            memory.remember(Instant::ZERO, &config, id, LIFETIME);
            memory.answered(&config, id, &[0; 4]);
        }
        let recalled: Vec<_> = (1..=4).map(|id| memory.recall(Instant::ZERO, id)).collect();
        let answer = || Recall::Answered(vec![0; 4]);
        assert_eq!(recalled, [Recall::New, Recall::Seen, answer(), answer()]);
        assert_eq!(memory.bytes, 8);
    }
}
