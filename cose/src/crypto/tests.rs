//! One table for every provider: whatever is configured, the answers are the same.

use alloc::{vec, vec::Vec};

use super::{AeadAlgorithm, CryptoError, CryptoProvider, MacAlgorithm, SignatureAlgorithm, rust};

fn providers() -> Vec<CryptoProvider> {
    vec![
        rust::PROVIDER,
        #[cfg(feature = "aws-lc")]
        super::aws_lc::PROVIDER,
    ]
}

const BOTH: [SignatureAlgorithm; 2] = [SignatureAlgorithm::EdDsa, SignatureAlgorithm::Es256];

#[test]
fn every_provider_verifies_the_signatures_of_every_other() {
    for algorithm in BOTH {
        for signing in providers() {
            for verifying in providers() {
                let signer = signing.signature.signer(algorithm, &[5; 32]).unwrap();
                let public = verifying.signature.public_key(algorithm, &[5; 32]).unwrap();
                let verifier = verifying.signature.verifier(algorithm, &public).unwrap();
                let signature = signer.sign(b"message").unwrap();
                assert_eq!(verifier.verify(b"message", &signature), Ok(()));
                assert_eq!(
                    verifier.verify(b"Message", &signature),
                    Err(CryptoError::NotAuthentic)
                );
                for bit in [0, 255, 256, 511] {
                    let mut changed = signature;
                    changed[bit / 8] ^= 1 << (bit % 8);
                    let refused = verifier.verify(b"message", &changed);
                    assert_eq!(
                        refused,
                        Err(CryptoError::NotAuthentic),
                        "{algorithm:?} bit {bit}"
                    );
                }
            }
        }
    }
}

#[test]
fn c10_signatures_of_other_lengths_are_refused() {
    for provider in providers() {
        for algorithm in BOTH {
            let public = provider.signature.public_key(algorithm, &[5; 32]).unwrap();
            let verifier = provider.signature.verifier(algorithm, &public).unwrap();
            let signature = provider
                .signature
                .signer(algorithm, &[5; 32])
                .unwrap()
                .sign(b"m")
                .unwrap();
            for length in [0, 1, 32, 63] {
                let refused = verifier.verify(b"m", &signature[..length]);
                assert_eq!(refused, Err(CryptoError::SignatureLength { got: length }));
            }
            for length in [65, 70, 72, 96] {
                let mut longer = signature.to_vec();
                longer.resize(length, 0);
                let refused = verifier.verify(b"m", &longer);
                assert_eq!(refused, Err(CryptoError::SignatureLength { got: length }));
            }
        }
    }
}

#[test]
fn c12_public_keys_that_are_no_points_are_refused() {
    let mut off_curve = vec![4; 65];
    off_curve[1..].fill(1);
    let mut infinity = vec![0; 65];
    infinity[0] = 4;
    // An Ed25519 point of order 4 (y = 0), the neutral element (y = 1), and a y without a point.
    let mut neutral = vec![0; 32];
    neutral[0] = 1;
    let mut no_point = vec![0; 32];
    no_point[0] = 2;
    let refused: [(SignatureAlgorithm, Vec<u8>); 6] = [
        (SignatureAlgorithm::Es256, off_curve),
        (SignatureAlgorithm::Es256, infinity),
        (SignatureAlgorithm::Es256, vec![0xff; 33]),
        (SignatureAlgorithm::EdDsa, vec![0; 32]),
        (SignatureAlgorithm::EdDsa, neutral),
        (SignatureAlgorithm::EdDsa, no_point),
    ];
    for provider in providers() {
        for (algorithm, key) in &refused {
            let error = provider
                .signature
                .verifier(*algorithm, key)
                .map(|_| ())
                .unwrap_err();
            assert_eq!(
                error,
                CryptoError::InvalidKey,
                "{} {key:02x?}",
                provider.name
            );
        }
        for (algorithm, length) in [
            (SignatureAlgorithm::Es256, 64),
            (SignatureAlgorithm::EdDsa, 31),
        ] {
            let error = provider
                .signature
                .verifier(algorithm, &vec![4; length])
                .map(|_| ())
                .unwrap_err();
            assert!(matches!(error, CryptoError::KeyLength { got, .. } if got == length));
        }
    }
}

#[test]
fn private_keys_out_of_range_are_refused() {
    for provider in providers() {
        for scalar in [[0; 32], [0xff; 32]] {
            let error = provider
                .signature
                .signer(SignatureAlgorithm::Es256, &scalar)
                .map(|_| ())
                .unwrap_err();
            assert_eq!(error, CryptoError::InvalidKey, "{}", provider.name);
        }
        for algorithm in BOTH {
            let error = provider
                .signature
                .signer(algorithm, &[1; 31])
                .map(|_| ())
                .unwrap_err();
            assert_eq!(
                error,
                CryptoError::KeyLength {
                    got: 31,
                    wanted: 32
                },
                "{}",
                provider.name
            );
        }
    }
}

