//! What waits to be polled.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::Event;

/// Events and datagrams, each in their order. Most sessions are idle most of the time, so an empty one is one pointer;
/// what waits takes one allocation as long as there is not more than one of each.
#[derive(Default)]
pub(super) struct Queues(Option<Box<Waiting>>);

#[derive(Default)]
struct Waiting {
    events: Queue<Event>,
    datagrams: Queue<Vec<u8>>,
}

impl Queues {
    pub(super) fn event(&mut self, event: Event) {
        self.0.get_or_insert_default().events.push(event);
    }

    pub(super) fn datagram(&mut self, datagram: Vec<u8>) {
        self.0.get_or_insert_default().datagrams.push(datagram);
    }

    pub(super) fn next_event(&mut self) -> Option<Event> {
        let event = self.0.as_mut()?.events.pop();
        self.shrink();
        event
    }

    pub(super) fn next_datagram(&mut self) -> Option<Vec<u8>> {
        let datagram = self.0.as_mut()?.datagrams.pop();
        self.shrink();
        datagram
    }

    fn shrink(&mut self) {
        let empty = |waiting: &Waiting| waiting.events.is_empty() && waiting.datagrams.is_empty();
        if self.0.as_deref().is_some_and(empty) {
            self.0 = None;
        }
    }
}

/// First in, first out. If `first` is empty, `rest` is.
struct Queue<T> {
    first: Option<T>,
    rest: VecDeque<T>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            first: None,
            rest: VecDeque::new(),
        }
    }
}

impl<T> Queue<T> {
    fn push(&mut self, value: T) {
        if self.first.is_none() {
            self.first = Some(value);
        } else {
            self.rest.push_back(value);
        }
    }

    fn pop(&mut self) -> Option<T> {
        core::mem::replace(&mut self.first, self.rest.pop_front())
    }

    const fn is_empty(&self) -> bool {
        self.first.is_none()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn what_waits_comes_in_its_order_and_leaves_no_memory_behind() {
        let mut queues = Queues::default();
        let event = |number| Event::Data(vec![number]);
        for number in 0..3 {
            queues.event(event(number));
            queues.datagram(vec![number]);
        }
        assert_eq!(queues.next_event(), Some(event(0)));
        queues.event(event(3));
        for number in 1..4 {
            assert_eq!(queues.next_event(), Some(event(number)));
        }
        assert_eq!(queues.next_event(), None);
        for number in 0..3 {
            assert!(queues.0.is_some());
            assert_eq!(queues.next_datagram(), Some(vec![number]));
        }
        assert!(queues.0.is_none());
        assert_eq!(queues.next_datagram(), None);
    }
}
