use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use super::{
    Cursor, QueryError, RevocationContent, RevocationError, RevocationProblem, RevocationQuery,
    RevocationResponse, RevocationUpdate, Support, TokenHash, base64url, decode_text_form,
    is_revocable, twin,
};

const CURSOR: Support = Support::Cursor { max_index: 100 };

#[test]
fn base64url_is_that_of_rfc_4648() {
    for (bytes, text) in [
        (&b""[..], ""),
        (b"f", "Zg"),
        (b"fo", "Zm8"),
        (b"foo", "Zm9v"),
        (b"foob", "Zm9vYg"),
        (b"\xfb\xff\xbf", "-_-_"),
    ] {
        assert_eq!(base64url::encode(bytes), text);
        assert_eq!(base64url::decode(text.as_bytes()).as_deref(), Some(bytes));
    }
    for wrong in ["A", "Zg==", "Zh", "Zm9", "+/+/", "Zm 8", "\u{d8}"] {
        assert_eq!(base64url::decode(wrong.as_bytes()), None, "{wrong}");
    }
}

#[test]
fn r04_a_token_is_never_taken_for_its_text_form() {
    for first in [0xd8, 0xd0, 0x83, 0x84] {
        assert_eq!(decode_text_form(&[first, b'A', b'A', b'A']), None);
    }
    assert_eq!(decode_text_form(b""), None);
    assert_eq!(decode_text_form(b"2D3Q"), Some(vec![0xd8, 0x3d, 0xd0]));
}

#[test]
fn r11_r12_r13_queries_are_read_as_rfc_9770_says() {
    let diff = |count, cursor| Ok(RevocationQuery::Diff { count, cursor });
    let table: [(&[&str], Result<RevocationQuery, QueryError>); 19] = [
        (&[], Ok(RevocationQuery::Full)),
        (&["foo=1", "bar"], Ok(RevocationQuery::Full)),
        (&["foo=1", "diff=3"], diff(3, None)),
        (&["diff=0"], diff(0, None)),
        (&["diff=99999999999999999999"], diff(u64::MAX, None)),
        (&["diff=3", "cursor=100"], diff(3, Some(100))),
        (&["cursor=0", "diff=0"], diff(0, Some(0))),
        (&["diff=-1"], Err(QueryError::Diff)),
        (&["diff=+1"], Err(QueryError::Diff)),
        (&["diff=x"], Err(QueryError::Diff)),
        (&["diff="], Err(QueryError::Diff)),
        (&["diff"], Err(QueryError::Diff)),
        (&["diff=1.5"], Err(QueryError::Diff)),
        (&["diff=1", "diff=2"], Err(QueryError::Diff)),
        (&["diff=x", "cursor=1"], Err(QueryError::Diff)),
        (&["cursor=1"], Err(QueryError::CursorWithoutDiff)),
        (&["cursor=x"], Err(QueryError::CursorWithoutDiff)),
        (&["diff=1", "cursor=101"], Err(QueryError::Cursor)),
        (&["diff=1", "cursor=-53"], Err(QueryError::Cursor)),
    ];
    for (queries, wanted) in table {
        let got = RevocationQuery::parse(queries.iter().copied(), CURSOR);
        assert_eq!(got, wanted, "{queries:?}");
    }
}

#[test]
fn r10_parameters_of_what_is_not_supported_are_ignored() {
    let read = |queries: &[&str], support| RevocationQuery::parse(queries.iter().copied(), support);
    assert_eq!(
        read(&["diff=x", "cursor=y"], Support::Full),
        Ok(RevocationQuery::Full)
    );
    let diff = RevocationQuery::Diff {
        count: 2,
        cursor: None,
    };
    assert_eq!(read(&["diff=2", "cursor=y"], Support::Diff), Ok(diff));
    assert_eq!(
        read(&["cursor=y"], Support::Diff),
        Ok(RevocationQuery::Full)
    );
}

fn hash(number: u8) -> TokenHash {
    TokenHash::of_digest([number; 32])
}

