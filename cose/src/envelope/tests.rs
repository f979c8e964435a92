use alloc::{vec, vec::Vec};

use proptest::prelude::*;

use super::{
    Envelope, EnvelopeError, EnvelopeKind, HeaderLabel, HeaderPlacement, Layout, UnsignedSign1,
    encrypt0, mac0, open_key, seal_key, sign1,
};
use crate::{
    cbor::{CborError, Writer},
    crypto::{AeadAlgorithm, CryptoError, MacAlgorithm, SignatureAlgorithm, rust::PROVIDER},
    key::{CoseKey, KeyError},
};

const AEAD: AeadAlgorithm = AeadAlgorithm::AesCcm16_64_128;

fn shared(length: usize) -> CoseKey {
    CoseKey::symmetric(&vec![9; length], Some(b"rs1"))
}

/// An envelope of encoded parts.
fn envelope(tag: &[u8], protected: &[u8], rest: &[u8], elements: u8) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.encoded(tag);
    writer.encoded(&[0x80 + elements]);
    writer.bytes(protected);
    writer.encoded(rest);
    writer.finish()
}

const SIGN1: &[u8] = &[0xd2];
const ENCRYPT0: &[u8] = &[0xd0];
/// An empty unprotected map, an empty payload, an empty signature.
const EMPTY: &[u8] = &[0xa0, 0x40, 0x40];

fn integer(label: i64) -> HeaderLabel {
    HeaderLabel::Integer(label)
}

fn text(label: &str) -> HeaderLabel {
    HeaderLabel::Text(label.into())
}

#[test]
fn c03_crit_is_protected_not_empty_present_and_understood() {
    // The protected map of RFC 8152 Appendix C.1.4 with an algorithm.
    let reserved = [
        &[0xa3, 0x01, 0x26, 0x68][..],
        b"reserved",
        &[0xf4, 0x02, 0x81, 0x68],
        b"reserved",
    ]
    .concat();
    let table: &[(Vec<u8>, EnvelopeError)] = &[
        (
            envelope(SIGN1, &reserved, EMPTY, 4),
            EnvelopeError::CriticalNotUnderstood(text("reserved")),
        ),
        // crit names a label of the unprotected bucket, or of none.
        (
            envelope(
                SIGN1,
                &[0xa2, 0x01, 0x26, 0x02, 0x81, 0x04],
                &[0xa1, 0x04, 0x41, 1, 0x40, 0x40],
                4,
            ),
            EnvelopeError::CriticalAbsent(integer(4)),
        ),
        (
            envelope(SIGN1, &[0xa2, 0x01, 0x26, 0x02, 0x81, 0x18, 99], EMPTY, 4),
            EnvelopeError::CriticalAbsent(integer(99)),
        ),
        // An integer label that nobody has registered.
        (
            envelope(
                SIGN1,
                &[0xa3, 0x01, 0x26, 0x02, 0x81, 0x18, 99, 0x18, 99, 0x00],
                EMPTY,
                4,
            ),
            EnvelopeError::CriticalNotUnderstood(integer(99)),
        ),
        // crit in the unprotected bucket.
        (
            envelope(
                SIGN1,
                &[0xa1, 0x01, 0x26],
                &[0xa1, 0x02, 0x81, 0x01, 0x40, 0x40],
                4,
            ),
            EnvelopeError::CriticalNotProtected,
        ),
        // An empty crit, and a crit that is no array of labels.
        (
            envelope(SIGN1, &[0xa2, 0x01, 0x26, 0x02, 0x80], EMPTY, 4),
            EnvelopeError::CriticalMalformed,
        ),
        (
            envelope(SIGN1, &[0xa2, 0x01, 0x26, 0x02, 0x01], EMPTY, 4),
            EnvelopeError::CriticalMalformed,
        ),
        (
            envelope(SIGN1, &[0xa2, 0x01, 0x26, 0x02, 0x81, 0xf6], EMPTY, 4),
            EnvelopeError::CriticalMalformed,
        ),
    ];
    for (bytes, error) in table {
        assert_eq!(Envelope::parse(bytes).unwrap_err(), *error, "{bytes:02x?}");
    }
    // alg and kid are understood.
    let known = envelope(
        SIGN1,
        &[0xa3, 0x01, 0x26, 0x02, 0x82, 0x01, 0x04, 0x04, 0x41, 1],
        EMPTY,
        4,
    );
    assert!(Envelope::parse(&known).is_ok());
}

