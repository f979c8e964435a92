#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use alloc::{format, vec, vec::Vec};

use super::{CoseKey, KeyError, KeyOperation, YCoordinate};
use crate::{
    crypto::{AeadAlgorithm, CryptoError, MacAlgorithm, SignatureAlgorithm, rust::PROVIDER},
    registry::{algorithm as number, key as label},
};

fn p256() -> CoseKey {
    CoseKey::p256(&PROVIDER, &[5; 32], Some(b"kid")).unwrap()
}

fn ed25519() -> CoseKey {
    CoseKey::ed25519(&PROVIDER, &[5; 32], Some(b"kid")).unwrap()
}

#[test]
fn c09_keys_are_read_as_they_were_written() {
    let mut with_everything = CoseKey::symmetric(&[1; 300], Some(&[2; 200]));
    with_everything.attributes_mut().alg = Some(number::AES_CCM_16_64_128);
    with_everything.attributes_mut().key_ops =
        Some(vec![KeyOperation::Encrypt, KeyOperation::Decrypt]);
    let keys = [
        p256(),
        ed25519(),
        with_everything,
        CoseKey::symmetric_name(b"k"),
    ];
    for key in keys {
        assert_eq!(CoseKey::from_cbor(&key.to_cbor()).unwrap(), key);
        let public = key.public().unwrap();
        assert!(!public.has_secret());
        assert_eq!(
            CoseKey::from_cbor(&key.to_cbor_public().unwrap()).unwrap(),
            public
        );
    }
}

#[test]
fn a_key_has_the_bytes_of_rfc_9202() {
    // RFC 9202 Section 3.3.2: the COSE_Key of a psk_identity.
    let bytes = [
        0xa2, 0x01, 0x04, 0x02, 0x48, 0x3d, 0x02, 0x78, 0x33, 0xfc, 0x62, 0x67, 0xce,
    ];
    assert_eq!(CoseKey::symmetric_name(&bytes[5..]).to_cbor(), bytes);
}

/// A COSE_Key map of (encoded label, encoded value) pairs.
fn map(members: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0xa0 + u8::try_from(members.len()).unwrap()];
    for (label, value) in members {
        bytes.extend_from_slice(label);
        bytes.extend_from_slice(value);
    }
    bytes
}

fn bytes32(value: u8) -> Vec<u8> {
    let mut bytes = vec![0x58, 32];
    bytes.resize(34, value);
    bytes
}

const KTY: &[u8] = &[0x01];
const CRV: &[u8] = &[0x20];
const X: &[u8] = &[0x21];
const Y: &[u8] = &[0x22];

#[test]
fn p12_keys_without_a_member_that_they_need_are_refused() {
    let v = bytes32(1);
    let table: &[(Vec<u8>, KeyError)] = &[
        (
            map(&[(KTY, &[2]), (X, &v), (Y, &v)]),
            KeyError::MissingMember { label: label::CRV },
        ),
        (
            map(&[(KTY, &[2]), (CRV, &[1]), (Y, &v)]),
            KeyError::MissingMember { label: label::X },
        ),
        (
            map(&[(KTY, &[2]), (CRV, &[1]), (X, &v)]),
            KeyError::MissingMember { label: label::Y },
        ),
        (
            map(&[(KTY, &[1]), (X, &v)]),
            KeyError::MissingMember { label: label::CRV },
        ),
        (
            map(&[(KTY, &[1]), (CRV, &[6])]),
            KeyError::MissingMember { label: label::X },
        ),
        (
            map(&[(KTY, &[4])]),
            KeyError::MissingMember { label: label::K },
        ),
    ];
    for (bytes, error) in table {
        assert_eq!(
            CoseKey::from_cbor(bytes).unwrap_err(),
            *error,
            "{bytes:02x?}"
        );
    }
}

