//! RFC 8392 Appendix A (keys and tokens A.3 to A.7) and the Encrypted_COSE_Key of RFC 8747 Section 3.3, over every
//! provider.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use motekey_cose::{
    claims::{ClaimsSet, NumericDate},
    crypto::{AeadAlgorithm, CryptoProvider, MacAlgorithm, SignatureAlgorithm},
    envelope::{Envelope, HeaderPlacement, open_key, seal_key},
    key::{CoseKey, KeyError},
    token::{
        Protection, ProtectionKey, TokenError, TokenStyle, TokenTags, TrustedIssuers,
        VerificationKey, inspect, mint, verify,
    },
};
use serde_json::Value;
use support::{hex, json, providers};

const ISSUER: &str = "coap://as.example.com";
const AUDIENCE: &str = "coap://light.example.com";
/// Between nbf and exp of the examples.
const NOW: i64 = 1_443_944_945;
const AEAD: AeadAlgorithm = AeadAlgorithm::AesCcm16_64_128;

fn key(vectors: &Value, name: &str) -> CoseKey {
    CoseKey::from_cbor(&hex(vectors["keys"][name].as_str().unwrap())).unwrap()
}

/// The key of Appendix A.2.2 with the algorithm of its diagnostic form.
fn mac_key(vectors: &Value) -> CoseKey {
    let mut key = key(vectors, "A.2.2_symmetric256");
    key.attributes_mut().alg = Some(4);
    key
}

