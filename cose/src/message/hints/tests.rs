use alloc::string::ToString;

use super::*;

#[test]
fn f08_hints_have_the_types_of_table_1_and_unknown_members_are_skipped() {
    let bytes = [0xa3, 1, 0x61, b'a', 3, 0x80, 0x61, b'x', 0];
    let hints = RequestCreationHints::decode(&bytes).unwrap();
    assert_eq!(
        hints,
        RequestCreationHints {
            authorization_server: Some("a".into()),
            ..RequestCreationHints::default()
        }
    );
    let cases: &[(&[u8], &str)] = &[
        (
            &[0xa1, 1, 0x40],
            "AS (1): got a byte string, wanted a text string",
        ),
        (
            &[0xa1, 2, 0x60],
            "kid (2): got a text string, wanted a byte string",
        ),
        (
            &[0xa1, 5, 0x40],
            "audience (5): got a byte string, wanted a text string",
        ),
        (
            &[0xa1, 9, 0],
            "scope (9): got an unsigned integer, wanted a text string or a byte string",
        ),
        (
            &[0xa1, 0x18, 39, 0x60],
            "cnonce (39): got a text string, wanted a byte string",
        ),
    ];
    for (bytes, wanted) in cases {
        assert_eq!(
            RequestCreationHints::decode(bytes).unwrap_err().to_string(),
            *wanted
        );
    }
}
