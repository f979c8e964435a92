//! An established association: records in epoch 1, one at a time, without a task or a clock.

use std::collections::VecDeque;

use super::protection::{Protection, ProtectionError};
use super::record::{self, MAX_PLAINTEXT, MAX_SEQUENCE, Record, alert, content, handshake};
use super::replay::ReplayWindow;
use super::{CloseReason, SendError, SessionEvent};

/// The epoch of application data; there is no second handshake, so there is no later one.
const EPOCH: u16 = 1;
/// How often the last flight is sent again; a peer that asks more often has other troubles.
const MAX_LAST_FLIGHTS: u8 = 8;
/// How many renegotiations are declined aloud; further ones are ignored.
const MAX_DECLINED: u8 = 4;

/// The record layer of one association after its handshake.
pub(crate) struct Association {
    protection: Protection,
    window: ReplayWindow,
    next_sequence: u64,
    /// The datagrams of our last flight, if the peer may need them again (RFC 6347 Section 4.2.4); each is sent
    /// again as it was, so this is also where they came from.
    last_flight: Vec<Vec<u8>>,
    last_flights_left: u8,
    declines_left: u8,
}

/// What a datagram led to.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) events: VecDeque<SessionEvent>,
    pub(crate) datagrams: VecDeque<Vec<u8>>,
}

impl Association {
    /// Goes on after a handshake. `next_sequence` is beyond every record of epoch 1 that was sent.
    pub(crate) fn new(
        protection: Protection,
        next_sequence: u64,
        last_flight: Vec<Vec<u8>>,
    ) -> Self {
        Self {
            protection,
            window: ReplayWindow::default(),
            next_sequence,
            last_flight,
            last_flights_left: MAX_LAST_FLIGHTS,
            declines_left: MAX_DECLINED,
        }
    }

    /// Takes the records of a datagram. True if the association ended: the last event is `Closed`.
    pub(crate) fn receive(&mut self, datagram: &[u8], output: &mut Output) -> bool {
        record::records(datagram).any(|record| self.receive_record(&record, output))
    }

    /// One record of application data in one datagram.
    pub(crate) fn send(&mut self, data: &[u8]) -> Result<Vec<u8>, SendError> {
        // RFC 5246 Section 6.2.1: a record holds at most 2^14 bytes.
        if data.len() > MAX_PLAINTEXT {
            return Err(SendError::TooLarge);
        }
        self.seal(content::APPLICATION_DATA, data)
            .map_err(|ProtectionError| SendError::Closed)
    }

    /// close_notify, unless the sequence numbers are used up.
    pub(crate) fn close_notify(&mut self) -> Option<Vec<u8>> {
        self.seal(content::ALERT, &[alert::WARNING, alert::CLOSE_NOTIFY])
            .ok()
    }

    fn seal(&mut self, content_type: u8, plaintext: &[u8]) -> Result<Vec<u8>, ProtectionError> {
        // RFC 6347 Section 4.1: sequence numbers must not wrap.
        if self.next_sequence > MAX_SEQUENCE {
            return Err(ProtectionError);
        }
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.protection
            .seal(content_type, EPOCH, sequence, plaintext)
    }

    fn receive_record(&mut self, record: &Record<'_>, output: &mut Output) -> bool {
        // RFC 6347 Section 4.1.2.7: invalid records are discarded silently and change nothing.
        if record.epoch != EPOCH || record.version != record::VERSION {
            return false;
        }
        // RFC 9202 Section 2: replay protection is on. RFC 6347 Section 4.1.2.6: check, verify, only then remember.
        if !self.window.is_fresh(record.sequence) {
            return false;
        }
        let Ok(plaintext) = self.protection.open(record) else {
            return false;
        };
        self.window.accept(record.sequence);
        match record.content_type {
            content::APPLICATION_DATA => {
                // Data under the keys of this handshake: the peer has our last flight.
                self.last_flight.clear();
                output.events.push_back(SessionEvent::Data(plaintext));
                false
            }
            content::ALERT => self.receive_alert(&plaintext, output),
            content::HANDSHAKE => {
                self.receive_handshake(&plaintext, output);
                false
            }
            _ => false,
        }
    }

    fn receive_alert(&mut self, plaintext: &[u8], output: &mut Output) -> bool {
        let reason = match plaintext {
            [_, alert::CLOSE_NOTIFY] => {
                // RFC 5246 Section 7.2.1: the other party answers with a close_notify of its own.
                output.datagrams.extend(self.close_notify());
                CloseReason::Peer
            }
            [alert::FATAL, number] => CloseReason::Alert(*number),
            _ => return false,
        };
        output.events.push_back(SessionEvent::Closed(reason));
        true
    }