#[test]
fn r09_r15_r16_r18_answers_have_the_bytes_of_rfc_9770() {
    let full = |hashes: &[TokenHash]| RevocationResponse {
        content: RevocationContent::Full(hashes.to_vec()),
        cursor: None,
        more: None,
    };
    let diff = |updates, cursor, more| RevocationResponse {
        content: RevocationContent::Diff(updates),
        cursor: Some(cursor),
        more: Some(more),
    };
    let one = [&[0x58, 33, 1][..], &[7; 32]].concat();
    let update = RevocationUpdate {
        removed: Vec::new(),
        added: vec![hash(7)],
    };
    let pair = [
        &[0xa3, 0x01, 0x81, 0x82, 0x80, 0x81][..],
        &one,
        &[0x02, 0x18, 0x2a, 0x03, 0xf4],
    ];
    let table = [
        (full(&[]), vec![0xa1, 0x00, 0x80]),
        (full(&[hash(7)]), [&[0xa1, 0x00, 0x81][..], &one].concat()),
        (
            diff(Vec::new(), Cursor::Null, false),
            vec![0xa3, 0x01, 0x80, 0x02, 0xf6, 0x03, 0xf4],
        ),
        (
            diff(Vec::new(), Cursor::Null, true),
            vec![0xa3, 0x01, 0x80, 0x02, 0xf6, 0x03, 0xf5],
        ),
        (diff(vec![update], Cursor::Index(42), false), pair.concat()),
    ];
    for (response, bytes) in table {
        assert_eq!(response.encode(), bytes);
        assert_eq!(RevocationResponse::decode(&bytes), Ok(response));
    }
}

#[test]
fn r03_r05_answers_with_other_things_than_byte_strings_are_refused() {
    for wrong in [
        &[0xa0][..],
        &[0xa1, 0x00, 0x81, 0x01],
        &[0xa1, 0x00, 0x81, 0x61, 0x61],
        &[0xa1, 0x00, 0xa0],
        &[0xa1, 0x01, 0x81, 0x81, 0x80],
        &[0xa1, 0x01, 0x81, 0x83, 0x80, 0x80, 0x80],
        &[0xa2, 0x00, 0x80, 0x02, 0x20],
    ] {
        assert!(RevocationResponse::decode(wrong).is_err(), "{wrong:02x?}");
    }
    // A hash of another function, and a short one, are of no use here.
    let mut other = vec![0xa1, 0x00, 0x82, 0x58, 33, 2];
    other.extend([7; 32]);
    other.extend([0x41, 0x01]);
    let read = RevocationResponse::decode(&other).map(|response| response.content);
    assert_eq!(read, Ok(RevocationContent::Full(Vec::new())));
}

#[test]
fn r12_r13_problems_have_the_bytes_of_rfc_9770() {
    let problem = |error, cursor, detail: Option<&str>| RevocationProblem {
        error,
        cursor,
        detail: detail.map(ToString::to_string),
    };
    let table = [
        (
            problem(RevocationError::InvalidValue, None, None),
            vec![0xa1, 0x01, 0xa1, 0x00, 0x00],
        ),
        (
            problem(
                RevocationError::InvalidValue,
                Some(Cursor::Index(42)),
                Some("a"),
            ),
            vec![
                0xa2, 0x01, 0xa2, 0x00, 0x00, 0x01, 0x18, 0x2a, 0x21, 0x61, 0x61,
            ],
        ),
        (
            problem(RevocationError::OutOfBound, Some(Cursor::Null), None),
            vec![0xa1, 0x01, 0xa2, 0x00, 0x02, 0x01, 0xf6],
        ),
    ];
    for (problem, bytes) in table {
        assert_eq!(problem.encode(), bytes);
        assert_eq!(RevocationProblem::decode(&bytes), Ok(problem));
    }
    assert!(RevocationProblem::decode(&[0xa1, 0x20, 0x61, 0x61]).is_err());
}