#[test]
fn every_provider_opens_what_every_other_sealed() {
    for algorithm in AeadAlgorithm::ALL {
        let (key, nonce) = (
            vec![7; algorithm.key_length()],
            vec![8; algorithm.nonce_length()],
        );
        let mut sealed = Vec::new();
        for provider in providers() {
            let mut buffer = b"plaintext".to_vec();
            let prepared = provider.aead.key(algorithm, &key).unwrap();
            prepared.seal(&nonce, b"aad", &mut buffer).unwrap();
            assert_eq!(buffer.len(), 9 + algorithm.tag_length());
            sealed.push(buffer);
        }
        assert!(
            sealed.iter().all(|other| *other == sealed[0]),
            "{algorithm:?}"
        );
        for provider in providers() {
            let prepared = provider.aead.key(algorithm, &key).unwrap();
            let mut buffer = sealed[0].clone();
            prepared.open(&nonce, b"aad", &mut buffer).unwrap();
            assert_eq!(buffer, b"plaintext");
            for at in 0..sealed[0].len() {
                let mut changed = sealed[0].clone();
                changed[at] ^= 1;
                assert_eq!(
                    prepared.open(&nonce, b"aad", &mut changed),
                    Err(CryptoError::NotAuthentic)
                );
            }
            for length in 0..algorithm.tag_length() {
                let mut short = sealed[0][..length].to_vec();
                assert_eq!(
                    prepared.open(&nonce, b"aad", &mut short),
                    Err(CryptoError::NotAuthentic)
                );
            }
            let other_aad = prepared.open(&nonce, b"AAD", &mut sealed[0].clone());
            assert_eq!(other_aad, Err(CryptoError::NotAuthentic));
        }
    }
}

#[test]
fn aead_keys_and_nonces_of_wrong_length_are_refused() {
    for provider in providers() {
        for algorithm in AeadAlgorithm::ALL {
            let wanted = algorithm.key_length();
            for got in [0, wanted - 1, wanted + 1] {
                let error = provider
                    .aead
                    .key(algorithm, &vec![0; got])
                    .map(|_| ())
                    .unwrap_err();
                assert_eq!(error, CryptoError::KeyLength { got, wanted });
            }
            let key = provider.aead.key(algorithm, &vec![0; wanted]).unwrap();
            let wanted = algorithm.nonce_length();
            for got in [0, wanted - 1, wanted + 1] {
                let mut buffer = vec![0; 40];
                let expected = Err(CryptoError::NonceLength { got, wanted });
                assert_eq!(key.seal(&vec![0; got], &[], &mut buffer), expected);
                assert_eq!(key.open(&vec![0; got], &[], &mut buffer), expected);
            }
        }
    }
}

#[test]
fn c07_macs_are_compared_whole() {
    for provider in providers() {
        let key = provider.mac.hmac_sha256(&[7; 32]).unwrap();
        let tag = key.tag(b"message");
        assert_eq!(
            tag,
            rust::PROVIDER
                .mac
                .hmac_sha256(&[7; 32])
                .unwrap()
                .tag(b"message")
        );
        for algorithm in [MacAlgorithm::Hmac256_64, MacAlgorithm::Hmac256_256] {
            let length = algorithm.tag_length();
            assert_eq!(
                algorithm.verify(key.as_ref(), b"message", &tag[..length]),
                Ok(())
            );
            for at in 0..length {
                let mut changed = tag[..length].to_vec();
                changed[at] ^= 0x80;
                let refused = algorithm.verify(key.as_ref(), b"message", &changed);
                assert_eq!(refused, Err(CryptoError::NotAuthentic));
            }
            for wrong in [0, 1, length - 1, 40 - length] {
                let mut other = tag.to_vec();
                other.resize(wrong, 0);
                let refused = algorithm.verify(key.as_ref(), b"message", &other);
                assert_eq!(refused, Err(CryptoError::NotAuthentic), "length {wrong}");
            }
        }
        assert!(provider.mac.hmac_sha256(&[]).is_err());
    }
}

#[test]
fn hash_and_key_derivation_give_the_values_of_the_standards() {
    for provider in providers() {
        // FIPS 180-4, "abc".
        assert_eq!(provider.kdf.sha256(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
        // RFC 5869 Appendix A.1 and A.3, the first bytes.
        let material = [0x0b; 22];
        let salt: Vec<u8> = (0..13).collect();
        let info: Vec<u8> = (0xf0..0xfa).collect();
        let mut out = [0; 42];
        provider
            .kdf
            .hkdf_sha256(&material, &salt, &info, &mut out)
            .unwrap();
        assert_eq!(out[..4], [0x3c, 0xb2, 0x5f, 0x25]);
        provider
            .kdf
            .hkdf_sha256(&material, &[], &[], &mut out)
            .unwrap();
        assert_eq!(out[..4], [0x8d, 0xa4, 0xe7, 0x75]);
        let mut long = vec![0; 255 * 32 + 1];
        assert_eq!(
            provider.kdf.hkdf_sha256(&material, &[], &[], &mut long),
            Err(CryptoError::TooLong)
        );
    }
}

#[test]
fn cose_numbers_lead_back_to_their_algorithm() {
    for algorithm in AeadAlgorithm::ALL {
        assert_eq!(
            AeadAlgorithm::from_cose(algorithm.to_cose()),
            Some(algorithm)
        );
    }
    for algorithm in BOTH {
        assert_eq!(
            SignatureAlgorithm::from_cose(algorithm.to_cose()),
            Some(algorithm)
        );
    }
    for algorithm in [MacAlgorithm::Hmac256_64, MacAlgorithm::Hmac256_256] {
        assert_eq!(
            MacAlgorithm::from_cose(algorithm.to_cose()),
            Some(algorithm)
        );
    }
    assert_eq!(AeadAlgorithm::from_cose(-7), None);
}
