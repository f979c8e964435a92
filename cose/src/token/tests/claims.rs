//! What is believed of the content of a token.

use alloc::{string::ToString, vec};

use crate::token::{
    Protection, ProtectionError, ProtectionKey, TokenError, TokenStyle, TrustedIssuer,
    TrustedIssuers, VerificationKey, mint, verify,
};
use crate::{
    claims::{Audience, ClaimsSet, NumericDate},
    confirmation::Confirmation,
    crypto::{SignatureAlgorithm, rust::PROVIDER},
    envelope::{HeaderPlacement, Layout, seal_key, sign1},
    key::{CoseKey, KeyError},
};

use super::{
    AEAD, ISSUER, NONCE, NOW, check, claims, creation, encryption, issuers, signed, signing,
};

#[test]
fn f52_w07_protected_bytes_that_are_no_claims_are_refused() {
    for payload in [
        &[0x80][..],
        &[0x61, b'a'],
        &[0xa1, 0x01, 0x01],
        &[0xa2, 0x02, 0x60, 0x02, 0x60],
        &[],
    ] {
        let token = sign1(payload, &signing(), &[], Layout::default()).unwrap();
        assert!(
            matches!(check(&token), Err(TokenError::Claims(_))),
            "{payload:02x?}"
        );
    }
}

#[test]
fn f53_an_issuer_speaks_for_itself_only() {
    let mut issuers = issuers();
    let other = CoseKey::ed25519(&PROVIDER, &[6; 32], Some(b"as2")).unwrap();
    let key = other
        .verifying_key(&PROVIDER, SignatureAlgorithm::EdDsa)
        .unwrap();
    issuers.issuers.push(TrustedIssuer {
        name: "as2".to_string(),
        keys: vec![VerificationKey::Signature(key)],
    });
    let other = other
        .signing_key(&PROVIDER, SignatureAlgorithm::EdDsa)
        .unwrap();
    let check = |iss: Option<&str>| {
        let claims = ClaimsSet {
            iss: iss.map(ToString::to_string),
            ..claims()
        };
        let token = mint(&claims, &ProtectionKey::Sign(&other), TokenStyle::default()).unwrap();
        verify(
            &PROVIDER,
            &token,
            &issuers,
            NumericDate::from_seconds(NOW),
            &["rs1"],
        )
    };
    assert_eq!(check(Some("as2")).unwrap().issuer(), "as2");
    assert_eq!(check(None).unwrap().issuer(), "as2");
    assert_eq!(check(Some(ISSUER)).unwrap_err(), TokenError::Issuer);
}

#[test]
fn f54_f55_f57_w03_w04_claims_are_checked_in_their_order() {
    let past = Some(NumericDate::from_seconds(NOW));
    let future = Some(NumericDate::from_seconds(NOW + 60));
    let many = |names: &[&str]| {
        Some(Audience::Many(
            names.iter().map(ToString::to_string).collect(),
        ))
    };
    let foreign = || Some(Audience::One("rs2".to_string()));
    let iss = || Some("somebody".to_string());
    let table = [
        (
            ClaimsSet {
                exp: past,
                ..claims()
            },
            Some(TokenError::Expired),
        ),
        (
            ClaimsSet {
                exp: None,
                ..claims()
            },
            None,
        ),
        (
            ClaimsSet {
                nbf: future,
                ..claims()
            },
            Some(TokenError::NotYetValid),
        ),
        (
            ClaimsSet {
                nbf: past,
                ..claims()
            },
            None,
        ),
        (
            ClaimsSet {
                aud: foreign(),
                ..claims()
            },
            Some(TokenError::Audience),
        ),
        (
            ClaimsSet {
                aud: None,
                ..claims()
            },
            Some(TokenError::Audience),
        ),
        (
            ClaimsSet {
                aud: many(&["rs2", "rs3"]),
                ..claims()
            },
            Some(TokenError::Audience),
        ),
        (
            ClaimsSet {
                aud: many(&["rs2", "rs1"]),
                ..claims()
            },
            None,
        ),
        // Several faults: the first in the order iss, exp, nbf, aud.
        (
            ClaimsSet {
                iss: iss(),
                exp: past,
                nbf: future,
                aud: foreign(),
                ..claims()
            },
            Some(TokenError::Issuer),
        ),
        (
            ClaimsSet {
                exp: past,
                nbf: future,
                aud: foreign(),
                ..claims()
            },
            Some(TokenError::Expired),
        ),
        (
            ClaimsSet {
                nbf: future,
                aud: foreign(),
                ..claims()
            },
            Some(TokenError::NotYetValid),
        ),
    ];
    for (claims, error) in table {
        assert_eq!(check(&signed(&claims)).err(), error, "{claims:?}");
    }
}

