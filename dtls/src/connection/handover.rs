//! Sessions whose handshake another implementation ran.

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use super::{Connection, Established, Phase, Queues};
use crate::codec::Reader;
use crate::codec::handshake::{Fragment, HandshakeType};
use crate::codec::key_exchange::VERIFY_DATA;
use crate::codec::record::{ContentType, Records};
use crate::crypto::CryptoProvider;
use crate::handshake::Secrets;
use crate::record::{Channel, Protection};
use crate::schedule::{KeyBlock, MasterSecret, Randoms, Role};
use crate::suite::CipherSuite;

/// What a handshake leaves behind whose two Finished were verified elsewhere.
pub struct Handover {
    /// Which end this is.
    pub role: Role,
    /// The suite that was agreed on.
    pub suite: CipherSuite,
    /// The master secret (RFC 5246 Section 8.1).
    pub master_secret: Zeroizing<[u8; 48]>,
    /// The random of the ClientHello.
    pub client_random: [u8; 32],
    /// The random of the ServerHello.
    pub server_random: [u8; 32],
    /// Beyond the sequence number of every record of epoch 0 that was sent.
    pub plain_sequence: u64,
    /// Beyond the sequence number of every record of epoch 1 that was sent: a number used twice breaks the encryption.
    pub write_sequence: u64,
    /// The datagrams that were sent last, if this end sent the last flight; it is repeated when the peer asks for it
    /// (RFC 6347 Section 4.2.4). Empty on the other end.
    pub last_flight: Vec<Vec<u8>>,
}

impl fmt::Debug for Handover {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Handover({:?}, {:?})", self.role, self.suite)
    }
}

impl Connection {
    /// Goes on after a handshake that was run elsewhere. The replay window is empty: what the peer sent in epoch 1
    /// before is its Finished, and a repeated Finished is harmless.
    pub fn from_handshake(provider: &'static CryptoProvider, handshake: &Handover) -> Self {
        let randoms = Randoms {
            client: handshake.client_random,
            server: handshake.server_random,
        };
        let secrets = Secrets {
            suite: handshake.suite,
            randoms,
            master: MasterSecret::new(*handshake.master_secret),
        };
        let role = handshake.role;
        let mut protection = protection(provider, &secrets, role);
        protection.write_sequence = handshake.write_sequence;
        let mut channel = Channel::new(provider, handshake.plain_sequence);
        channel.protection = Some(protection);
        let finished = own_finished(provider, &secrets, handshake);
        let established = Established {
            channel,
            secrets,
            finished,
            resumable: None,
            round_trip: None,
        };
        Self {
            role,
            phase: Phase::Established(established),
            queues: Queues::default(),
        }
    }
}

/// The keys as this end uses them.
fn protection(provider: &CryptoProvider, secrets: &Secrets, role: Role) -> Protection {
    let KeyBlock { client, server } =
        secrets
            .master
            .key_block(provider, secrets.suite, &secrets.randoms);
    match role {
        Role::Client => Protection::new(server, client),
        Role::Server => Protection::new(client, server),
    }
}

/// Number and content of the Finished in our last flight, read as the peer reads it.
fn own_finished(
    provider: &'static CryptoProvider,
    secrets: &Secrets,
    handshake: &Handover,
) -> Option<(u16, [u8; VERIFY_DATA])> {
    let peer = match handshake.role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    };
    let mut reader = Channel::new(provider, 0);
    reader.protection = Some(protection(provider, secrets, peer));
    let mut records = handshake
        .last_flight
        .iter()
        .flat_map(|datagram| Records::new(datagram, 0));
    records.find_map(|record| {
        let opened = reader.open(&record).ok()?.opened;
        if opened.content_type != ContentType::Handshake {
            return None;
        }
        let fragment = Fragment::read(&mut Reader::new(&opened.content)).ok()?;
        let finished = fragment.kind == HandshakeType::FINISHED;
        let data = fragment.data.try_into().ok().filter(|_| finished)?;
        Some((fragment.message_sequence, data))
    })
}

#[cfg(feature = "rust-crypto")]
#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::codec::handshake::transcript_header;
    use crate::connection::{Event, Received};
    use crate::crypto::rust::PROVIDER;
    use crate::time::Instant;

    fn handover(role: Role, last_flight: Vec<Vec<u8>>) -> Connection {
        let handover = Handover {
            role,
            suite: CipherSuite::PskAes128Ccm8,
            master_secret: Zeroizing::new([7; 48]),
            client_random: [1; 32],
            server_random: [2; 32],
            plain_sequence: 4,
            write_sequence: 1,
            last_flight,
        };
        Connection::from_handshake(&PROVIDER, &handover)
    }

    /// A handshake record of epoch 1 with the keys of `connection`.
    fn seal(connection: &mut Connection, sequence: u64, content: &[u8]) -> Vec<u8> {
        let Phase::Established(established) = &mut connection.phase else {
            panic!()
        };
        let channel = &mut established.channel;
        channel.protection.as_mut().unwrap().write_sequence = sequence;
        let mut datagram = Vec::new();
        channel
            .put_protected(ContentType::Handshake, content, &mut datagram)
            .unwrap();
        datagram
    }

    #[test]
    fn both_ends_go_on_and_the_last_flight_is_repeated() {
        let mut content = transcript_header(HandshakeType::FINISHED, 12, 5).to_vec();
        content.extend_from_slice(&[9; 12]);
        let flight = seal(&mut handover(Role::Server, Vec::new()), 0, &content);
        let mut server = handover(Role::Server, vec![flight]);
        let mut client = handover(Role::Client, Vec::new());
        client.send(b"up").unwrap();
        let datagram = client.poll_transmit().unwrap();
        assert_eq!(
            server.handle_datagram(Instant::ZERO, &datagram),
            Received::Newest
        );
        assert_eq!(server.poll_event(), Some(Event::Data(b"up".to_vec())));
        let repeated = seal(&mut client, 7, &content);
        server.handle_datagram(Instant::ZERO, &repeated);
        let answer = server.poll_transmit().unwrap();
        assert_eq!(
            client.handle_datagram(Instant::ZERO, &answer),
            Received::Newest
        );
        let repeated = seal(&mut server, 9, &content);
        client.handle_datagram(Instant::ZERO, &repeated);
        assert_eq!(client.poll_transmit(), None, "the flight was not ours");
    }
}
