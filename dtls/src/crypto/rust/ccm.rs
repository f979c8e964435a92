//! AES-128-CCM with a tag of 8 bytes and nonces of 12 (RFC 3610, RFC 6655 Section 4), on the blocks of `aes`.
//!
//! Why not by the crate `ccm`, which the tests compare it with: that one enters the cipher anew for each block, which
//! with `aes` on processors with AVX-512 spreads all round keys each time. In one go, a record of 64 bytes takes less
//! than half the time.

use aes::Aes128Enc;
use aes::cipher::consts::U16;
use aes::cipher::{
    Block, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit,
};
use subtle::ConstantTimeEq;

use crate::crypto::{CryptoError, NONCE};

/// M of RFC 3610: bytes of the tag.
const TAG: usize = 8;
/// L of RFC 3610: bytes of the length field.
const LENGTH: usize = 15 - NONCE;
/// Longest message: L bytes tell its length.
const LONGEST: usize = (1 << (8 * LENGTH)) - 1;
/// From here on, the length of the additional data has another form (RFC 3610 Section 2.2).
const LONGEST_ADDITIONAL: usize = 0xff00 - 1;

/// Encrypts in place; the tag stands in the first 8 bytes.
pub(super) fn seal(
    key: &[u8],
    nonce: &[u8; NONCE],
    additional: &[u8],
    buffer: &mut [u8],
) -> Result<[u8; 16], CryptoError> {
    let mut tag = run(key, nonce, additional, buffer, Direction::Seal)?;
    tag.iter_mut().skip(TAG).for_each(|byte| *byte = 0);
    Ok(tag)
}

/// Decrypts in place and verifies.
pub(super) fn open(
    key: &[u8],
    nonce: &[u8; NONCE],
    additional: &[u8],
    buffer: &mut [u8],
    tag: &[u8],
) -> Result<(), CryptoError> {
    let expected = run(key, nonce, additional, buffer, Direction::Open)?;
    let expected = expected.get(..TAG).unwrap_or_default();
    if bool::from(expected.ct_eq(tag)) {
        Ok(())
    } else {
        // RFC 3610 Section 2.5: the message must not be revealed.
        buffer.fill(0);
        Err(CryptoError)
    }
}

fn run(
    key: &[u8],
    nonce: &[u8; NONCE],
    additional: &[u8],
    buffer: &mut [u8],
    direction: Direction,
) -> Result<[u8; 16], CryptoError> {
    if buffer.len() > LONGEST || additional.len() > LONGEST_ADDITIONAL {
        return Err(CryptoError);
    }
    let cipher = Aes128Enc::new_from_slice(key).map_err(|_| CryptoError)?;
    let mut tag = [0; 16];
    cipher.encrypt_with_backend(Pass {
        nonce,
        additional,
        buffer,
        direction,
        tag: &mut tag,
    });
    Ok(tag)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Seal,
    Open,
}

/// One message, inside the cipher.
struct Pass<'a> {
    nonce: &'a [u8; NONCE],
    additional: &'a [u8],
    buffer: &'a mut [u8],
    direction: Direction,
    tag: &'a mut [u8; 16],
}

impl BlockSizeUser for Pass<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Pass<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let mut mac = self.first_block();
        backend.encrypt_block_inplace(&mut mac);
        absorb_additional(backend, &mut mac, self.additional);
        for (chunk, counter) in self.buffer.chunks_mut(16).zip(1..) {
            let mut stream = counter_block(self.nonce, counter);
            backend.encrypt_block_inplace(&mut stream);
            if self.direction == Direction::Open {
                xor(chunk, &stream);
            }
            xor(&mut mac, chunk);
            backend.encrypt_block_inplace(&mut mac);
            if self.direction == Direction::Seal {
                xor(chunk, &stream);
            }
        }
        // RFC 3610 Section 2.3: U = T XOR first-M-bytes( S_0 ).
        let mut stream = counter_block(self.nonce, 0);
        backend.encrypt_block_inplace(&mut stream);
        xor(&mut mac, &stream);
        self.tag.copy_from_slice(&mac);
    }
}

