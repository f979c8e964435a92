//! What of a peer's datagrams reaches the crate before its handshake ended.
//!
//! Number and size of everything are bounded here, before anything is stored or parsed, and only records pass that a
//! PSK handshake can contain.

use motekey_dtls::CipherSuite;

use super::record::{self, Fragment, Record, alert, content, handshake};

/// Datagrams that a peer may send before the end of its handshake.
const MAX_DATAGRAMS: usize = 256;
/// Bytes that a peer may send before the end of its handshake. What the crate stores of a peer is below this.
const MAX_BYTES: usize = 64 * 1024;
/// Longest handshake message in bytes: a ClientKeyExchange with the longest identity, a ClientHello with a long list.
const MAX_MESSAGE: usize = 4096;
/// Highest message number; a PSK handshake has at most five on each side, and repeats do not count on.
const MAX_MESSAGE_SEQUENCE: u16 = 7;
/// Records of the next epoch that wait for the end of the handshake.
const MAX_HELD: usize = 16;
/// Lengths of a protected Finished: explicit nonce, header, verify_data, and a tag of 8 or 16 bytes.
const FINISHED: [usize; 2] = [40, 48];

/// Counts and sieves what arrives during one handshake.
#[derive(Debug)]
pub(super) struct Gate {
    is_client: bool,
    datagrams: usize,
    bytes: usize,
    held: Vec<Vec<u8>>,
    suite: Option<CipherSuite>,
}

/// What a datagram during a handshake leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// These bytes go to the crate; none if empty.
    Pass(Vec<u8>),
    /// The peer gave up: a fatal alert with this number.
    Fatal(u8),
    /// The peer closed.
    Closed,
    /// More than a handshake takes.
    Exhausted,
}

impl Gate {
    pub(super) fn new(is_client: bool) -> Self {
        Self {
            is_client,
            datagrams: 0,
            bytes: 0,
            held: Vec::new(),
            suite: None,
        }
    }

    /// Looks through a datagram.
    pub(super) fn admit(&mut self, datagram: &[u8]) -> Admission {
        self.datagrams += 1;
        self.bytes = self.bytes.saturating_add(datagram.len());
        if self.datagrams > MAX_DATAGRAMS || self.bytes > MAX_BYTES {
            return Admission::Exhausted;
        }
        let mut pass = Vec::new();
        for record in record::records(datagram) {
            match self.admit_record(&record) {
                Verdict::Pass => pass.extend_from_slice(record.bytes),
                Verdict::Drop => {}
                Verdict::End(end) => return end,
            }
        }
        Admission::Pass(pass)
    }

    /// The records that came too early, in the order of their arrival.
    pub(super) fn take_held(&mut self) -> Vec<Vec<u8>> {
        core::mem::take(&mut self.held)
    }

    /// The suite that the peer chose, if it is a server and its ServerHello was seen.
    pub(super) fn suite(&self) -> Option<CipherSuite> {
        self.suite
    }

    fn admit_record(&mut self, record: &Record<'_>) -> Verdict {
        if record.version != record::VERSION && record.version != record::VERSION_1_0 {
            return Verdict::Drop;
        }
        match (record.epoch, record.content_type) {
            (0, content::HANDSHAKE) => self.admit_handshake(record),
            (0, content::CHANGE_CIPHER_SPEC) if record.fragment == [1] => Verdict::Pass,
            (0, content::ALERT) => admit_alert(record),
            (1, content::HANDSHAKE) if FINISHED.contains(&record.fragment.len()) => Verdict::Pass,
            (1, content::APPLICATION_DATA | content::ALERT) if self.held.len() < MAX_HELD => {
                // The peer is done already, its Finished may still be on its way.
                self.held.push(record.bytes.to_vec());
                Verdict::Drop
            }
            _ => Verdict::Drop,
        }
    }

