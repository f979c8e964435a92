use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use super::*;

const NAMES: &[Label] = &[Label {
    number: 5,
    name: "audience",
}];

fn checked(bytes: &[u8]) -> Result<(), CborError> {
    check(bytes, Limits::DEFAULT)
}

#[test]
fn what_is_not_one_well_formed_definite_item_is_refused() {
    let duplicate = |at, key| CborError::DuplicateKey { at, key };
    let cases: &[(&str, &[u8], CborError)] = &[
        ("nothing", &[], CborError::Truncated),
        (
            "head without its argument",
            &[0x19, 1],
            CborError::Truncated,
        ),
        ("byte string cut", &[0x43, 1, 2], CborError::Truncated),
        (
            "byte string of 2^64-1 bytes",
            &[0x5b, 255, 255, 255, 255, 255, 255, 255, 255],
            CborError::Truncated,
        ),
        (
            "array of 2^64-1 elements",
            &[0x9b, 255, 255, 255, 255, 255, 255, 255, 255],
            CborError::Truncated,
        ),
        ("array cut", &[0x82, 1], CborError::Truncated),
        ("map without the value", &[0xa1, 1], CborError::Truncated),
        ("tag of nothing", &[0xd8, 61], CborError::Truncated),
        ("two items", &[1, 2], CborError::TrailingBytes { count: 1 }),
        (
            "indefinite byte string",
            &[0x5f, 0x41, 0, 0xff],
            CborError::Indefinite { at: 0 },
        ),
        (
            "indefinite text",
            &[0x7f, 0x61, b'a', 0xff],
            CborError::Indefinite { at: 0 },
        ),
        (
            "indefinite array",
            &[0x9f, 0xff],
            CborError::Indefinite { at: 0 },
        ),
        (
            "indefinite map inside",
            &[0x81, 0xbf, 0xff],
            CborError::Indefinite { at: 1 },
        ),
        ("break alone", &[0xff], CborError::Reserved { at: 0 }),
        (
            "integer of indefinite length",
            &[0x1f],
            CborError::Reserved { at: 0 },
        ),
        (
            "tag of indefinite length",
            &[0xdf, 0],
            CborError::Reserved { at: 0 },
        ),
        (
            "additional information 28",
            &[0x1c],
            CborError::Reserved { at: 0 },
        ),
        (
            "additional information 30",
            &[0xfe],
            CborError::Reserved { at: 0 },
        ),
        (
            "false in two bytes",
            &[0xf8, 20],
            CborError::Reserved { at: 0 },
        ),
        (
            "text that is not UTF-8",
            &[0x81, 0x61, 0xff],
            CborError::NotUtf8 { at: 1 },
        ),
        (
            "surrogate in text",
            &[0x63, 0xed, 0xa0, 0x80],
            CborError::NotUtf8 { at: 0 },
        ),
        (
            "text key that is not UTF-8",
            &[0xa1, 0x61, 0xff, 0],
            CborError::NotUtf8 { at: 1 },
        ),
        (
            "key twice, other value",
            &[0xa2, 1, 0, 1, 1],
            duplicate(3, Some(1)),
        ),
    ];
    for (name, bytes, wanted) in cases {
        assert_eq!(checked(bytes).as_ref(), Err(wanted), "{name}");
    }
}

