use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::*;

const NAMES: &[Label] = &[Label {
    number: 5,
    name: "audience",
}];

#[test]
fn an_error_says_which_member_what_stands_there_and_what_was_wanted() {
    let mut members =
        MapReader::parse(&[0xa2, 5, 1, 0x18, 99, 0x40], Limits::DEFAULT, NAMES).unwrap();
    let (_, audience) = members.next_member().unwrap().unwrap();
    let error = audience.text().unwrap_err();
    assert_eq!(
        error.to_string(),
        "audience (5): got an unsigned integer, wanted a text string"
    );
    let (_, unnamed) = members.next_member().unwrap().unwrap();
    assert_eq!(
        unnamed.unsigned().unwrap_err().to_string(),
        "member (99): got a byte string, wanted an unsigned integer"
    );
    let error = Value::parse(&[0x80], Limits::DEFAULT)
        .unwrap()
        .map(NAMES)
        .unwrap_err();
    assert_eq!(error.to_string(), "got an array, wanted a map");
}

#[test]
fn members_whose_labels_are_not_integers_of_64_bits_are_skipped() {
    let bytes = [
        0xa4, // map of 4
        0x61, b'a', 0xa1, 1, 2, // "a": {1: 2}
        0x1b, 255, 255, 255, 255, 255, 255, 255, 255, 0, // 2^64-1: 0
        0xf6, 0, // null: 0
        0x20, 7, // -1: 7
    ];
    let mut members = MapReader::parse(&bytes, Limits::DEFAULT, NAMES).unwrap();
    let (label, value) = members.next_member().unwrap().unwrap();
    assert_eq!((label, value.unsigned()), (-1, Ok(7)));
    assert!(members.next_member().unwrap().is_none());
}

#[test]
fn numbers_of_every_width_are_read() {
    let cases: &[(&[u8], Number)] = &[
        (&[0x00], Number::Integer(0)),
        (
            &[0x1b, 0x7f, 255, 255, 255, 255, 255, 255, 255],
            Number::Integer(i64::MAX),
        ),
        (
            &[0x3b, 0x7f, 255, 255, 255, 255, 255, 255, 255],
            Number::Integer(i64::MIN),
        ),
        (&[0xf9, 0x3c, 0x00], Number::Float(1.0)),
        (&[0xf9, 0xc4, 0x00], Number::Float(-4.0)),
        (&[0xf9, 0x7b, 0xff], Number::Float(65_504.0)),
        (&[0xf9, 0x00, 0x01], Number::Float(5.960_464_477_539_063e-8)),
        (&[0xf9, 0x04, 0x00], Number::Float(0.000_061_035_156_25)),
        (&[0xf9, 0x7c, 0x00], Number::Float(f64::INFINITY)),
        (&[0xfa, 0x47, 0xc3, 0x50, 0x00], Number::Float(100_000.0)),
        (
            &[0xfb, 0x3f, 0xf1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a],
            Number::Float(1.1),
        ),
    ];
    for (bytes, wanted) in cases {
        assert_eq!(
            Value::parse(bytes, Limits::DEFAULT).unwrap().number(),
            Ok(*wanted),
            "{bytes:02x?}"
        );
    }
    let value = Value::parse(&[0xf9, 0x7e, 0x00], Limits::DEFAULT).unwrap();
    assert!(matches!(value.number(), Ok(Number::Float(value)) if value.is_nan()));
    for major in [0x1b, 0x3b] {
        let bytes = [major, 0x80, 0, 0, 0, 0, 0, 0, 0];
        let value = Value::parse(&bytes, Limits::DEFAULT).unwrap();
        assert_eq!(
            value.integer(),
            Err(CborError::OutOfRange { label: None }),
            "{bytes:02x?}"
        );
        assert_eq!(
            value.number(),
            Err(CborError::OutOfRange { label: None }),
            "{bytes:02x?}"
        );
    }
}