    /// Every fragment must be well formed and of a kind that the peer may send.
    fn admit_handshake(&mut self, record: &Record<'_>) -> Verdict {
        let mut rest = record.fragment;
        let mut first = true;
        while !rest.is_empty() {
            let Some((fragment, after)) = Fragment::split(rest) else {
                return Verdict::Drop;
            };
            // A part of a message is alone in its record: nobody is known to send it otherwise.
            let alone = first && after.is_empty();
            if !self.is_expected(&fragment) || !(fragment.is_whole() || alone) {
                return Verdict::Drop;
            }
            if self.is_client && self.suite.is_none() {
                self.suite = server_hello_suite(&fragment);
            }
            rest = after;
            first = false;
        }
        if first { Verdict::Drop } else { Verdict::Pass }
    }

    fn is_expected(&self, fragment: &Fragment<'_>) -> bool {
        let shortest = match (self.is_client, fragment.message_type) {
            (false, handshake::CLIENT_HELLO) => 38,
            (false, handshake::CLIENT_KEY_EXCHANGE) => 2,
            (true, handshake::HELLO_VERIFY_REQUEST) => 3,
            (true, handshake::SERVER_HELLO) => 38,
            (true, handshake::SERVER_KEY_EXCHANGE) => 2,
            (true, handshake::SERVER_HELLO_DONE) => 0,
            _ => return false,
        };
        (shortest..=MAX_MESSAGE).contains(&fragment.length)
            && fragment.message_sequence <= MAX_MESSAGE_SEQUENCE
            && (fragment.is_whole() || !fragment.body.is_empty())
    }
}

enum Verdict {
    Pass,
    Drop,
    End(Admission),
}

fn admit_alert(record: &Record<'_>) -> Verdict {
    match *record.fragment {
        [_, alert::CLOSE_NOTIFY | alert::USER_CANCELED] => Verdict::End(Admission::Closed),
        [alert::FATAL, number] => Verdict::End(Admission::Fatal(number)),
        _ => Verdict::Drop,
    }
}

/// The datagram begins with a whole ClientHello that a peer without a session may send, or its first fragment.
pub(super) fn is_first_client_hello(datagram: &[u8]) -> bool {
    let Some((record, _)) = Record::split(datagram) else {
        return false;
    };
    let Some((fragment, _)) = Fragment::split(record.fragment) else {
        return false;
    };
    record.epoch == 0
        && record.content_type == content::HANDSHAKE
        && fragment.message_type == handshake::CLIENT_HELLO
        && fragment.message_sequence == 0
        && fragment.offset == 0
        // RFC 6347 Section 4.2.1: the version that the client offers, whatever the record header says.
        && fragment.body.starts_with(&record::VERSION)
        && matches!(Gate::new(false).admit(datagram), Admission::Pass(pass) if !pass.is_empty())
}

