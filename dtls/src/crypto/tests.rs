//! One suite for all providers.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::*;

struct Fixed(u8);

impl RandomSource for Fixed {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        self.0 += 1;
        bytes.fill(self.0);
        Ok(())
    }
}

fn providers() -> Vec<CryptoProvider> {
    vec![
        rust::PROVIDER,
        #[cfg(feature = "aws-lc")]
        aws_lc::PROVIDER,
    ]
}

/// The same P-256 and Ed25519 key, by each implementation.
fn keys() -> Vec<Box<dyn SigningKey>> {
    vec![
        Box::new(rust::P256Key::new(&[7; 32]).unwrap()),
        Box::new(rust::Ed25519Key::new(&[7; 32])),
        #[cfg(feature = "aws-lc")]
        Box::new(aws_lc::P256Key::new(&[7; 32]).unwrap()),
        #[cfg(feature = "aws-lc")]
        Box::new(aws_lc::Ed25519Key::new(&[7; 32]).unwrap()),
    ]
}

#[test]
fn d13_signatures_of_both_schemes_verify_and_nothing_else_does() {
    for provider in providers() {
        for key in keys() {
            let signature = key.sign(b"message").unwrap();
            let verify = |scheme, info: &[u8], message: &[u8], signature: &[u8]| {
                provider
                    .signature
                    .verify(scheme, info, message, signature)
                    .is_ok()
            };
            let info = key.public_key_info();
            assert!(
                verify(key.scheme(), info, b"message", &signature),
                "{}",
                provider.name
            );
            assert!(!verify(key.scheme(), info, b"massage", &signature));
            assert!(!verify(key.scheme(), info, b"message", &signature[1..]));
            assert!(!verify(
                key.scheme(),
                &info[..info.len() - 1],
                b"message",
                &signature
            ));
            assert!(!verify(
                key.scheme(),
                &[info, &[0]].concat(),
                b"message",
                &signature
            ));
            for other in keys() {
                let verified = verify(
                    other.scheme(),
                    other.public_key_info(),
                    b"message",
                    &signature,
                );
                assert_eq!(
                    verified,
                    other.scheme() == key.scheme(),
                    "{}",
                    provider.name
                );
            }
        }
    }
    assert!(rust::P256Key::new(&[0; 32]).is_err() && rust::P256Key::new(&[0xff; 32]).is_err());
}

#[test]
fn d13_both_groups_agree_across_providers_and_refuse_bad_points() {
    for group in NamedGroup::ALL {
        for provider in providers() {
            for other in providers() {
                let one = provider
                    .key_exchange
                    .generate(group, &mut Fixed(1))
                    .unwrap();
                let two = other.key_exchange.generate(group, &mut Fixed(2)).unwrap();
                let (first, second) = (one.public().to_vec(), two.public().to_vec());
                assert_eq!(*one.agree(&second).unwrap(), *two.agree(&first).unwrap());
            }
            let generate = || {
                provider
                    .key_exchange
                    .generate(group, &mut Fixed(3))
                    .unwrap()
            };
            let agree = |peer: &[u8]| generate().agree(peer).is_ok();
            let good = generate().public().to_vec();
            assert!(agree(&good));
            assert!(
                !agree(&good[1..]) && !agree(&[]) && !agree(&[0; 32]) && !agree(&[0; 65]),
                "{}",
                provider.name
            );
            if group == NamedGroup::Secp256r1 {
                let mut off_curve = good.clone();
                off_curve[64] ^= 1;
                assert!(!agree(&off_curve), "{}", provider.name);
                let compressed = [&[2 + (good[64] & 1)], &good[1..33]].concat();
                assert!(!agree(&compressed), "{}", provider.name);
            }
        }
    }
}