#[test]
fn r22_the_second_signature_of_es256_verifies_and_is_found() {
    use crate::claims::{Audience, ClaimsSet, NumericDate};
    use crate::crypto::SignatureAlgorithm;
    use crate::crypto::rust::PROVIDER;
    use crate::key::CoseKey;
    use crate::token::{ProtectionKey, TokenStyle, TrustedIssuers, VerificationKey, mint, verify};

    let claims = ClaimsSet {
        aud: Some(Audience::One("lock".to_string())),
        exp: Some(NumericDate::from_seconds(100)),
        ..ClaimsSet::default()
    };
    let key = CoseKey::p256(&PROVIDER, &[7; 32], None).unwrap();
    let signing = key
        .signing_key(&PROVIDER, SignatureAlgorithm::Es256)
        .unwrap();
    let token = mint(
        &claims,
        &ProtectionKey::Sign(&signing),
        TokenStyle::REVOCABLE,
    )
    .unwrap();
    let other = twin(&token).unwrap();
    assert_ne!(token, other);
    assert!(is_revocable(&other));
    let public = key.public().unwrap();
    let verifying = public
        .verifying_key(&PROVIDER, SignatureAlgorithm::Es256)
        .unwrap();
    let issuers = TrustedIssuers::one("as", vec![VerificationKey::Signature(verifying)]);
    for token in [&token, &other] {
        let now = NumericDate::from_seconds(1);
        assert!(verify(&PROVIDER, token, &issuers, now, &["lock"]).is_ok());
    }
    assert_eq!(twin(&other), Some(token));
    assert_eq!(twin(&[0xd8, 0x3d, 0xd0, 0x83]), None);
    let mut beyond = other;
    let start = beyond.len() - 32;
    beyond[start..].fill(0xff);
    assert_eq!(twin(&beyond), None, "s is below the order");
}

#[test]
fn r01_r22_only_the_one_form_of_a_token_can_be_revoked() {
    // 61(16([h'01', {}, h'0203'])).
    let token = [0xd8, 0x3d, 0xd0, 0x83, 0x41, 0x01, 0xa0, 0x42, 0x02, 0x03];
    assert!(is_revocable(&token));
    // 61(18([h'01', {}, h'02', h'03'])), and the same for COSE_Mac0.
    for tag in [0xd1, 0xd2] {
        let signed = [
            0xd8, 0x3d, tag, 0x84, 0x41, 0x01, 0xa0, 0x41, 0x02, 0x41, 0x03,
        ];
        assert!(is_revocable(&signed));
    }
    let variants: [(&str, &[u8]); 11] = [
        ("no tag", &token[3..]),
        ("no CWT tag", &token[2..]),
        (
            "CWT tag only",
            &[0xd8, 0x3d, 0x83, 0x41, 0x01, 0xa0, 0x41, 0x02],
        ),
        (
            "CWT tag twice",
            &[
                0xd8, 0x3d, 0xd8, 0x3d, 0xd0, 0x83, 0x41, 0x01, 0xa0, 0x41, 0x02,
            ],
        ),
        (
            "longer CWT tag",
            &[0xd9, 0x00, 0x3d, 0xd0, 0x83, 0x41, 0x01, 0xa0, 0x41, 0x02],
        ),
        (
            "longer COSE tag",
            &[0xd8, 0x3d, 0xd8, 0x10, 0x83, 0x41, 0x01, 0xa0, 0x41, 0x02],
        ),
        (
            "tag of another structure",
            &[0xd8, 0x3d, 0xd2, 0x83, 0x41, 0x01, 0xa0, 0x41, 0x02],
        ),
        (
            "unprotected header",
            &[
                0xd8, 0x3d, 0xd0, 0x83, 0x41, 0x01, 0xa1, 0x04, 0x40, 0x41, 0x02,
            ],
        ),
        (
            "longer head of a string",
            &[0xd8, 0x3d, 0xd0, 0x83, 0x41, 0x01, 0xa0, 0x58, 0x01, 0x02],
        ),
        (
            "longer head of the array",
            &[0xd8, 0x3d, 0xd0, 0x98, 0x03, 0x41, 0x01, 0xa0, 0x41, 0x02],
        ),
        (
            "trailing byte",
            &[0xd8, 0x3d, 0xd0, 0x83, 0x41, 0x01, 0xa0, 0x41, 0x02, 0x00],
        ),
    ];
    for (what, variant) in variants {
        assert!(!is_revocable(variant), "{what}");
    }
    for end in 0..token.len() {
        assert!(!is_revocable(&token[..end]), "{end} bytes");
    }
}

#[test]
fn r09_a_list_of_14900_hashes_is_read_and_one_beyond_the_bound_is_refused() {
    let answer = |count: u32| {
        let hash = |number: u32| {
            let mut digest = [0; 32];
            digest[..4].copy_from_slice(&number.to_be_bytes());
            TokenHash::of_digest(digest)
        };
        RevocationResponse {
            content: RevocationContent::Full((0..count).map(hash).collect()),
            cursor: Some(Cursor::Null),
            more: None,
        }
    };
    let long = answer(14_900);
    assert_eq!(RevocationResponse::decode(&long.encode()), Ok(long));
    assert!(RevocationResponse::decode(&answer(15_000).encode()).is_err());
}