impl Pass<'_> {
    /// B_0 (RFC 3610 Section 2.2): flags, nonce, length of the message.
    #[inline(always)]
    fn first_block(&self) -> Block<Self> {
        let length = u32::try_from(self.buffer.len()).unwrap_or(u32::MAX);
        let mut block = counter_block(self.nonce, length);
        // Flags = 64*Adata + 8*M' + L', M' = (M - 2) / 2; L' stands there.
        let flags = 8 * ((TAG as u8 - 2) / 2);
        let with_additional = u8::from(!self.additional.is_empty()) * 64;
        block
            .first_mut()
            .into_iter()
            .for_each(|first| *first |= with_additional | flags);
        block
    }
}

/// A_i (RFC 3610 Section 2.3): L' = L - 1, nonce, counter.
#[inline(always)]
fn counter_block(nonce: &[u8; NONCE], counter: u32) -> Block<Aes128Enc> {
    let [n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11] = *nonce;
    let [_, high, middle, low] = counter.to_be_bytes();
    let flags = LENGTH as u8 - 1;
    [
        flags, n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11, high, middle, low,
    ]
    .into()
}

/// RFC 3610 Section 2.2: two bytes of length, then the data, filled up with zeros.
#[inline(always)]
fn absorb_additional<B: BlockCipherEncBackend<BlockSize = U16>>(
    backend: &B,
    mac: &mut Block<Aes128Enc>,
    additional: &[u8],
) {
    if additional.is_empty() {
        return;
    }
    let length = u16::try_from(additional.len()).unwrap_or(u16::MAX);
    let (first, rest) = additional.split_at(additional.len().min(14));
    xor(mac, &length.to_be_bytes());
    mac.iter_mut()
        .skip(2)
        .zip(first)
        .for_each(|(to, from)| *to ^= from);
    backend.encrypt_block_inplace(mac);
    for chunk in rest.chunks(16) {
        xor(mac, chunk);
        backend.encrypt_block_inplace(mac);
    }
}

/// As far as the shorter one goes.
#[inline(always)]
fn xor(to: &mut [u8], from: &[u8]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to ^= from);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use ccm::Ccm;
    use ccm::aead::AeadInOut;
    use ccm::consts::{U8, U12};
    use proptest::prelude::*;

    type Reference = Ccm<aes::Aes128, U8, U12>;

    proptest! {
        #[test]
        fn it_computes_what_the_crate_ccm_computes(
            key in any::<[u8; 16]>(),
            nonce in any::<[u8; 12]>(),
            additional in proptest::collection::vec(any::<u8>(), 0..70),
            message in proptest::collection::vec(any::<u8>(), 0..200),
            change in any::<u16>(),
        ) {
            let reference = Reference::new_from_slice(&key).unwrap();
            let mut expected = message.clone();
            let expected_tag = reference
                .encrypt_inout_detached(&nonce.into(), &additional, expected.as_mut_slice().into())
                .unwrap();
            let mut sealed = message.clone();
            let tag = seal(&key, &nonce, &additional, &mut sealed).unwrap();
            prop_assert_eq!(&sealed, &expected);
            prop_assert_eq!(&tag[..8], expected_tag.as_slice());
            prop_assert_eq!(&tag[8..], &[0; 8]);
            let mut opened = sealed.clone();
            prop_assert_eq!(open(&key, &nonce, &additional, &mut opened, &tag[..8]), Ok(()));
            prop_assert_eq!(&opened, &message);
            // One changed bit anywhere, and nothing is left of the message.
            let mut all: Vec<u8> = sealed.iter().chain(&tag[..8]).copied().collect();
            let bit = usize::from(change) % (all.len() * 8);
            all[bit / 8] ^= 1 << (bit % 8);
            let (changed, changed_tag) = all.split_at_mut(sealed.len());
            prop_assert_eq!(open(&key, &nonce, &additional, changed, changed_tag), Err(CryptoError));
            prop_assert!(changed.iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn wrong_lengths_are_refused() {
        let mut buffer = [1, 2, 3];
        assert_eq!(seal(&[0; 15], &[0; 12], &[], &mut buffer), Err(CryptoError));
        assert_eq!(
            seal(&[0; 16], &[0; 12], &[0; 0xff00], &mut buffer),
            Err(CryptoError)
        );
        let tag = seal(&[0; 16], &[0; 12], &[], &mut buffer).unwrap();
        for length in [0, 7, 9, 16] {
            let mut copy = buffer;
            assert_eq!(
                open(&[0; 16], &[0; 12], &[], &mut copy, &tag[..length]),
                Err(CryptoError)
            );
        }
    }
}