#[test]
fn a_pairwise_key_stands_in_for_a_missing_audience() {
    let claims = ClaimsSet {
        aud: None,
        ..claims()
    };
    let token = mint(
        &claims,
        &ProtectionKey::Mac(&creation()),
        TokenStyle::default(),
    )
    .unwrap();
    assert_eq!(check(&token).unwrap().protection(), Protection::Maced);
}

#[test]
fn p14_an_encrypted_key_in_a_signed_token_is_opened() {
    let key = CoseKey::symmetric(&[3; 16], Some(b"c1"));
    let sealed = seal_key(&key, &encryption(), &NONCE, HeaderPlacement::Unprotected).unwrap();
    let claims_with = |sealed| ClaimsSet {
        cnf: Some(Confirmation::Encrypted(sealed)),
        ..claims()
    };
    assert_eq!(
        check(&signed(&claims_with(sealed))).unwrap().proof_key(),
        Some(&key)
    );
    let foreign = CoseKey::symmetric(&[8; 16], Some(b"rs1"))
        .encryption_key(&PROVIDER, AEAD)
        .unwrap();
    let sealed = seal_key(&key, &foreign, &NONCE, HeaderPlacement::Unprotected).unwrap();
    let error = check(&signed(&claims_with(sealed))).unwrap_err();
    assert!(
        matches!(error, TokenError::EncryptedKey(ProtectionError::Refused(_))),
        "{error:?}"
    );
}

#[test]
fn c12_p07_a_proof_key_off_its_curve_is_refused() {
    let CoseKey::Ec2(mut key) = CoseKey::p256(&PROVIDER, &[5; 32], None)
        .unwrap()
        .public()
        .unwrap()
    else {
        unreachable!()
    };
    key.x[0] ^= 1;
    let claims = ClaimsSet {
        cnf: Some(Confirmation::Key(CoseKey::Ec2(key))),
        ..claims()
    };
    assert_eq!(
        check(&signed(&claims)).unwrap_err(),
        TokenError::ConfirmationKey(KeyError::NotAPoint)
    );
}

#[test]
fn p15_keys_with_one_kid_are_tried_in_turn_and_no_more_than_so_many() {
    let key = |seed| {
        let pair = CoseKey::ed25519(&PROVIDER, &[seed; 32], Some(b"as")).unwrap();
        VerificationKey::Signature(
            pair.verifying_key(&PROVIDER, SignatureAlgorithm::EdDsa)
                .unwrap(),
        )
    };
    let token = signed(&claims());
    let check = |others: u8| {
        let keys = (0..others)
            .map(|seed| key(100 + seed))
            .chain([key(5)])
            .collect();
        verify(
            &PROVIDER,
            &token,
            &TrustedIssuers::one(ISSUER, keys),
            NumericDate::from_seconds(NOW),
            &["rs1"],
        )
    };
    assert!(check(1).is_ok());
    assert!(check(7).is_ok());
    assert_eq!(
        check(8).unwrap_err(),
        TokenError::Protection(ProtectionError::TooManyKeys)
    );
}
