use super::*;
use crate::codec::handshake::transcript_header;
use crate::codec::record::Records;
use crate::crypto::rust::PROVIDER;
use crate::record::{ConnectionId, MAX_PLAINTEXT, Protection};
use crate::schedule::{KeyBlock, MasterSecret, Randoms};
use crate::suite::CipherSuite;
use alloc::vec;

/// A server after its handshake, and the channel of its client.
fn pair() -> (Established, Channel) {
    let suite = CipherSuite::PskAes128Ccm8;
    let randoms = Randoms {
        client: [1; 32],
        server: [2; 32],
    };
    let master = MasterSecret::extended(&PROVIDER, b"premaster", &[3; 32]);
    let secrets = Secrets {
        suite,
        randoms,
        master,
    };
    let keys = || {
        let KeyBlock { client, server } = secrets.master.key_block(&PROVIDER, suite, &randoms);
        (client, server)
    };
    let mut channel = Channel::new(&PROVIDER, 5);
    let (client, server) = keys();
    channel.protection = Some(Protection::new(client, server));
    let mut peer = Channel::new(&PROVIDER, 0);
    let (client, server) = keys();
    peer.protection = Some(Protection::new(server, client));
    (
        Established {
            channel,
            secrets,
            finished: Some((3, [9; 12])),
            resumable: None,
            round_trip: None,
        },
        peer,
    )
}

fn feed(
    server: &mut Established,
    peer: &mut Channel,
    content_type: ContentType,
    content: &[u8],
) -> Queues {
    let mut datagram = Vec::new();
    peer.put_protected(content_type, content, &mut datagram)
        .unwrap();
    let mut queues = Queues::default();
    let id = server.channel.own_id.as_bytes().len();
    let record = Records::new(&datagram, id).next().unwrap();
    let (received, end) = server.handle(&record, &mut queues);
    assert_eq!(received, Received::Newest);
    assert_eq!(end, None);
    queues
}

fn opened(peer: &mut Channel, datagram: &[u8]) -> (ContentType, Vec<u8>) {
    let id = peer.own_id.as_bytes().len();
    let record = Records::new(datagram, id).last().unwrap();
    let opened = peer.open(&record).map(|verified| verified.opened).unwrap();
    (opened.content_type, opened.content)
}

#[test]
fn d41_l05_renegotiation_is_declined_by_no_renegotiation() {
    for kind in [HandshakeType::HELLO_REQUEST, HandshakeType::CLIENT_HELLO] {
        let (mut server, mut peer) = pair();
        let content = transcript_header(kind, 0, 0);
        let mut queues = feed(&mut server, &mut peer, ContentType::Handshake, &content);
        let datagram = queues.next_datagram().unwrap();
        assert_eq!(
            opened(&mut peer, &datagram),
            (ContentType::Alert, vec![1, 100])
        );
        assert_eq!(queues.next_datagram(), None);
        let mut queues = feed(
            &mut server,
            &mut peer,
            ContentType::ApplicationData,
            b"and on",
        );
        assert_eq!(queues.next_event(), Some(Event::Data(b"and on".to_vec())));
    }
}

#[test]
fn a_repeated_finished_gets_the_last_flight_again_with_new_sequence_numbers() {
    let (mut server, mut peer) = pair();
    let content = transcript_header(HandshakeType::FINISHED, 0, 3);
    for _ in 0..2 {
        let mut queues = feed(&mut server, &mut peer, ContentType::Handshake, &content);
        let datagram = queues.next_datagram().unwrap();
        let (content_type, content) = opened(&mut peer, &datagram);
        assert_eq!(
            (content_type, content.len(), content[0]),
            (ContentType::Handshake, 24, 20)
        );
    }
    server.finished = None;
    let mut queues = feed(&mut server, &mut peer, ContentType::Handshake, &content);
    assert_eq!(queues.next_datagram(), None);
}

#[test]
fn warnings_unknown_handshake_messages_and_change_cipher_spec_do_nothing() {
    let (mut server, mut peer) = pair();
    for (content_type, content) in [
        (ContentType::Alert, &[1, 90][..]),
        (ContentType::Alert, &[2]),
        (
            ContentType::Handshake,
            &transcript_header(HandshakeType::CERTIFICATE, 0, 0),
        ),
        (ContentType::Handshake, &[20, 0]),
        (ContentType::ChangeCipherSpec, &[1]),
    ] {
        let mut queues = feed(&mut server, &mut peer, content_type, content);
        assert!(
            queues.next_event().is_none() && queues.next_datagram().is_none(),
            "{content:?}"
        );
    }
}

#[test]
fn l08_with_a_connection_id_records_without_it_or_with_another_are_dropped() {
    let (mut server, mut peer) = pair();
    let ids = [&[][..], &[1, 2, 4], &[1, 2, 3]].map(|id| ConnectionId::new(id).unwrap());
    server.channel.own_id = ids[2];
    let mut queues = Queues::default();
    for (id, length) in [(ids[0], 3), (ids[1], 3)] {
        peer.peer_id = id.as_bytes().into();
        let mut datagram = Vec::new();
        peer.put_protected(ContentType::ApplicationData, b"x", &mut datagram)
            .unwrap();
        let record = Records::new(&datagram, length).next().unwrap();
        let (received, _) = server.handle(&record, &mut queues);
        assert_eq!(received, Received::Unverified, "{id:?}");
    }
    assert_eq!(queues.next_event(), None);
    peer.peer_id = ids[2].as_bytes().into();
    let mut queues = feed(&mut server, &mut peer, ContentType::ApplicationData, b"x");
    assert_eq!(queues.next_event(), Some(Event::Data(b"x".to_vec())));
}

#[test]
fn sequence_numbers_do_not_wrap() {
    let (mut server, _) = pair();
    server.channel.protection.as_mut().unwrap().write_sequence = (1 << 48) - 1;
    assert!(server.seal(b"the last").is_ok());
    assert_eq!(server.seal(b"one more"), Err(SendError::Closed));
}

/// RFC 9146 Section 5: with a Connection ID the real type counts, too.
#[test]
fn a_record_takes_2_to_the_14_bytes_of_plaintext() {
    let (mut server, _) = pair();
    let data = [0; MAX_PLAINTEXT + 1];
    assert_eq!(server.seal(&data), Err(SendError::TooLarge));
    assert!(server.seal(&data[1..]).is_ok());
    server.channel.peer_id = Box::new([7; 8]);
    assert_eq!(server.seal(&data[1..]), Err(SendError::TooLarge));
    assert!(server.seal(&data[2..]).is_ok());
}

#[test]
fn an_idle_connection_is_small() {
    let size = size_of::<super::super::Connection>();
    assert!(size <= 296, "{size} bytes");
}
