//! Tags, protection, nesting, and what may be minted.

use alloc::{format, string::ToString, vec};

use crate::token::{
    MintError, Protection, ProtectionError, ProtectionKey, TokenError, TokenStyle, TokenTags,
    inspect, mint,
};
use crate::{
    claims::{Audience, ClaimsSet},
    confirmation::Confirmation,
    crypto::{SignatureAlgorithm, rust::PROVIDER},
    envelope::{EnvelopeError, HeaderPlacement, Layout, encrypt0, mac0, sign1},
    key::CoseKey,
};

use super::{ISSUER, NONCE, check, claims, creation, encryption, pair, signed, signing};

#[test]
fn w05_w08_every_style_and_protection_is_verified() {
    let (signing, encryption, creation) = (signing(), encryption(), creation());
    let protections = [
        (ProtectionKey::Sign(&signing), Protection::Signed),
        (ProtectionKey::Mac(&creation), Protection::Maced),
        (
            ProtectionKey::Encrypt {
                key: &encryption,
                nonce: &NONCE,
            },
            Protection::Encrypted,
        ),
        (
            ProtectionKey::SignAndEncrypt {
                signing: &signing,
                encryption: &encryption,
                nonce: &NONCE,
            },
            Protection::SignedAndEncrypted,
        ),
    ];
    for (key, protection) in protections {
        for tags in [TokenTags::None, TokenTags::Cose, TokenTags::CwtAndCose] {
            for headers in [HeaderPlacement::Protected, HeaderPlacement::Unprotected] {
                let style = TokenStyle { tags, headers };
                let token = mint(&claims(), &key, style).unwrap();
                let verified = check(&token).unwrap();
                assert_eq!(*verified.claims(), claims());
                assert_eq!(
                    (verified.issuer(), verified.protection()),
                    (ISSUER, protection)
                );
                let seen = inspect(&token).unwrap();
                assert_eq!((seen.tags, seen.size), (tags, token.len()));
                assert_eq!(
                    seen.headers.unprotected_is_empty,
                    headers == HeaderPlacement::Protected
                );
                let begins_with_61 = token.starts_with(&[0xd8, 0x3d]);
                assert_eq!(begins_with_61, tags == TokenTags::CwtAndCose);
            }
        }
    }
}