#[test]
fn c02_c04_labels_are_unique_and_one_kind_of_iv_is_there() {
    let aead = &[0xa1, 0x01, 0x0a][..];
    let table: &[(Vec<u8>, EnvelopeError)] = &[
        // kid in both buckets, alg in both buckets.
        (
            envelope(
                SIGN1,
                &[0xa2, 0x01, 0x26, 0x04, 0x41, 1],
                &[0xa1, 0x04, 0x41, 1, 0x40, 0x40],
                4,
            ),
            EnvelopeError::DuplicateLabel(integer(4)),
        ),
        (
            envelope(
                SIGN1,
                &[0xa1, 0x01, 0x26],
                &[0xa1, 0x01, 0x26, 0x40, 0x40],
                4,
            ),
            EnvelopeError::DuplicateLabel(integer(1)),
        ),
        // A label twice in one bucket.
        (
            envelope(SIGN1, &[0xa2, 0x01, 0x26, 0x01, 0x26], EMPTY, 4),
            EnvelopeError::Cbor(CborError::DuplicateKey {
                at: 3,
                key: Some(1),
            }),
        ),
        (
            envelope(
                SIGN1,
                &[0xa1, 0x01, 0x26],
                &[0xa2, 0x04, 0x41, 1, 0x04, 0x41, 1, 0x40, 0x40],
                4,
            ),
            EnvelopeError::Cbor(CborError::DuplicateKey {
                at: 10,
                key: Some(4),
            }),
        ),
        // IV and Partial IV in one bucket, and in two.
        (
            envelope(
                ENCRYPT0,
                aead,
                &[0xa2, 0x05, 0x41, 1, 0x06, 0x41, 1, 0x40],
                3,
            ),
            EnvelopeError::IvAndPartialIv,
        ),
        (
            envelope(
                ENCRYPT0,
                &[0xa2, 0x01, 0x0a, 0x05, 0x41, 1],
                &[0xa1, 0x06, 0x41, 1, 0x40],
                3,
            ),
            EnvelopeError::IvAndPartialIv,
        ),
    ];
    for (bytes, error) in table {
        assert_eq!(Envelope::parse(bytes).unwrap_err(), *error, "{bytes:02x?}");
    }
}

#[test]
fn w06_what_is_no_envelope_is_refused() {
    let alg = &[0xa1, 0x01, 0x26][..];
    let refused = |bytes: &[u8]| Envelope::parse(bytes).unwrap_err();
    assert_eq!(refused(&[]), EnvelopeError::Cbor(CborError::Truncated));
    assert!(matches!(refused(b"{}"), EnvelopeError::Cbor(_)));
    for other in [&[0x00][..], &[0xa0], &[0x80], &[0xf6], &[0x61, b'a']] {
        assert!(
            matches!(refused(other), EnvelopeError::Malformed(_)),
            "{other:02x?}"
        );
    }
    let good = envelope(SIGN1, alg, EMPTY, 4);
    assert!(Envelope::parse(&good).is_ok());
    for length in 0..good.len() {
        assert_eq!(
            refused(&good[..length]),
            EnvelopeError::Cbor(CborError::Truncated),
            "{length}"
        );
    }
    let trailing = [&good[..], &[0]].concat();
    assert_eq!(
        refused(&trailing),
        EnvelopeError::Cbor(CborError::TrailingBytes { count: 1 })
    );
    // Detached content; a payload that is no byte string; five elements; an unprotected array.
    assert_eq!(
        refused(&envelope(SIGN1, alg, &[0xa0, 0xf6, 0x40], 4)),
        EnvelopeError::DetachedContent
    );
    let malformed = [
        envelope(SIGN1, alg, &[0xa0, 0x01, 0x40], 4),
        envelope(SIGN1, alg, &[0xa0, 0x40, 0x40, 0x40], 5),
        envelope(SIGN1, alg, &[0x80, 0x40, 0x40], 4),
        envelope(SIGN1, &[0x80], EMPTY, 4),
        // Three elements under the tag of COSE_Sign1.
        envelope(SIGN1, &[0xa1, 0x01, 0x0a], &[0xa0, 0x40], 3),
    ];
    for bytes in malformed {
        assert!(
            matches!(refused(&bytes), EnvelopeError::Malformed(_)),
            "{bytes:02x?}"
        );
    }
    assert_eq!(
        refused(&envelope(SIGN1, &[], EMPTY, 4)),
        EnvelopeError::MissingAlgorithm
    );
    // The tag says signature, the algorithm says MAC.
    let crossed = envelope(SIGN1, &[0xa1, 0x01, 0x05], EMPTY, 4);
    let error = EnvelopeError::WrongKind {
        got: EnvelopeKind::Mac0,
        wanted: EnvelopeKind::Sign1,
    };
    assert_eq!(refused(&crossed), error);
    // Indefinite lengths.
    assert!(matches!(
        refused(&[0xd2, 0x9f, 0x40, 0xa0, 0x40, 0x40, 0xff]),
        EnvelopeError::Cbor(_)
    ));
}