#[test]
fn c02_a_key_twice_is_refused_however_it_is_encoded_and_wherever_it_stands() {
    let cases: &[(&str, &[u8], usize, Option<i64>)] = &[
        ("in the outermost map", &[0xa2, 4, 0, 4, 0], 3, Some(4)),
        ("not neighbours", &[0xa3, 4, 0, 5, 0, 4, 0], 5, Some(4)),
        ("negative", &[0xa2, 0x20, 0, 0x20, 0], 3, Some(-1)),
        (
            "longer head, integer",
            &[0xa2, 1, 0, 0x18, 1, 0],
            3,
            Some(1),
        ),
        (
            "longest head, negative",
            &[0xa2, 0x3b, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x22, 0],
            11,
            Some(-3),
        ),
        (
            "longer head, text",
            &[0xa2, 0x61, b'a', 0, 0x78, 1, b'a', 0],
            4,
            None,
        ),
        (
            "longer head, bytes",
            &[0xa2, 0x41, 7, 0, 0x58, 1, 7, 0],
            4,
            None,
        ),
        ("array as key", &[0xa2, 0x81, 1, 0, 0x81, 1, 0], 4, None),
        (
            "greatest integer",
            &[
                0xa2, 0x1b, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0x1b, 255, 255, 255, 255,
                255, 255, 255, 255, 0,
            ],
            11,
            None,
        ),
        ("in a map inside", &[0xa1, 8, 0xa2, 3, 0, 3, 0], 5, Some(3)),
        (
            "in an array inside",
            &[0x82, 0, 0xa2, 3, 0, 3, 0],
            5,
            Some(3),
        ),
        ("behind a tag", &[0xc1, 0xa2, 3, 0, 3, 0], 4, Some(3)),
        (
            "in a map that is a key",
            &[0xa1, 0xa2, 3, 0, 3, 0, 0],
            4,
            Some(3),
        ),
        (
            "around a map with the same key",
            &[0xa2, 3, 0xa1, 3, 0, 3, 0],
            5,
            Some(3),
        ),
    ];
    for (name, bytes, at, key) in cases {
        assert_eq!(
            checked(bytes),
            Err(CborError::DuplicateKey { at: *at, key: *key }),
            "{name}"
        );
    }
}

#[test]
fn keys_that_differ_are_accepted() {
    let cases: &[(&str, &[u8])] = &[
        ("1 and -2 have one argument", &[0xa2, 1, 0, 0x21, 0]),
        (
            "text and bytes of one content",
            &[0xa2, 0x61, b'a', 0, 0x41, b'a', 0],
        ),
        (
            "one key in a map and in the map inside",
            &[0xa1, 8, 0xa1, 8, 0xa1, 8, 0],
        ),
        (
            "one key in two maps of an array",
            &[0x82, 0xa1, 1, 0, 0xa1, 1, 0],
        ),
        ("false and true", &[0xa2, 0xf4, 0, 0xf5, 0]),
        ("a head longer than needed", &[0xa1, 0x19, 0, 5, 0x58, 1, 0]),
        (
            "floats of all widths, null, undefined, a simple value",
            &[
                0x86, 0xf9, 0x3c, 0, 0xfa, 0, 0, 0, 0, 0xfb, 0, 0, 0, 0, 0, 0, 0, 0, 0xf6, 0xf7,
                0xf8, 32,
            ],
        ),
    ];
    for (name, bytes) in cases {
        assert_eq!(checked(bytes), Ok(()), "{name}");
    }
}

#[test]
fn every_limit_holds_at_its_edge() {
    let nested = |depth: usize| {
        let mut bytes = vec![0x81; depth];
        bytes.push(0);
        bytes
    };
    assert_eq!(checked(&nested(8)), Ok(()));
    assert_eq!(checked(&nested(9)), Err(CborError::TooDeep { limit: 8 }));
    // The deepest nesting that the greatest input can hold does not overflow the stack.
    assert_eq!(
        checked(&nested(60_000)),
        Err(CborError::TooDeep { limit: 8 })
    );

    let limits = Limits {
        bytes: 4,
        items: 3,
        ..Limits::DEFAULT
    };
    assert_eq!(check(&[0x82, 0, 0], limits), Ok(()));
    assert_eq!(
        check(&[0x83, 0, 0, 0], limits),
        Err(CborError::TooManyItems { limit: 3 })
    );
    assert_eq!(
        check(&[0x44, 0, 0, 0, 0], limits),
        Err(CborError::TooLarge { limit: 4 })
    );

    let map = |entries: u8| {
        let mut bytes = vec![0xb8, entries];
        bytes.extend((0..entries).flat_map(|key| [0x18, key, 0]));
        bytes
    };
    assert_eq!(checked(&map(64)), Ok(()));
    assert_eq!(
        checked(&map(65)),
        Err(CborError::TooManyEntries { limit: 64 })
    );
    let announced = [0xbb, 255, 255, 255, 255, 255, 255, 255, 255];
    assert_eq!(
        checked(&announced),
        Err(CborError::TooManyEntries { limit: 64 })
    );
}

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
        assert_eq!(checked(&bytes), Ok(()), "{entries}");
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