#[test]
fn keys_that_are_malformed_or_of_other_kinds_are_refused() {
    let v = bytes32(1);
    let wrong = |label| KeyError::WrongMember {
        label,
        wanted: "a byte string of 32 bytes",
    };
    let table: &[(Vec<u8>, KeyError)] = &[
        // RSA, and a type that nobody has registered as a supported one.
        (map(&[(KTY, &[3])]), KeyError::UnsupportedKeyType),
        (
            map(&[(KTY, &[0x63, b'o', b'c', b't'])]),
            KeyError::UnsupportedKeyType,
        ),
        // P-384 as EC2, X25519 as OKP, Ed25519 as EC2.
        (
            map(&[(KTY, &[2]), (CRV, &[2]), (X, &v), (Y, &v)]),
            KeyError::UnsupportedCurve,
        ),
        (
            map(&[(KTY, &[1]), (CRV, &[4]), (X, &v)]),
            KeyError::UnsupportedCurve,
        ),
        (
            map(&[(KTY, &[2]), (CRV, &[6]), (X, &v), (Y, &v)]),
            KeyError::UnsupportedCurve,
        ),
        // A coordinate without its leading zeros, a coordinate as a number.
        (
            map(&[(KTY, &[2]), (CRV, &[1]), (X, &[0x41, 1]), (Y, &v)]),
            wrong(label::X),
        ),
        (
            map(&[(KTY, &[2]), (CRV, &[1]), (X, &v), (Y, &[0x07])]),
            wrong(label::Y),
        ),
        // The sign bit is of y only.
        (
            map(&[(KTY, &[2]), (CRV, &[1]), (X, &[0xf5]), (Y, &v)]),
            wrong(label::X),
        ),
        // An empty symmetric key.
        (
            map(&[(KTY, &[4]), (CRV, &[0x40])]),
            KeyError::WrongMember {
                label: label::K,
                wanted: "a byte string, not empty",
            },
        ),
        // A text in alg.
        (
            map(&[(KTY, &[4]), (&[3], &[0x61, b'x']), (CRV, &[0x41, 1])]),
            KeyError::UnsupportedValue { label: 3 },
        ),
    ];
    for (bytes, error) in table {
        assert_eq!(
            CoseKey::from_cbor(bytes).unwrap_err(),
            *error,
            "{bytes:02x?}"
        );
    }
}

#[test]
fn c02_a_key_with_a_label_twice_is_refused() {
    let twice = map(&[(KTY, &[4]), (CRV, &[0x41, 1]), (CRV, &[0x41, 2])]);
    assert!(matches!(
        CoseKey::from_cbor(&twice),
        Err(KeyError::Cbor(crate::cbor::CborError::DuplicateKey { .. }))
    ));
    // The same label in a longer form.
    let longer = map(&[(KTY, &[4]), (CRV, &[0x41, 1]), (&[0x38, 0x00], &[0x41, 2])]);
    assert!(matches!(
        CoseKey::from_cbor(&longer),
        Err(KeyError::Cbor(crate::cbor::CborError::DuplicateKey { .. }))
    ));
}

#[test]
fn unknown_members_are_ignored() {
    let key = map(&[
        (KTY, &[4]),
        (CRV, &[0x41, 1]),
        (&[0x39, 0xff, 0xff], &[0xf6]),
    ]);
    assert_eq!(
        CoseKey::from_cbor(&key).unwrap(),
        CoseKey::symmetric(&[1], None)
    );
}

#[test]
fn c12_a_compressed_point_is_the_same_key() {
    let whole = p256();
    for odd in [false, true] {
        let mut compressed = whole.clone();
        let CoseKey::Ec2(key) = &mut compressed else {
            unreachable!()
        };
        let YCoordinate::Value(y) = key.y else {
            unreachable!()
        };
        key.y = YCoordinate::SignBit(odd);
        let is_mine = (y[31] & 1 == 1) == odd;
        let read = CoseKey::from_cbor(&compressed.to_cbor()).unwrap();
        assert_eq!(read, compressed);
        // The other sign bit gives the other point, which the private part does not belong to.
        let signing = read.signing_key(&PROVIDER, SignatureAlgorithm::Es256);
        assert_eq!(signing.is_ok(), is_mine, "{signing:?}");
        assert_eq!(read.check_point(&PROVIDER), Ok(()));
    }
}

#[test]
fn c12_p07_a_point_off_the_curve_is_refused() {
    let CoseKey::Ec2(mut key) = p256().public().unwrap() else {
        unreachable!()
    };
    key.x[31] ^= 1;
    let key = CoseKey::Ec2(key);
    assert_eq!(key.check_point(&PROVIDER), Err(KeyError::NotAPoint));
    assert_eq!(
        key.verifying_key(&PROVIDER, SignatureAlgorithm::Es256)
            .unwrap_err(),
        KeyError::NotAPoint
    );
    let CoseKey::Okp(mut key) = ed25519().public().unwrap() else {
        unreachable!()
    };
    key.x = [0; 32];
    assert_eq!(
        CoseKey::Okp(key).check_point(&PROVIDER),
        Err(KeyError::NotAPoint)
    );
}

/// Prepares a key for every algorithm and direction; gives the errors by name of the use.
fn uses(key: &CoseKey) -> Vec<(i64, KeyOperation, Option<KeyError>)> {
    let mut uses = Vec::new();
    for algorithm in [SignatureAlgorithm::EdDsa, SignatureAlgorithm::Es256] {
        let number = algorithm.to_cose();
        uses.push((
            number,
            KeyOperation::Sign,
            key.signing_key(&PROVIDER, algorithm).err(),
        ));
        uses.push((
            number,
            KeyOperation::Verify,
            key.verifying_key(&PROVIDER, algorithm).err(),
        ));
    }
    for algorithm in [MacAlgorithm::Hmac256_64, MacAlgorithm::Hmac256_256] {
        let number = algorithm.to_cose();
        uses.push((
            number,
            KeyOperation::MacCreate,
            key.mac_creation_key(&PROVIDER, algorithm).err(),
        ));
        uses.push((
            number,
            KeyOperation::MacVerify,
            key.mac_verification_key(&PROVIDER, algorithm).err(),
        ));
    }
    for algorithm in AeadAlgorithm::ALL {
        let number = algorithm.to_cose();
        uses.push((
            number,
            KeyOperation::Encrypt,
            key.encryption_key(&PROVIDER, algorithm).err(),
        ));
        uses.push((
            number,
            KeyOperation::Decrypt,
            key.decryption_key(&PROVIDER, algorithm).err(),
        ));
    }
    uses
}

