use alloc::string::ToString;
use alloc::vec;

use super::*;

fn date_claim(date: &[u8]) -> Result<Option<NumericDate>, ClaimsError> {
    ClaimsSet::decode(&[&[0xa1, 4], date].concat()).map(|claims| claims.exp)
}

#[test]
fn w01_dates_are_plain_numbers() {
    let claims = ClaimsSet {
        exp: Some(NumericDate::from_seconds(1_444_064_944)),
        nbf: Some(NumericDate::from_seconds(-1)),
        iat: Some(NumericDate::from_seconds(0)),
        ..ClaimsSet::default()
    };
    let bytes = [0xa3, 4, 0x1a, 0x56, 0x12, 0xae, 0xb0, 5, 0x20, 6, 0];
    assert_eq!(claims.encode(), bytes);
    assert_eq!(ClaimsSet::decode(&bytes), Ok(claims));

    let cases: &[(&str, &[u8], &str)] = &[
        (
            "tag 1",
            &[0xc1, 0],
            "exp (4): got a tagged item, wanted a number without a tag",
        ),
        (
            "text",
            &[0x60],
            "exp (4): got a text string, wanted a number without a tag",
        ),
        (
            "null",
            &[0xf6],
            "exp (4): got null, wanted a number without a tag",
        ),
        (
            "not a number",
            &[0xf9, 0x7e, 0],
            "exp (4): number out of range",
        ),
        ("infinity", &[0xf9, 0x7c, 0], "exp (4): number out of range"),
        (
            "2^63",
            &[0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0],
            "exp (4): number out of range",
        ),
        (
            "10^300",
            &[0xfb, 0x7e, 0x37, 0xe4, 0x3c, 0x88, 0, 0x75, 0x9c],
            "exp (4): number out of range",
        ),
    ];
    for (name, date, wanted) in cases {
        assert_eq!(date_claim(date).unwrap_err().to_string(), *wanted, "{name}");
    }
}

#[test]
fn w01_floating_point_dates_are_read() {
    // (bytes, whole seconds, written again)
    let cases: &[(&[u8], i64, &[u8])] = &[
        (
            &[0xfb, 0x41, 0xd5, 0x84, 0x36, 0x7c, 0x20, 0, 0],
            1_443_944_944,
            &[0xfb, 0x41, 0xd5, 0x84, 0x36, 0x7c, 0x20, 0, 0],
        ),
        (&[0xf9, 0x3c, 0], 1, &[1]),
        (&[0xf9, 0xbe, 0], -2, &[0xfa, 0xbf, 0xc0, 0, 0]),
        (
            &[0xfa, 0x4f, 0, 0, 0],
            2_147_483_648,
            &[0x1a, 0x80, 0, 0, 0],
        ),
        (&[0xf9, 0x80, 0], 0, &[0]),
    ];
    for (bytes, seconds, written) in cases {
        let date = date_claim(bytes).unwrap().unwrap();
        assert_eq!(date.as_seconds(), *seconds, "{bytes:02x?}");
        let claims = ClaimsSet {
            exp: Some(date),
            ..ClaimsSet::default()
        };
        assert_eq!(
            claims.encode(),
            [&[0xa1, 4], *written].concat(),
            "{bytes:02x?}"
        );
    }
}

#[test]
fn a_fraction_counts_when_dates_are_compared() {
    let half = date_claim(&[0xf9, 0x3e, 0]).unwrap().unwrap(); // 1.5
    let at = |seconds| NumericDate::from_seconds(seconds);
    assert!(half.is_after(at(1)) && !half.is_after(at(2)) && !half.is_after(half));
    assert_eq!(half.plus_seconds(2).as_seconds(), 3);
    assert_eq!(at(5).plus_seconds(u64::MAX).as_seconds(), i64::MAX);
    let below = date_claim(&[0xf9, 0xbe, 0]).unwrap().unwrap(); // -1.5
    assert!(below.is_after(at(-2)) && !below.is_after(at(-1)));
}

