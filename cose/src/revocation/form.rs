//! The form that tokens need so that everybody computes the same hash of them.

use crate::registry::tag;

/// Whether a CWT is written as RFC 9770 Section 3 wants it: `61(COSE tag([protected, {}, ...]))` with the shortest
/// heads, nothing before and nothing after. Its protection is not looked at.
///
/// Of the structures, those with one recipient and no list of signatures are known: COSE_Encrypt0, COSE_Mac0,
/// COSE_Sign1. Shortest heads inside the structure are demanded too, as a longer one would be another hash of a token
/// that verifies all the same.
#[must_use]
pub fn is_revocable(token: &[u8]) -> bool {
    read(token) == Some(&[])
}

/// What follows the token; `None` if it has another form.
fn read(token: &[u8]) -> Option<&[u8]> {
    // RFC 9770 Section 3: exactly two tags, the CWT tag outside, in the shortest encoding.
    let (cwt, rest) = head(token, TAG)?;
    let (structure, rest) = head(rest, TAG)?;
    if cwt != tag::CWT {
        return None;
    }
    // RFC 9770 Section 11.1: the inner tag fits the structure.
    let strings_after_headers = match structure {
        tag::ENCRYPT0 => 1,
        tag::MAC0 | tag::SIGN1 => 2,
        _ => return None,
    };
    let (elements, rest) = head(rest, ARRAY)?;
    if elements != strings_after_headers + 2 {
        return None;
    }
    let rest = byte_string(rest)?;
    // RFC 9770 Section 3: the unprotected field is the empty map.
    let mut rest = rest.strip_prefix(&[EMPTY_MAP])?;
    for _ in 0..strings_after_headers {
        rest = byte_string(rest)?;
    }
    Some(rest)
}

const BYTES: u8 = 2;
const ARRAY: u8 = 4;
const TAG: u8 = 6;
const EMPTY_MAP: u8 = 0xa0;

/// What follows a byte string.
fn byte_string(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = head(bytes, BYTES)?;
    rest.get(usize::try_from(length).ok()?..)
}

/// The argument of a head of this major type, if it is as short as it can be, and what follows.
fn head(bytes: &[u8], major: u8) -> Option<(u64, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if first >> 5 != major {
        return None;
    }
    let additional = first & 0x1f;
    let (length, least) = match additional {
        0..=23 => return Some((u64::from(additional), rest)),
        24 => (1, 24),
        25 => (2, 1 << 8),
        26 => (4, 1 << 16),
        27 => (8, 1 << 32),
        _ => return None,
    };
    let (argument, rest) = rest.split_at_checked(length)?;
    let argument = argument
        .iter()
        .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    (argument >= least).then_some((argument, rest))
}
