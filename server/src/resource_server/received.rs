//! A token as it came: its bytes and its hash.

use std::borrow::Cow;

use motekey_cose::revocation::{TokenHash, decode_text_form};

use super::ResourceServer;

/// A token as it came.
pub(super) struct Received<'a> {
    /// The token.
    pub(super) token: Cow<'a, [u8]>,
    /// Its hash, which is the same in either form.
    pub(super) hash: TokenHash,
}

/// The least first byte of a CWT: the head of an array. That of text is below.
const LEAST_HEAD: u8 = 0x80;

impl ResourceServer {
    /// Takes a token as it came. Where the revocation list is followed it may be in the text form.
    // RFC 9770 Section 4.3.1: a token is taken for one from a response in CBOR first, then for one in JSON. A CWT never
    // looks like its text form, so that the order does not matter.
    pub(super) fn receive<'a>(&self, received: &'a [u8]) -> Received<'a> {
        let decoded = if self.follows_list {
            decode_text_form(received)
        } else {
            None
        };
        match decoded.filter(|token| token.first().is_some_and(|first| *first >= LEAST_HEAD)) {
            Some(token) => Received {
                token: Cow::Owned(token),
                hash: TokenHash::of_text(&self.crypto, received),
            },
            None => Received {
                token: Cow::Borrowed(received),
                hash: TokenHash::of_token(&self.crypto, received),
            },
        }
    }
}