#[test]
fn w05_the_cwt_tag_is_followed_by_a_cose_tag() {
    let bare = mint(
        &claims(),
        &ProtectionKey::Sign(&signing()),
        TokenStyle {
            tags: TokenTags::None,
            ..TokenStyle::default()
        },
    );
    let cose = signed(&claims());
    let table = [
        ([&[0xd8, 0x3d][..], &bare.unwrap()].concat(), 61),
        ([&[0xd8, 0x3d, 0xd8, 0x3d][..], &cose].concat(), 61),
        ([&[0xd2][..], &cose].concat(), 0),
        ([&[0xd8, 0x62][..], &cose[1..]].concat(), 98),
    ];
    for (token, tag) in table {
        match check(&token).unwrap_err() {
            TokenError::NotAToken(EnvelopeError::WrongTag { got }) => assert_eq!(got, tag),
            TokenError::NotAToken(EnvelopeError::Malformed(_)) => assert_eq!(tag, 0),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn f49_bytes_that_are_no_token_are_refused_as_such() {
    for bytes in [
        &[0x00][..],
        &[],
        b"hello",
        br#"{"a":1}"#,
        &[0xa0],
        &[0xd8, 0x3d],
    ] {
        let error = check(bytes).unwrap_err();
        assert!(matches!(error, TokenError::NotAToken(_)), "{error:?}");
    }
}

#[test]
fn f51_a_changed_token_and_a_foreign_key_are_refused_for_their_protection() {
    let token = signed(&claims());
    let mut changed = token.clone();
    *changed.last_mut().unwrap() ^= 1;
    let refused = TokenError::Protection(ProtectionError::Refused(EnvelopeError::Crypto(
        crate::crypto::CryptoError::NotAuthentic,
    )));
    assert_eq!(check(&changed).unwrap_err(), refused);
    let foreign = CoseKey::ed25519(&PROVIDER, &[6; 32], Some(b"as")).unwrap();
    let foreign = foreign
        .signing_key(&PROVIDER, SignatureAlgorithm::EdDsa)
        .unwrap();
    let token = mint(
        &claims(),
        &ProtectionKey::Sign(&foreign),
        TokenStyle::default(),
    )
    .unwrap();
    assert_eq!(check(&token).unwrap_err(), refused);
    let nobody = CoseKey::ed25519(&PROVIDER, &[5; 32], Some(b"zz")).unwrap();
    let nobody = nobody
        .signing_key(&PROVIDER, SignatureAlgorithm::EdDsa)
        .unwrap();
    let token = mint(
        &claims(),
        &ProtectionKey::Sign(&nobody),
        TokenStyle::default(),
    )
    .unwrap();
    assert_eq!(
        check(&token).unwrap_err(),
        TokenError::Protection(ProtectionError::NoKey)
    );
}

#[test]
fn w07_nesting_is_processed_one_level_and_never_taken_as_claims() {
    let inner = signed(&claims());
    let macced = mac0(&claims().encode(), &creation(), &[], Layout::default());
    let twice = encrypt0(&inner, &encryption(), &NONCE, &[], Layout::default()).unwrap();
    let deeper = sign1(&inner, &signing(), &[], Layout::default()).unwrap();
    let table = [
        (
            "signed inside signed",
            sign1(&inner, &signing(), &[], Layout::default()).unwrap(),
        ),
        (
            "signed inside a MAC",
            mac0(&inner, &creation(), &[], Layout::default()),
        ),
        (
            "MACed inside encrypted",
            encrypt0(&macced, &encryption(), &NONCE, &[], Layout::default()).unwrap(),
        ),
        (
            "encrypted inside encrypted",
            encrypt0(&twice, &encryption(), &NONCE, &[], Layout::default()).unwrap(),
        ),
        (
            "three levels",
            encrypt0(&deeper, &encryption(), &NONCE, &[], Layout::default()).unwrap(),
        ),
    ];
    for (name, token) in table {
        assert_eq!(check(&token).unwrap_err(), TokenError::Nesting, "{name}");
    }
    // The inner one without its tag is an array and no map.
    let style = TokenStyle {
        tags: TokenTags::None,
        ..TokenStyle::default()
    };
    let untagged = mint(&claims(), &ProtectionKey::Sign(&signing()), style).unwrap();
    let token = encrypt0(&untagged, &encryption(), &NONCE, &[], Layout::default()).unwrap();
    assert!(matches!(check(&token), Err(TokenError::Claims(_))));
}

#[test]
fn p13_f69_d08_d19_a_symmetric_key_is_in_encrypted_tokens_only() {
    let secret = [0xab; 16];
    let claims = ClaimsSet {
        cnf: Some(Confirmation::Key(CoseKey::symmetric(&secret, Some(b"c1")))),
        ..claims()
    };
    let (signing, encryption, creation) = (signing(), encryption(), creation());
    for key in [ProtectionKey::Sign(&signing), ProtectionKey::Mac(&creation)] {
        assert_eq!(
            mint(&claims, &key, TokenStyle::default()).unwrap_err(),
            MintError::ClearSymmetricKey
        );
    }
    let encrypted = ProtectionKey::Encrypt {
        key: &encryption,
        nonce: &NONCE,
    };
    let nested = ProtectionKey::SignAndEncrypt {
        signing: &signing,
        encryption: &encryption,
        nonce: &NONCE,
    };
    for key in [encrypted, nested] {
        let token = mint(&claims, &key, TokenStyle::default()).unwrap();
        assert!(!token.windows(secret.len()).any(|window| window == secret));
        assert_eq!(
            check(&token)
                .unwrap()
                .proof_key()
                .unwrap()
                .symmetric_value(),
            Some(&secret[..])
        );
    }
    // Somebody else's token with the key in clear is refused as well.
    let clear = sign1(&claims.encode(), &signing, &[], Layout::default()).unwrap();
    assert_eq!(check(&clear).unwrap_err(), TokenError::ClearSymmetricKey);
}

#[test]
fn private_keys_never_go_into_a_token() {
    let claims = ClaimsSet {
        cnf: Some(Confirmation::Key(pair())),
        ..claims()
    };
    let encryption = encryption();
    let key = ProtectionKey::Encrypt {
        key: &encryption,
        nonce: &NONCE,
    };
    assert_eq!(
        mint(&claims, &key, TokenStyle::default()).unwrap_err(),
        MintError::PrivateKey
    );
}

#[test]
fn f70_a_token_for_several_resource_servers_is_signed() {
    let aud = Some(Audience::Many(vec!["rs1".to_string(), "rs2".to_string()]));
    let claims = ClaimsSet { aud, ..claims() };
    let (signing, encryption, creation) = (signing(), encryption(), creation());
    let shared = [
        ProtectionKey::Mac(&creation),
        ProtectionKey::Encrypt {
            key: &encryption,
            nonce: &NONCE,
        },
    ];
    for key in shared {
        assert_eq!(
            mint(&claims, &key, TokenStyle::default()).unwrap_err(),
            MintError::SharedSecretAudience
        );
    }
    assert!(
        mint(
            &claims,
            &ProtectionKey::Sign(&signing),
            TokenStyle::default()
        )
        .is_ok()
    );
}

#[test]
fn an_algorithm_that_is_not_protected_is_refused() {
    // 18([h'', {1: -8}, payload, signature]), the signature being right.
    let payload = claims().encode();
    let mut structure = crate::cbor::Writer::default();
    structure.array(4);
    structure.text("Signature1");
    structure.bytes(&[]);
    structure.bytes(&[]);
    structure.bytes(&payload);
    let signature = signing().signer.sign(&structure.finish()).unwrap();
    let mut token = crate::cbor::Writer::default();
    token.tag(18);
    token.array(4);
    token.bytes(&[]);
    token.encoded(&[0xa1, 0x01, 0x27]);
    token.bytes(&payload);
    token.bytes(&signature);
    let error = check(&token.finish()).unwrap_err();
    assert_eq!(
        error,
        TokenError::Protection(ProtectionError::AlgorithmNotProtected)
    );
}

#[test]
fn inspection_shows_claims_only_of_tokens_that_are_not_encrypted() {
    let seen = inspect(&signed(&claims())).unwrap();
    assert_eq!(seen.claims_unverified, Some(Ok(claims())));
    let encryption = encryption();
    let key = ProtectionKey::Encrypt {
        key: &encryption,
        nonce: &NONCE,
    };
    let seen = inspect(&mint(&claims(), &key, TokenStyle::default()).unwrap()).unwrap();
    assert_eq!(seen.claims_unverified, None);
    assert!(format!("{seen:?}").contains("Encrypt0"));
}
