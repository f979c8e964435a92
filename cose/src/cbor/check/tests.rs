use alloc::vec;

use super::*;

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
