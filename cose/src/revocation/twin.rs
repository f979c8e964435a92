//! The second signature of ECDSA.

use alloc::vec::Vec;

/// The order of P-256 (FIPS 186-5), most significant byte first.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// Start of a CWT that is a COSE_Sign1 in its one form (see [`super::is_revocable`]).
const SIGNED: [u8; 4] = [0xd8, 0x3d, 0xd2, 0x84];
/// Head of the signature.
const HEAD: [u8; 2] = [0x58, 64];

/// The other token that verifies if a signed one does: where (r, s) is a signature of ES256, (r, n - s) is one too, and
/// whoever holds the token can write it. Revocation has to look for the hashes of both (RFC 9770 Section 14.6 is about
/// such changes). `None` for tokens that are not signed with 64 bytes; with EdDSA the other one does not verify.
#[must_use]
pub fn twin(token: &[u8]) -> Option<Vec<u8>> {
    if !token.starts_with(&SIGNED) {
        return None;
    }
    let (rest, s) = token.split_last_chunk::<32>()?;
    let (before, _) = rest.split_last_chunk::<32>()?;
    if !before.ends_with(&HEAD) {
        return None;
    }
    let mut twin = rest.to_vec();
    twin.extend(order_minus(s)?);
    Some(twin)
}

/// n - s; `None` unless s is below n.
fn order_minus(s: &[u8; 32]) -> Option<[u8; 32]> {
    let mut difference = [0; 32];
    let mut borrow = false;
    let digits = difference.iter_mut().zip(ORDER.iter().zip(s)).rev();
    for (digit, (n, s)) in digits {
        let (value, first) = n.overflowing_sub(*s);
        let (value, second) = value.overflowing_sub(u8::from(borrow));
        *digit = value;
        borrow = first || second;
    }
    (!borrow).then_some(difference)
}