fn token(vectors: &Value, id: &str) -> Vec<u8> {
    let found = vectors["cwts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|cwt| cwt["id"] == id);
    hex(found.unwrap()["cwt"].as_str().unwrap())
}

fn issuers(provider: &CryptoProvider, vectors: &Value) -> TrustedIssuers {
    let signature =
        key(vectors, "A.2.3_ecdsa_p256").verifying_key(provider, SignatureAlgorithm::Es256);
    let mac = mac_key(vectors).mac_verification_key(provider, MacAlgorithm::Hmac256_64);
    let decryption = key(vectors, "A.2.1_symmetric128").decryption_key(provider, AEAD);
    let keys = vec![
        VerificationKey::Signature(signature.unwrap()),
        VerificationKey::Mac(mac.unwrap()),
        VerificationKey::Decryption(decryption.unwrap()),
    ];
    TrustedIssuers::one(ISSUER, keys)
}

#[test]
fn w07_w08_tokens_of_appendix_a_are_verified() {
    let vectors = json("rfc8392/cwt.json");
    let claims = ClaimsSet::decode(&hex(vectors["claims_set"].as_str().unwrap())).unwrap();
    let table = [
        ("A.3", Protection::Signed),
        ("A.4", Protection::Maced),
        ("A.5", Protection::Encrypted),
        ("A.6", Protection::SignedAndEncrypted),
    ];
    for provider in providers() {
        let issuers = issuers(&provider, &vectors);
        for (id, protection) in table {
            let token = token(&vectors, id);
            let at = |now| {
                verify(
                    &provider,
                    &token,
                    &issuers,
                    NumericDate::from_seconds(now),
                    &[AUDIENCE],
                )
            };
            let verified = at(NOW).unwrap();
            assert_eq!(
                (verified.claims(), verified.protection()),
                (&claims, protection),
                "{id}"
            );
            assert_eq!(at(1_444_064_944).unwrap_err(), TokenError::Expired, "{id}");
            assert_eq!(
                at(1_443_944_943).unwrap_err(),
                TokenError::NotYetValid,
                "{id}"
            );
            let envelope = Envelope::parse(token.get(tag_61(&token)..).unwrap()).unwrap();
            let content = envelope.content_unverified();
            let start = token
                .windows(content.len())
                .position(|window| window == content)
                .unwrap();
            // Content, and the authenticator without its head; kid, before them, is not authenticated.
            let heads = start + content.len()..start + content.len() + 2;
            for changed in (start..token.len()).filter(|at| !heads.contains(at)) {
                let mut other = token.clone();
                other[changed] ^= 0x01;
                let refused = verify(
                    &provider,
                    &other,
                    &issuers,
                    NumericDate::from_seconds(NOW),
                    &[AUDIENCE],
                );
                let refused = refused.unwrap_err();
                assert!(
                    matches!(refused, TokenError::Protection(_)),
                    "{id} with byte {changed}: {refused:?}"
                );
            }
        }
    }
}

/// Bytes of a leading CWT tag.
fn tag_61(token: &[u8]) -> usize {
    if token.starts_with(&[0xd8, 0x3d]) {
        2
    } else {
        0
    }
}

#[test]
fn w01_a_token_with_a_floating_point_date_is_verified() {
    let vectors = json("rfc8392/cwt.json");
    for provider in providers() {
        let now = NumericDate::from_seconds(NOW);
        let verified = verify(
            &provider,
            &token(&vectors, "A.7"),
            &issuers(&provider, &vectors),
            now,
            &[],
        )
        .unwrap();
        let iat = verified.claims().iat.unwrap();
        assert_eq!(iat.as_seconds(), 1_443_944_944);
        assert!(iat.is_after(NumericDate::from_seconds(1_443_944_944)));
    }
}

#[test]
fn c08_the_misprinted_key_of_appendix_a_is_not_used_for_another_algorithm() {
    let vectors = json("rfc8392/cwt.json");
    for provider in providers() {
        let misprinted = key(&vectors, "A.2.2_symmetric256");
        let error = misprinted
            .mac_verification_key(&provider, MacAlgorithm::Hmac256_64)
            .unwrap_err();
        assert_eq!(error, KeyError::WrongAlgorithm { got: 10, wanted: 4 });
    }
}

#[test]
fn w05_c09_tokens_of_appendix_a_are_minted_again() {
    let vectors = json("rfc8392/cwt.json");
    let claims = ClaimsSet::decode(&hex(vectors["claims_set"].as_str().unwrap())).unwrap();
    for provider in providers() {
        let creation = mac_key(&vectors)
            .mac_creation_key(&provider, MacAlgorithm::Hmac256_64)
            .unwrap();
        let style = TokenStyle {
            tags: TokenTags::CwtAndCose,
            headers: HeaderPlacement::Unprotected,
        };
        let minted = mint(&claims, &ProtectionKey::Mac(&creation), style).unwrap();
        assert_eq!(minted, token(&vectors, "A.4"));
        let encryption = key(&vectors, "A.2.1_symmetric128")
            .encryption_key(&provider, AEAD)
            .unwrap();
        let nonce = hex("99a0d7846e762c49ffe8a63e0b");
        let protection = ProtectionKey::Encrypt {
            key: &encryption,
            nonce: &nonce,
        };
        assert_eq!(
            mint(&claims, &protection, TokenStyle::default()).unwrap(),
            token(&vectors, "A.5")
        );
    }
}

#[test]
fn keys_of_appendix_a_are_read_and_signatures_made() {
    let vectors = json("rfc8392/cwt.json");
    let claims = ClaimsSet::decode(&hex(vectors["claims_set"].as_str().unwrap())).unwrap();
    for provider in providers() {
        let signing = key(&vectors, "A.2.3_ecdsa_p256")
            .signing_key(&provider, SignatureAlgorithm::Es256)
            .unwrap();
        let minted = mint(
            &claims,
            &ProtectionKey::Sign(&signing),
            TokenStyle::default(),
        )
        .unwrap();
        // Same but for the signature, which is not the same twice with every provider.
        let printed = token(&vectors, "A.3");
        assert_eq!(minted.len(), printed.len());
        assert_eq!(
            minted.get(..minted.len() - 64),
            printed.get(..printed.len() - 64)
        );
        let now = NumericDate::from_seconds(NOW);
        assert!(
            verify(
                &provider,
                &minted,
                &issuers(&provider, &vectors),
                now,
                &[AUDIENCE]
            )
            .is_ok()
        );
    }
    let seen = inspect(&token(&vectors, "A.4")).unwrap();
    assert_eq!(
        (seen.tags, seen.claims_unverified),
        (TokenTags::CwtAndCose, Some(Ok(claims)))
    );
}

#[test]
fn p14_the_encrypted_key_of_rfc_8747_is_opened() {
    let vectors = json("rfc8747/cnf.json");
    let vector = |at: usize| {
        hex(vectors["vectors"].get(at).unwrap()["cbor"]
            .as_str()
            .unwrap())
    };
    let shared = CoseKey::symmetric(
        &hex(vectors["encrypted_cose_key_key"].as_str().unwrap()),
        None,
    );
    let (plain, whole) = (vector(1), vector(2));
    // The Encrypted_COSE_Key is the end of the claims set, behind `cnf` (8) with one member (2).
    let at = whole
        .windows(4)
        .position(|window| window == [0x08, 0xa1, 0x02, 0x83])
        .unwrap()
        + 3;
    let sealed = whole.get(at..).unwrap();
    for provider in providers() {
        let opened = open_key(sealed, &shared.decryption_key(&provider, AEAD).unwrap()).unwrap();
        assert_eq!(opened, CoseKey::from_cbor(&plain).unwrap());
        assert_eq!(opened.attributes().alg, Some(5));
        // Sealed again it has another order of members inside, and opens to the same key.
        let encryption = shared.encryption_key(&provider, AEAD).unwrap();
        let nonce = hex("636898994ff0ec7bfcf6d3f95b");
        let again = seal_key(&opened, &encryption, &nonce, HeaderPlacement::Unprotected).unwrap();
        assert_eq!(again.len(), sealed.len());
        assert_eq!(
            open_key(&again, &shared.decryption_key(&provider, AEAD).unwrap()).unwrap(),
            opened
        );
    }
}
