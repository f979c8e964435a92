use std::time::Duration;

use motekey_coap::time::Instant;
use motekey_cose::key::KeyAttributes;

use super::*;

const KID: [u8; 8] = [0x3d, 0x02, 0x78, 0x33, 0xfc, 0x62, 0x67, 0xce];
const SECRET: [u8; 16] = [0x42; 16];

fn access(token: Vec<u8>) -> Access {
    Access {
        token,
        key: proof_key(&SECRET),
        profile: 1,
        expires_at: Instant::from_micros(1),
        lifetime: Duration::from_secs(1),
        audience: None,
        scope: None,
        asked_scope: None,
        refresh_token: None,
    }
}

fn proof_key(secret: &[u8]) -> ProofKey {
    ProofKey {
        kid: KID.to_vec(),
        secret: PreSharedKey::new(secret.to_vec()),
    }
}

fn limits(transport: TokenTransport, max_identity: usize) -> HandshakeLimits {
    HandshakeLimits {
        transport,
        max_identity,
    }
}

fn identity(approach: &Approach) -> &[u8] {
    approach.credential.identity().unwrap()
}

fn key_with(change: impl FnOnce(&mut KeyAttributes)) -> Confirmation {
    let mut key = CoseKey::symmetric(&SECRET, Some(&KID));
    change(key.attributes_mut());
    Confirmation::Key(key)
}

#[test]
fn d24_the_identity_of_form_a_is_the_example_of_the_rfc() {
    let approach = CoapDtls
        .approach(&access(vec![1, 2, 3]), limits(TokenTransport::Upload, 1000))
        .unwrap();
    // RFC 9202 Figure 9.
    let expected = [
        0xa1, 0x08, 0xa1, 0x01, 0xa2, 0x01, 0x04, 0x02, 0x48, 0x3d, 0x02, 0x78, 0x33, 0xfc, 0x62,
        0x67, 0xce,
    ];
    assert_eq!(identity(&approach), expected);
    assert!(approach.upload.is_some());
}

#[test]
fn d25_the_identity_of_form_b_is_the_token_byte_for_byte() {
    // Not the shortest CBOR, not even CBOR: nothing is encoded again.
    let token = vec![0xd0, 0x98, 0x03, 0xff, 0x00];
    let approach = CoapDtls
        .approach(&access(token.clone()), limits(TokenTransport::Automatic, 5))
        .unwrap();
    assert_eq!(identity(&approach), token);
    assert_eq!(approach.upload, None);
}

#[test]
fn f45_a_token_that_does_not_fit_the_handshake_is_uploaded_as_a_cwt() {
    let token = vec![7; 6];
    let approach = CoapDtls
        .approach(&access(token.clone()), limits(TokenTransport::Automatic, 5))
        .unwrap();
    assert_eq!(
        approach.upload,
        Some(Upload {
            content_format: 61,
            payload: token
        })
    );
    let forced = CoapDtls.approach(&access(vec![7; 6]), limits(TokenTransport::InHandshake, 5));
    assert_eq!(forced, Err(Unusable::TooLong { got: 6, limit: 5 }));
}

#[test]
fn p06_keys_that_do_not_fit_the_profile_are_not_used() {
    let refused = [
        key_with(|key| key.key_ops = Some(vec![KeyOperation::Verify])),
        key_with(|key| key.key_ops = Some(vec![KeyOperation::MacCreate, KeyOperation::MacVerify])),
        key_with(|key| key.key_ops = Some(Vec::new())),
        key_with(|key| key.kid = None),
        Confirmation::Key(CoseKey::symmetric(&[0x42; 15], Some(&KID))),
        Confirmation::Key(CoseKey::symmetric(&[0x42; 65], Some(&KID))),
        Confirmation::Key(CoseKey::symmetric_name(&KID)),
        Confirmation::KeyId(KID.to_vec()),
    ];
    for confirmation in &refused {
        let result = CoapDtls.proof_key(Some(confirmation), None);
        assert!(matches!(result, Err(Unusable::Key(_))), "{confirmation:?}");
    }
    assert!(matches!(
        CoapDtls.proof_key(None, None),
        Err(Unusable::Key(_))
    ));
}

#[test]
fn p06_the_alg_of_a_key_is_that_of_the_cipher_suites_or_missing() {
    let cases = [
        (None, true),
        // AES-CCM-16-64-128 and AES-CCM-16-128-128.
        (Some(10), true),
        (Some(30), true),
        // Tags of the same length under other nonces, then keys of 256 bits.
        (Some(12), false),
        (Some(32), false),
        (Some(11), false),
        (Some(31), false),
        // A128GCM, HMAC 256/64, HMAC 256/256, direct+HKDF-SHA-256, ES256, reserved, unassigned.
        (Some(1), false),
        (Some(4), false),
        (Some(5), false),
        (Some(-10), false),
        (Some(-7), false),
        (Some(0), false),
        (Some(i64::MAX), false),
    ];
    for (alg, fits) in cases {
        let confirmation = key_with(|key| key.alg = alg);
        let result = CoapDtls.proof_key(Some(&confirmation), None);
        if fits {
            assert_eq!(result, Ok(proof_key(&SECRET)), "{alg:?}");
        } else {
            assert!(matches!(result, Err(Unusable::Key(_))), "{alg:?}");
        }
    }
}

#[test]
fn p06_keys_that_fit_are_used() {
    let fitting = [
        key_with(|_| ()),
        key_with(|key| key.key_ops = Some(vec![KeyOperation::DeriveKey])),
        key_with(|key| key.key_ops = Some(vec![KeyOperation::Sign, KeyOperation::DeriveBits])),
    ];
    for confirmation in &fitting {
        assert_eq!(
            CoapDtls.proof_key(Some(confirmation), None),
            Ok(proof_key(&SECRET))
        );
    }
    for length in [16, 64] {
        let key = CoseKey::symmetric(&vec![9; length], Some(&KID));
        assert!(
            CoapDtls
                .proof_key(Some(&Confirmation::Key(key)), None)
                .is_ok(),
            "{length} bytes"
        );
    }
}

#[test]
fn an_update_keeps_the_key_of_the_session() {
    let running = proof_key(&SECRET);
    let same = [
        None,
        Some(Confirmation::KeyId(KID.to_vec())),
        Some(Confirmation::Key(CoseKey::symmetric_name(&KID))),
        Some(key_with(|_| ())),
    ];
    for confirmation in &same {
        assert_eq!(
            CoapDtls.proof_key(confirmation.as_ref(), Some(&running)),
            Ok(running.clone())
        );
    }
    let other = [
        Confirmation::KeyId(vec![1]),
        Confirmation::Key(CoseKey::symmetric_name(&[1])),
        Confirmation::Key(CoseKey::symmetric(&[0x43; 16], Some(&KID))),
        key_with(|key| key.kid = Some(vec![1])),
    ];
    for confirmation in &other {
        assert_eq!(
            CoapDtls.proof_key(Some(confirmation), Some(&running)),
            Err(Unusable::OtherKey)
        );
    }
}

#[test]
fn no_debug_output_has_key_bytes() {
    let text = format!("{:?}", access(vec![1]));
    assert!(!text.contains("66, 66") && !text.contains("4242"), "{text}");
}