#[test]
fn c09_heads_are_the_shortest() {
    // RFC 8949 Appendix A.
    let cases: &[(i64, &[u8])] = &[
        (0, &[0x00]),
        (23, &[0x17]),
        (24, &[0x18, 24]),
        (255, &[0x18, 255]),
        (256, &[0x19, 1, 0]),
        (65_535, &[0x19, 255, 255]),
        (65_536, &[0x1a, 0, 1, 0, 0]),
        (
            1_000_000_000_000,
            &[0x1b, 0, 0, 0, 0xe8, 0xd4, 0xa5, 0x10, 0],
        ),
        (-1, &[0x20]),
        (-24, &[0x37]),
        (-25, &[0x38, 24]),
        (-1000, &[0x39, 0x03, 0xe7]),
        (i64::MIN, &[0x3b, 0x7f, 255, 255, 255, 255, 255, 255, 255]),
    ];
    for (value, wanted) in cases {
        let mut writer = Writer::new();
        writer.integer(*value);
        assert_eq!(writer.finish(), *wanted, "{value}");
    }
}

#[test]
fn c09_maps_have_a_definite_length_also_past_23_entries() {
    for entries in [0, 1, 23, 24, 64] {
        let mut map = MapWriter::with_capacity(0);
        (0..entries).for_each(|label| map.integer(label, Some(label)));
        let bytes = map.finish();
        assert_eq!(check(&bytes, Limits::DEFAULT), Ok(()), "{entries}");
        let mut members = MapReader::parse(&bytes, Limits::DEFAULT, NAMES).unwrap();
        let mut labels = Vec::new();
        while let Some((label, value)) = members.next_member().unwrap() {
            assert_eq!(value.integer(), Ok(label));
            labels.push(label);
        }
        assert_eq!(labels, (0..entries).collect::<Vec<_>>());
        assert_eq!(
            bytes.first(),
            Some(&if entries < 24 {
                0xa0 + entries as u8
            } else {
                0xb8
            })
        );
    }
}

#[test]
fn floats_are_written_in_four_bytes_if_that_loses_nothing() {
    let cases: &[(f64, &[u8])] = &[
        (0.5, &[0xfa, 0x3f, 0, 0, 0]),
        (
            1_443_944_944.5,
            &[0xfb, 0x41, 0xd5, 0x84, 0x36, 0x7c, 0x20, 0, 0],
        ),
    ];
    for (value, wanted) in cases {
        let mut writer = Writer::new();
        writer.float(*value);
        assert_eq!(writer.finish(), *wanted, "{value}");
    }
}

#[test]
fn every_error_has_a_sentence() {
    let label = Some(Label {
        number: 2,
        name: "expires_in",
    });
    let cases = [
        (CborError::Truncated, "the input ends inside an item"),
        (
            CborError::TrailingBytes { count: 3 },
            "3 bytes follow the item",
        ),
        (
            CborError::Indefinite { at: 1 },
            "indefinite length at byte 1",
        ),
        (
            CborError::DuplicateKey {
                at: 3,
                key: Some(-1),
            },
            "map key -1 again at byte 3",
        ),
        (
            CborError::DuplicateKey { at: 3, key: None },
            "a map key again at byte 3",
        ),
        (
            CborError::OutOfRange { label },
            "expires_in (2): number out of range",
        ),
    ];
    for (error, sentence) in cases {
        assert_eq!(format!("{error}"), sentence);
    }
}

#[test]
fn debug_shows_no_content() {
    let bytes = [0xa1, 5, 0x41, 119];
    let value = Value::parse(&bytes, Limits::DEFAULT).unwrap();
    let mut members = value.map(NAMES).unwrap();
    let (_, member) = members.next_member().unwrap().unwrap();
    let mut map = MapWriter::with_capacity(0);
    map.bytes(5, Some(&[119]));
    for shown in [
        format!("{value:?}"),
        format!("{member:?}"),
        format!("{members:?}"),
        format!("{map:?}"),
    ] {
        assert!(!shown.contains("119"), "{shown}");
    }
}