#[test]
fn c01_an_empty_protected_map_is_the_empty_string_in_the_structures() {
    let unprotected = &[0xa1, 0x01, 0x26, 0x40, 0x40][..];
    let short = Envelope::parse(&envelope(SIGN1, &[], unprotected, 4)).unwrap();
    let long = Envelope::parse(&envelope(SIGN1, &[0xa0], unprotected, 4)).unwrap();
    assert_eq!(
        short.authenticated_bytes(b"aad"),
        long.authenticated_bytes(b"aad")
    );
    assert!(!long.headers().algorithm_protected);
}

#[test]
fn protected_bytes_are_verified_as_received() {
    // alg in a longer form than needed: encoded again it would be shorter.
    let key = CoseKey::p256(&PROVIDER, &[5; 32], None).unwrap();
    let protected = [0xa1, 0x18, 0x01, 0x38, 0x06];
    let structure = super::structure(EnvelopeKind::Sign1, &protected, &[], Some(b"payload"));
    let signing = key
        .signing_key(&PROVIDER, SignatureAlgorithm::Es256)
        .unwrap();
    let signature = signing.signer.sign(&structure).unwrap();
    let rest = [&[0xa0, 0x47][..], b"payload", &[0x58, 64], &signature].concat();
    let envelope = Envelope::parse(&envelope(SIGN1, &protected, &rest, 4)).unwrap();
    let verifying = key
        .verifying_key(&PROVIDER, SignatureAlgorithm::Es256)
        .unwrap();
    assert_eq!(
        envelope.verify_signature(&verifying, &[]).unwrap(),
        b"payload"
    );
}

#[test]
fn a_remote_key_signs_what_it_is_given() {
    let key = CoseKey::ed25519(&PROVIDER, &[5; 32], Some(b"as")).unwrap();
    let signing = key
        .signing_key(&PROVIDER, SignatureAlgorithm::EdDsa)
        .unwrap();
    let layout = Layout::default();
    let unsigned = UnsignedSign1::new(b"payload", SignatureAlgorithm::EdDsa, Some(b"as"), layout);
    let signature = signing.signer.sign(&unsigned.to_be_signed(b"aad")).unwrap();
    assert_eq!(
        unsigned.finish(&signature),
        sign1(b"payload", &signing, b"aad", layout).unwrap()
    );
}

#[test]
fn c08_an_envelope_is_opened_with_a_key_of_its_algorithm_only() {
    let creation = shared(32)
        .mac_creation_key(&PROVIDER, MacAlgorithm::Hmac256_256)
        .unwrap();
    let envelope = Envelope::parse(&mac0(b"m", &creation, &[], Layout::default())).unwrap();
    let shorter = shared(32)
        .mac_verification_key(&PROVIDER, MacAlgorithm::Hmac256_64)
        .unwrap();
    let error = EnvelopeError::WrongAlgorithm { got: 5, wanted: 4 };
    assert_eq!(envelope.verify_mac(&shorter, &[]).unwrap_err(), error);
    let decryption = shared(16).decryption_key(&PROVIDER, AEAD).unwrap();
    let error = EnvelopeError::WrongKind {
        got: EnvelopeKind::Mac0,
        wanted: EnvelopeKind::Encrypt0,
    };
    assert_eq!(envelope.decrypt(&decryption, &[]).unwrap_err(), error);
}

#[test]
fn nonces_are_complete_and_of_the_right_length() {
    let decryption = shared(16).decryption_key(&PROVIDER, AEAD).unwrap();
    let open = |unprotected: &[u8]| {
        let rest = [unprotected, &[0x49, 1, 2, 3, 4, 5, 6, 7, 8, 9]].concat();
        Envelope::parse(&envelope(ENCRYPT0, &[0xa1, 0x01, 0x0a], &rest, 3))
            .unwrap()
            .decrypt(&decryption, &[])
    };
    assert_eq!(open(&[0xa0]).unwrap_err(), EnvelopeError::MissingIv);
    // A Partial IV, and the key has no Base IV.
    assert_eq!(
        open(&[0xa1, 0x06, 0x41, 1]).unwrap_err(),
        EnvelopeError::MissingIv
    );
    let length = CryptoError::NonceLength { got: 1, wanted: 13 };
    assert_eq!(
        open(&[0xa1, 0x05, 0x41, 1]).unwrap_err(),
        EnvelopeError::Crypto(length)
    );
    let encryption = shared(16).encryption_key(&PROVIDER, AEAD).unwrap();
    let error = encrypt0(b"m", &encryption, &[0; 12], &[], Layout::default()).unwrap_err();
    assert_eq!(
        error,
        EnvelopeError::Crypto(CryptoError::NonceLength {
            got: 12,
            wanted: 13
        })
    );
}

