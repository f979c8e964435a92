use std::time::Duration;

use motekey_coap::time::Instant;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::{CoseKey, KeyAttributes, KeyOperation};

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
    ProofKey::PreShared {
        kid: KID.to_vec(),
        secret: PreSharedKey::new(secret.to_vec()),
    }
}

fn means(own: &ClientCredential) -> Means<'_> {
    Means {
        own,
        certificates: None,
    }
}

/// A device with a pre-shared key at the authorization server.
fn approach(access: &Access, limits: HandshakeLimits) -> Result<Approach, Unusable> {
    let credential = ClientCredential::PreSharedKey {
        identity: b"meter-1".to_vec(),
        key: PreSharedKey::new(vec![1; 16]),
    };
    CoapDtls.approach(access, means(&credential), limits)
}

fn offered(
    confirmation: Option<&Confirmation>,
    running: Option<&ProofKey>,
) -> Result<ProofKey, Unusable> {
    CoapDtls.proof_key(KeyOffer {
        confirmation,
        running,
        ..KeyOffer::default()
    })
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
    let chosen = approach(&access(vec![1, 2, 3]), limits(TokenTransport::Upload, 1000)).unwrap();
    // RFC 9202 Figure 9.
    let expected = [
        0xa1, 0x08, 0xa1, 0x01, 0xa2, 0x01, 0x04, 0x02, 0x48, 0x3d, 0x02, 0x78, 0x33, 0xfc, 0x62,
        0x67, 0xce,
    ];
    assert_eq!(identity(&chosen), expected);
    assert!(chosen.upload.is_some());
}

#[test]
fn d25_the_identity_of_form_b_is_the_token_byte_for_byte() {
    // Not the shortest CBOR, not even CBOR: nothing is encoded again.
    let token = vec![0xd0, 0x98, 0x03, 0xff, 0x00];
    let chosen = approach(&access(token.clone()), limits(TokenTransport::Automatic, 5)).unwrap();
    assert_eq!(identity(&chosen), token);
    assert_eq!(chosen.upload, None);
}

#[test]
fn f45_a_token_that_does_not_fit_the_handshake_is_uploaded_as_a_cwt() {
    let token = vec![7; 6];
    let chosen = approach(&access(token.clone()), limits(TokenTransport::Automatic, 5)).unwrap();
    assert_eq!(
        chosen.upload,
        Some(Upload {
            content_format: 61,
            payload: token
        })
    );
    let forced = approach(&access(vec![7; 6]), limits(TokenTransport::InHandshake, 5));
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
        let result = offered(Some(confirmation), None);
        assert!(matches!(result, Err(Unusable::Key(_))), "{confirmation:?}");
    }
    assert!(matches!(offered(None, None), Err(Unusable::Key(_))));
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
        let result = offered(Some(&confirmation), None);
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
        assert_eq!(offered(Some(confirmation), None), Ok(proof_key(&SECRET)));
    }
    for length in [16, 64] {
        let key = CoseKey::symmetric(&vec![9; length], Some(&KID));
        assert!(
            offered(Some(&Confirmation::Key(key)), None).is_ok(),
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
            offered(confirmation.as_ref(), Some(&running)),
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
            offered(Some(confirmation), Some(&running)),
            Err(Unusable::OtherKey)
        );
    }
}

#[test]
fn no_debug_output_has_key_bytes() {
    let text = format!("{:?}", access(vec![1]));
    assert!(!text.contains("66, 66") && !text.contains("4242"), "{text}");
}

/// A key of RawPublicKey mode, and its SubjectPublicKeyInfo.
fn public(number: u8) -> (CoseKey, Vec<u8>) {
    let key = CoseKey::p256(&PROVIDER, &[number; 32], None).unwrap();
    let key = key.public().unwrap();
    let info = key.public_key_info(&PROVIDER).unwrap();
    (key, info)
}

fn bound(own: &[u8], server: &[u8]) -> ProofKey {
    ProofKey::Public {
        own: own.to_vec(),
        kid: None,
        server: server.to_vec(),
    }
}

