//! Which blocks belong together.

use sha2::{Digest, Sha256};

use crate::message::options::number;
use crate::message::{Code, Options};

/// The identity of a block-wise operation within a session: method, cache key and Request-Tag, as a hash, so that it
/// is small and comparing costs nothing. RFC 7959 Section 2.5, RFC 9175 Section 3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operation([u8; 16]);

impl Operation {
    pub(crate) fn new(method: Code, options: &Options) -> Self {
        Self::hash(method, options, &[])
    }

    /// The identity of a request with its body.
    pub(crate) fn with_body(method: Code, options: &Options, body: &[u8]) -> Self {
        Self::hash(method, options, body)
    }

    fn hash(method: Code, options: &Options, body: &[u8]) -> Self {
        let mut digest = Sha256::new().chain_update([method.0]);
        for (number, value) in options.iter().filter(|(number, _)| identifies(*number)) {
            digest.update(number.to_be_bytes());
            digest.update((value.len() as u64).to_be_bytes());
            digest.update(value);
        }
        digest.update([0xff; 2]);
        digest.update(body);
        let digest: [u8; 32] = digest.finalize().into();
        let mut operation = [0; 16];
        operation
            .iter_mut()
            .zip(digest)
            .for_each(|(to, from)| *to = from);
        Self(operation)
    }
}

/// RFC 7252 Section 5.4.2: options of this pattern are not part of the cache key. Blocks and Observe differ within an
/// operation.
const fn identifies(option: u16) -> bool {
    option & 0x1e != 0x1c && !matches!(option, number::BLOCK1 | number::BLOCK2 | number::OBSERVE)
}

#[cfg(test)]
mod tests {
    use super::{Code, Operation, Options, number};

    #[test]
    fn h12_the_request_tag_tells_operations_apart() {
        let with = |added: &[(u16, &[u8])]| {
            let mut options = Options::new();
            options.add(number::URI_PATH, b"token");
            added
                .iter()
                .for_each(|(number, value)| options.add(*number, value));
            Operation::new(Code::POST, &options)
        };
        let plain = with(&[]);
        for (what, other, same) in [
            ("another block", with(&[(number::BLOCK1, &[0x16])]), true),
            ("a size", with(&[(number::SIZE1, &[4])]), true),
            ("an Echo", with(&[(number::ECHO, &[4])]), true),
            ("a tag", with(&[(number::REQUEST_TAG, &[1])]), false),
            ("an empty tag", with(&[(number::REQUEST_TAG, &[])]), false),
            (
                "another format",
                with(&[(number::CONTENT_FORMAT, &[19])]),
                false,
            ),
        ] {
            assert_eq!(plain == other, same, "{what}");
        }
        assert_ne!(
            with(&[(number::REQUEST_TAG, &[1])]),
            with(&[(number::REQUEST_TAG, &[2])])
        );
    }
}