#[test]
fn p14_an_encrypted_key_is_opened_with_the_shared_key_only() {
    let encryption = shared(16).encryption_key(&PROVIDER, AEAD).unwrap();
    let decryption = shared(16).decryption_key(&PROVIDER, AEAD).unwrap();
    let key = CoseKey::symmetric(&[3; 16], Some(b"c1"));
    let sealed = seal_key(&key, &encryption, &[1; 13], HeaderPlacement::Unprotected).unwrap();
    assert_eq!(open_key(&sealed, &decryption).unwrap(), key);
    let other = CoseKey::symmetric(&[8; 16], None)
        .decryption_key(&PROVIDER, AEAD)
        .unwrap();
    let error = open_key(&sealed, &other).unwrap_err();
    assert_eq!(error, EnvelopeError::Crypto(CryptoError::NotAuthentic));
    let text = encrypt0(&[0x61, b'a'], &encryption, &[2; 13], &[], Layout::default()).unwrap();
    assert!(matches!(
        open_key(&text, &decryption),
        Err(EnvelopeError::Key(KeyError::Malformed(_)))
    ));
}

fn layouts() -> impl Strategy<Value = Layout> {
    (any::<bool>(), any::<bool>()).prop_map(|(tagged, protected)| Layout {
        headers: if protected {
            HeaderPlacement::Protected
        } else {
            HeaderPlacement::Unprotected
        },
        tagged,
    })
}

proptest! {
    // Each case makes keys and a signature in a build without optimization.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn c05_c06_c07_what_is_created_is_opened(
        payload in proptest::collection::vec(any::<u8>(), 0..300),
        aad in proptest::collection::vec(any::<u8>(), 0..40),
        layout in layouts(),
    ) {
        let pair = CoseKey::ed25519(&PROVIDER, &[5; 32], Some(b"as")).unwrap();
        let signing = pair.signing_key(&PROVIDER, SignatureAlgorithm::EdDsa).unwrap();
        let verifying = pair.verifying_key(&PROVIDER, SignatureAlgorithm::EdDsa).unwrap();
        let signed = Envelope::parse(&sign1(&payload, &signing, &aad, layout).unwrap()).unwrap();
        prop_assert_eq!(signed.verify_signature(&verifying, &aad).unwrap(), &payload);
        prop_assert_eq!(signed.is_tagged(), layout.tagged);
        prop_assert_eq!(signed.headers().unprotected_is_empty, layout.headers == HeaderPlacement::Protected);

        let creation = shared(32).mac_creation_key(&PROVIDER, MacAlgorithm::Hmac256_64).unwrap();
        let verification = shared(32).mac_verification_key(&PROVIDER, MacAlgorithm::Hmac256_64).unwrap();
        let maced = Envelope::parse(&mac0(&payload, &creation, &aad, layout)).unwrap();
        prop_assert_eq!(maced.verify_mac(&verification, &aad).unwrap(), &payload);

        let encryption = shared(16).encryption_key(&PROVIDER, AEAD).unwrap();
        let decryption = shared(16).decryption_key(&PROVIDER, AEAD).unwrap();
        let sealed = Envelope::parse(&encrypt0(&payload, &encryption, &[4; 13], &aad, layout).unwrap()).unwrap();
        prop_assert_eq!(sealed.decrypt(&decryption, &aad).unwrap(), payload);
        let mut other_aad = aad;
        other_aad.push(0);
        prop_assert!(sealed.decrypt(&decryption, &other_aad).is_err());
        prop_assert!(maced.verify_mac(&verification, &other_aad).is_err());
        prop_assert!(signed.verify_signature(&verifying, &other_aad).is_err());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Envelope::parse(&bytes);
        let _ = CoseKey::from_cbor(&bytes);
        let inside = envelope(SIGN1, &bytes, EMPTY, 4);
        let _ = Envelope::parse(&inside);
    }
}