    fn receive_handshake(&mut self, plaintext: &[u8], output: &mut Output) {
        match plaintext.first() {
            Some(&handshake::FINISHED) if self.last_flights_left > 0 => {
                // RFC 6347 Section 4.2.4: the last flight was lost, the peer repeats its own.
                self.last_flights_left -= 1;
                output.datagrams.extend(self.last_flight.iter().cloned());
            }
            Some(&(handshake::CLIENT_HELLO | handshake::HELLO_REQUEST))
                if self.declines_left > 0 =>
            {
                // RFC 7925 Section 17: renegotiation is declined with no_renegotiation.
                self.declines_left -= 1;
                let decline = [alert::WARNING, alert::NO_RENEGOTIATION];
                output
                    .datagrams
                    .extend(self.seal(content::ALERT, &decline).ok());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::super::protection::{Secrets, Suite};
    use super::*;

    fn pair() -> (Protection, Association) {
        let secrets = |is_client| Secrets {
            suite: Suite::PskAes128Ccm8,
            master_secret: Zeroizing::new(vec![7; 48]),
            client_random: vec![1; 32],
            server_random: vec![2; 32],
            is_client,
        };
        let server = Protection::new(&secrets(false)).unwrap();
        (
            Protection::new(&secrets(true)).unwrap(),
            Association::new(server, 1, vec![b"flight".to_vec()]),
        )
    }

    fn receive(association: &mut Association, record: &[u8]) -> Output {
        let mut output = Output::default();
        let ended = association.receive(record, &mut output);
        assert_eq!(
            ended,
            matches!(output.events.back(), Some(SessionEvent::Closed(_)))
        );
        output
    }

    #[test]
    fn d41_l05_renegotiation_is_declined_with_no_renegotiation() {
        let (client, mut association) = pair();
        for sequence in 1..10 {
            let hello = client
                .seal(
                    content::HANDSHAKE,
                    1,
                    sequence,
                    &[handshake::CLIENT_HELLO; 50],
                )
                .unwrap();
            let output = receive(&mut association, &hello);
            assert!(output.events.is_empty());
            if sequence > u64::from(MAX_DECLINED) {
                assert!(output.datagrams.is_empty());
                continue;
            }
            let (record, _) = Record::split(&output.datagrams[0]).unwrap();
            assert_eq!(record.content_type, content::ALERT);
            assert_eq!(
                client.open(&record).unwrap(),
                [alert::WARNING, alert::NO_RENEGOTIATION]
            );
        }
        assert_eq!(
            receive(&mut association, &client.seal(23, 1, 20, b"on").unwrap())
                .events
                .len(),
            1
        );
    }

    #[test]
    fn a_repeated_finished_gets_the_last_flight_until_data_came() {
        let (client, mut association) = pair();
        let finished = client
            .seal(content::HANDSHAKE, 1, 1, &[handshake::FINISHED; 24])
            .unwrap();
        assert_eq!(
            receive(&mut association, &finished).datagrams,
            [b"flight".to_vec()]
        );
        assert!(
            receive(&mut association, &finished).datagrams.is_empty(),
            "replayed"
        );
        receive(&mut association, &client.seal(23, 1, 2, b"data").unwrap());
        let finished = client
            .seal(content::HANDSHAKE, 1, 3, &[handshake::FINISHED; 24])
            .unwrap();
        assert!(receive(&mut association, &finished).datagrams.is_empty());
    }

    #[test]
    fn alerts_end_the_association_when_fatal_or_close_notify() {
        for (plaintext, wanted) in [
            (vec![2, 20], Some(CloseReason::Alert(20))),
            (vec![1, 0], Some(CloseReason::Peer)),
            (vec![2, 0], Some(CloseReason::Peer)),
            (vec![1, 100], None),
            (vec![2], None),
            (vec![2, 20, 0], None),
        ] {
            let (client, mut association) = pair();
            let output = receive(
                &mut association,
                &client.seal(content::ALERT, 1, 1, &plaintext).unwrap(),
            );
            assert_eq!(
                output.events.back(),
                wanted.clone().map(SessionEvent::Closed).as_ref(),
                "{plaintext:?}"
            );
            assert_eq!(
                !output.datagrams.is_empty(),
                wanted == Some(CloseReason::Peer),
                "{plaintext:?}"
            );
        }
    }

    #[test]
    fn sequence_numbers_never_wrap() {
        let (_, mut association) = pair();
        association.next_sequence = MAX_SEQUENCE;
        assert!(association.send(b"last").is_ok());
        assert_eq!(association.send(b"one too many"), Err(SendError::Closed));
        assert_eq!(association.close_notify(), None);
    }
}