#[test]
fn c08_p06_p07_a_key_is_used_as_its_type_alg_and_key_ops_say() {
    let symmetric = CoseKey::symmetric(&[1; 32], None);
    let fitting: [(CoseKey, &[i64]); 3] = [
        (ed25519(), &[number::EDDSA]),
        (p256(), &[number::ES256]),
        (
            symmetric,
            &[number::HMAC_256_64, number::HMAC_256_256, number::A256GCM],
        ),
    ];
    for (key, algorithms) in fitting {
        for (algorithm, operation, error) in uses(&key) {
            let fits = algorithms.contains(&algorithm);
            assert_eq!(
                error.is_none(),
                fits,
                "{key:?} {algorithm} {operation:?} {error:?}"
            );
        }
        for alg in algorithms {
            for allowed in KeyOperation::ALL {
                let mut limited = key.clone();
                limited.attributes_mut().alg = Some(*alg);
                limited.attributes_mut().key_ops = Some(vec![allowed]);
                for (algorithm, operation, error) in uses(&limited) {
                    if !algorithms.contains(&algorithm) {
                        assert!(error.is_some());
                    } else if algorithm != *alg {
                        assert_eq!(
                            error,
                            Some(KeyError::WrongAlgorithm {
                                got: *alg,
                                wanted: algorithm
                            })
                        );
                    } else if operation != allowed {
                        assert_eq!(error, Some(KeyError::OperationNotAllowed(operation)));
                    } else {
                        assert_eq!(error, None, "{operation:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn keys_without_their_secret_do_not_sign_or_encrypt() {
    let public = p256().public().unwrap();
    let named = CoseKey::symmetric_name(b"k");
    assert_eq!(
        public
            .signing_key(&PROVIDER, SignatureAlgorithm::Es256)
            .unwrap_err(),
        KeyError::NoSecret
    );
    assert_eq!(
        named
            .encryption_key(&PROVIDER, AeadAlgorithm::A128Gcm)
            .unwrap_err(),
        KeyError::NoSecret
    );
    assert_eq!(
        named
            .mac_creation_key(&PROVIDER, MacAlgorithm::Hmac256_64)
            .unwrap_err(),
        KeyError::NoSecret
    );
}

#[test]
fn a_private_part_of_another_key_is_refused() {
    let CoseKey::Ec2(mut key) = p256() else {
        unreachable!()
    };
    key.private = Some(zeroize::Zeroizing::new([6; 32]));
    let error = CoseKey::Ec2(key)
        .signing_key(&PROVIDER, SignatureAlgorithm::Es256)
        .unwrap_err();
    assert_eq!(error, KeyError::PairMismatch);
}

#[test]
fn mac_keys_are_not_shorter_than_the_hash() {
    let short = CoseKey::symmetric(&[1; 31], None);
    let error = short
        .mac_verification_key(&PROVIDER, MacAlgorithm::Hmac256_256)
        .unwrap_err();
    assert_eq!(
        error,
        KeyError::Crypto(CryptoError::KeyLength {
            got: 31,
            wanted: 32
        })
    );
}

#[test]
fn debug_output_has_no_key_bytes() {
    // 0xab is 171; neither form may be there.
    let secret = [0xab; 32];
    let symmetric = CoseKey::symmetric(&secret, None);
    let okp = CoseKey::ed25519(&PROVIDER, &secret, None).unwrap();
    let ec2 = CoseKey::p256(&PROVIDER, &secret, None).unwrap();
    let texts = [
        format!("{symmetric:?} {okp:?} {ec2:?} {symmetric:#x?}"),
        format!(
            "{:?}",
            symmetric.mac_creation_key(&PROVIDER, MacAlgorithm::Hmac256_256)
        ),
        format!(
            "{:?}",
            symmetric.encryption_key(&PROVIDER, AeadAlgorithm::A256Gcm)
        ),
        format!(
            "{:?}",
            ec2.signing_key(&PROVIDER, SignatureAlgorithm::Es256)
        ),
    ];
    for text in texts {
        assert!(
            !text.contains("171") && !text.contains("ab, ") && !text.contains("abab"),
            "{text}"
        );
    }
}