#[test]
fn exp_and_nbf_are_judged_at_their_edges() {
    let at = NumericDate::from_seconds;
    let claims = ClaimsSet {
        exp: Some(at(100)),
        nbf: Some(at(50)),
        ..ClaimsSet::default()
    };
    // (now, expired, not yet valid)
    for (now, expired, early) in [
        (49, false, true),
        (50, false, false),
        (99, false, false),
        (100, true, false),
    ] {
        assert_eq!(
            (claims.is_expired(at(now)), claims.is_not_yet_valid(at(now))),
            (expired, early),
            "{now}"
        );
    }
    let open = ClaimsSet::default();
    assert!(!open.is_expired(at(i64::MAX)) && !open.is_not_yet_valid(at(i64::MIN)));
}

#[test]
fn w02_unknown_claims_are_ignored() {
    let bytes = [
        0xa4, // map of 4
        0x19, 0xfd, 0xe8, 0x81, 0xa1, 1, 2, // 65000: [{1: 2}]
        0x39, 0xff, 0xff, 0xf6, // -65536: null
        0x63, b'i', b's', b's', 0, // "iss": 0
        1, 0x61, b'a', // 1: "a"
    ];
    let wanted = ClaimsSet {
        iss: Some("a".into()),
        ..ClaimsSet::default()
    };
    assert_eq!(ClaimsSet::decode(&bytes), Ok(wanted));
}

#[test]
fn w03_the_audience_is_one_name_or_several() {
    let decode = |aud: &[u8]| {
        ClaimsSet::decode(&[&[0xa1, 3], aud].concat()).map(|claims| claims.aud.unwrap())
    };
    let one = decode(&[0x62, b'r', b's']).unwrap();
    assert!(one.contains("rs") && !one.contains("r") && !one.contains("RS"));
    let many = decode(&[0x82, 0x61, b'a', 0x62, b'r', b's']).unwrap();
    assert_eq!(many, Audience::Many(vec!["a".into(), "rs".into()]));
    assert!(many.contains("rs") && many.contains("a") && !many.contains("ars"));
    assert!(!decode(&[0x80]).unwrap().contains(""));
    for aud in [one, many] {
        let claims = ClaimsSet {
            aud: Some(aud),
            ..ClaimsSet::default()
        };
        assert_eq!(ClaimsSet::decode(&claims.encode()), Ok(claims));
    }
    let error = |aud: &[u8]| decode(aud).unwrap_err().to_string();
    assert_eq!(
        error(&[0x82, 0x61, b'a', 0]),
        "aud (3): got an unsigned integer, wanted a text string"
    );
    assert_eq!(
        error(&[0x41, b'a']),
        "aud (3): got a byte string, wanted a text string or an array of them"
    );
}

#[test]
fn a_claim_of_the_wrong_type_is_named() {
    let cases: &[(&[u8], &str)] = &[
        (
            &[0xa1, 1, 0],
            "iss (1): got an unsigned integer, wanted a text string",
        ),
        (
            &[0xa1, 2, 0x40],
            "sub (2): got a byte string, wanted a text string",
        ),
        (
            &[0xa1, 7, 0x60],
            "cti (7): got a text string, wanted a byte string",
        ),
        (
            &[0xa1, 8, 0xa0],
            "cnf (8): no COSE_Key (1), Encrypted_COSE_Key (2), kid (3), x5t (6) or x5chain (24)",
        ),
        (
            &[0xa1, 9, 0x80],
            "scope (9): got an array, wanted a text string or a byte string",
        ),
        (
            &[
                0xa1, 0x18, 38, 0x69, b'c', b'o', b'a', b'p', b'_', b'd', b't', b'l', b's',
            ],
            "ace_profile (38): got a text string, wanted an integer",
        ),
        (
            &[0xa1, 0x18, 39, 0],
            "cnonce (39): got an unsigned integer, wanted a byte string",
        ),
        (
            &[0xa1, 0x18, 40, 0x20],
            "exi (40): got a negative integer, wanted an unsigned integer",
        ),
        (&[0x80], "got an array, wanted a map"),
        (&[0xa2, 1, 0x60, 1, 0x60], "map key 1 again at byte 3"),
        (&[0xa0, 0], "1 bytes follow the item"),
    ];
    for (bytes, wanted) in cases {
        assert_eq!(
            ClaimsSet::decode(bytes).unwrap_err().to_string(),
            *wanted,
            "{bytes:02x?}"
        );
    }
}
