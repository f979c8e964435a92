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
use zeroize::Zeroize;

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
    let mut expected = run(key, nonce, additional, buffer, Direction::Open)?;
    let equal = expected.get(..TAG).unwrap_or_default().ct_eq(tag);
    // RFC 3610 Section 2.5: neither the message nor the right value of T must be revealed.
    expected.zeroize();
    if bool::from(equal) {
        Ok(())
    } else {
        buffer.zeroize();
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

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    fn counting(first: u8, step: u8, count: usize) -> Vec<u8> {
        let next = |value: &u8| Some(value.wrapping_add(step));
        core::iter::successors(Some(first), next)
            .take(count)
            .collect()
    }

    /// Seals `message`, compares, opens again.
    fn check(key: &[u8], nonce: &[u8], additional: &[u8], message: &[u8], expected: &str) {
        let nonce = nonce.try_into().unwrap();
        let mut buffer = message.to_vec();
        let tag = seal(key, nonce, additional, &mut buffer).unwrap();
        let sealed = [&buffer[..], &tag[..TAG]].concat();
        assert_eq!(sealed, unhex(expected));
        open(key, nonce, additional, &mut buffer, &tag[..TAG]).unwrap();
        assert_eq!(buffer, message);
    }

    /// NIST SP 800-38C, Appendix C.3, Example 3: the one with these lengths of nonce and tag.
    #[test]
    fn it_computes_the_example_of_nist() {
        check(
            &counting(0x40, 1, 16),
            &counting(0x10, 1, 12),
            &counting(0, 1, 20),
            &counting(0x20, 1, 24),
            "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951",
        );
    }

    /// Made with EVP_aes_128_ccm of OpenSSL 3.0, a nonce of 12 bytes and a tag of 8.
    #[test]
    fn it_computes_what_openssl_computes() {
        let vectors: [(u8, u8, &str); 6] = [
            (0, 0, "0e5423e426ee59b1"),
            (13, 1, "a52126ec220383d21e"),
            (23, 16, "bd341ab7c47316534aca0f253f6b90cb6d63096b6f7e6e79"),
            (14, 17, "1d232bbf3acd689f245c2aadd1aa399fd52df39d37508bc10a"),
            (
                43,
                31,
                "bbf34f9b7242c31310cd7fa15c0473b88822e561f7e2916029781d9c53388612380028dc03ca12",
            ),
            (
                15,
                64,
                "b9fb17ab11ffbe9371c212c07f4ed5f0649977bd6d9850ebf211f839e7c65416ea37991824f8d59387dc06718e37f36d3e\
                 b7cfdd438f8c9d28824605ecfa6c18080a1694b01590d3",
            ),
        ];
        for (additional, message, expected) in vectors {
            let key = counting(0x10 + message, 7, 16);
            let nonce = counting(additional.wrapping_sub(0x10), 0xfb, 12);
            let additional = counting(1, 3, additional.into());
            check(
                &key,
                &nonce,
                &additional,
                &counting(5, 11, message.into()),
                expected,
            );
        }
    }

    #[test]
    fn it_computes_what_the_crate_ccm_computes_at_every_length() {
        let (key, nonce) = ([0x5a; 16], [0xa5; 12]);
        let reference = Reference::new_from_slice(&key).unwrap();
        for length in 0..=300 {
            // Additional data of records have 13 bytes, or 24 to 43 with a Connection ID.
            for additional in [0, 1, 13, 14, 15, 23, 24, 29, 30, 31, 32, 43, 46, 47] {
                let message = counting(3, 5, length);
                let additional = counting(9, 7, additional);
                let (mut own, mut other) = (message.clone(), message);
                let tag = seal(&key, &nonce, &additional, &mut own).unwrap();
                let expected = reference
                    .encrypt_inout_detached(&nonce.into(), &additional, other.as_mut_slice().into())
                    .unwrap();
                assert_eq!(own, other, "{length} bytes");
                assert_eq!(tag[..TAG], expected[..], "{length} bytes");
            }
        }
    }

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
    fn a_message_must_fit_its_length_field() {
        let mut buffer = alloc::vec![0; LONGEST + 1];
        let nonce = [0; 12];
        assert_eq!(
            seal(&[0; 16], &nonce, &[], &mut buffer),
            Err(CryptoError),
            "2^24 bytes need 4 bytes of length"
        );
        assert!(seal(&[0; 16], &nonce, &[], &mut buffer[..LONGEST]).is_ok());
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
