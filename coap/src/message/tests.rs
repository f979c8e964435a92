use proptest::prelude::*;
use serde_json::Value;

use super::{Code, ContentFormat, Kind, Message, MessageError};

const LIMIT: usize = 1500;

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len())
        .step_by(2)
        .map(|index| u8::from_str_radix(&hex[index..index + 2], 16).unwrap())
        .collect()
}

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/rfc7252_messages.json")).unwrap()
}

#[test]
fn the_messages_of_rfc_7252_appendix_a_are_read_and_written() {
    for vector in vectors()["messages"].as_array().unwrap() {
        let datagram = bytes(&vector["hex"]);
        let message = Message::decode(&datagram, LIMIT).unwrap();
        let kind = match vector["T"].as_str().unwrap() {
            "CON" => Kind::Confirmable,
            "NON" => Kind::NonConfirmable,
            "ACK" => Kind::Acknowledgement,
            _ => Kind::Reset,
        };
        assert_eq!(message.kind, kind, "{vector}");
        assert_eq!(
            message.code.to_string(),
            vector["code"].as_str().unwrap(),
            "{vector}"
        );
        assert_eq!(
            format!("{:04x}", message.id),
            vector["mid"].as_str().unwrap()
        );
        assert_eq!(message.encode(), datagram);
        assert_eq!(
            message.encoded_len(),
            vector["len"].as_u64().unwrap() as usize
        );
    }
}

#[test]
fn messages_with_authorization_payloads_are_read_and_written() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../tests/vectors/coap_with_ace.json")).unwrap();
    for vector in vectors["vectors"].as_array().unwrap() {
        let datagram = bytes(&vector["hex"]);
        let message = Message::decode(&datagram, LIMIT).unwrap();
        let format = if vector["id"] == "authz-info" {
            ContentFormat::CWT
        } else {
            ContentFormat::ACE_CBOR
        };
        assert_eq!(message.options.content_format(), Some(format), "{vector}");
        assert!(!message.payload.is_empty());
        assert_eq!(message.encode(), datagram);
    }
}

#[test]
fn h01_format_errors_are_found() {
    for vector in vectors()["malformed"].as_array().unwrap() {
        let error = Message::decode(&bytes(&vector["hex"]), LIMIT).unwrap_err();
        match vector["what"].as_str().unwrap() {
            "version 2" => assert_eq!(error, MessageError::Version(2)),
            "3 byte datagram" => assert_eq!(error, MessageError::TooShort),
            "NON empty" => assert_eq!(error, MessageError::Format(Kind::NonConfirmable, 1)),
            what => assert_eq!(error, MessageError::Format(Kind::Confirmable, 1), "{what}"),
        }
    }
}

#[test]
fn h01_type_and_code_must_fit() {
    for (what, datagram) in [
        ("version 0", &[0x00, 0x01, 0, 1][..]),
        ("version 3", &[0xc0, 0x01, 0, 1]),
        ("ACK with a request", &[0x60, 0x01, 0, 1]),
        ("RST with a response", &[0x70, 0x45, 0, 1]),
        ("RST with a token", &[0x71, 0x00, 0, 1, 7]),
        ("reserved class 3", &[0x40, 0x60, 0, 1]),
        (
            "marker after an option",
            &[0x40, 0x01, 0, 1, 0xb1, b'a', 0xff],
        ),
        (
            "option number beyond 65535",
            &[0x40, 0x01, 0, 1, 0xe0, 0xff, 0xff],
        ),
    ] {
        assert!(Message::decode(datagram, LIMIT).is_err(), "{what}");
    }
}

#[test]
fn an_option_that_ends_with_the_byte_of_the_marker_is_fine() {
    let message = Message::decode(&[0x40, 0x01, 0, 1, 0x41, 0xff], LIMIT).unwrap();
    assert_eq!(message.options.etag(), Some(&[0xff][..]));
    assert_eq!(message.code, Code::GET);
}

#[test]
fn every_code_keeps_its_number_in_the_header() {
    for number in 0..=u8::MAX {
        let message = Message {
            code: Code(number),
            ..Message::empty(Kind::Confirmable, 7)
        };
        assert_eq!(message.encode(), [0x40, number, 0, 7]);
        let read = Message::decode(&[0x40, number, 0, 7], LIMIT);
        match read {
            Ok(read) => assert_eq!(read.code, Code(number)),
            Err(error) => assert_eq!(error, MessageError::Format(Kind::Confirmable, 7)),
        }
    }
}

#[test]
fn a_datagram_beyond_the_limit_is_not_read() {
    assert_eq!(Message::decode(&[0x40; 65], 64), Err(MessageError::TooLong));
}

proptest! {
    #[test]
    fn decoding_never_panics_and_what_it_takes_it_writes_again(datagram in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = Message::decode(&datagram, LIMIT) {
            prop_assert_eq!(message.encode(), datagram);
        }
    }

    #[test]
    fn what_coap_lite_takes_is_read_alike(
        token in prop::collection::vec(any::<u8>(), 0..8),
        options in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let header = [0x40 | token.len() as u8, 0x01, 0, 1];
        let datagram = [&header[..], &token, &options].concat();
        let theirs = coap_lite::Packet::from_bytes(&datagram);
        match Message::decode(&datagram, LIMIT) {
            Ok(ours) => {
                let theirs = theirs.unwrap();
                let options = theirs.options().flat_map(|(number, values)| {
                    values.iter().map(|value| (*number, value.as_slice()))
                });
                prop_assert!(ours.options.iter().eq(options));
                prop_assert_eq!(ours.token.as_bytes(), theirs.get_token());
                prop_assert_eq!(ours.payload, theirs.payload);
            }
            // It takes a payload marker without payload.
            Err(_) => prop_assert!(theirs.is_err() || datagram.last() == Some(&0xff)),
        }
    }

    #[test]
    fn h01_headers_of_all_kinds_never_panic(first in 0x40_u8..0x80, rest in prop::collection::vec(any::<u8>(), 3..60)) {
        let datagram: Vec<u8> = core::iter::once(first).chain(rest).collect();
        if let Ok(message) = Message::decode(&datagram, LIMIT) {
            prop_assert_eq!(message.encode(), datagram);
        }
    }
}