/// The suite in a ServerHello (RFC 5246 Section 7.4.1.3): version, random, session id, suite.
pub(super) fn server_hello_suite(fragment: &Fragment<'_>) -> Option<CipherSuite> {
    if fragment.message_type != handshake::SERVER_HELLO || fragment.offset != 0 {
        return None;
    }
    let (session_id, rest) = fragment.body.get(34..)?.split_first()?;
    let (number, _) = rest.get(usize::from(*session_id)..)?.split_first_chunk()?;
    CipherSuite::from_number(u16::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake_record(
        message_type: u8,
        sequence: u8,
        length: u16,
        offset: u16,
        body: &[u8],
    ) -> Vec<u8> {
        let [l0, l1] = length.to_be_bytes();
        let [o0, o1] = offset.to_be_bytes();
        let [b0, b1] = u16::try_from(body.len()).unwrap().to_be_bytes();
        let mut message = vec![message_type, 0, l0, l1, 0, sequence, 0, o0, o1, 0, b0, b1];
        message.extend_from_slice(body);
        let length = u16::try_from(message.len()).unwrap();
        let mut record = record::header(content::HANDSHAKE, 0, 0, length).to_vec();
        record.extend_from_slice(&message);
        record
    }

    fn sealed(content_type: u8, epoch: u16, length: u16) -> Vec<u8> {
        let mut record = record::header(content_type, epoch, 0, length).to_vec();
        record.resize(record.len() + usize::from(length), 0);
        record
    }

    #[test]
    fn only_records_of_a_psk_handshake_pass_to_a_server() {
        let hello = |length: usize| [&record::VERSION[..], &vec![0; length - 2]].concat();
        let mut two = handshake_record(1, 0, 40, 0, &hello(40));
        two.extend_from_slice(&handshake_record(16, 1, 2, 0, &[0, 0]));
        for (what, datagram, passes) in [
            (
                "ClientHello",
                handshake_record(1, 0, 40, 0, &hello(40)),
                true,
            ),
            (
                "first fragment",
                handshake_record(1, 0, 50, 0, &hello(40)),
                true,
            ),
            ("two records", two, true),
            (
                "long message",
                handshake_record(16, 2, 4097, 0, &[0; 50]),
                false,
            ),
            (
                "message number",
                handshake_record(16, 8, 2, 0, &[0, 0]),
                false,
            ),
            (
                "ServerHello",
                handshake_record(2, 0, 40, 0, &hello(40)),
                false,
            ),
            (
                "Certificate",
                handshake_record(11, 2, 40, 0, &hello(40)),
                false,
            ),
            (
                "beyond the message",
                handshake_record(1, 0, 40, 1, &hello(40)),
                false,
            ),
            (
                "ChangeCipherSpec",
                [&record::header(20, 0, 0, 1)[..], &[1]].concat(),
                true,
            ),
            ("Finished", sealed(22, 1, 40), true),
            ("unknown content type", sealed(99, 0, 4), false),
            (
                "unknown message type",
                handshake_record(99, 1, 40, 0, &hello(40)),
                false,
            ),
            ("plaintext data", sealed(23, 0, 4), false),
            ("early data", sealed(23, 1, 30), false),
            ("far epoch", sealed(22, 2, 40), false),
            ("cut off", sealed(22, 1, 40)[..30].to_vec(), false),
            ("nothing", Vec::new(), false),
        ] {
            let wanted = if passes { datagram.clone() } else { Vec::new() };
            assert_eq!(
                Gate::new(false).admit(&datagram),
                Admission::Pass(wanted),
                "{what}"
            );
        }
    }

    #[test]
    fn what_a_peer_can_send_before_the_end_of_a_handshake_is_bounded() {
        let mut gate = Gate::new(false);
        for _ in 0..MAX_DATAGRAMS {
            assert_eq!(gate.admit(&sealed(23, 1, 100)), Admission::Pass(Vec::new()));
        }
        assert_eq!(gate.admit(&[]), Admission::Exhausted);
        assert_eq!(gate.take_held().len(), MAX_HELD);
        let mut gate = Gate::new(false);
        assert_eq!(gate.admit(&vec![0; MAX_BYTES]), Admission::Pass(Vec::new()));
        assert_eq!(gate.admit(&[0]), Admission::Exhausted);
    }

    #[test]
    fn alerts_in_clear_end_a_handshake_when_fatal_or_closing() {
        for (bytes, wanted) in [
            ([2, 47], Admission::Fatal(47)),
            ([1, 0], Admission::Closed),
            ([1, 90], Admission::Closed),
            ([1, 110], Admission::Pass(Vec::new())),
        ] {
            let alert = record::plaintext_alert(0, bytes[0], bytes[1]);
            assert_eq!(Gate::new(true).admit(&alert), wanted, "{bytes:?}");
        }
    }

    #[test]
    fn a_client_reads_the_suite_of_the_server() {
        let mut body = vec![0xfe, 0xfd];
        body.extend_from_slice(&[0; 32]);
        body.extend_from_slice(&[2, 9, 9, 0xc0, 0xa8, 0]);
        let mut gate = Gate::new(true);
        gate.admit(&handshake_record(2, 1, 40, 0, &body));
        assert_eq!(gate.suite(), Some(CipherSuite::PskAes128Ccm8));
    }
}