#[test]
fn d12_the_key_of_cnf_is_used_and_without_one_that_of_req_cnf() {
    let ((own, own_info), (server, server_info)) = (public(1), public(2));
    let (stranger, _) = public(3);
    let rs_cnf = Confirmation::Key(server);
    let offer = KeyOffer {
        resource_server: Some(&rs_cnf),
        requested: Some(&own_info),
        ..KeyOffer::default()
    };
    let with = |confirmation: Option<Confirmation>| {
        CoapDtls.proof_key(KeyOffer {
            confirmation: confirmation.as_ref(),
            ..offer
        })
    };
    let expected = bound(&own_info, &server_info);
    assert_eq!(with(None), Ok(expected.clone()));
    assert_eq!(with(Some(Confirmation::Key(own))), Ok(expected));
    // A symmetric key in cnf goes before the public key of the request.
    assert_eq!(with(Some(key_with(|_| ()))), Ok(proof_key(&SECRET)));
    let unusable = [
        Confirmation::Key(stranger),
        Confirmation::KeyId(b"unknown".to_vec()),
        Confirmation::Encrypted(vec![0x83, 0x40, 0xa0, 0x40]),
    ];
    for confirmation in unusable {
        let result = with(Some(confirmation.clone()));
        assert!(matches!(result, Err(Unusable::Key(_))), "{confirmation:?}");
    }
    let unasked = CoapDtls.proof_key(KeyOffer {
        confirmation: Some(&Confirmation::Key(public(1).0)),
        resource_server: Some(&rs_cnf),
        ..KeyOffer::default()
    });
    assert!(matches!(unasked, Err(Unusable::Key(_))), "{unasked:?}");
}

#[test]
fn d11_d12_a_public_key_is_shown_after_the_upload_whatever_is_configured() {
    let (_, server) = public(2);
    let pair = KeyPair::p256(&[1; 32]).unwrap();
    let credential = |key: &KeyPair| ClientCredential::RawPublicKey {
        key: key.clone(),
        server: vec![0x30],
    };
    let access = Access {
        key: bound(pair.public_key_info(), &server),
        ..access(vec![1, 2, 3])
    };
    for transport in [
        TokenTransport::Automatic,
        TokenTransport::InHandshake,
        TokenTransport::Upload,
    ] {
        let limits = limits(transport, 1000);
        let chosen = CoapDtls.approach(&access, means(&credential(&pair)), limits);
        let expected = Approach {
            upload: Some(CoapDtls.update(&[1, 2, 3])),
            credential: ClientCredential::RawPublicKey {
                key: pair.clone(),
                server: server.clone(),
            },
        };
        assert_eq!(chosen, Ok(expected), "{transport:?}");
        let other = KeyPair::ed25519(&[1; 32]);
        let chosen = CoapDtls.approach(&access, means(&credential(&other)), limits);
        assert!(matches!(chosen, Err(Unusable::Key(_))), "{chosen:?}");
    }
}

#[test]
fn l07_the_key_of_the_resource_server_comes_from_rs_cnf_or_the_configuration() {
    let ((_, own), (server, server_info), (_, other)) = (public(1), public(2), public(3));
    let running = bound(&own, &server_info);
    let rs_cnf = Confirmation::Key(server);
    let with = |resource_server, known_server, running| {
        CoapDtls.proof_key(KeyOffer {
            resource_server,
            known_server,
            running,
            requested: Some(&own),
            ..KeyOffer::default()
        })
    };
    let good = [
        with(Some(&rs_cnf), None, None),
        with(Some(&rs_cnf), Some(&server_info), None),
        with(None, Some(&server_info), None),
        with(None, None, Some(&running)),
        with(Some(&rs_cnf), None, Some(&running)),
    ];
    for result in good {
        assert_eq!(result.as_ref(), Ok(&running));
    }
    let name = Confirmation::KeyId(vec![1]);
    let symmetric = key_with(|_| ());
    let bad = [
        with(None, None, None),
        with(Some(&rs_cnf), Some(&other), None),
        with(Some(&name), None, None),
        with(Some(&symmetric), None, None),
    ];
    for result in bad {
        assert!(matches!(result, Err(Unusable::Key(_))), "{result:?}");
    }
    let moved = with(None, Some(&other), Some(&running));
    assert_eq!(moved, Err(Unusable::OtherKey));
}

#[test]
fn p06_public_keys_that_do_not_fit_the_profile_are_not_used() {
    let (key, own) = public(1);
    let changes: [fn(&mut KeyAttributes); 5] = [
        |key| key.alg = Some(-8),
        |key| key.alg = Some(10),
        |key| key.key_ops = Some(vec![KeyOperation::DeriveKey]),
        |key| key.key_ops = Some(vec![KeyOperation::Encrypt, KeyOperation::Decrypt]),
        |key| key.key_ops = Some(Vec::new()),
    ];
    for change in changes {
        let mut changed = key.clone();
        change(changed.attributes_mut());
        let changed = Confirmation::Key(changed);
        let fitting = Confirmation::Key(key.clone());
        for (confirmation, resource_server) in [(&changed, &fitting), (&fitting, &changed)] {
            let result = CoapDtls.proof_key(KeyOffer {
                confirmation: Some(confirmation),
                resource_server: Some(resource_server),
                requested: Some(&own),
                ..KeyOffer::default()
            });
            assert!(matches!(result, Err(Unusable::Key(_))), "{changed:?}");
        }
    }
}
