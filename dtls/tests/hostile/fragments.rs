//! Handshake messages cut, overlapping, out of order, truncated.

use motekey_dtls::codec::Reader;
use motekey_dtls::codec::handshake::{Fragment, HandshakeType};
use motekey_dtls::codec::record::{ContentType, Record, Records, put_header};
use motekey_dtls::*;

use crate::common::*;

/// Every handshake record in clear of a datagram as a record for each of many overlapping fragments, in any order,
/// some of them also cut off; the other records behind.
fn shatter(datagram: &[u8], random: &mut TestRandom) -> Vec<Vec<u8>> {
    let (mut pieces, mut others) = (Vec::new(), Vec::new());
    let put = |content_type, epoch, sequence, content: &[u8]| {
        let mut record = Vec::new();
        let length = u16::try_from(content.len()).unwrap();
        put_header(
            &mut record,
            content_type,
            0xfefd,
            epoch,
            sequence,
            &[],
            length,
        );
        record.extend(content);
        record
    };
    for record in Records::new(datagram, 0) {
        if record.content_type != ContentType::Handshake || record.epoch != 0 {
            let Record {
                content_type,
                epoch,
                sequence,
                fragment,
                ..
            } = record;
            others.extend(put(content_type, epoch, sequence, fragment));
            continue;
        }
        let mut reader = Reader::new(record.fragment);
        while !reader.is_empty() {
            let whole = Fragment::read(&mut reader).unwrap();
            for piece in pieces_of(&whole, random) {
                let mut content = Vec::new();
                piece.put(&mut content);
                let sequence = record.sequence + pieces.len() as u64;
                let record = put(ContentType::Handshake, 0, sequence, &content);
                if random.below(4) == 0 {
                    let cut = usize::try_from(random.below(record.len() as u64)).unwrap();
                    pieces.push(record[..cut].to_vec());
                }
                pieces.push(record);
            }
        }
    }
    for index in (1..pieces.len()).rev() {
        pieces.swap(
            index,
            usize::try_from(random.below(index as u64 + 1)).unwrap(),
        );
    }
    if !others.is_empty() {
        pieces.push(others);
    }
    pieces
}

/// Parts of a message that overlap and together are the whole of it.
fn pieces_of<'a>(whole: &Fragment<'a>, random: &mut TestRandom) -> Vec<Fragment<'a>> {
    let length = whole.data.len();
    if length == 0 {
        return vec![*whole, *whole];
    }
    let part = |from: usize, to: usize| Fragment {
        offset: u32::try_from(from).unwrap(),
        data: &whole.data[from..to],
        ..*whole
    };
    let mut parts = Vec::new();
    let mut from = 0;
    while from < length {
        let step = 1 + usize::try_from(random.below(20)).unwrap();
        let to = (from + step).min(length);
        let back = usize::try_from(random.below(8)).unwrap().min(from);
        parts.push(part(from - back, to));
        from = to;
    }
    parts.push(part(length, length));
    parts
}

#[test]
fn overlapping_truncated_and_disordered_fragments_make_their_messages() {
    let mut random = TestRandom::new(3);
    for seed in 0..200 {
        let mut pair = Pair::seeded(
            seed,
            server_config(),
            client_config(),
            &credential(IDENTITY, &KEY),
        );
        // Both hellos are whole: a server keeps nothing before the cookie.
        for _ in 0..2 {
            let hello = pair.client.poll_transmit().unwrap();
            pair.feed_server(&hello);
        }
        let now = pair.now;
        let answer = pair.server().poll_transmit().unwrap();
        for piece in shatter(&answer, &mut random) {
            pair.client.handle_datagram(now, &piece);
        }
        let flight = pair.client.poll_transmit().expect("the flight is whole");
        for piece in shatter(&flight, &mut random) {
            pair.feed_server(&piece);
        }
        pair.run();
        assert!(pair.is_connected(), "seed {seed}");
    }
}

#[test]
fn fragments_that_contradict_each_other_do_not_connect_and_do_not_grow() {
    let mut random = TestRandom::new(4);
    let mut pair = Pair::new(
        server_config(),
        client_config(),
        &credential(IDENTITY, &KEY),
    );
    for _ in 0..2 {
        let hello = pair.client.poll_transmit().unwrap();
        pair.feed_server(&hello);
    }
    let now = pair.now;
    for number in 0..20_000_u64 {
        let length = u32::try_from(1 + random.below(5_000)).unwrap();
        let offset = u32::try_from(random.below(u64::from(length))).unwrap();
        let fitting = usize::try_from(length - offset).unwrap().min(40);
        let mut content = Vec::new();
        let fragment = Fragment {
            kind: HandshakeType(u8::try_from(random.below(25)).unwrap()),
            length,
            message_sequence: u16::try_from(random.below(12)).unwrap(),
            offset,
            data: &[0x5a; 40][..fitting],
        };
        fragment.put(&mut content);
        let mut record = Vec::new();
        let length = u16::try_from(content.len()).unwrap();
        put_header(
            &mut record,
            ContentType::Handshake,
            0xfefd,
            0,
            number,
            &[],
            length,
        );
        record.extend(content);
        pair.server().handle_datagram(now, &record);
    }
    pair.events();
    assert!(
        !pair
            .server_events
            .iter()
            .any(|event| matches!(event, Event::Connected { .. }))
    );
    let answers = std::iter::from_fn(|| pair.server().poll_transmit()).count();
    assert!(answers <= 2, "{answers} datagrams for what means nothing");
}
